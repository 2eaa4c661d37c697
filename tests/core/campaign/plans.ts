import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { checkPlan, type PlanBody } from '../../../src/core/campaign/plan.ts'
import { type ProvenSheet, proveSheets, type Sheet, type SheetTurn } from '../../../src/core/campaign/sheet.ts'
import { type Plan, withSheets } from '../../../src/core/campaign/turns.ts'
import { instant, millis } from '../../../src/core/encoding/units.ts'
import type { Version } from '../../../src/core/firmware/version.ts'
import { NO_RULES } from '../../../src/core/fleet/site-rules.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'

/** Plans for the tests. Time starts at `T0`. */

export const T0 = 1_790_000_000_000
export const HOUR = 3_600_000

/** A site's sheet of a campaign, with turns in order of controller. */
export const sheetOf = (site: string, turns: readonly SheetTurn[], campaign = 'spring'): Sheet => ({
  kind: 'voltseal-sheet',
  v: 1,
  campaign,
  site,
  turns: turns.toSorted((a, b) => (a.controller < b.controller ? -1 : 1)),
})

/** A controller that gets a release in a wave, in one step. */
export const turnOf = (controller: string, wave = 0, release = 0): SheetTurn => ({
  controller,
  wave,
  steps: [{ release, order: 0 }],
})

/** A plan of sheets, which stand in order of site; its waves count who is in them. */
export function planOfSheets(
  sheets: readonly Sheet[],
  change: Partial<PlanBody> = {},
): { readonly plan: Plan; readonly proven: readonly ProvenSheet[] } {
  const { proven, root } = proveSheets(crypto, sheets)
  const all = sheets.flatMap(({ turns }) => turns)
  const waves = Array.from({ length: 1 + Math.max(...all.map(({ wave }) => wave)) }, (_, index) => ({
    name: `wave-${index}`,
    soakMillis: millis(HOUR),
    gate: { minSuccessPercent: 60, maxFailures: 1 },
    controllers: all.filter(({ wave }) => wave === index).length,
  }))
  const body: PlanBody = {
    kind: 'voltseal-plan',
    v: 2,
    id: 'spring',
    title: 'Spring release',
    criticality: 'security',
    createdAt: instant(T0 - HOUR),
    createdBy: 'ada',
    notAfter: instant(T0 + 1000 * HOUR),
    priority: 50,
    releases: [
      {
        path: 'bms/2.3.0.suit',
        sha256: 'ab'.repeat(32),
        length: 900,
        class: 'bms',
        version: '2.3.0' as Version,
        counter: 3,
        criticality: 'security',
      },
    ],
    waves,
    timeoutMillis: millis(2 * HOUR),
    retry: { retries: 1, backOffMillis: millis(0), maxBackOffMillis: millis(0) },
    abort: { maxFailures: 1000, maxFailurePercent: 100 },
    rules: NO_RULES,
    membership: 'fixed',
    sheets: root,
    ...change,
  }
  const head = orThrow(checkPlan(body, 'plan'))
  return { plan: orThrow(withSheets(head, sheets, crypto, 'plan')), proven }
}

/** A plan of waves of so many controllers (`c0`, `c1`, … of one site). */
export function planOf(sizes: readonly number[], change: Partial<PlanBody> = {}): Plan {
  let next = 0
  const turns = sizes.flatMap((size, wave) => Array.from({ length: size }, () => turnOf(`c${next++}`, wave)))
  return planOfSheets([sheetOf('harbour', turns)], change).plan
}
