import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { systemClock } from '../../src/adapters/clock-system.ts'
import { writeWhole } from '../../src/adapters/config-file.ts'
import { killProcessesOf, processesOf } from '../../src/adapters/processes-linux.ts'
import { readBoardFile } from '../../src/apps/agent/board-file.ts'
import { askAgent } from '../../src/apps/agent/client.ts'
import { agentFiles } from '../../src/apps/agent/files.ts'
import { type AgentSetup, initAgent } from '../../src/apps/agent/init.ts'
import { openBoard } from '../../src/apps/agent/linux-board.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import type { HistoryEntry } from '../../src/core/slot/history.ts'
import type { Board } from '../../src/flows/boot.ts'
import { history } from '../../src/flows/remember.ts'
import { type AgentConfig, FIRST_AGENT_CONFIG } from '../../src/wire/agent-config.ts'
import type { DeviceRequest } from '../../src/wire/fleet-api.ts'
import { Undertaker } from '../crash/processes.ts'
import { AgentProcess } from './agent-process.ts'
import { CLASS, HARDWARE, Maker, VENDOR, type Wanted } from './releases.ts'

/** What an application of a test does; each says who it is when it starts. `$JOURNAL` is a file of the bench. */
export const BEHAVIOUR = {
  works: 'while :; do echo beat >&3; sleep 0.05; done',
  ends: 'exit 3',
  hangs: 'exec sleep 1000',
} as const

/** An application as a shell script: its first line of work writes its version and its process id. */
export function script(version: string, work: string = BEHAVIOUR.works, filler = 0): string {
  return `#!/bin/sh\n${`# ${'x'.repeat(62)}\n`.repeat(filler)}echo "${version} $$" >> "$JOURNAL"\n${work}\n`
}

/** A board in a folder of its own with its agent. `close` ends everything and removes the folder. */
export class AgentBench {
  readonly folder: string
  readonly agent: AgentProcess
  readonly maker: Maker
  readonly undertaker: Undertaker
  readonly request: DeviceRequest
  readonly #at: string

  private constructor(
    at: string,
    maker: Maker,
    undertaker: Undertaker,
    request: DeviceRequest,
    env: Record<string, string>,
  ) {
    this.#at = at
    this.maker = maker
    this.folder = join(at, 'board')
    this.undertaker = undertaker
    this.request = request
    this.agent = new AgentProcess(this.folder, join(at, 'log'), undertaker, env)
  }

  static async make(
    options: {
      config?: Partial<AgentConfig>
      setup?: Partial<AgentSetup>
      factory?: Partial<Wanted>
      env?: Record<string, string>
      /** The second stage of the factory's release, on a board that updates it through the slots too. */
      secondStage?: Uint8Array
      /** The file system that all of it lies on. */
      under?: string
    } = {},
  ): Promise<AgentBench> {
    const at = mkdtempSync(join(options.under ?? tmpdir(), 'voltseal-agent-'))
    const maker = new Maker(at)
    const golden = await maker.release({ version: '0.1.0', sequence: 1, counter: 0, image: script('0.1.0') })
    const { secondStage } = options
    const factory = await maker.release({
      version: '1.0.0',
      sequence: 2,
      image: script('1.0.0'),
      ...(secondStage === undefined ? {} : { further: [{ name: 'agent', image: secondStage }] }),
      ...options.factory,
    })
    const initialised = await initAgent(
      join(at, 'board'),
      {
        id: 'bms-1',
        site: 'quay',
        vendor: VENDOR,
        class: CLASS,
        hardware: HARDWARE,
        anchors: [`${maker.keyFile}.pub`],
        golden: golden.folder,
        factory: factory.folder,
        slot: 256 * 1024,
        secondStage: secondStage === undefined ? 0 : 2 << 20,
        sector: 4096,
        devices: {},
        ...options.setup,
      },
      systemClock,
    )
    // What was not made has nobody who would end its undertaker, and the tests would wait for it.
    const request = orThrow(initialised)
    const bench = new AgentBench(at, maker, new Undertaker(), request, options.env ?? {})
    mkdirSync(bench.at('notes'))
    bench.configure(options.config ?? {})
    return bench
  }

  at(name: string): string {
    return join(this.#at, name)
  }

  get journal(): string {
    return this.at('notes/journal')
  }

  /** Versions that the application has started as, oldest first. */
  get started(): string[] {
    if (!existsSync(this.journal)) return []
    return readFileSync(this.journal, 'utf8')
      .trim()
      .split('\n')
      .map(line => line.split(' ')[0] as string)
  }

  configure(config: Partial<AgentConfig>): void {
    const application = {
      ...FIRST_AGENT_CONFIG.application,
      stopMillis: 500,
      restartMillis: 10,
      ...config.application,
    }
    const environment = { JOURNAL: this.journal, ...application.environment }
    // Windows in tests are as short as their releases say.
    const trial = { leastWindowMillis: 1, probes: [] }
    const whole = { ...FIRST_AGENT_CONFIG, trial, ...config, application: { ...application, environment } }
    writeWhole(agentFiles(this.folder).config, stringify(whole))
  }

  ask(asked: Parameters<typeof askAgent>[1]): ReturnType<typeof askAgent> {
    return askAgent(this.folder, asked)
  }

  /** Every process that carries this board's mark. */
  get processes(): readonly number[] {
    return processesOf({ name: 'VOLTSEAL_BOARD', value: this.token })
  }

  /** The processes that execute the verified copy of the application; not those that such a shell has forked. */
  get applications(): readonly number[] {
    const all = this.#marked.filter(pid => commandOf(pid).includes('/run/application'))
    return all.filter(pid => !all.includes(parentOf(pid)))
  }

  /** The processes that the application has started in turn. */
  offspring(command: string): readonly number[] {
    return this.#marked.filter(pid => commandOf(pid).includes(command))
  }

  get #marked(): readonly number[] {
    return processesOf({ name: 'VOLTSEAL_APPLICATION', value: this.token })
  }

  /** The second stage that runs, or null between two. */
  get secondStage(): number | null {
    return this.secondStageOf(this.token)
  }

  /** The same by the mark of the board, also when its folder is gone. */
  secondStageOf(token: string): number | null {
    const all = processesOf({ name: 'VOLTSEAL_BOARD', value: token })
    return all.find(pid => commandOf(pid).includes('second-stage')) ?? null
  }

  /** The history of a board that nobody runs. */
  history(): readonly HistoryEntry[] {
    return this.owned(board => history(board).entries)
  }

  /** The board itself, while nobody runs it. */
  owned<T>(look: (board: Board) => T): T {
    const owned = orThrow(openBoard(this.folder, orThrow(readBoardFile(this.folder))))
    try {
      return look(owned.board)
    } finally {
      owned.close()
    }
  }

  /** Waits until something holds that no event tells. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const end = performance.now() + 60_000
    while (!holds()) {
      if (performance.now() > end) throw new Error(`never: ${what}\n${this.agent.tail()}`)
      await new Promise(resolve => setTimeout(resolve, 5))
    }
  }

  async close(): Promise<void> {
    await this.agent.stop()
    // What a test that failed has left.
    await killProcessesOf({ name: 'VOLTSEAL_BOARD', value: this.token }, 10_000)
    await this.undertaker.close()
    rmSync(this.#at, { recursive: true, force: true })
  }

  get token(): string {
    return orThrow(readBoardFile(this.folder)).token
  }
}

/** The command line of a process; empty for one that has ended. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    return ''
  }
}

/** The parent of a process; 0 for one that has ended. */
function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1])
  } catch {
    return 0
  }
}
