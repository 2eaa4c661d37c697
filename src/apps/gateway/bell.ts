/**
 * Wakes those who wait for news: all of them, or those who wait under a name. A site's controllers each have theirs, so
 * that news for one does not make all the others ask.
 */
export class Bell {
  #waiting = new Map<() => void, string>()
  #closed = false

  /** Wakes who waits now: everybody, or who waits under this name. */
  ring(name?: string): void {
    for (const [wake, under] of [...this.#waiting]) if (name === undefined || name === under) wake()
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
  next(millis: number, stop?: AbortSignal, name = ''): Promise<void> {
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
      this.#waiting.set(wake, name)
    })
  }
}
