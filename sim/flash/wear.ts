import type { FlashArea } from '../../src/core/slot/layout.ts'

/**
 * Which areas of a flash no longer do what they should, from some write on. `worn`: programs and erases do nothing, and say
 * nothing; the number is how many more of them, Infinity for ever. `dead`: they do nothing, and no byte can be read. Plain
 * data, for snapshots.
 */
export type WearState = {
  readonly worn: Readonly<Partial<Record<FlashArea, number>>>
  readonly dead: readonly FlashArea[]
}

export const UNWORN: WearState = { worn: {}, dead: [] }

/** The wear of a flash, area by area. */
export class Wear {
  #state: WearState = UNWORN

  get state(): WearState {
    return this.#state
  }

  restore(state: WearState): void {
    this.#state = state
  }

  /** The next `writes` programs and erases of the area do nothing. */
  wearOut(area: FlashArea, writes: number): void {
    this.#state = { ...this.#state, worn: { ...this.#state.worn, [area]: writes } }
  }

  /** Wear that would have ended one day is over. */
  relieve(): void {
    const lasting = Object.entries(this.#state.worn).filter(([, writes]) => writes === Number.POSITIVE_INFINITY)
    this.#state = { ...this.#state, worn: Object.fromEntries(lasting) }
  }

  kill(area: FlashArea): void {
    this.#state = { ...this.#state, dead: [...this.#state.dead, area] }
  }

  isDead(area: FlashArea): boolean {
    return this.#state !== UNWORN && this.#state.dead.includes(area)
  }

  /** Whether a write of the area takes effect. A worn area is worn by one write less then. */
  takes(area: FlashArea): boolean {
    if (this.#state === UNWORN) return true
    if (this.isDead(area)) return false
    const left = this.#state.worn[area] ?? 0
    if (left > 0) this.wearOut(area, left - 1)
    return left <= 0
  }
}
