import { after, type Instant, type Millis } from '../core/encoding/units.ts'

type Kept<T> = { readonly of: string; readonly until: Instant; readonly value: T }

/** What was begun is over so many milliseconds later. A person looks for their key, or types a password elsewhere. */
export type PendingBounds = { readonly life: Millis; readonly most: number; readonly mostOfOne: number }

/**
 * What strangers have begun and may finish once: challenges and states. In memory only: a server that starts anew knows of none, and
 * people begin again. It is bounded, and for each address too: who begins without end pushes out what they began themselves.
 */
export class Pending<T> {
  readonly #bounds: PendingBounds
  readonly #kept = new Map<string, Kept<T>>()
  readonly #count = new Map<string, number>()

  constructor(bounds: PendingBounds) {
    this.#bounds = bounds
  }

  /** `of`: the address, or the account, whose it is. */
  put(key: string, of: string, value: T, now: Instant): void {
    this.#dropOver(now)
    const { life, most, mostOfOne } = this.#bounds
    if ((this.#count.get(of) ?? 0) >= mostOfOne) this.#dropFirst(one => one.of === of)
    if (this.#kept.size >= most) this.#dropFirst(() => true)
    this.#kept.set(key, { of, until: after(now, life), value })
    this.#count.set(of, (this.#count.get(of) ?? 0) + 1)
  }

  /** Takes it: whatever comes of it, it was good once. Null: never begun, taken already, or too long ago. */
  take(key: string, now: Instant): T | null {
    const kept = this.#kept.get(key)
    if (kept === undefined) return null
    this.#drop(key, kept)
    return now < kept.until ? kept.value : null
  }

  /** They are in the order in which they end, unless the clock was set back: then they go a little later. */
  #dropOver(now: Instant): void {
    for (const [key, kept] of this.#kept) {
      if (now < kept.until) return
      this.#drop(key, kept)
    }
  }

  #dropFirst(meant: (kept: Kept<T>) => boolean): void {
    for (const [key, kept] of this.#kept) {
      if (!meant(kept)) continue
      this.#drop(key, kept)
      return
    }
  }

  #drop(key: string, { of }: Kept<T>): void {
    this.#kept.delete(key)
    const left = (this.#count.get(of) ?? 1) - 1
    if (left > 0) this.#count.set(of, left)
    else this.#count.delete(of)
  }
}
