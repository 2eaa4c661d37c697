import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { AgentEvent } from '../../src/apps/agent/events.ts'
import type { Undertaker } from '../crash/processes.ts'

const root = join(import.meta.dirname, '../..')
const pinned = join(root, 'node_modules', '.bin', 'node')
export const NODE = existsSync(pinned) ? pinned : process.execPath
export const FLAGS = ['--disable-warning=ExperimentalWarning']
export const CLI = join(root, 'src/apps/cli/main.ts')
/** How long anything that is waited for may take, in milliseconds: far above what it takes on a busy machine. */
const PATIENCE = 60_000

type Waiting = {
  readonly wanted: (event: AgentEvent) => boolean
  readonly found: (event: AgentEvent) => void
  readonly failed: (error: Error) => void
  readonly late: NodeJS.Timeout
}

/** `voltseal agent run`, as it is run in production, and everything that it says. */
export class AgentProcess {
  readonly events: AgentEvent[] = []
  onEvent: (event: AgentEvent) => void = () => {}
  /** A program and its arguments that start the agent, where that is not started as it is. */
  under: readonly string[] = []
  readonly #folder: string
  readonly #log: string
  readonly #env: Readonly<Record<string, string>>
  readonly #undertaker: Undertaker | null
  #child: ChildProcess | null = null
  #waiting: Waiting[] = []

  constructor(folder: string, log: string, undertaker: Undertaker | null = null, env: Record<string, string> = {}) {
    this.#folder = folder
    this.#log = log
    this.#undertaker = undertaker
    this.#env = env
  }

  get pid(): number {
    const pid = this.#child?.pid
    if (pid === undefined) throw new Error('the agent does not run')
    return pid
  }

  /** Starts the boot stage. What it says is heard from here on. */
  start(): void {
    const log = openSync(this.#log, 'a', 0o600)
    const [program, ...args] = [...this.under, NODE, ...FLAGS, CLI, 'agent', 'run', this.#folder]
    const child = spawn(program as string, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', log],
      env: { ...process.env, NO_COLOR: '1', ...this.#env },
      detached: true,
    })
    closeSync(log)
    const { pid } = child
    if (pid === undefined) throw new Error('the agent was not started')
    this.#undertaker?.list(pid)
    child.once('exit', () => this.#undertaker?.unlist(pid))
    this.#child = child
    createInterface({ input: child.stdout! }).on('line', text => this.#said(JSON.parse(text) as AgentEvent))
  }

  /** The next event that is wanted, from now on. */
  next<Kind extends AgentEvent['event']>(
    kind: Kind,
    more: (event: Extract<AgentEvent, { event: Kind }>) => boolean = () => true,
  ): Promise<Extract<AgentEvent, { event: Kind }>> {
    const wanted = (event: AgentEvent): boolean => event.event === kind && more(event as never)
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        const said = this.events.slice(-12).map(event => JSON.stringify(event))
        reject(new Error(`no "${kind}" in ${PATIENCE} ms; the last events:\n${said.join('\n')}\n${this.tail()}`))
      }, PATIENCE)
      this.#waiting.push({ wanted, found: resolve as (event: AgentEvent) => void, failed: reject, late })
    })
  }

  /** Kills the boot stage at once; what it started is left to see for itself. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === null) return
    this.#child = null
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  /** Ends it in order and answers its exit code. */
  async stop(): Promise<number | null> {
    const child = this.#child
    if (child === null) return null
    this.#child = null
    if (child.exitCode !== null) return child.exitCode
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    const [code] = (await gone) as [number | null]
    return code
  }

  /** How it ends by itself. */
  async ended(): Promise<number | null> {
    const child = this.#child
    if (child === null) return null
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    return child.exitCode
  }

  /** The end of what it wrote to its log. */
  tail(): string {
    return readFileSync(this.#log, 'utf8').trimEnd().split('\n').slice(-15).join('\n')
  }

  #said(event: AgentEvent): void {
    this.events.push(event)
    const met = this.#waiting.filter(({ wanted }) => wanted(event))
    this.#waiting = this.#waiting.filter(waiter => !met.includes(waiter))
    for (const { found, late } of met) {
      clearTimeout(late)
      found(event)
    }
    this.onEvent(event)
  }
}
