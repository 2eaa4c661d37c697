/** Wakes those who wait for news: held requests, the loop that reports to the fleet. */
export class Bell {
  #waiting: Set<() => void> = new Set()

  ring(): void {
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const wake of waiting) wake()
  }

  /** Resolves at the next ring, or after `millis` without one. Ask before you look, so that no news is missed. */
  next(millis: number): Promise<void> {
    if (millis <= 0) return Promise.resolve()
    return new Promise(resolve => {
      const wake = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, millis)
      this.#waiting.add(wake)
    })
  }
}
