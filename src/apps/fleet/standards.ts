import { standingOf } from '../../core/ledger/pack/clauses.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import type { StandardsView } from '../../wire/audit-views.ts'
import { readStandards, STANDARDS } from '../process/pack-parts.ts'
import { kinds } from './log-search.ts'

/**
 * How the log bears on each clause of each standard of `compliance/`, in all of it or in a period. A clause is never called met. Refuses
 * what `readStandards` refuses.
 */
export async function standards(
  world: FleetWorld,
  period: { readonly since?: string; readonly until?: string },
): Promise<StandardsView | Refusal> {
  const read = readStandards(STANDARDS)
  if (isRefusal(read)) return read
  const { size, kinds: counted } = await kinds(world, period)
  const counts = new Map(Object.entries(counted))
  return {
    size,
    standards: read.map(({ v: _, clauses, ...head }) => ({
      ...head,
      clauses: clauses.map(({ recorded, ...clause }) => {
        const { standing, events } = standingOf({ ...clause, recorded }, counts)
        return { ...clause, standing, recorded: recorded.map((one, at) => ({ ...one, events: events[at] ?? 0 })) }
      }),
    })),
  }
}
