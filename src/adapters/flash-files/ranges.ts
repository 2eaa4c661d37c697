/** A set of bytes of an area, as ranges that neither touch nor overlap, in order. `end` is exclusive. */
export class Ranges {
  #ranges: readonly { readonly start: number; readonly end: number }[] = []

  add(start: number, end: number): void {
    const apart = this.#ranges.filter(range => range.end < start || range.start > end)
    const joined = this.#ranges.filter(range => !apart.includes(range))
    const whole = {
      start: Math.min(start, ...joined.map(range => range.start)),
      end: Math.max(end, ...joined.map(range => range.end)),
    }
    this.#ranges = [...apart, whole].toSorted((one, two) => one.start - two.start)
  }

  remove(start: number, end: number): void {
    this.#ranges = this.#ranges.flatMap(range =>
      [
        { start: range.start, end: Math.min(range.end, start) },
        { start: Math.max(range.start, end), end: range.end },
      ].filter(part => part.start < part.end),
    )
  }

  /** True when one of these bytes is in it. */
  meets(start: number, end: number): boolean {
    return this.#ranges.some(range => range.start < end && range.end > start)
  }
}
