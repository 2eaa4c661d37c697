import type { Index } from '../matches.ts'

/** Bytes of a run, at least, that is worth a match of its own. */
const LEAST = 64
/** Runs to either side of where a match would be best that are looked at. */
const BESIDE = 16

/** Bytes of memory that the runs of an image of so many bytes take, at most. */
export const runsMemory = (length: number): number => 8 * (length / LEAST) + 4 * 256

/**
 * The runs of one byte in the old image, such as the zeros behind a file. A run that no cover is about takes few bits, and has the model expect its like:
 * behind a few megabytes of zeros, each byte that is told takes three. Under a cover it takes none, and teaches nothing.
 */
export class Runs implements Index {
  readonly #old: Uint8Array
  /** Where the runs begin, in order, and how long they are; for each byte, which one is its longest. */
  readonly #starts: Int32Array
  readonly #lengths: Int32Array
  readonly #longest = new Int32Array(256).fill(-1)
  /** The run of the new image that was looked at last. */
  #run: { readonly of: Uint8Array | null; readonly from: number; readonly end: number } = { of: null, from: 0, end: 0 }
  at = 0
  length = 0

  constructor(old: Uint8Array) {
    this.#old = old
    let count = 0
    for (const _ of runsOf(old)) count += 1
    this.#starts = new Int32Array(count)
    this.#lengths = new Int32Array(count)
    let run = 0
    for (const [start, length] of runsOf(old)) {
      this.#starts[run] = start
      this.#lengths[run] = length
      const byte = old[start]!
      if (length > (this.#lengths[this.#longest[byte]!] ?? 0)) this.#longest[byte] = run
      run += 1
    }
  }

  /** What is sought begins with a run: the rest of it, or nothing where that is short. */
  find(now: Uint8Array, at: number, near: number): void {
    const byte = now[at]!
    const { of, from, end: last } = this.#run
    if (of !== now || at < from || at >= last) this.#run = { of: now, from: at, end: endOfRun(now, at) }
    const wanted = this.#run.end - at
    this.length = 0
    if (wanted < LEAST) return
    this.#try(this.#longest[byte]!, wanted, near)
    const next = this.#behind(near)
    const end = Math.min(this.#starts.length, next + BESIDE)
    for (let run = Math.max(0, next - BESIDE); run < end; run += 1) {
      if (this.#old[this.#starts[run]!] === byte) this.#try(run, wanted, near)
    }
  }

  #try(run: number, wanted: number, near: number): void {
    if (run < 0) return
    const [start, has] = [this.#starts[run]!, this.#lengths[run]!]
    const length = Math.min(has, wanted)
    const at = Math.max(start, Math.min(near, start + has - length))
    if (length < this.length || (length === this.length && Math.abs(at - near) >= Math.abs(this.at - near))) return
    this.at = at
    this.length = length
  }

  /** The first run that begins behind an offset. */
  #behind(offset: number): number {
    let [low, high] = [0, this.#starts.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#starts[middle]! <= offset) low = middle + 1
      else high = middle
    }
    return low
  }
}

function* runsOf(bytes: Uint8Array): Generator<readonly [start: number, length: number], void> {
  for (let at = 0; at < bytes.length; ) {
    const end = endOfRun(bytes, at)
    if (end - at >= LEAST) yield [at, end - at]
    at = end
  }
}

function endOfRun(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]
  let end = at + 1
  while (end < bytes.length && bytes[end] === byte) end += 1
  return end
}
