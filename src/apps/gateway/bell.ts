/** Wakes those who wait for news: held requests, the loop that reports to the fleet. */
export class Bell {
  #waiting: Set<() => void> = new Set()
  #closed = false

  ring(): void {
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const wake of waiting) wake()
  }

  /** Rings for the last time: nobody waits from now on. */
  close(): void {
    this.#closed = true
    this.ring()
  }

  /**
   * Resolves at the next ring, or after `millis` without one, or when `stop` is aborted. Ask before you look, so that no
   * news is missed.
   */
  next(millis: number, stop?: AbortSignal): Promise<void> {
    if (millis <= 0 || this.#closed || stop?.aborted === true) return Promise.resolve()
    return new Promise(resolve => {
      const wake = (): void => {
        clearTimeout(timer)
        stop?.removeEventListener('abort', wake)
        this.#waiting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, millis)
      stop?.addEventListener('abort', wake)
      this.#waiting.add(wake)
    })
  }
}
