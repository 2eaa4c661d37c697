import type { BitCoder } from './arithmetic.ts'
import { Evidence, evidenceBytes } from './evidence.ts'
import { Parts } from './parts.ts'
import { type Architecture, KINDS } from './references.ts'
import { type Foretold, type Halfword, SHIFTS_BYTES, Shifts } from './shifts.ts'

/** Memory for what was learned of bytes: 25 times 2 to the power of so much, less 3, in bytes. */
export const SLOT_BITS = { least: 8, usual: 14, large: 18, most: 22 } as const

/** What the model keeps in memory, in bytes. */
export const modelBytes = (slotBits: number): number => evidenceBytes(slotBits, WEIGHTS) + SHIFTS_BYTES

/**
 * Rows of weights: for whether a row is as expected, by the references in it; whether a halfword is, and a byte, by what they belong to; whether a byte
 * is as foretold, by that, by which of the two it is, and by what of four is asked; for each bit of a byte, by what that belongs to, or where no
 * cover is, by its place in an instruction.
 */
const OF_ROW = 0
const OF_HALFWORD = OF_ROW + 8
const OF_BYTE = OF_HALFWORD + KINDS
const OF_TOLD = OF_BYTE + KINDS
const OF_COVERED = OF_TOLD + 4 * 2 * 4
const OF_OTHERS = OF_COVERED + 8 * 3
const WEIGHTS = OF_OTHERS + 8 * 4
const WEIGHT = 2500

/** A row of covered bytes: `bytes` from `from` to `end` are what is expected. `kinds`: a bit for each kind of reference in it, of three. */
export type Row = { readonly bytes: Uint8Array; readonly from: number; readonly end: number; readonly kinds: number }

/** Where a covered byte of the new image stands, and what is known of it. */
export type Place = {
  at: number
  expected: number
  /** What it belongs to, of all `KINDS`. */
  kind: number
  /** The halfword of the old image that it comes from; which of its two bytes. */
  readonly halfword: { -readonly [K in keyof Halfword]: Halfword[K] }
  odd: number
  /** True for a byte that is not the expected one, since its halfword is not and its other byte is. */
  differs: boolean
}

/**
 * How likely each bit of a new image is by what came before it: first whether a row of bytes is as its cover makes expected; of a row that is not, whether
 * each halfword is, and each byte of one that is not; then whether the byte is as what moved before it foretells; only then, or where no cover is, its bits from the
 * highest. Writer and reader go through the same, and learn the same from each bit.
 */
export class ByteModel {
  readonly #evidence: Evidence
  /** The last four bytes, the newest lowest; how many bytes in a row were as expected. */
  #before = 0
  #right = 0
  /** Of the last ones, the newest lowest: a 1 for a row, or a byte, that was not as expected; for a byte that was not as foretold. */
  #wrongRows = 0
  #wrong = 0
  #untold = 0
  readonly #shifts = new Shifts()
  readonly #parts: Parts

  constructor(slotBits: number, architecture: Architecture) {
    this.#parts = new Parts(architecture)
    this.#evidence = new Evidence(slotBits, WEIGHTS, WEIGHT)
  }

  /** Whether a row is as expected, all of it: to the coder, or from it; then `are` is not looked at. If so, it is gone through. */
  areExpected(coder: BitCoder, { bytes, from, end, kinds }: Row, are: boolean): boolean {
    const wrong = this.#wrongRows
    const { contexts } = this.#evidence
    contexts[0] = context(0, wrong & 255)
    contexts[1] = context(1, kinds * 16 + steps(this.#right >> 1))
    contexts[2] = context(2, kinds * 256 + (wrong & 15) * 16 + (this.#wrong & 15))
    const bit = this.#evidence.one(coder, OF_ROW + kinds, 1, are ? 1 : 0)
    this.#wrongRows = ((wrong << 1) | (1 - bit)) & 0xff
    if (bit === 0) return false
    const length = end - from
    this.#right += length
    this.#wrong = length < 16 ? (this.#wrong << length) & 0xffff : 0
    for (let k = Math.max(from, end - 4); k < end; k += 1) this.#before = (this.#before << 8) | bytes[k]!
    return true
  }

  /** Whether a halfword is as expected, whose first byte stands at `place`: as `areExpected` of a row. */
  isExpected(coder: BitCoder, { at, kind, halfword }: Place, is: boolean): boolean {
    const wrong = this.#wrong
    const { contexts } = this.#evidence
    const told = (this.#shifts.byOld(halfword, 1) >> 8) + 2 * (this.#shifts.byEarlier(halfword, 1) >> 8)
    contexts[0] = context(3, halfword.earlier >> 8)
    contexts[1] = context(4, halfword.old)
    contexts[2] = context(5, ((kind * 64 + (wrong & 12) * 4 + (at & 2)) * 4 + told) * 8 + (halfword.old >> 13))
    const bit = this.#evidence.one(coder, OF_HALFWORD + kind, caseOf(wrong), is ? 1 : 0)
    if (bit === 0) return false
    const { expected } = halfword
    this.#wrong = (wrong << 2) & 0xffff
    this.#right += 2
    this.#before = (this.#before << 16) | ((expected & 255) << 8) | (expected >> 8)
    this.#shifts.learn(halfword, expected)
    return true
  }

  /** A covered byte to the coder, or from it: then `byte` is not looked at. Answers the byte. */
  covered(coder: BitCoder, place: Place, byte: number): number {
    const { halfword, odd } = place
    const byOld = this.#shifts.byOld(halfword, odd)
    const byEarlier = this.#shifts.byEarlier(halfword, odd)
    const is = !place.differs && this.#isByte(coder, place, says(byEarlier, byOld, place.expected), byte)
    this.#wrong = ((this.#wrong << 1) | (is ? 0 : 1)) & 0xffff
    this.#right = is ? this.#right + 1 : 0
    const coded = is ? place.expected : this.#foretold(coder, place, byOld, byEarlier, byte)
    if (odd === 1) this.#shifts.learn(halfword, (coded << 8) | (this.#before & 255))
    this.#before = (this.#before << 8) | coded
    return coded
  }

  /** A byte that no cover is about, to the coder, or from it: then `byte` is not looked at. Answers the byte. */
  other(coder: BitCoder, at: number, byte: number): number {
    const { contexts } = this.#evidence
    const [c1, c2] = [this.#before & 255, (this.#before >> 8) & 255]
    const part = this.#parts.of(at, this.#before)
    const [whole, last, before] = [context(15, part), context(16, c1 * 4 + part), context(17, c2 * 2 + (at & 1))]
    const row = OF_OTHERS + 8 * part
    this.#right = 0
    let spelled = 1
    for (let bits = 0; bits < 8; bits += 4) {
      const among = Math.imul(spelled, SPREAD)
      contexts[0] = whole + among
      contexts[1] = last + among
      contexts[2] = before + among
      spelled = spelled * 16 + this.#evidence.four(coder, row + bits, (byte >> (4 - bits)) & 15)
    }
    const coded = spelled & 255
    this.#before = (this.#before << 8) | coded
    return coded
  }

  #isByte(coder: BitCoder, { at, expected, kind, halfword, odd }: Place, told: number, byte: number): boolean {
    const wrong = this.#wrong
    const { contexts } = this.#evidence
    contexts[0] = context(6, expected)
    contexts[1] = context(7, (halfword.old >> 8) * 2 + odd)
    contexts[2] = context(8, (kind * 16 + (wrong & 3) * 4 + (at & 3)) * 9 + told)
    return this.#evidence.one(coder, OF_BYTE + kind, caseOf(wrong), byte === expected ? 1 : 0) === 1
  }

  /** A byte that is not the expected one: one of those that are foretold, or its bits. */
  #foretold(coder: BitCoder, place: Place, byOld: Foretold, byEarlier: Foretold, byte: number): number {
    const { expected, halfword, odd } = place
    const [first, second] = [byEarlier & 255, byOld & 255]
    const of = (halfword.kind * 2 + odd) * 4
    const isFirst = first !== expected
    if (isFirst && this.#isTold(coder, first, of + (first === second ? 3 : 1), byte)) return first
    const isSecond = second !== expected && second !== first
    if (isSecond && this.#isTold(coder, second, of + (isFirst ? 2 : 0), byte)) return second
    return this.#spell(coder, place, byOld, byte)
  }

  #isTold(coder: BitCoder, told: number, of: number, byte: number): boolean {
    const untold = this.#untold
    const { contexts } = this.#evidence
    contexts[0] = context(9, of)
    contexts[1] = context(10, told * 32 + of)
    contexts[2] = context(11, (untold & 15) * 32 + of)
    const bit = this.#evidence.one(coder, OF_TOLD + of, caseOf(untold), told === byte ? 1 : 0)
    this.#untold = ((untold << 1) | (1 - bit)) & 0xff
    return bit === 1
  }

  /** The bits of a covered byte. */
  #spell(coder: BitCoder, place: Place, byOld: Foretold, byte: number): number {
    const { expected, halfword } = place
    const { contexts } = this.#evidence
    const row = OF_COVERED + 8 * Math.min(2, halfword.kind)
    const [own, after] = [context(12, expected), context(14, expected | ((this.#before & 255) << 8))]
    let spelled = 1
    for (let bits = 0; bits < 8; bits += 4) {
      const among = Math.imul(spelled, SPREAD)
      contexts[0] = own + among
      contexts[1] = context(13, bitsOf(byOld, spelled, bits, halfword.kind))
      contexts[2] = after + among
      spelled = spelled * 16 + this.#evidence.four(coder, row + bits, (byte >> (4 - bits)) & 15)
    }
    return spelled & 255
  }
}

const context = (of: number, value: number): number => Math.imul(value, 0x2f0b4c47) + Math.imul(of + 1, 0x5bd1e995)

/** What tells the bits of a byte apart: times those before it, behind a 1. */
const SPREAD = 0x3d4d51cb

/** 2 when the newest was not as wanted, 3 when only the one before it was not, else 1. */
const caseOf = (wrong: number): number => ((wrong & 1) === 1 ? 2 : (wrong & 2) === 2 ? 3 : 1)

/** What both say of the expected byte, in a number of nine. */
const says = (byEarlier: Foretold, byOld: Foretold, expected: number): number =>
  saysOf(byEarlier, expected) * 3 + saysOf(byOld, expected)

/** 0: the halfword is foretold as it is expected; 1: it is not, but this byte of it; 2: not this byte either. */
const saysOf = (foretold: Foretold, expected: number): number =>
  foretold < 256 ? 0 : (foretold & 255) === expected ? 1 : 2

/** The next four bits of what is foretold, of so many sorts, as one number; 0 when the bits before them were others. */
function bitsOf(foretold: Foretold, spelled: number, bits: number, sort: number): number {
  const byte = foretold & 255
  if ((byte | 256) >> (8 - bits) !== spelled) return 0
  return ((16 + ((byte >> (4 - bits)) & 15)) * 2 + (foretold >> 8) + 64 * sort) * 8 + bits
}

/** A count of bytes in few numbers, up to 15: exactly while it is small. */
const steps = (count: number): number => (count < 8 ? count : Math.min(15, 39 - Math.clz32(count >> 3)))
