import { type Pairs, type Puzzle, pairsOf, stepsLeft } from './path-pairs.ts'
import { Queue } from './path-queue.ts'
import { chooseStops } from './path-stops.ts'

/** A step of a piece from one of its places to another. */
export type Move = { readonly piece: number; readonly from: number; readonly to: number }

/**
 * What a search found: the moves in their order, with what they weigh, and what any order weighs at least; that there is
 * no way (`blocked`); or that it was given up. `states`: how many were looked at.
 */
export type Found = (
  | { readonly at: 'found'; readonly moves: readonly Move[]; readonly weight: number; readonly least: number }
  | { readonly at: 'blocked' }
  | { readonly at: 'given-up' }
) & { readonly states: number }

/** A state: where each piece is, what it took to get there, and for each piece what its own steps to its goal weigh at least. */
type State = {
  readonly at: Uint16Array
  readonly spent: number
  readonly ahead: Float64Array
  readonly rest: number
  readonly from: State | null
  readonly move: Move | null
}

/** A state that is not worked out before it is looked at: what it comes from, and what it promises. */
type Promised = {
  readonly from: State
  readonly move: Move
  readonly spent: number
  readonly rest: number
  readonly sum: number
  readonly number: number
}

/** How often the estimate counts, which is how much heavier than the lightest an order may get; and how long is looked. */
type Haste = { readonly haste: number; readonly shares: number }
const HASTES: readonly Haste[] = [
  { haste: 1, shares: 1 },
  { haste: 2, shares: 1 },
  { haste: 32, shares: 6 },
]
/** For who wants to know only whether there is any order. */
export const ANY_ORDER: readonly Haste[] = [{ haste: 32, shares: 1 }]

/**
 * The lightest order of moves that brings every piece from its start to its goal, one move at a time, so that behind each
 * move the piece that moved fits all others. The same puzzle always gives the same order.
 *
 * First stops are chosen so that every two pieces can pass each other (`chooseStops`), and an order of those stops is looked
 * for: there nearly always is one, and none is lighter. Else all stops are searched at once: A* over the pieces' places. What is
 * still ahead of a state is estimated piece by piece: what its own steps weigh at least in the best case that one other piece
 * leaves it (the worst such partner counts, `Pair.ahead`, all other pieces left out). That is never too much, and a move
 * lowers it by no more than the move weighs, so the first arrival is the lightest. An estimate without end shows at once that
 * two pieces block each other.
 *
 * After `bound` states the search begins anew in haste, with the estimate counted more than once: that finds some order soon,
 * where there are very many. It may be heavier than the lightest; `least` says what the lightest weighs at least. Only after some
 * times `bound` is it given up. A bound counts states of twenty pieces; larger ones count for more, since they cost more.
 *
 * A move straight to a goal that stands in nobody's way, whatever the others still do, is taken alone (`harmless`): from any
 * order in which it comes later it can be brought forward, and no move is made heavier by it.
 */
export function searchMoves(puzzle: Puzzle, bound: number, hastes = HASTES): Found {
  const { pieces } = puzzle
  const pairs = pairsOf(puzzle)
  const share = Math.ceil((bound * 20) / Math.max(20, pieces.length))
  let [states, least] = [0, 0]
  const stops = chooseStops(puzzle, pairs)
  if (stops.at === 'blocked') return { at: 'blocked', states }
  if (stops.at === 'chosen') {
    const narrow = { ...puzzle, pieces: pieces.map(({ weight }, a) => ({ weight, next: stops.next[a]! })) }
    // Where nobody gets in the way, an order is found in as many states as it has moves.
    const moves = narrow.pieces.reduce((sum, { next }) => sum + stepsLeft(next)[0]!, 0)
    const found = search(narrow, pairsOf(narrow), share + 4 * moves, 1)
    states += found.states
    least = stops.least
    if (found.at === 'found') return { at: 'found', moves: found.moves, weight: found.weight, least, states }
  }
  for (const { haste, shares } of hastes) {
    const found = search(puzzle, pairs, share * shares, haste)
    states += found.states
    if (haste === 1) least = Math.max(least, found.least)
    if (found.at === 'found') {
      const { moves, weight } = found
      return { at: 'found', moves, weight, least: haste === 1 ? weight : Math.min(least, weight), states }
    }
    if (found.at === 'blocked') return { at: 'blocked', states }
  }
  return { at: 'given-up', states }
}

/** What one search came to. `least`: what every order weighs at least, as far as this search has seen. */
type Outcome = (
  | { readonly at: 'found'; readonly moves: readonly Move[]; readonly weight: number }
  | { readonly at: 'blocked' | 'given-up' }
) & { readonly states: number; readonly least: number }

/** States that one search may promise itself, for the memory that they take. */
const MAX_MADE = 100_000

function search({ pieces }: Puzzle, pairs: Pairs, bound: number, haste: number): Outcome {
  const goals = Uint16Array.from(pieces, ({ next }) => next.length - 1)
  const near = pairs.map(row => [...row])
  const alone = pieces.map(({ next, weight }) => stepsLeft(next).map(steps => steps * weight))
  const aheadOf = (a: number, at: Uint16Array): number => {
    const here = at[a]!
    let most = alone[a]![here]!
    for (const [b, pair] of near[a]!) most = Math.max(most, pair.ahead[here]![at[b]!]!)
    return most
  }
  const mayMove = (a: number, to: number, at: Uint16Array): boolean =>
    near[a]!.every(([b, { fits }]) => fits[to]![at[b]!] === 1)
  const harmless = (at: Uint16Array): Move | null => {
    for (const [a, { next }] of pieces.entries()) {
      const [from, to] = [at[a]!, goals[a]!]
      if (from === to || !next[from]!.includes(to)) continue
      if (near[a]!.every(([b, { harmed }]) => harmed[at[b]!] === 0)) return { piece: a, from, to }
    }
    return null
  }
  /** What is ahead once piece `a` is at `to`: only its own estimate changes, and those of pieces that do not always fit it. */
  const restBehind = ({ at, ahead, rest }: State, a: number, to: number): number => {
    const from = at[a]!
    at[a] = to
    let sum = rest - ahead[a]! + aheadOf(a, at)
    for (const [b] of near[a]!) {
      const pair = pairs[b]!.get(a)!.ahead[at[b]!]!
      const [was, is] = [pair[from]!, pair[to]!]
      if (is >= ahead[b]!) sum += is - ahead[b]!
      else if (was === ahead[b]!) sum += aheadOf(b, at) - ahead[b]!
    }
    at[a] = from
    return sum
  }
  const behind = ({ from, move, spent, rest }: Promised): State => {
    const at = from.at.with(move.piece, move.to)
    const ahead = from.ahead.slice()
    ahead[move.piece] = aheadOf(move.piece, at)
    for (const [b] of near[move.piece]!) ahead[b] = aheadOf(b, at)
    return { at, spent, ahead, rest, from, move }
  }
  const queue = new Queue<Promised>(before)
  const seen = new Map<string, number>()
  const origin = new Uint16Array(pieces.length)
  const ahead = Float64Array.from(pieces, (_, a) => aheadOf(a, origin))
  const rest = ahead.reduce((sum, one) => sum + one, 0)
  let here: State | null = { at: origin, spent: 0, ahead, rest, from: null, move: null }
  let [states, made, least] = [0, 0, rest]
  if (!Number.isFinite(rest)) return { at: 'blocked', states, least }
  const done = goals.join()
  for (; here !== null; here = take()) {
    const name = here.at.join()
    const known = seen.get(name)
    if (known !== undefined && known <= here.spent) continue
    seen.set(name, here.spent)
    least = Math.max(least, here.spent + here.rest)
    if (name === done) return { at: 'found', moves: movesTo(here), weight: here.spent, states, least }
    if (states >= bound || made >= MAX_MADE) return { at: 'given-up', states, least }
    states += 1
    const one = harmless(here.at)
    if (one !== null) promise(here, one.piece, one.to)
    else {
      for (const [a, { next }] of pieces.entries()) {
        for (const to of next[here.at[a]!]!) if (mayMove(a, to, here.at)) promise(here, a, to)
      }
    }
  }
  return { at: 'blocked', states, least }

  function promise(state: State, piece: number, to: number): void {
    const rest = restBehind(state, piece, to)
    if (!Number.isFinite(rest)) return
    const spent = state.spent + pieces[piece]!.weight
    made += 1
    const move = { piece, from: state.at[piece]!, to }
    queue.add({ from: state, move, spent, rest, sum: spent + haste * rest, number: made })
  }

  function take(): State | null {
    const next = queue.take()
    return next === null ? null : behind(next)
  }
}

function movesTo(state: State): readonly Move[] {
  const moves: Move[] = []
  for (let here: State | null = state; here !== null; here = here.from) if (here.move !== null) moves.push(here.move)
  return moves.reverse()
}

/** The most promising first: the least in sum, then the least ahead, then the one that was made first. */
const before = (a: Promised, b: Promised): boolean =>
  a.sum !== b.sum ? a.sum < b.sum : a.rest !== b.rest ? a.rest < b.rest : a.number < b.number
