import type { BitCoder } from './arithmetic.ts'
import { logOdds, Mixer, Slots } from './odds.ts'
import { KINDS } from './references.ts'

/** Evidence for whether a row is as expected, whether a byte is, and for each bit of a byte. */
const OF_ROW = 4
const OF_WHETHER = 6
const OF_BYTE = 6
/** Slots for the first; those for the second are what a patch states. */
const WHETHER_BITS = 11
/** A constant input, so that a mixer can lean to one side: 1 in log-odds. */
const LEANING = 256

/** Slots for bytes: 2 to the power of so much, 3 bytes each. */
export const SLOT_BITS = { least: 10, usual: 14, large: 20, most: 22 } as const

/** What the model keeps in memory, in bytes. */
export const modelBytes = (slotBits: number): number =>
  3 * (2 ** slotBits + 2 ** WHETHER_BITS) +
  4 * ((OF_ROW + 1) * KINDS_OF_ROW + (OF_WHETHER + 1) * KINDS + (OF_BYTE + 1) * PLACES)

/** Rows by the references in them; places of a bit: in a byte of a covered row by what it belongs to, or in another, even or odd. */
const KINDS_OF_ROW = 8
const PLACES = 8 * 5

/** Where a byte of the new image stands, and what is known of it. `expected`: −1 where no cover is. */
export type Place = {
  at: number
  expected: number
  kind: number
  /** The halfword of the old image that it comes from, and which of its two bytes. */
  halfword: number
  odd: number
}

/**
 * How likely each bit of a new image is by what came before it: first whether a byte is the one that its cover makes expected, then, if it is
 * not or there is no cover, its bits from the highest. Writer and reader go through the same, and learn the same from each bit.
 */
export class ByteModel {
  readonly #whether = new Slots(2 ** WHETHER_BITS, 250)
  readonly #mostly = new Mixer(OF_WHETHER + 1, KINDS, { weight: 20_000, rate: 2 })
  readonly #bytes: Slots
  readonly #shift: number
  readonly #spelling = new Mixer(OF_BYTE + 1, PLACES, { weight: 18_000, rate: 8 })
  readonly #rows = new Mixer(OF_ROW + 1, KINDS_OF_ROW, { weight: 20_000, rate: 2 })
  readonly #contexts = new Int32Array(OF_BYTE)
  readonly #slots = new Int32Array(Math.max(OF_BYTE, OF_WHETHER))
  /** The last four bytes, the newest lowest; which of the last rows, and of the last bytes, were not as expected; how many bytes in a row were. */
  #before = 0
  #wrongRows = 0
  #wrong = 0
  #right = 0

  constructor(slotBits: number) {
    this.#bytes = new Slots(2 ** slotBits, 30)
    this.#shift = 32 - slotBits
  }

  /**
   * Whether a row of covered bytes is as expected, all of it: to the coder, or from it; then `are` is not looked at. If so, it is gone
   * through. `kinds`: a bit for each kind of reference in it, of three.
   */
  areExpected(coder: BitCoder, expected: Uint8Array, kinds: number, are: boolean): boolean {
    const wrong = this.#wrongRows
    const slots = this.#slots
    slots[0] = whetherSlot(6, wrong & 255)
    slots[1] = whetherSlot(7, kinds * 16 + steps(this.#right >> 1))
    slots[2] = whetherSlot(8, kinds * 256 + (wrong & 15) * 16 + (this.#wrong & 15))
    slots[3] = whetherSlot(9, (expected[1] ?? 0) * 256 + (expected[3] ?? 0))
    const bit = this.#decide(coder, this.#whether, this.#rows, kinds, are ? 1 : 0)
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
    const coded = this.#isExpected(coder, place, byte) ? place.expected : this.#spell(coder, place, byte)
    this.#before = (this.#before << 8) | coded
    return coded
  }

  #isExpected(coder: BitCoder, { at, expected, kind, halfword, odd }: Place, byte: number): boolean {
    if (expected < 0) {
      this.#right = 0
      return false
    }
    const wrong = this.#wrong
    const slots = this.#slots
    slots[0] = whetherSlot(0, wrong & 255)
    slots[1] = whetherSlot(1, kind * 16 + steps(this.#right))
    slots[2] = whetherSlot(2, expected * 4 + (wrong & 3))
    slots[3] = whetherSlot(3, (halfword >> 8) * 8 + odd * 4 + (wrong & 3))
    slots[4] = whetherSlot(4, halfword * 2 + odd)
    slots[5] = whetherSlot(5, kind * 256 + (wrong & 15) * 16 + (at & 3))
    const bit = this.#decide(coder, this.#whether, this.#mostly, kind, byte === expected ? 1 : 0)
    this.#wrong = ((wrong << 1) | (1 - bit)) & 0xffff
    this.#right = bit === 1 ? this.#right + 1 : 0
    return bit === 1
  }

  #spell(coder: BitCoder, { at, expected, kind }: Place, byte: number): number {
    const [c1, c2, c3, c4] = [
      this.#before & 255,
      (this.#before >> 8) & 255,
      (this.#before >> 16) & 255,
      this.#before >>> 24,
    ]
    const contexts = this.#contexts
    const isCovered = expected >= 0
    if (isCovered) {
      contexts[0] = context(0, 256 + kind)
      contexts[1] = context(1, expected)
      contexts[2] = context(2, expected * 16 + kind)
      contexts[3] = context(3, 0x10000 + c1)
      contexts[4] = context(4, expected | (c1 << 8))
      contexts[5] = context(5, c1 | (c2 << 8) | (c3 << 16))
    } else {
      contexts[0] = context(6, at & 1)
      contexts[1] = context(7, c1 * 2 + (at & 1))
      contexts[2] = context(8, c1 | (c2 << 8))
      contexts[3] = context(9, c1 | (c2 << 8) | (c3 << 16))
      contexts[4] = context(10, c2 * 2 + (at & 1))
      contexts[5] = context(11, c4 * 4 + (at & 3))
    }
    const place = 8 * (isCovered ? Math.min(2, (kind + 3) >> 2) : 3 + (at & 1))
    const slots = this.#slots
    let spelled = 1
    for (let bits = 0; bits < 8; bits += 1) {
      for (let k = 0; k < OF_BYTE; k += 1) {
        slots[k] = Math.imul(contexts[k]! + Math.imul(spelled, 0x3d4d51cb), 0x9e3779b1) >>> this.#shift
      }
      const bit = this.#decide(coder, this.#bytes, this.#spelling, place + bits, (byte >> (7 - bits)) & 1)
      spelled = spelled * 2 + bit
    }
    return spelled & 255
  }

  /** A bit to the coder, or from it, by what the slots that were chosen for it say; they and the mixer learn from it. */
  #decide(coder: BitCoder, of: Slots, mixer: Mixer, row: number, bit: number): number {
    const slots = this.#slots
    const { inputs } = mixer
    const { probabilities } = of
    const leaning = inputs.length - 1
    for (let k = 0; k < leaning; k += 1) inputs[k] = logOdds(probabilities[slots[k]!]!)
    inputs[leaning] = LEANING
    const coded = coder.code(mixer.mix(row), bit)
    mixer.learn(coded)
    for (let k = 0; k < leaning; k += 1) of.learn(slots[k]!, coded)
    return coded
  }
}

const whetherSlot = (of: number, value: number): number =>
  Math.imul(Math.imul(value, 0x2f0b4c47) + of * 0x1b873593, 0x9e3779b1) >>> (32 - WHETHER_BITS)

const context = (of: number, value: number): number => Math.imul(value, 0x2f0b4c47) + Math.imul(of + 1, 0x5bd1e995)

/** A count of bytes in few numbers, up to 15: exactly while it is small. */
const steps = (count: number): number => (count < 8 ? count : Math.min(15, 36 - Math.clz32(count >> 3)))
