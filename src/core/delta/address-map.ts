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
    const starts = this.#starts
    if (starts.length === 0) return offset
    let low = 0
    let high = starts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (starts[middle]! <= offset) low = middle + 1
      else high = middle
    }
    const before = low - 1
    if (before < 0) return offset + this.#moved[0]!
    const isNearerToNext = low < starts.length && starts[low]! - offset < offset - this.#ends[before]!
    return offset + this.#moved[isNearerToNext ? low : before]!
  }
}
