import type { BitCoder } from './arithmetic.ts'
import { logOddsOf, probabilityOf } from './odds.ts'

/** Contexts that a bit is judged by, each with a weight of its own, and one weight more by which a place leans to a side. */
const CONTEXTS = 4
const WEIGHTS = CONTEXTS + 1

/** Halfwords of a group: its tag, the probability of a bit, and those of the bit behind it, by what that one was. */
const GROUP = 4
const groupsOf = (bits: number): number => 3 * 2 ** (bits - 3)

/** What it keeps in memory, in bytes. */
export const evidenceBytes = (bits: number, rows: number): number => 2 * GROUP * groupsOf(bits) + 4 * WEIGHTS * rows

/** What the leaning says: 1 in log-odds. */
const LEANING = 256
/** How fast weights learn. */
const RATE = 12
/** A weight is 1 at 65536, and at most 8: products stay within 32 bits. */
const MOST = 8 << 16

const UNKNOWN = 0x8000
/** The tag of a group that no context has yet: those of contexts are odd. */
const NOBODY = 0
const SEEN = 15
/** Of how many of the last bits a probability is the mean, about. */
const MOST_SEEN = 10
/** How far a probability goes towards a bit, by how many it has seen before: 2 / (2 · seen + 3), in 1/65536. */
const STEPS = Int32Array.from({ length: 16 }, (_, seen) => Math.floor(131072 / (2 * seen + 3)))

/**
 * How likely a bit is by the contexts that it stands in: each context's own probability, learned from the bits that stood in it, and of all of
 * them a mean with weights that are learned too, a row of weights for each kind of place.
 *
 * A context is found by a hash of it, and has a group of three probabilities: of two bits that follow each other, or of one bit in three cases. A probability
 * of a 1 takes 16 bits: in 1/4096, and how often it was asked; 16 bits more tell the context from others that fall to the same place. It may
 * stand in either of two places; where both are others', the one that was asked less gives way.
 */
export class Evidence {
  /** What the next bit, or the next two, stand in, as numbers that look like chance. */
  readonly contexts = new Int32Array(CONTEXTS)
  readonly #values: Uint16Array
  readonly #shift: number
  readonly #weights: Int32Array
  readonly #places = new Int32Array(CONTEXTS)

  /** `3 · 2^(bits − 3)` groups; `rows` of weights, each at first `weight`. */
  constructor(bits: number, rows: number, weight: number) {
    this.#values = new Uint16Array(GROUP * groupsOf(bits)).fill(UNKNOWN)
    for (let tag = 0; tag < this.#values.length; tag += GROUP) this.#values[tag] = NOBODY
    this.#shift = 30 - bits
    this.#weights = new Int32Array(WEIGHTS * rows).fill(weight)
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
    const values = this.#values
    const places = this.#places
    const shift = this.#shift
    for (let k = 0; k < CONTEXTS; k += 1) {
      const hash = Math.imul(contexts[k]!, 0x9e3779b1)
      const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
      const tag = (mixed & 0xffff) | 1
      let place = (((mixed >>> shift) * 3) >>> 5) * GROUP
      if (values[place] !== tag) {
        const other = place ^ GROUP
        if (values[other] === tag) place = other
        else {
          if ((values[place + 1]! & SEEN) > (values[other + 1]! & SEEN)) place = other
          values[place] = tag
          values[place + 1] = UNKNOWN
          values[place + 2] = UNKNOWN
          values[place + 3] = UNKNOWN
        }
      }
      places[k] = place
    }
  }

  /** The loops over the contexts are written out: what this takes is what a patch takes. */
  #decide(coder: BitCoder, row: number, which: number, bit: number): number {
    const values = this.#values
    const weights = this.#weights
    const places = this.#places
    const at = row * WEIGHTS
    const [first, second, third, fourth] = [
      places[0]! + which,
      places[1]! + which,
      places[2]! + which,
      places[3]! + which,
    ]
    const a = logOddsOf(values[first]! >> 4)
    const b = logOddsOf(values[second]! >> 4)
    const c = logOddsOf(values[third]! >> 4)
    const d = logOddsOf(values[fourth]! >> 4)
    const sum =
      weights[at + 4]! +
      (Math.imul(a, weights[at]!) >> 8) +
      (Math.imul(b, weights[at + 1]!) >> 8) +
      (Math.imul(c, weights[at + 2]!) >> 8) +
      (Math.imul(d, weights[at + 3]!) >> 8)
    const likely = probabilityOf(sum >> 8)
    const coded = coder.code(likely, bit)
    const aim = coded << 12
    const error = Math.imul(aim - likely, RATE)
    learn(values, first, aim)
    learn(values, second, aim)
    learn(values, third, aim)
    learn(values, fourth, aim)
    learnWeight(weights, at, a, error)
    learnWeight(weights, at + 1, b, error)
    learnWeight(weights, at + 2, c, error)
    learnWeight(weights, at + 3, d, error)
    learnWeight(weights, at + 4, LEANING, error)
    return coded
  }
}

/**
 * Two contexts may have the same group: what the first one learned is there when the second one does. A probability stays from 1 to 4095 by itself: one that was
 * never asked is 2048, and each step behind the first is rounded, and less than half of the way.
 */
function learn(values: Uint16Array, place: number, aim: number): void {
  const value = values[place]!
  const seen = value & SEEN
  const by = (Math.imul(aim - (value >> 4), STEPS[seen]!) + 0x8000) >> 16
  values[place] = value + by * 16 + (seen < MOST_SEEN ? 1 : 0)
}

function learnWeight(weights: Int32Array, at: number, input: number, error: number): void {
  const weight = weights[at]! + ((Math.imul(input, error) + 0x2000) >> 14)
  weights[at] = weight > MOST ? MOST : weight < -MOST ? -MOST : weight
}
