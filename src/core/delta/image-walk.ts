import type { BitCoder } from './arithmetic.ts'
import { ByteModel, type Place, type Row } from './byte-model.ts'
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
/** What that takes in memory: the old bytes, as they were and as they are expected, what each belongs to, and the new ones. */
export const STEP_BYTES = 4 * (STEP + 2 * MARGIN)
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
    expected: 0,
    kind: 0,
    halfword: { earlier: 0, old: 0, expected: 0, kind: 0 },
    odd: 0,
    differs: false,
  }
  /** The cover that the next byte is in, or comes before. */
  #cover = 0
  #at = 0

  constructor(terms: Terms) {
    this.#terms = terms
    this.#model = new ByteModel(terms.slotBits, terms.architecture)
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
    for (let from = MARGIN; from < MARGIN + length; from += ROW) {
      const end = Math.min(MARGIN + length, from + ROW)
      const row: Row = { bytes: around, from, end, kinds: kindsAmong(kinds, from, end) }
      const now = bytes.subarray(from - MARGIN, end - MARGIN)
      const are = isSame(row, now)
      if (this.#model.areExpected(coder, row, are)) {
        if (!are) now.set(around.subarray(from, end))
      } else this.#spell(coder, row, { kinds, before, at: at - MARGIN }, now)
    }
  }

  /** A row that is not as expected: halfword by halfword of the old image, and byte by byte where one is not. */
  #spell(coder: BitCoder, { bytes, from, end }: Row, were: Were, now: Uint8Array): void {
    for (let k = from; k < end; ) {
      const isWhole = ((were.at + k) & 1) === 0 && k + 1 < end
      const place = this.#placeOf(bytes, were, k)
      const are = isWhole && now[k - from] === bytes[k] && now[k + 1 - from] === bytes[k + 1]
      if (isWhole && this.#model.isExpected(coder, place, are)) {
        now[k - from] = bytes[k]!
        now[k + 1 - from] = bytes[k + 1]!
        k += 2
        continue
      }
      now[k - from] = this.#model.covered(coder, place, now[k - from]!)
      if (isWhole) {
        const upper = this.#placeOf(bytes, were, k + 1)
        upper.differs = now[k - from] === bytes[k]
        now[k + 1 - from] = this.#model.covered(coder, upper, now[k + 1 - from]!)
      }
      k += isWhole ? 2 : 1
    }
  }

  #placeOf(bytes: Uint8Array, { kinds, before, at }: Were, k: number): Place {
    const place = this.#place
    const { halfword } = place
    const odd = (at + k) & 1
    const even = k - odd
    place.at = this.#at + k - MARGIN
    place.expected = bytes[k]!
    place.kind = kinds[k]!
    place.odd = odd
    place.differs = false
    halfword.earlier = before[even - 2]! | (before[even - 1]! << 8)
    halfword.old = before[even]! | (before[even + 1]! << 8)
    halfword.expected = bytes[even]! | (bytes[even + 1]! << 8)
    halfword.kind = (place.kind + 3) >> 2
    return place
  }

  #uncovered(coder: BitCoder, bytes: Uint8Array, length: number): void {
    for (let k = 0; k < length; k += 1) bytes[k] = this.#model.other(coder, this.#at + k, bytes[k]!)
  }
}

/** The old bytes of a stretch, from `at` on, as they were, and what each belongs to. */
type Were = { readonly at: number; readonly before: Uint8Array; readonly kinds: Uint8Array }

function isSame({ bytes, from, end }: Row, now: Uint8Array): boolean {
  for (let k = from; k < end; k += 1) if (bytes[k] !== now[k - from]) return false
  return true
}

/** A bit for branches, one for pointers, one for words that point to memory, where there is one. */
function kindsAmong(kinds: Uint8Array, from: number, to: number): number {
  let among = 0
  for (let at = from; at < to; at += 1) among |= 1 << ((kinds[at]! + 3) >> 2)
  return among >> 1
}
