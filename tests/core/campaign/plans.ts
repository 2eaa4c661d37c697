import { checkPlan, type Plan, type PlanBody } from '../../../src/core/campaign/plan.ts'
import { instant, millis } from '../../../src/core/encoding/units.ts'
import type { Version } from '../../../src/core/firmware/version.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'

/** A plan for the tests: waves of so many controllers (`c0`, `c1`, … of one site). Time starts at `T0`. */

export const T0 = 1_790_000_000_000
export const HOUR = 3_600_000

export function planOf(sizes: readonly number[], change: Partial<PlanBody> = {}): Plan {
  let next = 0
  const waves = sizes.map((size, index) => ({
    name: `wave-${index}`,
    soakMillis: millis(HOUR),
    gate: { minSuccessPercent: 60, maxFailures: 1 },
    controllers: Array.from({ length: size }, () => ({ site: 'harbour', controller: `c${next++}`, release: 0 })),
  }))
  const plan: PlanBody = {
    kind: 'voltseal-plan',
    v: 1,
    id: 'spring',
    title: 'Spring release',
    criticality: 'security',
    createdAt: instant(T0 - HOUR),
    notAfter: instant(T0 + 1000 * HOUR),
    releases: [
      {
        path: 'bms/2.3.0.suit',
        sha256: 'ab'.repeat(32),
        length: 900,
        class: 'bms',
        version: '2.3.0' as Version,
        counter: 3,
      },
    ],
    waves,
    timeoutMillis: millis(2 * HOUR),
    retries: 1,
    ...change,
  }
  return orThrow(checkPlan(plan, 'plan'))
}
