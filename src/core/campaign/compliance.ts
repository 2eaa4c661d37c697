import type { Instant } from '../encoding/units.ts'
import { compareVersions } from '../firmware/version.ts'
import type { Attested } from '../fleet/inventory.ts'
import type { ComplianceState } from '../fleet/query.ts'
import type { PlanHead } from './plan.ts'
import type { SheetTurn } from './sheet.ts'

/**
 * Where a controller stands with a campaign, by what it attested itself. `done`: it runs the release of its last step or a newer
 * version, confirmed. `late`: it does not, and the campaign's deadline has passed. `left`: it does not, and there is time, or
 * no deadline. Whoever has attested nothing is not done.
 */
export function complianceOf(
  { releases, deadline }: Pick<PlanHead, 'releases' | 'deadline'>,
  { steps }: Pick<SheetTurn, 'steps'>,
  attested: Attested | null,
  now: Instant,
): ComplianceState {
  const wanted = releases[steps.at(-1)?.release ?? -1]
  const has =
    wanted !== undefined &&
    attested !== null &&
    attested.state === 'stable' &&
    compareVersions(attested.running.version, wanted.version) >= 0
  if (has) return 'done'
  return deadline !== undefined && now >= deadline.at ? 'late' : 'left'
}
