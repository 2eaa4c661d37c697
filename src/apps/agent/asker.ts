import type { Socket } from 'node:net'
import type { Millis } from '../../core/encoding/units.ts'
import type { Step } from '../../core/slot/steps.ts'
import type { After } from './patience.ts'

/**
 * What the agent says before its answer: the bytes of a patch that it wants; or, where it was asked to tell (`Asked`), how far it is.
 * `writing`: images into the slot; `learning`: from what flash holds already.
 */
export type Wanted = { readonly from: number; readonly length: number }
export type Told =
  | Step
  | { readonly at: 'writing'; readonly done: number; readonly total: number }
  | { readonly at: 'learning' }

/** How long somebody who is waited for may say nothing, and between two words on the progress, in milliseconds. */
const IDLE = 30_000
const ALIVE = 1_000

/**
 * Whoever asks at the agent's socket. Time runs against them only while the agent waits for what they have to say: as long as it works,
 * on however slow a disk, no silence of theirs ends the connection.
 */
export class Asker {
  readonly #socket: Socket
  readonly #incoming: AsyncIterator<Buffer, undefined>
  readonly #steady: () => Millis
  readonly #after: After
  #behind: Uint8Array | null = null
  #told: Millis
  #tells = false

  constructor(socket: Socket, steady: () => Millis, after: After) {
    this.#socket = socket
    this.#incoming = partsOf(socket)
    this.#steady = steady
    this.#after = after
    this.#told = steady()
  }

  /** What they say next; null: that was all, or nothing came for too long. */
  async next(): Promise<Uint8Array | null> {
    const behind = this.#behind
    this.#behind = null
    if (behind !== null && behind.length > 0) return behind
    const silence = Promise.withResolvers<null>()
    // What lies in the socket already is heard before they count as silent: another work may have held this process.
    let late: NodeJS.Immediate | undefined
    const heard = this.#after(IDLE, () => {
      late = setImmediate(() => silence.resolve(null))
    })
    try {
      return await Promise.race([this.#incoming.next().then(({ value }) => value ?? null), silence.promise])
    } finally {
      heard()
      clearImmediate(late)
    }
  }

  /** Puts back what was heard and belongs to what comes next. */
  unread(bytes: Uint8Array): void {
    this.#behind = bytes
  }

  say(line: Wanted | Told): void {
    this.#told = this.#steady()
    this.#socket.write(`${JSON.stringify(line)}\n`)
  }

  /** They asked to be told how far the work is. */
  wantsToBeTold(): void {
    this.#tells = true
  }

  /** Says how far the work is, not too often. */
  tell(told: Told): void {
    if (this.#tells && this.#steady() - this.#told >= ALIVE) this.say(told)
  }

  /** The last word. `out` is called, once or twice, when it is out or will never be. */
  answer(line: object, out: () => void): void {
    this.#socket.once('close', out)
    this.#socket.end(`${JSON.stringify(line)}\n`, out)
    if (this.#socket.destroyed) return
    // Who does not hear it, or goes on speaking, is left.
    const gone = this.#after(IDLE, () => this.#socket.destroy())
    this.#socket.once('close', gone)
  }
}

/**
 * What comes over a connection. One that breaks only ends: what came of an image stays in flash, and is gone on from.
 */
async function* partsOf(socket: Socket): AsyncGenerator<Buffer, undefined> {
  try {
    // Who asks says all and then listens: the end of what comes is not the end of the connection.
    for await (const part of socket.iterator({ destroyOnReturn: false })) yield part as Buffer
  } catch {
    // There is nobody to answer any more.
  }
}
