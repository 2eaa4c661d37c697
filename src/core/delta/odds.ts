/**
 * Probabilities as the sum of evidence: a probability p stands as its log-odds ln(p / (1 − p)), in 1/256, from −2047 to 2047, and several
 * are mixed by a sum with weights that are learned (M. Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression",
 * Florida Tech TR CS-2005-16). Whole numbers throughout: writer and reader come to the same bit on any machine.
 */

/** Probabilities in 1/4096 of the log-odds −2048, −1920, … 2048: `4096 / (1 + e^(−x / 256))`, rounded, from 1 to 4095. */
const KNOTS = [
  1, 2, 4, 6, 10, 17, 27, 45, 74, 120, 194, 311, 488, 747, 1102, 1546, 2048, 2550, 2994, 3349, 3608, 3785, 3902, 3976,
  4022, 4051, 4069, 4079, 4086, 4090, 4092, 4094, 4095,
]

/** The probability in 1/4096 that is so many of so many parts of the way from a knot to the next one. */
const between = (knot: number, part: number, parts: number): number =>
  Math.floor((KNOTS[knot]! * (parts - part) + KNOTS[knot + 1]! * part + parts / 2) / parts)

/** The log-odds of a probability in 1/4096: the smallest, from −2047 to 2047, whose probability is not below it. */
export function logOddsOf(probability: number): number {
  let [low, high] = [-2047, 2047]
  while (low < high) {
    const middle = (low + high) >> 1
    if (between((middle + 2048) >> 7, (middle + 2048) & 127, 128) < probability) low = middle + 1
    else high = middle
  }
  return low
}

/** Probabilities, in 1/4096, of log-odds in steps of 16 from −2048 on, each of the middle of its step. */
const PROBABILITIES = Int16Array.from({ length: 256 }, (_, step) => between(step >> 3, (step & 7) * 2 + 1, 16))

/** The probability in 1/4096 of log-odds in 1/16, whole numbers, from 1 to 4095. */
export const probabilityOf = (odds: number): number =>
  PROBABILITIES[(odds > 127 ? 127 : odds < -128 ? -128 : odds) + 128]!

/** Probabilities of bits by what stands around them, which learn from each bit: fast at first, slower the more they have seen. */
export class Slots {
  readonly probabilities: Uint16Array
  readonly #seen: Uint8Array
  readonly #most: number

  /** `most`: of how many of the last bits a probability is the mean, about. */
  constructor(size: number, most: number) {
    this.probabilities = new Uint16Array(size).fill(0x8000)
    this.#seen = new Uint8Array(size)
    this.#most = most
  }

  /** A probability that can be coded with alone, in 1/4096: never 0, and never 1. */
  likely(slot: number): number {
    return Math.min(4094, Math.max(2, this.probabilities[slot]! >> 4))
  }

  /** What others of the same size have learned. */
  take(others: Slots): void {
    this.probabilities.set(others.probabilities)
    this.#seen.set(others.#seen)
  }

  learn(slot: number, bit: number): void {
    const seen = this.#seen[slot]!
    const probability = this.probabilities[slot]!
    const distance = (bit === 1 ? 65535 : 0) - probability
    this.probabilities[slot] = probability + (Math.imul(distance, STEPS[seen]!) >> 15)
    if (seen < this.#most) this.#seen[slot] = seen + 1
  }
}

/** How far a probability goes towards a bit that it has seen others before: 2 / (2 · seen + 3), in 1/32768. */
const STEPS = Int32Array.from({ length: 256 }, (_, seen) => Math.floor(65536 / (2 * seen + 3)))
