import type { Cover } from './covers.ts'

/**
 * Where what stood at an old address stands in the new image: as far from its cover's beginning as before, or from that of the nearest
 * one. Both sides build it from the same covers. Offsets from the beginning of the image, in bytes.
 */
export class AddressMap {
  /** Stretches of the old image that do not overlap, in order: where each starts and ends, and what is added to its offsets. */
  readonly #starts: Int32Array
  readonly #ends: Int32Array
  readonly #moved: Int32Array

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

  /** The stretch that an offset is in, or that is nearest to it; of two that are as near, the one before. */
  #stretch(offset: number): number {
    const starts = this.#starts
    let low = 0
    let high = starts.length
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
