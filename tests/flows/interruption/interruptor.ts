import type { Blobs, FleetStore, GatewayStore } from '../../../src/flows/ports.ts'

/** The process died here. What it had made durable stays; nothing else of it is ever seen. */
export class Died extends Error {}

/** `lost`: dies before the change is durable. `unanswered`: dies when it is, and nobody was told. */
export type Mode = 'lost' | 'unanswered'

/**
 * Lets a process die at its n-th durable change. Once dead, it changes nothing any more, whatever its code still tries:
 * only a process that is started anew does.
 */
export class Interruptor {
  readonly #at: number
  readonly #mode: Mode
  #changes = 0
  #dead = false
  #struck = false

  /** `at` counts from 1; 0 lets it live for ever. */
  constructor(at: number, mode: Mode) {
    this.#at = at
    this.#mode = mode
  }

  /** Durable changes so far. */
  get changes(): number {
    return this.#changes
  }

  get dead(): boolean {
    return this.#dead
  }

  get struck(): boolean {
    return this.#struck
  }

  /** Starts the process anew. */
  restart(): void {
    this.#dead = false
  }

  async change<T>(work: () => Promise<T>): Promise<T> {
    if (this.#dead) throw new Died()
    this.#changes += 1
    const now = this.#changes === this.#at && !this.#struck
    if (now) {
      this.#dead = true
      this.#struck = true
    }
    if (now && this.#mode === 'lost') throw new Died()
    const result = await work()
    if (now) throw new Died()
    return result
  }

  /** The same store, whose every commit may be the last. */
  store<S extends FleetStore | GatewayStore>(store: S): S {
    return this.#wrap(store, ['commit'])
  }

  /** The same blobs: to take one in whole, and to set one aside, may be the last that is done. */
  blobs(blobs: Blobs): Blobs {
    return this.#wrap(blobs, ['append', 'quarantine'])
  }

  #wrap<T extends object>(target: T, changing: readonly string[]): T {
    return new Proxy(target, {
      get: (on, name) => {
        const value = Reflect.get(on, name) as unknown
        if (typeof value !== 'function') return value
        if (!changing.includes(String(name))) return value.bind(on)
        return (...args: unknown[]) => this.change(() => value.apply(on, args) as Promise<unknown>)
      },
    })
  }
}
