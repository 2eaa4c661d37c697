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

/** A step of a piece from one of its places to another. */
export type Move = { readonly piece: number; readonly from: number; readonly to: number }

/**
 * What a search found: the moves in their order, with what they weigh; that there is no way (`blocked`); or that it was
 * given up after `bound` states. `states`: how many were looked at.
 */
export type Found = (
  | { readonly at: 'found'; readonly moves: readonly Move[]; readonly weight: number }
  | { readonly at: 'blocked' }
  | { readonly at: 'given-up' }
) & { readonly states: number }

/** A state of the search: where each piece is, what it took to get there, and what it takes on at least. */
type State = {
  readonly at: readonly number[]
  readonly spent: number
  /** For each piece, what its own steps to its goal weigh at least. */
  readonly ahead: readonly number[]
  readonly least: number
  readonly number: number
  readonly from: State | null
  readonly move: Move | null
}

/** For two pieces that do not always fit: where they do, what the first still has to spend, and where its goal gets in the way. */
type Pair = {
  readonly fits: readonly Uint8Array[]
  readonly ahead: readonly Float64Array[]
  readonly harmed: Uint8Array
}

/**
 * The lightest order of moves that brings every piece from its start to its goal, one move at a time, so that behind each
 * move the piece that moved fits all others. Of orders of the same weight it is always the same one.
 *
 * A* over the pieces' places. What is still ahead of a state is estimated piece by piece: what its own steps weigh at least
 * in the best case that one other piece leaves it (the worst such partner counts, `Pair.ahead`, all other pieces left
 * out). That is never too much, and a move lowers it by no more than the move weighs, so the first arrival is the lightest. An
 * estimate without end shows at once that two pieces block each other.
 *
 * A move straight to a goal that stands in nobody's way, whatever the others still do, is taken alone (`harmless`): from any
 * order in which it comes later it can be brought forward, and no move is made heavier by it.
 */
export function searchMoves(puzzle: Puzzle, bound: number): Found {
  const { pieces } = puzzle
  const goals = pieces.map(({ next }) => next.length - 1)
  const pairs = pairsOf(puzzle)
  const near = pieces.map((_, a) => pieces.flatMap((_, b) => (pairs[a]![b] === null ? [] : [b])))
  const alone = pieces.map(({ next, weight }) => stepsLeft(next).map(steps => steps * weight))
  const ahead = (a: number, at: readonly number[]): number => {
    let most = alone[a]![at[a]!]!
    for (const b of near[a]!) most = Math.max(most, pairs[a]![b]!.ahead[at[a]!]![at[b]!]!)
    return most
  }
  const mayMove = (a: number, to: number, at: readonly number[]): boolean =>
    near[a]!.every(b => pairs[a]![b]!.fits[to]![at[b]!] === 1)
  const harmless = (at: readonly number[]): Move | null => {
    for (const [a, { next }] of pieces.entries()) {
      const [from, to] = [at[a]!, goals[a]!]
      if (from === to || !next[from]!.includes(to)) continue
      if (near[a]!.every(b => pairs[a]![b]!.harmed[at[b]!] === 0)) return { piece: a, from, to }
    }
    return null
  }
  const movesFrom = (at: readonly number[]): readonly Move[] => {
    const one = harmless(at)
    if (one !== null) return [one]
    return pieces.flatMap(({ next }, piece) => {
      const from = at[piece]!
      return next[from]!.filter(to => mayMove(piece, to, at)).map(to => ({ piece, from, to }))
    })
  }
  let made = 0
  const stateOf = (at: readonly number[], spent: number, from: State | null, move: Move | null): State => {
    // Only the piece that moved, and those that do not always fit it, have another estimate than before.
    const touched = move === null ? pieces.keys() : [move.piece, ...near[move.piece]!]
    const estimates = from === null ? pieces.map(() => 0) : [...from.ahead]
    for (const a of touched) estimates[a] = ahead(a, at)
    const rest = estimates.reduce((sum, each) => sum + each, 0)
    made += 1
    return { at, spent, ahead: estimates, least: spent + rest, number: made, from, move }
  }
  const queue = new Queue()
  const start = stateOf(
    goals.map(() => 0),
    0,
    null,
    null,
  )
  const cheapest = new Map<string, number>([[start.at.join(), 0]])
  const done = goals.join()
  let states = 0
  if (Number.isFinite(start.least)) queue.add(start)
  for (let here = queue.take(); here !== null; here = queue.take()) {
    const name = here.at.join()
    if (cheapest.get(name)! < here.spent) continue
    if (name === done) return { at: 'found', moves: movesTo(here), weight: here.spent, states }
    if (states >= bound) return { at: 'given-up', states }
    states += 1
    for (const move of movesFrom(here.at)) {
      const at = here.at.with(move.piece, move.to)
      const spent = here.spent + pieces[move.piece]!.weight
      const known = cheapest.get(at.join())
      if (known !== undefined && known <= spent) continue
      const behind = stateOf(at, spent, here, move)
      if (!Number.isFinite(behind.least)) continue
      cheapest.set(at.join(), spent)
      queue.add(behind)
    }
  }
  return { at: 'blocked', states }
}

function movesTo(state: State): readonly Move[] {
  const moves: Move[] = []
  for (let here: State | null = state; here !== null; here = here.from) if (here.move !== null) moves.push(here.move)
  return moves.reverse()
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

/** The pairs of pieces that do not fit somewhere; null for those that always do. */
function pairsOf({ pieces, meets, fits }: Puzzle): (Pair | null)[][] {
  const pairs = pieces.map(() => pieces.map((): Pair | null => null))
  for (let a = 0; a < pieces.length; a += 1) {
    for (let b = a + 1; b < pieces.length; b += 1) {
      if (!meets(a, b)) continue
      const [one, other] = [pieces[a]!, pieces[b]!]
      const grid = one.next.map((_, i) => Uint8Array.from(other.next, (_, j) => (fits(a, i, b, j) ? 1 : 0)))
      if (grid.every(row => row.every(cell => cell === 1))) continue
      const turned = other.next.map((_, j) => Uint8Array.from(one.next, (_, i) => grid[i]![j]!))
      pairs[a]![b] = pairOf(one, other, grid)
      pairs[b]![a] = pairOf(other, one, turned)
    }
  }
  return pairs
}

/** `fits[i][j]`: `one` in its place i and `other` in its place j. Places only rise, so it is filled from the goals back. */
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

/** States, the most promising first: the least in sum, then the least ahead, then the one that was made first. */
class Queue {
  readonly #heap: State[] = []

  add(state: State): void {
    const heap = this.#heap
    let at = heap.push(state) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!before(heap[at]!, heap[above]!)) return
      this.#swap(at, above)
      at = above
    }
  }

  take(): State | null {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined) return null
    if (heap.length === 0) return first
    heap[0] = last
    for (let at = 0; ; ) {
      const left = 2 * at + 1
      const least = left + 1 < heap.length && before(heap[left + 1]!, heap[left]!) ? left + 1 : left
      if (least >= heap.length || !before(heap[least]!, heap[at]!)) return first
      this.#swap(at, least)
      at = least
    }
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap
    ;[heap[a], heap[b]] = [heap[b]!, heap[a]!]
  }
}

const before = (a: State, b: State): boolean =>
  a.least !== b.least ? a.least < b.least : a.spent !== b.spent ? a.spent > b.spent : a.number < b.number
