import type { Watchdog } from '../../src/core/slot/hardware.ts'
import type { Clock } from '../../src/flows/ports.ts'

/** A watchdog on a given clock. It does not reset anything: whoever moves the clock asks `expired`, and resets. */
export class SimWatchdog implements Watchdog {
  readonly #clock: Clock
  #timeout = 0
  #deadline: number | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  start(timeoutMillis: number): void {
    this.#timeout = timeoutMillis
    this.#deadline = this.#clock.now() + timeoutMillis
  }

  kick(): void {
    if (this.#deadline !== null) this.#deadline = this.#clock.now() + this.#timeout
  }

  stop(): void {
    this.#deadline = null
  }

  /** How it stands, for a test that goes on from here more than once. */
  snapshot(): { readonly timeout: number; readonly deadline: number | null } {
    return { timeout: this.#timeout, deadline: this.#deadline }
  }

  restore({ timeout, deadline }: { readonly timeout: number; readonly deadline: number | null }): void {
    this.#timeout = timeout
    this.#deadline = deadline
  }

  get running(): boolean {
    return this.#deadline !== null
  }

  get expired(): boolean {
    return this.#deadline !== null && this.#clock.now() >= this.#deadline
  }
}
