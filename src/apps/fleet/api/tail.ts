import type { FleetStore } from '../../../flows/ports.ts'

/** How often the log is looked at while somebody waits for it, in milliseconds. */
const LOOK_MILLIS = 200

/**
 * Tells those who wait that the log has grown. It looks at the store, and not at who writes: another server of the same
 * fleet may. One look serves all, and there is none while nobody waits.
 */
export class Tail {
  readonly #store: Pick<FleetStore, 'log'>
  readonly #waiting = new Set<{ readonly beyond: number; readonly wake: (size: number) => void }>()
  #timer: ReturnType<typeof setInterval> | null = null

  constructor(store: Pick<FleetStore, 'log'>) {
    this.#store = store
  }

  /** The size of the log once it is beyond `size`; null when it is not within `millis`, or `stop` is aborted. */
  beyond(size: number, millis: number, stop: AbortSignal): Promise<number | null> {
    if (stop.aborted) return Promise.resolve(null)
    return new Promise(resolve => {
      const end = (grown: number | null): void => {
        clearTimeout(timer)
        stop.removeEventListener('abort', onStop)
        this.#waiting.delete(waiting)
        if (this.#waiting.size === 0) this.#rest()
        resolve(grown)
      }
      const onStop = (): void => end(null)
      const waiting = { beyond: size, wake: end }
      const timer = setTimeout(onStop, millis)
      stop.addEventListener('abort', onStop)
      this.#waiting.add(waiting)
      this.#timer ??= setInterval(() => void this.#look(), LOOK_MILLIS)
    })
  }

  async #look(): Promise<void> {
    try {
      const { size } = await this.#store.log()
      for (const { beyond, wake } of [...this.#waiting]) if (size > beyond) wake(size)
    } catch {
      // A store that cannot be read has told those who need it; whoever waits here hears at the end of their patience.
    }
  }

  #rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }
}
