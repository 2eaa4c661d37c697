import type { Index } from '../matches.ts'
import { Runs, runsMemory } from './runs.ts'

/** Pieces with the same hash that are looked at: what stands in more places than that tells nothing. */
const MOST_TRIES = 64
/** Bytes that are compared for one place of the new image, about: where a match goes on, the next one does. */
const PLENTY = 4096
/** Bytes of a match that are not like the one before them, at least: zeros match zeros anywhere. */
const RICH = 6

const FACTOR = 0x01000193

/** How pieces are taken: each of `window` bytes, one every `stride` bytes of the old image. */
export type Pieces = { readonly window: number; readonly stride: number }

/** Bytes of memory that an index of an image of so many bytes takes, at most. */
export const piecesMemory = (length: number, { stride }: Pieces): number =>
  12 * (length / stride) + runsMemory(length) + 1024

/**
 * The old image by hashes of pieces of it. Finds what is alike for a piece and what stands beside it, in time that does not grow with
 * the image: every match of `window + stride` bytes is found, unless it is of what is everywhere.
 */
export class PieceIndex implements Index {
  readonly #old: Uint8Array
  readonly #window: number
  readonly #stride: number
  readonly #shift: number
  /** The last piece of a hash, counted from 1, and for each piece the one before it with the same hash. */
  readonly #last: Int32Array
  readonly #before: Int32Array
  /** What the byte that leaves a window has been multiplied by. */
  readonly #leaving: number
  /** The hash of the new image's window, and where that was. */
  #hash = 0
  #hashed = -2
  readonly #runs: Runs
  at = 0
  length = 0

  constructor(old: Uint8Array, { window, stride }: Pieces) {
    this.#old = old
    this.#runs = new Runs(old)
    this.#window = window
    this.#stride = stride
    const pieces = old.length < window ? 0 : Math.floor((old.length - window) / stride) + 1
    const bits = Math.max(6, 32 - Math.clz32(pieces))
    this.#shift = 32 - bits
    this.#last = new Int32Array(2 ** bits)
    this.#before = new Int32Array(pieces)
    this.#leaving = 1
    for (let k = 1; k < window; k += 1) this.#leaving = Math.imul(this.#leaving, FACTOR)
    this.#take(pieces)
  }

  #take(pieces: number): void {
    const [old, window, stride, leaving] = [this.#old, this.#window, this.#stride, this.#leaving]
    let hash = 0
    let taken = 0
    for (let at = 0; at < window - 1 && at < old.length; at += 1) hash = (Math.imul(hash, FACTOR) + old[at]!) | 0
    for (let at = 0, next = 0, piece = 0; piece < pieces; at += 1) {
      hash = (Math.imul(hash, FACTOR) + old[at + window - 1]!) | 0
      if (at === next) {
        // Of pieces in a row that are all the same, the first stands for all.
        if (hash !== taken || piece === 0) {
          const slot = this.#slot(hash)
          this.#before[piece] = this.#last[slot]!
          this.#last[slot] = piece + 1
          taken = hash
        }
        next += stride
        piece += 1
      }
      hash = (hash - Math.imul(old[at]!, leaving)) | 0
    }
  }

  find(now: Uint8Array, at: number, near: number): void {
    const old = this.#old
    this.length = 0
    if (at + this.#window > now.length) return
    // Most of an image goes on as before.
    const going = near < 0 ? 0 : this.#alike(now, at, near, Number.POSITIVE_INFINITY)
    if (going >= this.#window) {
      this.at = near
      this.length = going
      return
    }
    // Zeros stand in so many places that they would be compared with zeros for most of the time.
    if (isRun(now, at, this.#window)) {
      this.#runs.find(now, at, near)
      this.at = this.#runs.at
      this.length = this.#runs.length
      return
    }
    this.#roll(now, at)
    let piece = this.#last[this.#slot(this.#hash)]!
    let looked = 0
    for (let tries = 0; piece !== 0 && tries < MOST_TRIES && looked < PLENTY; tries += 1) {
      const start = (piece - 1) * this.#stride
      piece = this.#before[piece - 1]!
      // Where the last byte of what was found is another one, this match is shorter.
      if (this.length > 0 && old[start + this.length - 1] !== now[at + this.length - 1]) continue
      const length = this.#alike(now, at, start, PLENTY)
      looked += length
      if (length < this.#window || length < this.length) continue
      if (length === this.length && Math.abs(start - near) >= Math.abs(this.at - near)) continue
      this.at = start
      this.length = length
    }
    if (this.length > 0 && !isRich(now, at, this.length)) this.length = 0
  }

  #roll(now: Uint8Array, at: number): void {
    const window = this.#window
    if (at === this.#hashed + 1) {
      const without = this.#hash - Math.imul(now[at - 1]!, this.#leaving)
      this.#hash = (Math.imul(without, FACTOR) + now[at + window - 1]!) | 0
    } else {
      this.#hash = 0
      for (let k = at; k < at + window; k += 1) this.#hash = (Math.imul(this.#hash, FACTOR) + now[k]!) | 0
    }
    this.#hashed = at
  }

  #slot(hash: number): number {
    return Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) >>> this.#shift
  }

  #alike(now: Uint8Array, at: number, start: number, enough: number): number {
    const old = this.#old
    const most = Math.min(old.length - start, now.length - at, enough)
    let length = 0
    while (length < most && old[start + length] === now[at + length]) length += 1
    return length
  }
}

function isRun(bytes: Uint8Array, at: number, length: number): boolean {
  for (let k = at + 1; k < at + length; k += 1) if (bytes[k] !== bytes[at]) return false
  return true
}

function isRich(bytes: Uint8Array, at: number, length: number): boolean {
  let rich = 0
  for (let k = at + 1; k < at + length; k += 1) {
    if (bytes[k] !== bytes[k - 1]) rich += 1
    if (rich === RICH) return true
  }
  return false
}
