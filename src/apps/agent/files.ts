import { unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../../adapters/config-file.ts'
import type { PathOf } from '../../adapters/flash-files/flash-files.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import type { FlashArea } from '../../core/slot/layout.ts'
import { AgentConfig } from '../../wire/agent-config.ts'
import { parseConfig } from '../../wire/config.ts'

/** Block devices by the area that they hold. */
export type Devices = Readonly<Partial<Record<FlashArea, string>>>

/**
 * Where an agent keeps what. Everything is this board's alone; only `issued.json` comes from somewhere else, and only
 * `agent.yaml` is a person's to edit.
 */
export const agentFiles = (folder: string) => ({
  /** What the board was made as. Written last at manufacture: without it there is no board. */
  board: join(folder, 'board.json'),
  config: join(folder, 'agent.yaml'),
  flash: join(folder, 'flash'),
  element: join(folder, 'element.json'),
  /** Held by the boot stage as long as it lives. */
  stageLock: join(folder, 'stage.lock'),
  /** Held by whoever reads and writes flash and element now: one at a time. */
  boardLock: join(folder, 'board.lock'),
  /** How the boot stage before this one ended. */
  session: join(folder, 'session.json'),
  /** The name of the gateway's work that was taken on last. */
  assignment: join(folder, 'assignment'),
  /** The figures from before the restart into a candidate. */
  baseline: join(folder, 'baseline.json'),
  enrolment: join(folder, 'enrolment.json'),
  issued: join(folder, 'issued.json'),
  runtime: join(folder, 'run'),
  control: join(folder, 'control.sock'),
})

/** Each area in a file of its own, unless a block device was named for it. */
export function areaPaths(folder: string, devices: Devices): PathOf {
  return area => devices[area] ?? join(agentFiles(folder).flash, `${area}.bin`)
}

/** Removes a file if there is one. (An error of `rmSync` bears no code.) */
export function removeFile(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** Refuses `file-missing` and the like, `config-malformed`. */
export function readAgentConfig(folder: string): AgentConfig | Refusal {
  const path = agentFiles(folder).config
  const value = readConfig(path)
  return isRefusal(value) ? value : parseConfig<AgentConfig>(AgentConfig, value, path)
}
