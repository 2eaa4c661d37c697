import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Output } from '../../../src/apps/cli/output.ts'
import { planText } from '../../../src/apps/cli/plan-text.ts'
import type { PlanBody, PlanHead } from '../../../src/core/campaign/plan.ts'
import { parsePlan, planBytes } from '../../../src/core/campaign/plan.ts'
import { instant, millis, wattHours, watts } from '../../../src/core/encoding/units.ts'
import type { Version } from '../../../src/core/firmware/version.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { HOUR, planOfSheets, sheetOf, T0, turnOf } from '../../core/campaign/plans.ts'

const sink = { write: () => true, isTTY: false }
const SHEETS = [sheetOf('harbour', [turnOf('bms-1'), turnOf('bms-2', 1)])]
const release = (path: string, version: string) => ({
  path,
  sha256: 'cd'.repeat(32),
  length: 900,
  class: 'bms',
  version: version as Version,
  counter: 3,
  criticality: 'security' as const,
})
const FIGURE = { figure: 'resets', maxPercent: 150, margin: 5, minControllers: 3, without: 'pass' } as const
const RULES: PlanBody['rules'] = {
  windows: [{ days: ['mon', 'tue'], from: '22:00', to: '04:00' }],
  blackouts: [
    { why: 'market', days: ['tue'], from: '22:00', to: '23:00', regions: ['nl-west'] },
    { why: 'grid test', from: instant(T0), to: instant(T0 + HOUR), sites: ['harbour'] },
  ],
  permissives: [
    { point: 'state-of-charge', min: 20, max: 90, maxAgeMillis: millis(120_000) },
    { point: 'dispatch', is: false, maxAgeMillis: millis(60_000), classes: ['pcs'] },
  ],
  budgets: [
    { per: 'site', watts: watts(1_500_000), wattHours: wattHours(3_000_000) },
    { per: 'fleet', controllers: 200 },
  ],
  restarting: 2,
}
const [BMS, BACK, OTHER] = [release('bms/2.3.0', '2.3.0'), release('bms/2.3.1', '2.3.1'), release('bms/2.4.0', '2.4.0')]
const PCS = { ...release('pcs/4.2.0', '4.2.0'), class: 'pcs' }
const { plan: PLAN } = planOfSheets(SHEETS, {
  releases: [BMS, BACK, OTHER, PCS],
  changeRequest: 'CHG-1042',
  abort: { maxFailures: 1, maxFailurePercent: 100 },
  notBefore: instant(T0),
  rules: RULES,
  back: [{ of: 0, to: 1 }],
  retry: { retries: 1, backOffMillis: millis(1000), maxBackOffMillis: millis(9000) },
  deadline: { at: instant(T0 + 9 * HOUR), steps: [{ at: instant(T0 + HOUR), priority: 70 }] },
})

/** What a thief of the fleet server would like to change without anybody seeing it. */
const ALL = RULES.permissives
const [WAVE, REST] = PLAN.waves as [PlanBody['waves'][number], PlanBody['waves'][number]]
const CHANGES: Readonly<Record<string, Partial<PlanBody>>> = {
  'the windows are gone': { rules: { ...RULES, windows: [] } },
  'a window is longer': { rules: { ...RULES, windows: [{ days: ['mon', 'tue'], from: '22:00', to: '05:00' }] } },
  'a blackout is gone': { rules: { ...RULES, blackouts: RULES.blackouts.slice(1) } },
  'a blackout holds elsewhere': { rules: { ...RULES, blackouts: [{ ...RULES.blackouts[0]!, regions: ['nl-east'] }] } },
  'all permissives are gone': { rules: { ...RULES, permissives: [] } },
  'a bound is lower': { rules: { ...RULES, permissives: [{ ...ALL[0]!, min: 0 }, ALL[1]!] } },
  'a value may be older': { rules: { ...RULES, permissives: [ALL[0]!, { ...ALL[1]!, maxAgeMillis: millis(HOUR) }] } },
  'a permissive is for others': { rules: { ...RULES, permissives: [ALL[0]!, { ...ALL[1]!, classes: ['bms'] }] } },
  'a budget is larger': { rules: { ...RULES, budgets: [{ per: 'site', watts: watts(9_000_000) }] } },
  'a budget is gone': { rules: { ...RULES, budgets: [] } },
  'more at once': { rules: { ...RULES, restarting: null } },
  'another way back': { back: [{ of: 0, to: 2 }] },
  'no way back': { back: undefined as never },
  'a health figure less': { waves: [WAVE, REST] },
  'a gate that lets more fail': { waves: [{ ...WAVE, gate: { ...WAVE.gate, maxFailures: 2 } }, REST] },
  'a shorter soak': { waves: [{ ...WAVE, soakMillis: millis(1000) }, REST] },
  'a longer life': { notAfter: instant(T0 + 2000 * HOUR) },
  'an earlier beginning': { notBefore: instant(T0 - HOUR) },
  'another release': { releases: [{ ...BMS, sha256: 'ef'.repeat(32) }, BACK, OTHER, PCS] },
  'a higher priority': { priority: 60 },
  'an earlier deadline': { deadline: { at: instant(T0 + 8 * HOUR), steps: [] } },
  'longer waits': { retry: { retries: 1, backOffMillis: millis(1000), maxBackOffMillis: millis(99_000) } },
  'more failures before it ends': { abort: { maxFailures: 9999, maxFailurePercent: 100 } },
  'others may join': { membership: { dynamic: true, select: { classes: ['bms'] }, wave: 1 } },
  'somebody else drew it up': { createdBy: 'eve' },
  'another change request': { changeRequest: 'CHG-1' },
}

describe('what an approver sees of a plan', () => {
  const gated = { ...WAVE, gate: { ...WAVE.gate, health: [FIGURE] } }
  const { sheetOf: _, ...head } = PLAN
  const base: PlanBody = { ...head, waves: [gated, REST] }
  const textOf = (body: PlanBody): string => {
    const { back, ...rest } = body
    const written = back === undefined ? rest : { ...rest, back }
    const read: PlanHead = orThrow(parsePlan(planBytes(written), 'the plan'))
    return planText(new Output(sink, sink, {}), read, SHEETS)
  }

  for (const [name, change] of Object.entries(CHANGES)) {
    it(`attack: a change that an approver does not see: ${name}`, () => {
      assert.notEqual(textOf({ ...base, ...change }), textOf(base))
    })
  }
})
