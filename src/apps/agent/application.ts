import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { type Account, findAccount } from '../../adapters/accounts-linux.ts'
import { killProcessesOf } from '../../adapters/processes-linux.ts'
import { detailOf, isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { AgentConfig } from '../../wire/agent-config.ts'
import { passLines } from './bounded-lines.ts'
import type { Note } from './events.ts'
import { pause } from './link/back-off.ts'

/** The variable that marks the processes of the application, and of nothing else. */
const APPLICATION_VARIABLE = 'VOLTSEAL_APPLICATION'
/** The application's end of its heartbeat pipe. */
const HEARTBEAT_FD = 3
const GONE = 30_000
const LONGEST_PAUSE = 30_000

export type ApplicationParts = {
  readonly config: AgentConfig['application']
  readonly token: string
  readonly version: string
  readonly slot: string
  readonly trial: boolean
  /** Puts the verified image into a file that may be executed, anew for each start, and answers its path. */
  readonly prepare: () => string | Refusal
  readonly note: Note
  /** Takes what the application writes, line by line. */
  readonly log: (stream: 'stdout' | 'stderr', line: string) => void
}

/**
 * The plant's application: one executable, started from bytes that were verified at that moment, and started again when
 * it ends. It has an environment of its own, no descriptor but its output and its heartbeat pipe, and the account that
 * the configuration names. Its processes are gone before another one is started.
 */
export class Application {
  readonly #parts: ApplicationParts
  readonly #stop = new AbortController()
  #child: ChildProcess | null = null
  #done: Promise<void> = Promise.resolve()
  #ends = 0
  #beat: number | null = null

  constructor(parts: ApplicationParts) {
    this.#parts = parts
  }

  /** How often it has ended, or could not be started, since this object was made. */
  get ends(): number {
    return this.#ends
  }

  /** When it last gave a sign of life, in milliseconds of `performance.now()`; null before the first. */
  get beat(): number | null {
    return this.#beat
  }

  /** The process that runs now; null between two. */
  get pid(): number | null {
    return this.#child?.pid ?? null
  }

  start(): void {
    this.#done = this.#run()
  }

  /** Ends it in order, or after `stopMillis` at once. None of its processes is left on return. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#child?.kill('SIGTERM')
    await this.#done
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    const { restartMillis } = this.#parts.config
    while (!signal.aborted) {
      const how = await this.#once()
      await killProcessesOf({ name: APPLICATION_VARIABLE, value: this.#parts.token }, GONE)
      if (signal.aborted) return
      this.#ends += 1
      this.#parts.note({ event: 'application-ended', how, times: this.#ends })
      await pause(Math.min(restartMillis * 2 ** Math.min(this.#ends - 1, 16), LONGEST_PAUSE), signal)
    }
  }

  /** Runs it once, to its end, and answers how it ended. */
  async #once(): Promise<string> {
    const { config, version, note, log } = this.#parts
    const account = config.user === undefined ? null : findAccount(config.user, config.group)
    if (isRefusal(account)) return this.#refused(account)
    const program = this.#prepared()
    if (isRefusal(program)) return this.#refused(program)
    const child = this.#spawn(program, account)
    if (typeof child === 'string') return `not started: ${child}`
    this.#child = child
    passLines(
      child.stdout as Readable,
      line => log('stdout', line),
      () => performance.now(),
    )
    passLines(
      child.stderr as Readable,
      line => log('stderr', line),
      () => performance.now(),
    )
    const life = child.stdio[HEARTBEAT_FD]
    life?.on('data', () => {
      this.#beat = performance.now()
    })
    life?.on('error', () => {})
    if (child.pid !== undefined) note({ event: 'application-started', version, pid: child.pid })
    const late = (): void => {
      const kill = setTimeout(() => child.kill('SIGKILL'), config.stopMillis)
      child.once('exit', () => clearTimeout(kill))
    }
    this.#stop.signal.addEventListener('abort', late)
    try {
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
      return signal === null ? `ended with ${code}` : `ended by ${signal}`
    } catch (error) {
      return `not started: ${codeOf(error)}`
    } finally {
      this.#stop.signal.removeEventListener('abort', late)
      this.#child = null
    }
  }

  /** Has the program put where it is started from; an error that nobody thought of stops no supervisor. */
  #prepared(): string | Refusal {
    try {
      return this.#parts.prepare()
    } catch (error) {
      return refuse('runtime-unusable', 'the application', 'a disk that can be used', codeOf(error))
    }
  }

  /** Starts the program, or says why not: some errors of the system are thrown at once, others come as an event. */
  #spawn(program: string, account: Account | null): ChildProcess | string {
    const { config } = this.#parts
    try {
      return spawn(program, config.arguments, {
        cwd: '/',
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
        env: this.#environment(),
        ...(account ?? ({} as Partial<Account>)),
      })
    } catch (error) {
      const { code = (error as Error).message } = error as NodeJS.ErrnoException
      if (code !== 'EPERM' || account === null) return code
      return `${code}: this agent may not become user ${config.user} (it runs as ${process.getuid?.()})`
    }
  }

  #refused(refusal: Refusal): string {
    this.#parts.note({ event: 'application-refused', code: refusal.code, detail: detailOf(refusal) })
    return `not started: ${refusal.code}`
  }

  /** Nothing of the agent's own environment but where programs are found. */
  #environment(): Record<string, string | undefined> {
    const { config, token, version, slot, trial } = this.#parts
    const { PATH, TZ } = process.env
    return {
      PATH,
      TZ,
      ...config.environment,
      // The boot stage finds it by this, should everything between the two be killed.
      VOLTSEAL_BOARD: token,
      [APPLICATION_VARIABLE]: token,
      VOLTSEAL_VERSION: version,
      VOLTSEAL_SLOT: slot,
      VOLTSEAL_TRIAL: trial ? '1' : '0',
      VOLTSEAL_HEARTBEAT_FD: String(HEARTBEAT_FD),
    }
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? (error as Error).message
