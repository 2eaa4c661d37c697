const FIRST = 100
const CAP = 5_000

/** Waits between attempts, in milliseconds: doubled each time up to a cap, and half of it by chance, so that a site does not knock in step. `random` answers numbers from 0 to below 1. */
export class BackOff {
  readonly #random: () => number
  #wait = FIRST

  constructor(random: () => number) {
    this.#random = random
  }

  next(): number {
    const wait = this.#wait
    this.#wait = Math.min(CAP, wait * 2)
    return wait / 2 + (this.#random() * wait) / 2
  }

  reset(): void {
    this.#wait = FIRST
  }
}

/** Resolves after `millis`, or when the signal is aborted. */
export function pause(millis: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, millis)
    signal.addEventListener('abort', end)
  })
}
