import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type FileLock, takeLock } from '../../adapters/file-lock.ts'
import { notifySystemd, watchdogInterval } from '../../adapters/notify-systemd.ts'
import { killGroup, killProcessesOf } from '../../adapters/processes-linux.ts'
import { DeviceWatchdog } from '../../adapters/watchdog-device.ts'
import type { Instant } from '../../core/encoding/units.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { ResetCause } from '../../core/slot/slot.ts'
import { type Board, type BootOutcome, bootUp, verify } from '../../flows/boot.ts'
import type { Clock } from '../../flows/ports.ts'
import { history } from '../../flows/remember.ts'
import type { AgentConfig } from '../../wire/agent-config.ts'
import { type BoardFile, readBoardFile } from './board-file.ts'
import type { Note } from './events.ts'
import { agentFiles, readAgentConfig } from './files.ts'
import { HANDOVER, type Handover, LIFE, RESTART, STOPPED } from './handover.ts'
import { copyOut, holds, SECOND_STAGE } from './images.ts'
import { BackOff, pause } from './link/back-off.ts'
import { openBoard } from './linux-board.ts'
import { Runtime } from './runtime.ts'
import { causeOf, readSession, type Session, writeSession } from './session.ts'

/** The variable that marks every process of a board. */
export const BOARD_VARIABLE = 'VOLTSEAL_BOARD'

/** How long a killed process may take to be gone, in milliseconds: one in the middle of a disk write ends behind it. */
const GONE = 30_000
const LOOK_AGAIN = 60_000
/** What is added to the time that the application has to end, before the second stage is killed, in milliseconds. */
const GRACE = 5_000

export type BootStageParts = {
  readonly clock: Clock
  readonly note: Note
  readonly stop: AbortSignal
  /** A number from 0 to below 1, for pauses. */
  readonly random: () => number
  /** How often a controller that has nothing to run looks again, in milliseconds; a minute when it does not say. */
  readonly lookAgainMillis?: number
  /** Opens the machine's watchdog; a test has none. */
  readonly openWatchdog?: typeof DeviceWatchdog.open
}

/** How a power-up ended: with the program of the second stage, or with nothing to run, and what was found then. */
type Booted =
  | (Extract<BootOutcome, { at: 'running' }> & { readonly program: string })
  | (Extract<BootOutcome, { at: 'halted' }> & { readonly found: string })

/** How a second stage ended. */
type End = 'stopped' | 'restart' | 'fault'

/**
 * The boot stage, `voltseal agent run FOLDER`: what BL0 and a bootloader are on a microcontroller. It boots the board,
 * copies out and starts what the chosen slot holds, watches it, and boots again when it ends. It is installed with the
 * package and is the one part that an update through the slots does not change. Ends when it is stopped.
 *
 * Refuses what `readBoardFile` refuses, `config-malformed`, `file-missing` (the folder that `runtime` is made in),
 * `board-in-use`, `watchdog-device-unusable`, `runtime-unusable`, and what `openBoard` refuses. Throws EACCES for a folder
 * that is not this user's.
 */
export async function runBootStage(folder: string, parts: BootStageParts): Promise<null | Refusal> {
  const made = readBoardFile(folder)
  if (isRefusal(made)) return made
  const config = readAgentConfig(folder)
  if (isRefusal(config)) return config
  const above = dirname(config.runtime ?? agentFiles(folder).runtime)
  if (!existsSync(above))
    return refuse('file-missing', above, 'the folder that runtime in agent.yaml stands in', 'none')
  accessSync(folder, constants.R_OK | constants.X_OK)
  const lock = takeLock(agentFiles(folder).stageLock)
  if (isRefusal(lock)) return lock
  if (lock === null) return refuse('board-in-use', folder, 'a board without an agent', 'an agent that runs')
  const openWatchdog = parts.openWatchdog ?? DeviceWatchdog.open
  const device = config.watchdogDevice === undefined ? null : openWatchdog(config.watchdogDevice)
  if (isRefusal(device)) {
    lock.release()
    return device
  }
  return new BootStage(resolve(folder), made, config, parts).run(lock, device)
}

/** What the boot that is just over decided, as its history has it, when it is not what anybody expects of a boot. */
function decided(board: Board, now: Instant): { readonly decision?: string; readonly why?: string } {
  const last = history(board).entries.at(-1)
  const told = last !== undefined && last.at === now && last.phase === 'boot' && last.event !== 'boot'
  return told ? { decision: last.event, ...(last.cause === '' ? {} : { why: last.cause }) } : {}
}

/** What each slot and golden hold: the image where it verifies, else why it does not. */
function foundIn(board: Board): string {
  const found = (['a', 'b', 'golden'] as const).map(slot => {
    const image = verify(board, slot)
    return isRefusal(image) ? image.code : image.facts.imageDigest
  })
  return found.join()
}

class BootStage {
  readonly #folder: string
  readonly #made: BoardFile
  readonly #config: AgentConfig
  readonly #parts: BootStageParts
  readonly #runtime: Runtime
  readonly #backOff: BackOff

  constructor(folder: string, made: BoardFile, config: AgentConfig, parts: BootStageParts) {
    this.#folder = folder
    this.#made = made
    this.#config = config
    this.#parts = parts
    this.#runtime = new Runtime(folder, made.token, config)
    this.#backOff = new BackOff(parts.random)
  }

  async run(lock: FileLock, device: DeviceWatchdog | null): Promise<null | Refusal> {
    const cause = causeOf(readSession(agentFiles(this.#folder).session))
    // If power fails from here on, the next start sees a session that did not end: a loss of power.
    this.#session({ ended: false })
    const feeding = this.#feed(device)
    if (this.#config.application.user === undefined && process.getuid?.() === 0) {
      const detail = 'the application runs as root, and can read the keys of this board: name a user in agent.yaml'
      this.#parts.note({ event: 'unprotected', detail })
    }
    try {
      const refusal = this.#runtime.check() ?? (await this.#lives(cause))
      if (refusal !== null) return refusal
      this.#session({ ended: true })
      // Only here: a boot stage that ends of a fault leaves the machine's watchdog armed, and that resets the machine
      // unless the next one comes to feed it.
      device?.disarm()
      return null
    } finally {
      for (const timer of feeding) clearInterval(timer)
      await notifySystemd(['STOPPING=1'])
      lock.release()
    }
  }

  /** Boots again and again, until it is stopped. */
  async #lives(first: ResetCause): Promise<null | Refusal> {
    const { stop } = this.#parts
    let cause = first
    let ready = false
    while (!stop.aborted) {
      // What a boot stage before this one left, when it was killed: nothing of it may run beside what starts now.
      if (!(await this.#sweep())) {
        return refuse('board-in-use', this.#folder, 'no process of an earlier agent', 'one that cannot be killed')
      }
      const booted = this.#boot(cause)
      if (isRefusal(booted)) return booted
      if (!ready) void notifySystemd(['READY=1'])
      ready = true
      if (booted.at === 'halted') {
        this.#parts.note({ event: 'halted', reason: booted.reason })
        void notifySystemd([`STATUS=Halted: ${booted.reason}. Nothing runs.`])
        await this.#untilOtherThan(booted.found)
        cause = 'software'
        continue
      }
      const { slot, trial, facts } = booted.running
      void notifySystemd([`STATUS=Runs ${facts.version} from slot ${slot}${trial ? ', on trial' : ''}.`])
      const began = performance.now()
      const end = await this.#start({ v: HANDOVER, folder: this.#folder, slot, trial, cause }, booted.program)
      if (end === 'stopped') break
      cause = end === 'restart' ? 'software' : 'watchdog'
      // One that ends at once, again and again, is not started in a tight loop.
      if (end === 'restart' || performance.now() - began > this.#config.watchdogMillis) this.#backOff.reset()
      else await pause(this.#backOff.next(), stop)
    }
    return (await this.#sweep()) ? null : refuse('board-in-use', this.#folder, 'no process left', 'one that stays')
  }

  /** One power-up, and the second stage that it ends with. The board is nobody's again on return. */
  #boot(cause: ResetCause): Booted | Refusal {
    const { clock, note } = this.#parts
    const owned = openBoard(this.#folder, this.#made, trouble => note({ event: 'flash-failing', ...trouble }))
    if (isRefusal(owned)) return owned
    try {
      const now = clock.now()
      const outcome = bootUp(owned.board, cause, now)
      if (outcome.at === 'halted') return { ...outcome, found: foundIn(owned.board) }
      const installed = join(import.meta.dirname, 'second-stage.ts')
      const { slot, trial, facts } = outcome.running
      const problem = outcome.problem === null ? {} : { problem: outcome.problem.code }
      note({ event: 'boot', cause, slot, version: facts.version, trial, ...decided(owned.board, now), ...problem })
      // Golden asks for an update and does nothing else: with the code that came with the boot stage.
      if (slot === 'golden' || !holds(facts, SECOND_STAGE)) return { ...outcome, program: installed }
      const program = this.#runtime.place('second-stage.mjs', 0o400, (target, mode) =>
        copyOut(owned.board, slot, facts, SECOND_STAGE, target, mode),
      )
      if (!isRefusal(program)) return { ...outcome, program }
      if (program.code === 'runtime-unusable') return program
      // Flash changed within this power-up: the next one finds it so too, and falls back.
      note({ event: 'second-stage-ended', how: `not started: ${program.code}` })
      return { ...outcome, program: '' }
    } finally {
      owned.close()
    }
  }

  /**
   * Waits, with nothing to run, until the slots and golden read otherwise than they did: each boot writes a record and a
   * line of history, and one a minute would have written over how it came to this within hours.
   */
  async #untilOtherThan(found: string): Promise<void> {
    const { stop, lookAgainMillis = LOOK_AGAIN } = this.#parts
    do await pause(lookAgainMillis, stop)
    while (!stop.aborted && this.#look() === found)
  }

  /** What is found now. Writes nothing. */
  #look(): string {
    const owned = openBoard(this.#folder, this.#made)
    if (isRefusal(owned)) return owned.code
    try {
      return foundIn(owned.board)
    } finally {
      owned.close()
    }
  }

  /** Runs one second stage to its end. What it started may still run on return: it is swept before the next boot. */
  async #start(handover: Handover, program: string): Promise<End> {
    if (program === '') return 'fault'
    const { PATH, TZ } = process.env
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
      cwd: this.#folder,
      // A group of its own, so that it can be killed whole. Its output is ours.
      detached: true,
      stdio: ['pipe', 'inherit', 'inherit', 'pipe'],
      env: { PATH, TZ, [BOARD_VARIABLE]: this.#made.token },
    })
    const ended = this.#watch(child)
    child.stdin?.on('error', () => {})
    child.stdin?.write(`${JSON.stringify(handover)}\n`)
    const asked = (): void => void child.kill('SIGTERM')
    this.#parts.stop.addEventListener('abort', asked)
    if (this.#parts.stop.aborted) asked()
    const { end, how } = await ended
    this.#parts.stop.removeEventListener('abort', asked)
    this.#parts.note({ event: 'second-stage-ended', how })
    return this.#parts.stop.aborted ? 'stopped' : end
  }

  /** Kills a second stage that gives no sign of life, or that does not end when it is told to; answers how it ended. */
  #watch(child: ChildProcess): Promise<{ readonly end: End; readonly how: string }> {
    const { watchdogMillis, application } = this.#config
    const { stop } = this.#parts
    let heard = performance.now()
    let stopping: number | null = null
    let killed: string | null = null
    child.stdio[LIFE]?.on('data', () => {
      heard = performance.now()
    })
    child.stdio[LIFE]?.on('error', () => {})
    const look = setInterval(
      () => {
        const now = performance.now()
        if (stop.aborted) stopping ??= now
        const silent = now - heard > watchdogMillis
        const late = stopping !== null && now - stopping > application.stopMillis + GRACE
        if ((!silent && !late) || child.pid === undefined) return
        killed = silent ? 'killed: no sign of life' : 'killed: did not end when it was told to'
        killGroup(child.pid)
      },
      Math.min(watchdogMillis / 8, 1_000),
    )
    return new Promise(resolve => {
      const over = (end: End, how: string): void => {
        clearInterval(look)
        resolve({ end, how: killed ?? how })
      }
      child.once('error', error => over('fault', error.message))
      child.once('exit', (code, signal) => {
        if (code === RESTART) return over('restart', 'asks to be booted again')
        if (code === STOPPED)
          return over('fault', stop.aborted ? 'ended as it was told to' : 'ended without being told to')
        over('fault', signal === null ? `ended with ${code}` : `ended by ${signal}`)
      })
    })
  }

  /** Feeds the service manager's watchdog and the machine's, for as long as this process gets to run its timers. */
  #feed(device: DeviceWatchdog | null): readonly NodeJS.Timeout[] {
    const asked = watchdogInterval()
    device?.feed()
    return [
      ...(asked === null ? [] : [setInterval(() => void notifySystemd(['WATCHDOG=1']), asked)]),
      ...(device === null ? [] : [setInterval(() => device.feed(), 1_000)]),
    ]
  }

  #sweep(): Promise<boolean> {
    return killProcessesOf({ name: BOARD_VARIABLE, value: this.#made.token }, GONE)
  }

  #session(session: Session): void {
    const path = agentFiles(this.#folder).session
    const code = writeSession(path, session)
    if (code !== null) this.#parts.note({ event: 'not-written', file: path, code })
  }
}
