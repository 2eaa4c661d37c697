import { sameBytes } from '../encoding/bytes.ts'
import type { BitCoder } from './arithmetic.ts'
import { ByteModel, type Place } from './byte-model.ts'
import type { Cover } from './covers.ts'
import { type Addressed, MARGIN } from './references/stretch.ts'
import { type Architecture, expected } from './references.ts'

/** Bytes of the old image that are wanted. Whoever reads them answers all of them. */
export type OldBytes = { readonly at: number; readonly length: number }

/** What both sides know before the first byte of the new image. */
export type Terms = {
  readonly architecture: Architecture
  readonly slotBits: number
  readonly covers: readonly Cover[]
  readonly old: Addressed
}

/** Bytes that are gone through at once. */
export const STEP = 512
/** Bytes that may be told to be as expected at once: most of an image, and each by itself would take time. */
const ROW = 64

/**
 * Goes through a new image from its beginning, byte by byte, asking for the bytes of the old one that it is like.
 */
export class ImageWalk {
  readonly #terms: Terms
  readonly #model: ByteModel
  readonly #kinds = new Uint8Array(STEP + 2 * MARGIN)
  readonly #place: Place = {
    at: 0,
    expected: -1,
    kind: 0,
    halfword: { earlier: 0, old: 0, expected: 0, kind: 0 },
    odd: 0,
  }
  /** The cover that the next byte is in, or comes before. */
  #cover = 0
  #at = 0

  constructor(terms: Terms) {
    this.#terms = terms
    this.#model = new ByteModel(terms.slotBits)
  }

  /** Offset of the next byte. */
  get at(): number {
    return this.#at
  }

  /**
   * The next bytes, at most `bytes.length` of them: to the coder, or from the coder into `bytes`. Answers how many; fewer where a cover
   * begins or ends, or a step does.
   */
  *step(coder: BitCoder, bytes: Uint8Array): Generator<OldBytes, number, Uint8Array> {
    const { covers } = this.#terms
    const last = covers[this.#cover]
    if (last !== undefined && last.new + last.length === this.#at) this.#cover += 1
    const cover = covers[this.#cover]
    const isCovered = cover !== undefined && cover.new <= this.#at
    const until = cover === undefined ? Number.POSITIVE_INFINITY : isCovered ? cover.new + cover.length : cover.new
    const length = Math.min(bytes.length, STEP, until - this.#at)
    if (isCovered) yield* this.#covered(coder, bytes, length, cover)
    else this.#uncovered(coder, bytes, length)
    this.#at += length
    return length
  }

  *#covered(coder: BitCoder, bytes: Uint8Array, length: number, cover: Cover): Generator<OldBytes, void, Uint8Array> {
    const { old } = this.#terms
    const architecture = cover.plain === true ? 'none' : this.#terms.architecture
    const at = cover.old + (this.#at - cover.new)
    const around = new Uint8Array(length + 2 * MARGIN)
    const first = Math.max(0, at - MARGIN)
    const last = Math.min(old.length, at + length + MARGIN)
    around.set(yield { at: first, length: last - first }, first - (at - MARGIN))
    const kinds = this.#kinds.subarray(0, around.length)
    const before = expected(architecture, { at, by: this.#at - at, bytes: around, kinds }, old)
    for (let row = 0; row < length; row += ROW) {
      const end = Math.min(length, row + ROW)
      const were = around.subarray(MARGIN + row, MARGIN + end)
      const isSame = sameBytes(were, bytes.subarray(row, end))
      if (this.#model.areExpected(coder, were, kindsAmong(kinds, MARGIN + row, MARGIN + end), isSame)) {
        bytes.set(were, row)
        continue
      }
      const place = this.#place
      for (let k = row; k < end; k += 1) {
        const odd = (at + k) & 1
        const from = MARGIN + k - odd
        place.at = this.#at + k
        place.expected = around[MARGIN + k]!
        place.kind = kinds[MARGIN + k]!
        place.odd = odd
        const { halfword } = place
        halfword.earlier = before[from - 2]! | (before[from - 1]! << 8)
        halfword.old = before[from]! | (before[from + 1]! << 8)
        halfword.expected = around[from]! | (around[from + 1]! << 8)
        halfword.kind = (place.kind + 3) >> 2
        bytes[k] = this.#model.code(coder, place, bytes[k]!)
      }
    }
  }

  #uncovered(coder: BitCoder, bytes: Uint8Array, length: number): void {
    const place = this.#place
    place.expected = -1
    for (let k = 0; k < length; k += 1) {
      place.at = this.#at + k
      bytes[k] = this.#model.code(coder, place, bytes[k]!)
    }
  }
}

/** A bit for branches, one for pointers, one for words that point to memory, where there is one. */
function kindsAmong(kinds: Uint8Array, from: number, to: number): number {
  let among = 0
  for (let at = from; at < to; at += 1) if (kinds[at]! > 0) among |= 1 << ((kinds[at]! - 1) >> 2)
  return among
}
