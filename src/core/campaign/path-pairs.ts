/**
 * A piece of the puzzle: a cohort as the search sees it. `next` says for each place which places a step leads to; places
 * are numbered so that a step leads to a higher number; 0 is the start, the last is the goal. `weight`: how many
 * controllers restart when the cohort takes a step.
 */
export type Piece = { readonly weight: number; readonly next: readonly (readonly number[])[] }

/**
 * `fits(a, i, b, j)`: piece `a` in its place `i` and piece `b` in its place `j` may be there at the same time. It is only asked
 * of two that meet.
 */
export type Puzzle = {
  readonly pieces: readonly Piece[]
  readonly meets: (a: number, b: number) => boolean
  readonly fits: (a: number, i: number, b: number, j: number) => boolean
}

/**
 * Two pieces that do not fit everywhere, from the side of the first. `fits[i][j]`: they do. `ahead[i][j]`: what the first
 * still has to spend at least to its goal, from its place i with the other in j, if all other pieces leave them alone; infinite
 * when the two block each other. `harmed[j]`: from j on, the other has a place that does not fit the first one's goal.
 */
export type Pair = {
  readonly fits: readonly Uint8Array[]
  readonly ahead: readonly Float64Array[]
  readonly harmed: Uint8Array
}

/** For each piece those that it does not always fit. */
export type Pairs = readonly ReadonlyMap<number, Pair>[]

export function pairsOf({ pieces, meets, fits }: Puzzle): Pairs {
  const pairs = pieces.map(() => new Map<number, Pair>())
  for (const [a, one] of pieces.entries()) {
    for (let b = a + 1; b < pieces.length; b += 1) {
      if (!meets(a, b)) continue
      const other = pieces[b]!
      const grid = one.next.map((_, i) => Uint8Array.from(other.next, (_, j) => (fits(a, i, b, j) ? 1 : 0)))
      if (grid.every(row => row.every(cell => cell === 1))) continue
      const turned = other.next.map((_, j) => Uint8Array.from(one.next, (_, i) => grid[i]![j]!))
      pairs[a]!.set(b, pairOf(one, other, grid))
      pairs[b]!.set(a, pairOf(other, one, turned))
    }
  }
  return pairs
}

/** Places only rise, so everything is filled in from the goals back. */
function pairOf(one: Piece, other: Piece, fits: readonly Uint8Array[]): Pair {
  const [goal, end] = [one.next.length - 1, other.next.length - 1]
  const ahead = one.next.map(() => new Float64Array(other.next.length).fill(Number.POSITIVE_INFINITY))
  for (let i = goal; i >= 0; i -= 1) {
    for (let j = end; j >= 0; j -= 1) {
      let least = i === goal && j === end ? 0 : Number.POSITIVE_INFINITY
      for (const to of one.next[i]!) if (fits[to]![j] === 1) least = Math.min(least, one.weight + ahead[to]![j]!)
      for (const to of other.next[j]!) if (fits[i]![to] === 1) least = Math.min(least, ahead[i]![to]!)
      ahead[i]![j] = least
    }
  }
  const harmed = new Uint8Array(other.next.length)
  for (let j = end; j >= 0; j -= 1) {
    harmed[j] = fits[goal]![j] === 0 || other.next[j]!.some(to => harmed[to] === 1) ? 1 : 0
  }
  return { fits, ahead, harmed }
}

/** The fewest steps from each place to the last one. */
export function stepsLeft(next: readonly (readonly number[])[]): readonly number[] {
  const left = next.map(() => Number.POSITIVE_INFINITY)
  left[next.length - 1] = 0
  for (let at = next.length - 1; at >= 0; at -= 1) {
    for (const to of next[at]!) left[at] = Math.min(left[at]!, 1 + left[to]!)
  }
  return left
}
