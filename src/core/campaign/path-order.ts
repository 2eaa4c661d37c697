import type { Puzzle } from './path-pairs.ts'
import type { Move } from './path-search.ts'

/**
 * The order of each move of a search: a number, from 0. Moves of the same order may be made in any order and at the same
 * time; a move waits until every move of a lower order is made. The numbers are as low as they can be.
 *
 * Two moves keep their order when they are the same piece's, or when one of the states that they can make between them
 * does not fit: behind one alone, behind the other alone, or behind both. That is enough for every order of all the moves
 * that keeps those: say piece a comes to place v while b is at x. In the order that was found, a came to v while b was at some
 * other place, and one of b's moves in between has changed sides with a's; those two moves were free to, so v fits x.
 */
export function orderOf({ meets, fits }: Puzzle, moves: readonly Move[]): readonly number[] {
  const orders: number[] = []
  for (const [at, move] of moves.entries()) {
    let order = 0
    for (let earlier = 0; earlier < at; earlier += 1) {
      if (orders[earlier]! >= order && !free(moves[earlier]!, move)) order = orders[earlier]! + 1
    }
    orders.push(order)
  }
  return orders

  function free(one: Move, other: Move): boolean {
    if (one.piece === other.piece) return false
    if (!meets(one.piece, other.piece)) return true
    return (
      fits(one.piece, one.to, other.piece, other.from) &&
      fits(one.piece, one.to, other.piece, other.to) &&
      fits(one.piece, one.from, other.piece, other.to)
    )
  }
}
