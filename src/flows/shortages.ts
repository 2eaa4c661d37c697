import { type Shortage, shortageOf } from '../core/campaign/shortage.ts'
import type { Opened } from './opened.ts'
import type { FleetWorld } from './ports.ts'
import { outOf, turnOf } from './turns.ts'

/** Regions whose shortage is told of one campaign at most. */
const REGIONS = 10

/**
 * The budgets that keep the next controllers of a running campaign from their orders: of each region that has no room, or of
 * the fleet. What is out is what all campaigns have out, and their budgets hold too. Reads one turn of each region.
 */
export async function shortagesOf(world: FleetWorld, { terms, rollout }: Opened): Promise<readonly Shortage[]> {
  const { state } = rollout
  if (state.at !== 'running') return []
  const short = new Map<string, Shortage>()
  for (const at of ['between', 'waiting'] as const) {
    const next = (await world.store.turns.next(terms.id, { at, wave: state.wave, last: false }, 1)).map(turnOf)
    const { load, limits } = await outOf(world, terms.id, next)
    for (const turn of next) {
      // What is out for itself still counts already: it needs no further room.
      if ((await world.store.turns.order(turn)) !== null) continue
      const found = shortageOf(turn, load, [...terms.budgets, ...limits])
      const whose = found?.excess.budget.per === 'fleet' ? 'fleet' : `region ${turn.region}`
      if (found !== null && !short.has(whose) && short.size < REGIONS) short.set(whose, found)
    }
  }
  return [...short.values()]
}
