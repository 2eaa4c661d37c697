import type { BitCoder } from './arithmetic.ts'
import { probabilityOf } from './odds.ts'
import { NEXT, ODDS } from './tallies.ts'

/** Contexts that a bit is judged by, each with a weight of its own, and one weight more by which a place leans to a side. */
const CONTEXTS = 3
const WEIGHTS = CONTEXTS + 1

/** Bytes of a group: its tag, the tally of a bit, and those of the bit behind it, by what that one was. */
const GROUP = 4
const groupsOf = (bits: number): number => 3 * 2 ** (bits - 2)

/** What it keeps in memory, in bytes. */
export const evidenceBytes = (bits: number, rows: number): number => GROUP * groupsOf(bits) + 2 * WEIGHTS * rows

/** What the leaning says: 1 in log-odds. */
const LEANING = 256

/**
 * How likely a bit is by the contexts that it stands in: each context has a tally of the bits that stood in it, and of what those say there is
 * a sum, with weights that are learned, a row of weights for each kind of place.
 *
 * A context is found by a hash of it, and has a group of three tallies: of two bits that follow each other, or of one bit in three cases. Eight bits more of
 * the hash tell the context from others that fall to the same place. It may stand in either of two places; where both are others', the one that has seen less gives way.
 */
export class Evidence {
  /** What the next bit, or the next two, stand in, as numbers that look like chance. */
  readonly contexts = new Int32Array(CONTEXTS)
  readonly #groups: Uint8Array
  readonly #shift: number
  /** In 1/8192. */
  readonly #weights: Int16Array
  readonly #places = new Int32Array(CONTEXTS)

  /** `3 · 2^(bits − 2)` groups; `rows` of weights, each at first `weight`. */
  constructor(bits: number, rows: number, weight: number) {
    this.#groups = new Uint8Array(GROUP * groupsOf(bits))
    this.#shift = 29 - bits
    this.#weights = new Int16Array(WEIGHTS * rows).fill(weight)
  }

  /** A bit to the coder, or from it: then `bit` is not looked at. It stands in `contexts`, in a case from 1 to 3. */
  one(coder: BitCoder, row: number, which: number, bit: number): number {
    this.#find()
    return this.#decide(coder, row, which, bit)
  }

  /** Two bits, the upper one first, by a row of weights and the one behind it. */
  two(coder: BitCoder, row: number, bits: number): number {
    this.#find()
    const upper = this.#decide(coder, row, 1, bits >> 1)
    return upper * 2 + this.#decide(coder, row + 1, 2 + upper, bits & 1)
  }

  #find(): void {
    const contexts = this.contexts
    const groups = this.#groups
    const places = this.#places
    const shift = this.#shift
    for (let k = 0; k < CONTEXTS; k += 1) {
      const hash = Math.imul(contexts[k]!, 0x9e3779b1)
      const tag = (hash >>> 8) & 255
      let place = (((hash >>> shift) * 3) >>> 5) * GROUP
      if (groups[place] !== tag) {
        const other = place ^ GROUP
        if (groups[other] === tag) place = other
        else {
          if (groups[place + 1]! > groups[other + 1]!) place = other
          groups[place] = tag
          groups[place + 1] = 0
          groups[place + 2] = 0
          groups[place + 3] = 0
        }
      }
      places[k] = place
    }
  }

  /**
   * The loops over the contexts are written out: what this takes is what a patch takes. Two contexts may have the same group: it learns once. A
   * weight that grows beyond 16 bits has its lowest 16, here as elsewhere: no image that was thought of brings one near it.
   */
  #decide(coder: BitCoder, row: number, which: number, bit: number): number {
    const groups = this.#groups
    const weights = this.#weights
    const places = this.#places
    const [first, second, third] = [places[0]! + which, places[1]! + which, places[2]! + which]
    const [seen, other, last] = [groups[first]!, groups[second]!, groups[third]!]
    const [a, b, c] = [ODDS[seen]!, ODDS[other]!, ODDS[last]!]
    const at = row * WEIGHTS
    const [w0, w1, w2, w3] = [weights[at]!, weights[at + 1]!, weights[at + 2]!, weights[at + 3]!]
    const sum = Math.imul(a, w0) + Math.imul(b, w1) + Math.imul(c, w2) + LEANING * w3
    const likely = probabilityOf(sum >> 17)
    const coded = coder.code(likely, bit)
    groups[first] = NEXT[seen * 2 + coded]!
    groups[second] = NEXT[other * 2 + coded]!
    groups[third] = NEXT[last * 2 + coded]!
    const error = (coded << 12) - likely
    weights[at] = w0 + (Math.imul(a, error) >> 13)
    weights[at + 1] = w1 + (Math.imul(b, error) >> 13)
    weights[at + 2] = w2 + (Math.imul(c, error) >> 13)
    weights[at + 3] = w3 + ((LEANING * error) >> 13)
    return coded
  }
}
