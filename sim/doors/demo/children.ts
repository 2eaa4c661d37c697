import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** How a command ended: its exit code, what it answered (stdout), and what it said (stderr). */
export type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** A program of the demo that runs until it is stopped. */
export type Server = { readonly name: string; write(line: string): void }

const root = join(import.meta.dirname, '../../..')
const pinned = join(root, 'node_modules', '.bin', 'node')
/** The Node.js that the project pins, or the one that runs this. */
const NODE = existsSync(pinned) ? pinned : process.execPath
const FLAGS = ['--disable-warning=ExperimentalWarning']
/** Node.js keeps what it compiled here: thirty starts of the same programs take half the time. */
const COMPILED = join(root, 'node_modules', '.cache', 'voltseal-compiled')
const MAX_ANSWER = 64 * 1024 * 1024
/** How long a child may take to end in order, in milliseconds. */
const GRACE = 5_000
const TAIL = 20

/** A server of the demo ended before it was stopped; `message` carries the end of its log. */
export class ServerDied extends Error {}

/**
 * The demo's child processes: commands that end by themselves and servers that do not. Each is started in a session of
 * its own, so that Ctrl-C reaches the demo alone, which ends them by their ids, the last started first. Should the
 * demo be killed, an undertaker does it.
 */
export class Children {
  readonly #folder: string
  readonly #running = new Map<ChildProcess, string>()
  readonly #undertaker: ChildProcess
  #stopping = false
  /** Rejects when a server ends before it was stopped. */
  readonly died: Promise<never>
  #reportDeath: (error: Error) => void = () => {}

  /** `folder` is where every child works; its logs are in `folder/logs`. */
  constructor(folder: string) {
    this.#folder = folder
    mkdirSync(join(folder, 'logs'), { recursive: true })
    this.died = new Promise((_, reject) => {
      this.#reportDeath = reject
    })
    this.died.catch(() => {})
    const program = join(import.meta.dirname, 'undertaker.ts')
    this.#undertaker = spawn(NODE, [...FLAGS, program], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
    this.#undertaker.stdin?.on('error', () => {})
    this.#undertaker.on('error', () => {})
  }

  /** Runs a program of this project to its end. */
  async run(program: string, args: readonly string[], onSaid: (line: string) => void = () => {}): Promise<Ended> {
    const child = this.#spawn(program, args, 'pipe')
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
    if (child.stderr !== null) createInterface({ input: child.stderr }).on('line', onSaid)
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
    if (this.#stopping) throw new Error('stopped')
    return { code: code ?? (signal === null ? 70 : 128), stdout: stdout(), stderr: stderr() }
  }

  /** Starts a server, and resolves when it says that it is ready. Its other lines go to `onLine`, its log to a file. */
  async serve(
    name: string,
    program: string,
    args: readonly string[],
    onLine: (value: Readonly<Record<string, unknown>>) => void = () => {},
  ): Promise<Server> {
    const log = join(this.#folder, 'logs', `${name}.log`)
    const handle = openSync(log, 'a', 0o600)
    const child = this.#spawn(program, args, handle)
    closeSync(handle)
    const ready = new Promise<void>(resolve => {
      if (child.stdout === null) return
      createInterface({ input: child.stdout }).on('line', line => {
        const value = parsed(line)
        if (value.ready === true) resolve()
        else onLine(value)
      })
    })
    const gone = once(child, 'exit').then(([code, signal]) => {
      if (this.#stopping) return
      const tail = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-TAIL).join('\n')
      const how = signal === null ? `with exit code ${code}` : `by ${signal}`
      const error = new ServerDied(`${name} ended ${how}. The end of ${log}:\n${tail}`)
      this.#reportDeath(error)
      throw error
    })
    gone.catch(() => {})
    await Promise.race([ready, gone])
    return { name, write: line => child.stdin?.write(`${line}\n`) }
  }

  /** Ends everything, the last started first: SIGTERM, and SIGKILL for what does not go. No child is left on return. */
  async stop(): Promise<void> {
    this.#stopping = true
    for (const [child] of [...this.#running].reverse()) await end(child)
    this.#undertaker.stdin?.end()
    if (this.#undertaker.exitCode === null && this.#undertaker.pid !== undefined) await once(this.#undertaker, 'exit')
  }

  #spawn(program: string, args: readonly string[], stderr: 'pipe' | number): ChildProcess {
    if (this.#stopping) throw new Error('stopped')
    const child = spawn(NODE, [...FLAGS, join(root, program), ...args], {
      cwd: this.#folder,
      stdio: ['pipe', 'pipe', stderr],
      detached: true,
      env: { NODE_COMPILE_CACHE: COMPILED, ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
    })
    child.stdin?.on('error', () => {})
    this.#running.set(child, program)
    this.#undertaker.stdin?.write(`+${child.pid}\n`)
    child.on('exit', () => {
      this.#running.delete(child)
      if (this.#undertaker.stdin?.writable === true) this.#undertaker.stdin.write(`-${child.pid}\n`)
    })
    return child
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), GRACE)
  await gone
  clearTimeout(late)
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  const parts: Buffer[] = []
  let length = 0
  stream?.on('data', (part: Buffer) => {
    length += part.length
    if (length <= MAX_ANSWER) parts.push(part)
  })
  return () => Buffer.concat(parts).toString()
}

function parsed(line: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(line)) as Readonly<Record<string, unknown>>
  } catch {
    return { line }
  }
}
