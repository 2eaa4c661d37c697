import { type Pairs, type Piece, type Puzzle, stepsLeft } from './path-pairs.ts'

/**
 * Which places each piece stops at (`next`, as in `Piece`, with one way left), so that every two pieces can take their stops
 * in some order, at the least weight in sum; nothing lighter is left out (`least`). Or that two pieces cannot, whatever they
 * do; or that there are too many ways to compare (`wide`).
 */
export type Stops =
  | { readonly at: 'chosen'; readonly next: readonly Piece['next'][]; readonly least: number }
  | { readonly at: 'blocked' }
  | { readonly at: 'wide' }

/** Ways of one piece that are compared, the shortest first; and rows of the largest table. */
const MAX_WAYS = 24
const MAX_ROWS = 200_000

/** The ways of a piece; `more`: what the lightest that is left out weighs, infinite if none is. */
type Ways = { readonly ways: readonly (readonly number[])[]; readonly more: number }

/** What some pieces cost together, by the ways that they take: a table over all ways of `of`, the last of them fastest. */
type Cost = { readonly of: readonly number[]; readonly rows: Float64Array }

/** A piece that was decided about, given the ways of others. */
type Decided = { readonly piece: number; readonly given: readonly number[]; readonly best: Uint16Array }

/**
 * Chooses stops. What an order weighs depends on the stops alone, not on who goes first, so the two are looked for apart: stops
 * are a problem of costs between pairs, and are decided piece by piece, each for all ways of the pieces that it does
 * not always fit (bucket elimination). That is exact, and quick where few depend on each other at once: circles that only
 * talk to the same few others are nearly free. Whether all stops together have an order is for the search to say.
 */
export function chooseStops({ pieces }: Puzzle, pairs: Pairs): Stops {
  const straight = pieces.map(({ next }) => waysOfLength(next, stepsLeft(next), [0], stepsLeft(next)[0]!).next().value!)
  const pass = (a: number): boolean =>
    [...pairs[a]!].every(([b, { fits }]) => b < a || canPass(fits, straight[a]!, straight[b]!))
  // The usual case: nobody needs a detour.
  if (pieces.every((_, a) => pass(a))) return chosenOf(pieces, straight)
  const all = pieces.map(waysOf)
  const size = (a: number): number => all[a]!.ways.length
  if (isWide(pairs, size)) return { at: 'wide' }
  const costs = new Set<Cost>()
  for (const [a, { weight }] of pieces.entries()) {
    costs.add({ of: [a], rows: Float64Array.from(all[a]!.ways, way => weight * (way.length - 1)) })
    for (const [b, { fits }] of pairs[a]!) {
      if (b < a) continue
      const rows = new Float64Array(size(a) * size(b))
      for (const [at, one] of all[a]!.ways.entries()) {
        for (const [to, other] of all[b]!.ways.entries()) {
          rows[at * size(b) + to] = canPass(fits, one, other) ? 0 : Number.POSITIVE_INFINITY
        }
      }
      costs.add({ of: [a, b], rows })
    }
  }
  const left = new Set(pieces.keys())
  const near = pairs.map(row => new Set(row.keys()))
  const decided: Decided[] = []
  let least = 0
  while (left.size > 0) {
    const { piece, given } = takeNext(left, near)
    const count = given.reduce((product, one) => product * size(one), 1)
    const own = [...costs].filter(cost => cost.of.includes(piece))
    for (const cost of own) costs.delete(cost)
    const { rows, best } = decide(piece, given, own, size, count)
    decided.push({ piece, given, best })
    if (given.length === 0) least += rows[0]!
    else costs.add({ of: given, rows })
    if (!Number.isFinite(least)) break
  }
  const lightest = all.map(({ ways }, a) => (ways[0]!.length - 1) * pieces[a]!.weight)
  const sum = lightest.reduce((total, one) => total + one, 0)
  // Ways that were left out are missed only if they could be lighter than what was found.
  if (all.some(({ more }, a) => sum - lightest[a]! + more < least)) return { at: 'wide' }
  if (!Number.isFinite(least)) return { at: 'blocked' }
  const chosen = new Map<number, number>()
  for (const { piece, given, best } of decided.toReversed()) {
    chosen.set(piece, best[given.reduce((row, one) => row * size(one) + chosen.get(one)!, 0)]!)
  }
  return chosenOf(
    pieces,
    pieces.map((_, a) => all[a]!.ways[chosen.get(a)!]!),
  )
}

/**
 * The piece that fewest others depend on is decided first; its neighbours (`given`) depend on each other from then on.
 */
function takeNext(left: Set<number>, near: readonly Set<number>[]): { piece: number; given: readonly number[] } {
  let piece = -1
  for (const one of left) if (piece < 0 || near[one]!.size < near[piece]!.size) piece = one
  const given = [...near[piece]!].sort((a, b) => a - b)
  left.delete(piece)
  for (const one of given) {
    near[one]!.delete(piece)
    for (const other of given) if (other !== one) near[one]!.add(other)
  }
  return { piece, given }
}

/** Whether a table would get too large: asked before any is made, since all of them together are many. */
function isWide(pairs: Pairs, size: (piece: number) => number): boolean {
  const left = new Set(pairs.keys())
  const near = pairs.map(row => new Set(row.keys()))
  while (left.size > 0) {
    const { piece, given } = takeNext(left, near)
    if (given.reduce((product, one) => product * size(one), size(piece)) > MAX_ROWS) return true
  }
  return false
}

function chosenOf(pieces: readonly Piece[], ways: readonly (readonly number[])[]): Stops {
  const least = pieces.reduce((sum, { weight }, a) => sum + weight * (ways[a]!.length - 1), 0)
  const next = pieces.map(({ next }, a) => {
    const way = ways[a]!
    return next.map((_, at) => way.slice(1).filter((_, index) => way[index] === at))
  })
  return { at: 'chosen', next, least }
}

/** The best way of a piece for all ways of those that are given, and what it costs with it. */
function decide(
  piece: number,
  given: readonly number[],
  own: readonly Cost[],
  size: (piece: number) => number,
  count: number,
): { rows: Float64Array; best: Uint16Array } {
  const rows = new Float64Array(count).fill(Number.POSITIVE_INFINITY)
  const best = new Uint16Array(count)
  const ways = given.map(() => 0)
  // How far a table's row moves when a piece takes its next way.
  const strides = own.map(({ of }) => {
    const stride = new Map<number, number>()
    let step = 1
    for (const one of of.toReversed()) {
      stride.set(one, step)
      step *= size(one)
    }
    return { own: stride.get(piece)!, given: given.map(one => stride.get(one) ?? 0) }
  })
  for (let row = 0; row < count; row += 1) {
    const bases = strides.map(stride => ways.reduce((sum, way, index) => sum + way * stride.given[index]!, 0))
    for (let way = 0; way < size(piece); way += 1) {
      let cost = 0
      for (let table = 0; table < own.length; table += 1) {
        cost += own[table]!.rows[bases[table]! + way * strides[table]!.own]!
      }
      if (cost < rows[row]!) {
        rows[row] = cost
        best[row] = way
      }
    }
    for (let index = given.length - 1; index >= 0; index -= 1) {
      ways[index] = ways[index]! + 1
      if (ways[index]! < size(given[index]!)) break
      ways[index] = 0
    }
  }
  return { rows, best }
}

/** Whether two pieces can take their stops in some order: every step beside where the other is. */
function canPass(fits: readonly Uint8Array[], one: readonly number[], other: readonly number[]): boolean {
  // This is asked hundreds of thousands of times for a site: one row, in place, is where the other can be.
  const row = new Uint8Array(other.length)
  for (let at = 0; at < one.length; at += 1) {
    const here = fits[one[at]!]!
    let [before, any] = [0, 0]
    for (let to = 0; to < other.length; to += 1) {
      const begun = at === 0 && to === 0
      before = begun || ((before === 1 || row[to] === 1) && here[other[to]!] === 1) ? 1 : 0
      row[to] = before
      any |= before
    }
    if (any === 0) return false
  }
  return row[other.length - 1] === 1
}

/** The ways of a piece from its start to its goal, as places: the shortest first, and of those over the newer places. */
function waysOf({ next, weight }: Piece): Ways {
  const goal = next.length - 1
  const left = stepsLeft(next)
  const ways: number[][] = []
  for (let steps = left[0]!; steps <= goal; steps += 1) {
    const before = ways.length
    for (const way of waysOfLength(next, left, [0], steps)) {
      if (ways.length === MAX_WAYS) return { ways: ways.slice(0, before || MAX_WAYS), more: weight * steps }
      ways.push(way)
    }
  }
  return { ways, more: Number.POSITIVE_INFINITY }
}

function* waysOfLength(
  next: Piece['next'],
  left: readonly number[],
  way: readonly number[],
  steps: number,
): Generator<number[], undefined> {
  const at = way.at(-1)!
  if (steps === 0) {
    if (at === next.length - 1) yield [...way]
    return
  }
  for (const to of next[at]!) if (left[to]! <= steps - 1) yield* waysOfLength(next, left, [...way, to], steps - 1)
}
