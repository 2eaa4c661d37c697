/**
 * When a regular report is due: every `every` milliseconds of a clock that nobody sets, the first somewhere within the
 * first such time and each later one up to a tenth earlier or later, by `random` (0 to below 1). So the controllers of a
 * site that got its power back at one moment do not report at one moment.
 */
export class Rhythm {
  readonly #every: number
  readonly #steady: () => number
  readonly #random: () => number
  #next: number

  constructor(every: number, steady: () => number, random: () => number) {
    this.#every = every
    this.#steady = steady
    this.#random = random
    this.#next = steady() + random() * every
  }

  /** True once for each time that has come. What was missed is not made up for: the newest figures say all. */
  isDue(): boolean {
    const now = this.#steady()
    if (now < this.#next) return false
    this.#next = now + this.#every * (0.9 + this.#random() * 0.2)
    return true
  }
}
