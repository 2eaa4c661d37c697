import { type Random, seeded } from '../../sim/clock/random.ts'

/** What a seed draws: the same seed draws the same, for ever. */
export class Draw {
  readonly #random: Random

  constructor(seed: number) {
    this.#random = seeded(seed)
  }

  /** A whole number from 0 to below `n`. */
  below(n: number): number {
    return Math.floor(this.#random() * n)
  }

  /** A whole number from `min` to `max`. */
  from(min: number, max: number): number {
    return min + this.below(max - min + 1)
  }

  /** True with a probability. */
  chance(probability: number): boolean {
    return this.#random() < probability
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  bytes(length: number): Uint8Array {
    return new Uint8Array(length).map(() => this.below(256))
  }

  /** A small number, seldom a large one: how many steps to take. */
  few(): number {
    let n = 1
    while (n < 24 && this.chance(0.45)) n += 1
    return n
  }
}
