import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const root = join(import.meta.dirname, '../..')
const pinned = join(root, 'node_modules', '.bin', 'node')
const NODE = existsSync(pinned) ? pinned : process.execPath
const FLAGS = ['--disable-warning=ExperimentalWarning']
/** How long a server may take to be ready after it was started, in milliseconds. */
const READY = 30_000

/** Ends what is listed should the test itself be killed: nobody else would. */
export class Undertaker {
  readonly #child: ChildProcess

  constructor() {
    const program = join(root, 'sim/doors/demo/undertaker.ts')
    this.#child = spawn(NODE, [...FLAGS, program], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
    this.#child.stdin?.on('error', () => {})
  }

  list(id: number): void {
    this.#child.stdin?.write(`+${id}\n`)
  }

  unlist(id: number): void {
    this.#child.stdin?.write(`-${id}\n`)
  }

  async close(): Promise<void> {
    const gone = once(this.#child, 'exit')
    this.#child.stdin?.end()
    await gone
  }
}
/** How long a server may take to end after it was told to, in milliseconds. */
const GRACE = 10_000

export type Line = Readonly<Record<string, unknown>>

/** A server that is killed and started again, in the same folder, as a supervisor would. */
export class Program {
  readonly name: string
  readonly #argv: readonly string[]
  readonly #log: string
  readonly #undertaker: Undertaker
  readonly #onLine: (line: Line) => void
  #child: ChildProcess | null = null
  /** Strikes follow each other: one that comes while the program is down waits until it is up again. */
  #turn: Promise<void> = Promise.resolve()
  /** How often it was killed, and how long it took until it was ready again, in milliseconds. */
  readonly restarts: number[] = []

  constructor(
    name: string,
    argv: readonly string[],
    log: string,
    undertaker: Undertaker,
    onLine: (line: Line) => void,
  ) {
    this.name = name
    this.#argv = argv
    this.#log = log
    this.#undertaker = undertaker
    this.#onLine = onLine
  }

  /** Starts it, and resolves when it says that it is ready. Throws with the end of its log when it ends instead. */
  async start(): Promise<void> {
    const log = openSync(this.#log, 'a', 0o600)
    const env = { ...process.env, NO_COLOR: '1' }
    const child = spawn(NODE, [...FLAGS, ...this.#argv], {
      cwd: root,
      stdio: ['pipe', 'pipe', log],
      env,
      detached: true,
    })
    closeSync(log)
    child.stdin?.on('error', () => {})
    this.#child = child
    const { pid } = child
    if (pid === undefined) throw new Error(`${this.name} was not started`)
    this.#undertaker.list(pid)
    child.once('exit', () => this.#undertaker.unlist(pid))
    await new Promise<void>((resolve, reject) => {
      const failed = (how: string): void => reject(new Error(`${this.name} ${how}:\n${this.#tail()}`))
      const late = setTimeout(() => failed(`is not ready in ${READY} ms`), READY)
      child.once('exit', (code, signal) => {
        clearTimeout(late)
        failed(`ended before it was ready, ${signal ?? code}`)
      })
      createInterface({ input: child.stdout! }).on('line', text => {
        const line = JSON.parse(text) as Line
        if (line.ready !== true) return this.#onLine(line)
        clearTimeout(late)
        resolve()
      })
    })
  }

  /** Kills it at once, waits until it is dead, stays down for `down` milliseconds, and starts it again. */
  strike(down: number): Promise<void> {
    const next = this.#turn.then(async () => {
      await this.#end('SIGKILL')
      const began = performance.now()
      if (down > 0) await new Promise(resolve => setTimeout(resolve, down))
      await this.start()
      this.restarts.push(performance.now() - began - down)
    })
    this.#turn = next
    return next
  }

  /** Ends it in order; what is under way with it is waited for. */
  async stop(): Promise<void> {
    await this.#turn.catch(() => {})
    await this.#end('SIGTERM')
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (child === null) return
    if (child.exitCode !== null || child.signalCode !== null) {
      this.#child = null
      if (signal === 'SIGTERM') return
      throw new Error(`${this.name} had ended by itself, ${child.signalCode ?? child.exitCode}:\n${this.#tail()}`)
    }
    const gone = once(child, 'close')
    child.kill(signal)
    let late = false
    const end = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, GRACE)
    await gone
    clearTimeout(end)
    this.#child = null
    if (late) throw new Error(`${this.name} did not end in ${GRACE} ms after ${signal}:\n${this.#tail()}`)
  }

  #tail(): string {
    return readFileSync(this.#log, 'utf8').trimEnd().split('\n').slice(-10).join('\n')
  }
}
