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

/** The probability, in 1/4096, of log-odds from −2047 to 2047. */
const PROBABILITIES = Int16Array.from({ length: 4095 }, (_, k) => {
  const x = k + 1
  const [knot, part] = [x >> 7, x & 127]
  return (KNOTS[knot]! * (128 - part) + KNOTS[knot + 1]! * part + 64) >> 7
})

/** The log-odds of a probability in 1/4096: the smallest whose probability is not below it. */
const LOG_ODDS = ((): Int16Array => {
  const odds = new Int16Array(4096)
  for (let p = 0, x = -2047; p < 4096; p += 1) {
    while (x < 2047 && PROBABILITIES[x + 2047]! < p) x += 1
    odds[p] = x
  }
  return odds
})()

/** The log-odds of a probability in 1/4096. */
export const logOddsOf = (probability: number): number => LOG_ODDS[probability]!

/** The probability in 1/4096 of a sum of log-odds, from 1 to 4095. */
export const probabilityOf = (odds: number): number =>
  PROBABILITIES[(odds > 2047 ? 2047 : odds < -2047 ? -2047 : odds) + 2047]!

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
