import { type Instant, instant } from '../../src/core/encoding/units.ts'
import type { Clock } from '../../src/flows/ports.ts'
import { type Random, seeded } from './random.ts'

/** A clock that moves only when it is told to. The seed decides its drift, up to 100 parts in a million. */
export class VirtualClock implements Clock {
  readonly quality = 'simulated'
  #now: number
  readonly #rate: number

  /** `start` in milliseconds since 1970; a seed of 0 has no drift. */
  constructor(start: number, seed = 0) {
    const random: Random = seeded(seed)
    this.#now = start
    this.#rate = seed === 0 ? 1 : 1 + (random() - 0.5) * 2e-4
  }

  now(): Instant {
    return instant(Math.floor(this.#now))
  }

  /** Lets `millis` of true time go by. */
  advance(millis: number): void {
    this.#now += millis * this.#rate
  }

  /** A fault: the clock is set, ahead or back, by `millis`. */
  jump(millis: number): void {
    this.#now += millis
  }
}
