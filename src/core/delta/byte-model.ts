import type { BitCoder } from './arithmetic.ts'
import { Evidence, evidenceBytes } from './evidence.ts'
import { KINDS } from './references.ts'
import { type Foretold, type Halfword, SHIFTS_BYTES, Shifts } from './shifts.ts'

/** Slots for bytes: 2 to the power of so much, 3 bytes each. */
export const SLOT_BITS = { least: 10, usual: 14, large: 18, most: 22 } as const

/** What the model keeps in memory, in bytes. */
export const modelBytes = (slotBits: number): number => evidenceBytes(slotBits, WEIGHTS) + SHIFTS_BYTES

/**
 * Rows of weights: for whether a row is as expected, by the references in it; for whether a byte is, by what it belongs to; for each bit of a byte, by
 * what that belongs to, or where no cover is, by its place in an instruction.
 */
const OF_ROW = 0
const OF_WHETHER = OF_ROW + 8
const OF_COVERED = OF_WHETHER + KINDS
const OF_OTHERS = OF_COVERED + 8 * 3
const WEIGHTS = OF_OTHERS + 8 * 4
/** How fast weights learn: of what is mostly so, and of bits. */
const RATE = { mostly: 2, bits: 12 } as const
const WEIGHT = 20_000

/** Where a byte of the new image stands, and what is known of it. `expected`: −1 where no cover is. */
export type Place = {
  at: number
  expected: number
  /** What it belongs to, of all `KINDS`. */
  kind: number
  /** The halfword of the old image that it comes from; which of its two bytes. */
  readonly halfword: { -readonly [K in keyof Halfword]: Halfword[K] }
  odd: number
}

/**
 * How likely each bit of a new image is by what came before it: first whether a byte is the one that its cover makes expected, then, if it is
 * not or there is no cover, its bits from the highest. Writer and reader go through the same, and learn the same from each bit.
 */
export class ByteModel {
  readonly #evidence: Evidence
  /** The last four bytes, the newest lowest; which of the last rows, and of the last bytes, were not as expected; how many bytes in a row were. */
  #before = 0
  #wrongRows = 0
  #wrong = 0
  #right = 0
  /** The lower byte of the halfword that was gone through last. */
  #low = 0
  readonly #shifts = new Shifts()

  constructor(slotBits: number) {
    this.#evidence = new Evidence(slotBits, WEIGHTS, WEIGHT)
  }

  /**
   * Whether a row of covered bytes is as expected, all of it: to the coder, or from it; then `are` is not looked at. If so, it is gone
   * through. `kinds`: a bit for each kind of reference in it, of three.
   */
  areExpected(coder: BitCoder, expected: Uint8Array, kinds: number, are: boolean): boolean {
    const wrong = this.#wrongRows
    const { contexts } = this.#evidence
    contexts[0] = context(12, wrong & 255)
    contexts[1] = context(13, kinds * 16 + steps(this.#right >> 1))
    contexts[2] = context(14, kinds * 256 + (wrong & 15) * 16 + (this.#wrong & 15))
    contexts[3] = context(15, (expected[1] ?? 0) * 256 + (expected[3] ?? 0))
    const bit = this.#evidence.decide(coder, OF_ROW + kinds, RATE.mostly, are ? 1 : 0)
    this.#wrongRows = ((wrong << 1) | (1 - bit)) & 0xffff
    if (bit === 0) return false
    const length = expected.length
    this.#right += length
    this.#wrong = length < 16 ? (this.#wrong << length) & 0xffff : 0
    for (let k = Math.max(0, length - 4); k < length; k += 1) this.#before = (this.#before << 8) | expected[k]!
    return true
  }

  /** A byte to the coder, or from it: then `byte` is not looked at. Answers the byte. */
  code(coder: BitCoder, place: Place, byte: number): number {
    const coded = place.expected < 0 ? this.#spellOther(coder, place.at, byte) : this.#codeCovered(coder, place, byte)
    this.#before = (this.#before << 8) | coded
    return coded
  }

  #codeCovered(coder: BitCoder, place: Place, byte: number): number {
    const { expected, halfword, odd } = place
    const byOld = this.#shifts.byOld(halfword, odd)
    const byEarlier = this.#shifts.byEarlier(halfword, odd)
    const coded = this.#isExpected(coder, place, byOld, byEarlier, byte === expected)
      ? expected
      : this.#spell(coder, place, byOld, byEarlier, byte)
    if (odd === 1) this.#shifts.learn(halfword, (coded << 8) | this.#low)
    else this.#low = coded
    return coded
  }

  #isExpected(coder: BitCoder, place: Place, byOld: Foretold, byEarlier: Foretold, is: boolean): boolean {
    const { at, expected, kind, halfword, odd } = place
    const wrong = this.#wrong
    const { contexts } = this.#evidence
    const told = saysOf(byEarlier, expected) * 3 + saysOf(byOld, expected)
    contexts[0] = context(0, expected * 4 + (wrong & 3))
    contexts[1] = context(1, (halfword.old >> 8) * 8 + odd * 4 + (wrong & 3))
    contexts[2] = context(2, halfword.old * 2 + odd)
    contexts[3] = context(3, (kind * 256 + (wrong & 15) * 16 + (at & 3)) * 9 + told)
    const bit = this.#evidence.decide(coder, OF_WHETHER + kind, RATE.mostly, is ? 1 : 0)
    this.#wrong = ((wrong << 1) | (1 - bit)) & 0xffff
    this.#right = bit === 1 ? this.#right + 1 : 0
    return bit === 1
  }

  /** The bits of a byte that is not the expected one. */
  #spell(coder: BitCoder, place: Place, byOld: Foretold, byEarlier: Foretold, byte: number): number {
    const { expected, halfword } = place
    const { contexts } = this.#evidence
    const row = OF_COVERED + 8 * Math.min(2, halfword.kind)
    const [own, after] = [context(5, expected), context(7, expected | ((this.#before & 255) << 8))]
    let spelled = 1
    for (let bits = 0; bits < 8; bits += 1) {
      const among = Math.imul(spelled, SPREAD)
      contexts[0] = context(4, bitOf(byEarlier, spelled, bits, halfword.kind))
      contexts[1] = own + among
      contexts[2] = context(6, bitOf(byOld, spelled, bits, halfword.kind))
      contexts[3] = after + among
      spelled = spelled * 2 + this.#evidence.decide(coder, row + bits, RATE.bits, (byte >> (7 - bits)) & 1)
    }
    return spelled & 255
  }

  /** The bits of a byte that no cover is about. */
  #spellOther(coder: BitCoder, at: number, byte: number): number {
    const { contexts } = this.#evidence
    const [c1, c2, odd] = [this.#before & 255, (this.#before >> 8) & 255, at & 1]
    const [whole, last, before] = [context(8, odd), context(9, c1 * 2 + odd), context(10, c2 * 2 + odd)]
    const both = context(11, (c1 >> 4) * 32 + (c2 >> 4) * 2 + odd)
    const row = OF_OTHERS + 8 * this.#partOf(at)
    this.#right = 0
    let spelled = 1
    for (let bits = 0; bits < 8; bits += 1) {
      const among = Math.imul(spelled, SPREAD)
      contexts[0] = whole + among
      contexts[1] = last + among
      contexts[2] = before + among
      contexts[3] = both + among
      spelled = spelled * 2 + this.#evidence.decide(coder, row + bits, RATE.bits, (byte >> (7 - bits)) & 1)
    }
    return spelled & 255
  }

  /** Which byte of a halfword the next one is, and, in Thumb, whether that ends an instruction of two (Arm DDI 0403, A5.1). */
  #partOf(at: number): number {
    const odd = at & 1
    const last = (this.#before >>> (8 * odd)) & 255
    const before = (this.#before >>> (8 * odd + 16)) & 255
    return last >= 0xe8 && before < 0xe8 ? 2 + odd : odd
  }
}

const context = (of: number, value: number): number => Math.imul(value, 0x2f0b4c47) + Math.imul(of + 1, 0x5bd1e995)

/** What tells the bits of a byte apart: times those before it, behind a 1. */
const SPREAD = 0x3d4d51cb

/** 0: the halfword is foretold as it is expected; 1: it is not, but this byte of it; 2: not this byte either. */
const saysOf = (foretold: Foretold, expected: number): number =>
  foretold < 256 ? 0 : (foretold & 255) === expected ? 1 : 2

/** The next bit of what is foretold, of a kind of halfword, as one number; 0 when the bits before it were others. */
function bitOf(foretold: Foretold, spelled: number, bits: number, kind: number): number {
  const byte = foretold & 255
  if ((byte | 256) >> (8 - bits) !== spelled) return 0
  return (2 + ((byte >> (7 - bits)) & 1) + 4 * (foretold >> 8) + 8 * kind) * 8 + bits
}

/** A count of bytes in few numbers, up to 15: exactly while it is small. */
const steps = (count: number): number => (count < 8 ? count : Math.min(15, 36 - Math.clz32(count >> 3)))
