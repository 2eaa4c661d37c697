import type { Random } from '../clock/random.ts'

type Range = { readonly start: number; readonly end: number }

/** What is wrong with a flash, apart from the bytes in its cells. Plain data, for snapshots. */
export type DamageState = {
  readonly weak: readonly Range[]
  readonly unreadable: readonly Range[]
  readonly flaky: readonly Range[]
}

export const HEALTHY: DamageState = { weak: [], unreadable: [], flaky: [] }

/**
 * The damage of a flash: bytes whose bits read differently from time to time (`weak`), ranges that answer with an ECC
 * fault to every read (`unreadable`), and to about every other (`flaky`). An erase of the range heals it. Addresses count
 * from the start of the whole flash.
 */
export class Damage {
  #state: DamageState = HEALTHY

  get state(): DamageState {
    return this.#state
  }

  restore(state: DamageState): void {
    this.#state = state
  }

  weaken(start: number, end: number): void {
    this.#state = { ...this.#state, weak: [...this.#state.weak, { start, end }] }
  }

  /** An ECC fault: `always`, or on about every other read. */
  breakRange(start: number, end: number, always: boolean): void {
    const range = { start, end }
    this.#state = always
      ? { ...this.#state, unreadable: [...this.#state.unreadable, range] }
      : { ...this.#state, flaky: [...this.#state.flaky, range] }
  }

  /** An erase of [start, end) heals what lies in it. Damage that reaches out of it keeps what is outside. */
  heal(start: number, end: number): void {
    if (this.#state === HEALTHY) return
    const outside = (ranges: readonly Range[]): Range[] =>
      ranges.flatMap(range =>
        range.end <= start || range.start >= end
          ? [range]
          : [
              { start: range.start, end: start },
              { start: end, end: range.end },
            ].filter(part => part.start < part.end),
      )
    const { weak, unreadable, flaky } = this.#state
    this.#state = { weak: outside(weak), unreadable: outside(unreadable), flaky: outside(flaky) }
  }

  /** True when anything is wrong within [start, end). */
  touches(start: number, end: number): boolean {
    const meets = (range: Range): boolean => range.start < end && range.end > start
    const { weak, unreadable, flaky } = this.#state
    return weak.some(meets) || unreadable.some(meets) || flaky.some(meets)
  }

  /** True when a read of [start, end) meets an ECC fault now. */
  fails(start: number, end: number, random: Random): boolean {
    if (this.#state === HEALTHY) return false
    const meets = (range: Range): boolean => range.start < end && range.end > start
    return this.#state.unreadable.some(meets) || this.#state.flaky.some(range => meets(range) && random() < 0.5)
  }

  /** What [start, end) of the cells reads now: a view of them, or a copy in which weak bits have fallen either way. */
  read(cells: Uint8Array, start: number, end: number, random: Random): Uint8Array {
    const weak = this.#state.weak.filter(range => range.start < end && range.end > start)
    if (weak.length === 0) return cells.subarray(start, end)
    const out = cells.slice(start, end)
    for (const range of weak) {
      for (let at = Math.max(range.start, start); at < Math.min(range.end, end); at += 1) {
        const [one, two] = [Math.floor(random() * 256), Math.floor(random() * 256)]
        out[at - start] = (out[at - start] as number) ^ (one & two)
      }
    }
    return out
  }
}
