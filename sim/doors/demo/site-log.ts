import type { StampedEvent } from '../site/events.ts'

/** Events kept: a site that is left running for weeks goes on telling. */
const MAX_EVENTS = 10_000

/** What the site's process told so far, downloads' progress left out, and who listens. */
export class SiteLog {
  readonly events: StampedEvent[] = []
  readonly #trials = new Set<string>()
  readonly #listeners = new Set<(event: StampedEvent) => void>()

  add(event: StampedEvent): void {
    if (event.event !== 'download' && this.events.length < MAX_EVENTS) this.events.push(event)
    if (event.event === 'boot') {
      if (event.trial) this.#trials.add(event.controller)
      else this.#trials.delete(event.controller)
    }
    if (event.event === 'confirmed') this.#trials.delete(event.controller)
    for (const listener of this.#listeners) listener(event)
  }

  /** Calls `listener` for every event from now on; answers how to end that. */
  on(listener: (event: StampedEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The controllers that try an image now. */
  onTrial(): readonly string[] {
    return [...this.#trials]
  }

  /** Resolves when the condition holds, looked at with every event, or after `millis`. */
  until(condition: () => boolean, millis: number): Promise<void> {
    return new Promise(resolve => {
      if (condition()) return resolve()
      const end = (): void => {
        clearTimeout(timer)
        stop()
        resolve()
      }
      const timer = setTimeout(end, millis)
      const stop = this.on(() => {
        if (condition()) end()
      })
    })
  }
}
