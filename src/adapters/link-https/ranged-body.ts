import type { IncomingMessage } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'

/** Slow retrieval (Uptane 2.1.0 §4.3): a download that brings less than this in any window is given up, to be resumed. */
export type Pace = {
  /** The longest silence of a connection, in milliseconds. */
  readonly idleMillis: number
  readonly windowMillis: number
  readonly bytesPerWindow: number
}

/** Asks for the bytes from `from` to `to`, which is exclusive; null: for all that there are. */
export type Ask = (from: number, to: number | null) => Promise<IncomingMessage | Refusal>

/** Bytes that are asked for at a time over a line that breaks: a quarter after each break, from these down to those. */
const [FIRST_STRIDE, LAST_STRIDE, WIDEST_STRIDE] = [32 * 1024, 256, 1024 * 1024]
/** Answers that must come whole before more is asked for: each attempt at too much costs a connection. */
const TRUSTED = 8
/** Milliseconds before a line that broke is taken up again: a peer that ends each connection makes nobody spin. */
const RECONNECT = 20

/**
 * How much is asked for at a time. TLS hands on nothing of a record that is not whole, and a record holds up to 16 KiB:
 * over a line that breaks every few kilobytes a long answer never brings a byte, a short one does.
 */
export class Stride {
  #bytes: number | null = null
  /** Answers in a row that came whole. */
  #whole = 0

  /** Where an answer that begins at `from` ends; null: not before its end. */
  to(from: number, length: number): number | null {
    return this.#bytes === null ? null : Math.min(from + this.#bytes, length)
  }

  /** The line broke, and brought nothing. */
  narrow(): void {
    this.#whole = 0
    this.#bytes = Math.max(LAST_STRIDE, (this.#bytes ?? FIRST_STRIDE * 4) / 4)
  }

  /** An answer came whole: after a few of them, twice as much is asked for. */
  widen(): void {
    this.#whole += 1
    if (this.#bytes === null || this.#whole < TRUSTED) return
    this.#whole = 0
    this.#bytes = this.#bytes * 2 > WIDEST_STRIDE ? null : this.#bytes * 2
  }
}

/** What is to be read: from which byte on, and how many the whole has. More are never taken. */
export type Part = { readonly from: number; readonly length: number }

/**
 * The rest of a file, over as many connections as it takes. It ends at the length that the caller knows, however much
 * the server says; else where a connection brought nothing, or all of them together brought too little in time. What
 * came is then the caller's, who goes on from there when it likes.
 */
export async function* rangedBody(
  first: IncomingMessage,
  { from, length }: Part,
  ask: Ask,
  stride: Stride,
  pace: Pace,
): AsyncGenerator<Uint8Array> {
  const tooSlow = judgeOf(pace)
  let at = from
  for (let response = first; ; ) {
    const began = at
    for await (const chunk of bytesOf(response)) {
      const part = chunk.subarray(0, length - at)
      at += part.length
      yield part
      if (at === length || tooSlow(part.length)) return
    }
    if (at === began) return stride.narrow()
    if (at === stride.to(began, length)) stride.widen()
    else await wait(RECONNECT)
    const to = stride.to(at, length)
    let next = await ask(at, to)
    if (isBroken(next)) {
      // The connection that was kept may have broken under the question: that says nothing of a new one.
      await wait(RECONNECT)
      next = await ask(at, to)
    }
    if (isBroken(next)) stride.narrow()
    if (isRefusal(next)) return
    response = next
  }
}

const isBroken = (answer: IncomingMessage | Refusal): boolean => isRefusal(answer) && answer.code === 'not-reachable'

/** Window by window, over all connections: a fast beginning earns nobody the right to trickle for a year. */
function judgeOf(pace: Pace): (bytes: number) => boolean {
  let began = performance.now()
  let received = 0
  return bytes => {
    received += bytes
    if (performance.now() - began < pace.windowMillis) return false
    if (received < pace.bytesPerWindow) return true
    began = performance.now()
    received = 0
    return false
  }
}

/** What one connection brings, to its end or to where it breaks. */
async function* bytesOf(response: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) yield chunk
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET' && (error as Error).name !== 'Error') throw error
    // What had come before the line broke is still here: without it a line that breaks often would never get on.
    for (let rest = response.read(); rest !== null; rest = response.read()) yield rest as Uint8Array
  } finally {
    response.destroy()
  }
}
