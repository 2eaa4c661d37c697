import type { BitCoder } from './arithmetic.ts'
import { probabilityOf } from './odds.ts'
import { NEXT, ODDS } from './tallies.ts'

/** Contexts that a bit is judged by, each with a weight of its own, and one weight more by which a place leans to a side. */
const CONTEXTS = 3
const WEIGHTS = CONTEXTS + 1

/** Bytes of a group, of which the first is its tag, and the others tallies: of one bit in three cases, or of four bits, each by those before it, behind a 1. */
const OF_ONE = 4
const OF_FOUR = 16
/** How many groups there are of either. */
const groupsOf = (bits: number): number => (5 * 2 ** bits) / 32

/** What it keeps in memory, in bytes. */
export const evidenceBytes = (bits: number, rows: number): number =>
  (OF_ONE + OF_FOUR) * groupsOf(bits) + 2 * WEIGHTS * rows

/** What the leaning says: 1 in log-odds. */
const LEANING = 256
/** How fast weights learn. */
const RATE = 12

/**
 * How likely a bit is by the contexts that it stands in: each context has a tally of the bits that stood in it, and of what those say there is
 * a sum, with weights that are learned, a row of weights for each kind of place.
 *
 * A context is found by a hash of it, and has a group of tallies. Eight bits more of the hash tell it from others that fall to the same place. It
 * may stand in either of two places; where both are others', the one that has seen less gives way.
 */
export class Evidence {
  /** What the next bit, or the next four, stand in, as numbers that look like chance. */
  readonly contexts = new Int32Array(CONTEXTS)
  readonly #ones: Uint8Array
  readonly #fours: Uint8Array
  readonly #shift: number
  /** In 1/8192. */
  readonly #weights: Int16Array
  readonly #places = new Int32Array(CONTEXTS)

  /** `5 · 2^(bits − 5)` groups of either kind; `rows` of weights, each at first `weight`. */
  constructor(bits: number, rows: number, weight: number) {
    this.#ones = new Uint8Array(OF_ONE * groupsOf(bits))
    this.#fours = new Uint8Array(OF_FOUR * groupsOf(bits))
    this.#shift = 32 - bits
    this.#weights = new Int16Array(WEIGHTS * rows).fill(weight)
  }

  /** A bit to the coder, or from it: then `bit` is not looked at. It stands in `contexts`, in a case from 1 to 3. */
  one(coder: BitCoder, row: number, which: number, bit: number): number {
    this.#find(this.#ones, OF_ONE)
    return this.#decide(coder, this.#ones, row, which, bit)
  }

  /** Four bits, the upper ones first, by a row of weights and the three behind it. */
  four(coder: BitCoder, row: number, bits: number): number {
    this.#find(this.#fours, OF_FOUR)
    let among = 1
    for (let k = 0; k < 4; k += 1) {
      among = among * 2 + this.#decide(coder, this.#fours, row + k, among, (bits >> (3 - k)) & 1)
    }
    return among & 15
  }

  /** One after the other: a later context may take the group that an earlier one found. */
  #find(groups: Uint8Array, size: number): void {
    const contexts = this.contexts
    const places = this.#places
    for (let k = 0; k < CONTEXTS; k += 1) {
      const hash = Math.imul(contexts[k]!, 0x9e3779b1)
      const tag = (hash >>> 4) & 255
      let place = (((hash >>> this.#shift) * 5) >>> 5) * size
      if (groups[place] !== tag) {
        const other = place ^ size
        if (groups[other] === tag) place = other
        else {
          if (groups[place + 1]! > groups[other + 1]!) place = other
          groups[place] = tag
          for (let at = place + 1; at < place + size; at += 1) groups[at] = 0
        }
      }
      places[k] = place
    }
  }

  /**
   * The loops over the contexts are written out: what this takes is what a patch takes. A weight that grows beyond 16 bits keeps its lowest 16,
   * wherever this is done.
   */
  #decide(coder: BitCoder, groups: Uint8Array, row: number, which: number, bit: number): number {
    const weights = this.#weights
    const places = this.#places
    const first = places[0]! + which
    const second = places[1]! + which
    const third = places[2]! + which
    // All are read before the first is written: two contexts may have the same group, which learns once.
    const tally = groups[first]!
    const other = groups[second]!
    const last = groups[third]!
    const a = ODDS[tally]!
    const b = ODDS[other]!
    const c = ODDS[last]!
    const at = row * WEIGHTS
    const sum =
      Math.imul(a, weights[at]!) +
      Math.imul(b, weights[at + 1]!) +
      Math.imul(c, weights[at + 2]!) +
      LEANING * weights[at + 3]!
    const likely = probabilityOf(sum >> 17)
    const coded = coder.code(likely, bit)
    groups[first] = NEXT[tally * 2 + coded]!
    groups[second] = NEXT[other * 2 + coded]!
    groups[third] = NEXT[last * 2 + coded]!
    const error = ((coded << 12) - likely) * RATE
    weights[at] = weights[at]! + (Math.imul(a, error) >> 16)
    weights[at + 1] = weights[at + 1]! + (Math.imul(b, error) >> 16)
    weights[at + 2] = weights[at + 2]! + (Math.imul(c, error) >> 16)
    weights[at + 3] = weights[at + 3]! + ((LEANING * error) >> 16)
    return coded
  }
}
