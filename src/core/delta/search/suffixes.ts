import type { Index } from '../matches.ts'
import { suffixArray } from '../suffix-array.ts'

/** The old image by the order of its suffixes: finds what is alike for longest, however short. About ten bytes of memory for each byte. */
export class SuffixIndex implements Index {
  readonly #old: Uint8Array
  readonly #suffixes: Int32Array
  at = 0
  length = 0

  constructor(old: Uint8Array) {
    this.#old = old
    this.#suffixes = suffixArray(old)
  }

  find(now: Uint8Array, at: number): void {
    const [old, suffixes] = [this.#old, this.#suffixes]
    let low = 0
    let high = suffixes.length - 1
    this.length = 0
    if (high < 0) return
    // Bytes that are the same as those of the suffixes at both ends need no second look.
    let sameLow = lengthOf(old, suffixes[low]!, now, at, 0)
    let sameHigh = lengthOf(old, suffixes[high]!, now, at, 0)
    while (high - low >= 2) {
      const middle = (low + high) >>> 1
      const start = suffixes[middle]!
      const same = lengthOf(old, start, now, at, Math.min(sameLow, sameHigh))
      const isBelow = at + same < now.length && (start + same >= old.length || old[start + same]! < now[at + same]!)
      if (isBelow) {
        low = middle
        sameLow = same
      } else {
        high = middle
        sameHigh = same
      }
    }
    this.at = suffixes[sameLow > sameHigh ? low : high]!
    this.length = Math.max(sameLow, sameHigh)
  }
}

function lengthOf(old: Uint8Array, from: number, now: Uint8Array, at: number, known: number): number {
  const most = Math.min(old.length - from, now.length - at)
  let length = Math.min(known, most)
  while (length < most && old[from + length] === now[at + length]) length += 1
  return length
}
