import type { Instant } from '../../encoding/units.ts'
import { pointOf } from '../../fleet/points.ts'
import type { Permissive } from '../../fleet/site-rules.ts'
import { judge, type Readings } from './readings.ts'
import type { No } from './wait.ts'

/** Who asks: a controller, its class, and the feeder that it is on (null: none). */
export type Asking = { readonly id: string; readonly class: string; readonly feeder: string | null }

/**
 * Judges every permissive that concerns a controller, in their order; the first that says no is the answer. One about a
 * feeder concerns who is on one.
 */
export function judgeAll(
  permissives: readonly Permissive[],
  { id, class: className, feeder }: Asking,
  readings: Readings,
  now: Instant,
): No | null {
  for (const permissive of permissives) {
    if (permissive.classes !== undefined && !permissive.classes.includes(className)) continue
    const { scope } = pointOf(permissive.point)
    if (scope === 'feeder' && feeder === null) continue
    const no = judge(permissive, scope === 'site' ? null : scope === 'feeder' ? feeder : id, readings, now)
    if (no !== null) return no
  }
  return null
}
