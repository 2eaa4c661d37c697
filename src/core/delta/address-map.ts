import type { Cover } from './covers.ts'

/** Parts of an old image that the stretches are looked for in. */
const PART_BITS = 8
const PARTS = 2 ** PART_BITS
/** What they take in memory, in bytes. */
export const PARTS_BYTES = 4 * (PARTS + 1)

/**
 * Where what stood at an old address stands in the new image: as far from its cover's beginning as before, or from that of the nearest
 * one. Both sides build it from the same covers. Offsets from the beginning of the image, in bytes.
 */
export class AddressMap {
  /** Stretches of the old image that do not overlap, in order: where each starts and ends, and what is added to its offsets. */
  readonly #starts: Int32Array
  readonly #ends: Int32Array
  readonly #moved: Int32Array
  /** How many stretches start before each part of the old image: those of a part are few. */
  readonly #parts = new Int32Array(PARTS + 1)
  readonly #shift: number
  /** The stretch that was found last: what is asked for next is mostly in it. */
  #last = 0

  constructor(covers: readonly Cover[]) {
    const sorted = covers.toSorted((a, b) => a.old - b.old || b.length - a.length || a.new - b.new)
    const stretches: [start: number, end: number, moved: number][] = []
    let reached = 0
    for (const { old, new: now, length } of sorted) {
      // Where two covers come from the same bytes, those belong to the one that begins before.
      const start = Math.max(old, reached)
      if (old + length <= start) continue
      stretches.push([start, old + length, now - old])
      reached = old + length
    }
    this.#starts = Int32Array.from(stretches, ([start]) => start)
    this.#ends = Int32Array.from(stretches, ([, end]) => end)
    this.#moved = Int32Array.from(stretches, ([, , moved]) => moved)
    this.#shift = Math.max(0, 32 - Math.clz32(reached) - PART_BITS)
    for (let part = 0, k = 0; part <= PARTS; part += 1) {
      while (k < stretches.length && (part === PARTS || this.#starts[k]! < part * 2 ** this.#shift)) k += 1
      this.#parts[part] = k
    }
  }

  to(offset: number): number {
    return this.#starts.length === 0 ? offset : offset + this.#moved[this.#stretch(offset)]!
  }

  /** The first offset behind one that may have moved by another distance. */
  until(offset: number): number {
    const next = this.#starts.length === 0 ? 1 : this.#stretch(offset) + 1
    if (next >= this.#starts.length) return Number.POSITIVE_INFINITY
    const start = this.#starts[next]!
    return Math.min(start, Math.floor((start + this.#ends[next - 1]!) / 2) + 1)
  }

  /** Whether all from one offset until another is in one stretch, which moved by so much. */
  moves(from: number, until: number, by: number): boolean {
    if (this.#starts.length === 0) return false
    const stretch = this.#stretch(from)
    return this.#moved[stretch] === by && this.#starts[stretch]! <= from && until <= this.#ends[stretch]!
  }

  /** The stretch that an offset is in, or that is nearest to it; of two that are as near, the one before. */
  #stretch(offset: number): number {
    const last = this.#last
    if (offset >= this.#starts[last]! && offset < this.#ends[last]!) return last
    this.#last = this.#search(offset)
    return this.#last
  }

  #search(offset: number): number {
    const starts = this.#starts
    const part = Math.max(0, Math.min(offset >> this.#shift, PARTS - 1))
    let low = this.#parts[part]!
    let high = this.#parts[part + 1]!
    while (low < high) {
      const middle = (low + high) >>> 1
      if (starts[middle]! <= offset) low = middle + 1
      else high = middle
    }
    const before = low - 1
    if (before < 0) return 0
    const isNearerToNext = low < starts.length && starts[low]! - offset < offset - this.#ends[before]!
    return isNearerToNext ? low : before
  }
}
