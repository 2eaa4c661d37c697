import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parsePlan, planBytes } from '../../../src/core/campaign/plan.ts'
import { plannedControllers, turnsOf } from '../../../src/core/campaign/turns.ts'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import { canonicalJson, type Json } from '../../../src/core/encoding/canonical-json.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import type { RefusalCode } from '../../../src/core/refusal/registry.ts'
import { planOf, T0 } from './plans.ts'

const PLAN = planOf([1, 2], { changeRequest: 'CHG-1042', notBefore: instant(T0) })
const [WAVE, REST] = PLAN.waves
const [RELEASE] = PLAN.releases

describe('the plan', () => {
  test('reads back from its bytes', () => {
    const read = orThrow(parsePlan(planBytes(PLAN), 'spring.json'))
    const { sheetOf: _, ...head } = PLAN
    assert.deepEqual(read, head)
    assert.deepEqual(
      [...plannedControllers(PLAN)].map(({ controller, wave }) => `${wave} ${controller}`),
      ['0 c0', '1 c1', '1 c2'],
    )
    assert.equal(turnsOf(PLAN).get('harbour/c2')?.wave, 1)
  })

  const { sheetOf: _, ...HEAD } = PLAN
  const json = (change: object): Uint8Array => canonicalJson({ ...HEAD, ...change } as unknown as Json)
  const rows: [name: string, bytes: Uint8Array, code: RefusalCode, at: string][] = [
    ['nothing', new Uint8Array(0), 'plan-malformed', ''],
    ['another kind', json({ kind: 'plan' }), 'plan-malformed', 'at kind'],
    ['another version', json({ v: 1 }), 'plan-malformed', 'at v'],
    ['an unknown name', json({ force: true }), 'plan-malformed', 'at force'],
    ['no release', json({ releases: [] }), 'plan-malformed', 'at releases'],
    ['a release twice', json({ releases: [RELEASE, RELEASE] }), 'plan-malformed', 'releases'],
    ['a short digest', json({ releases: [{ ...RELEASE, sha256: 'ab' }] }), 'plan-malformed', 'releases[0].sha256'],
    [
      'a version that is none',
      json({ releases: [{ ...RELEASE, version: 'v2' }] }),
      'plan-malformed',
      'releases[0].version',
    ],
    ['no wave', json({ waves: [] }), 'plan-malformed', 'at waves'],
    ['an empty wave', json({ waves: [{ ...WAVE, controllers: 0 }, REST] }), 'plan-wave-empty', 'waves[0]'],
    ['more controllers in the waves than in the sheets', json({ waves: [WAVE, WAVE] }), 'plan-malformed', 'waves'],
    [
      'a budget of zero',
      json({ rules: { ...PLAN.rules, budgets: [{ per: 'site', watts: 0 }] } }),
      'rules-budget-zero',
      'budgets[0].watts',
    ],
    ['no controller at once', json({ rules: { ...PLAN.rules, restarting: 0 } }), 'rules-budget-zero', 'restarting'],
    [
      'attack: a permissive for a class that is misspelt, and would hold for nobody',
      json({
        rules: {
          ...PLAN.rules,
          permissives: [{ point: 'contactors-closed', is: false, maxAgeMillis: 10_000, classes: ['bms', 'bmz'] }],
        },
      }),
      'rules-hold-nowhere',
      '"bmz" at rules.permissives[0].classes',
    ],
    [
      'rules with units',
      json({ rules: { ...PLAN.rules, budgets: [{ per: 'site', watts: '1MW' }] } }),
      'plan-malformed',
      'rules',
    ],
    ['no sheet', json({ sheets: { ...PLAN.sheets, sites: 0 } }), 'plan-malformed', 'sheets.sites'],
    ['a root that is none', json({ sheets: { ...PLAN.sheets, root: 'ab' } }), 'plan-malformed', 'sheets.root'],
    ['a priority above all', json({ priority: 101 }), 'plan-malformed', 'priority'],
    [
      'attack: an end that is never: the approval would hold as long',
      json({ notAfter: 8_640_000_000_000_000 }),
      'plan-times-disordered',
      'at notAfter',
    ],
    [
      'a longest wait below the first',
      json({ retry: { ...PLAN.retry, backOffMillis: 2, maxBackOffMillis: 1 } }),
      'plan-times-disordered',
      'retry',
    ],
    [
      'a deadline behind the end',
      json({ deadline: { at: PLAN.notAfter + 1, steps: [] } }),
      'plan-times-disordered',
      'deadline.at',
    ],
    [
      'steps of a deadline out of order',
      json({
        deadline: {
          at: T0 + 9,
          steps: [
            { at: T0 + 5, priority: 60 },
            { at: T0 + 5, priority: 70 },
          ],
        },
      }),
      'plan-times-disordered',
      'deadline.steps[1].at',
    ],
    [
      'a deadline that lowers the priority',
      json({ deadline: { at: T0 + 9, steps: [{ at: T0 + 5, priority: 50 }] } }),
      'plan-malformed',
      'deadline.steps[0].priority',
    ],
    [
      'members that join a wave that is not there',
      json({ membership: { dynamic: true, select: {}, wave: 2 } }),
      'plan-malformed',
      'membership.wave',
    ],
    [
      'members that join, and do not',
      json({ membership: { dynamic: false, select: {}, wave: 0 } }),
      'plan-malformed',
      'membership',
    ],
    [
      'content beside firmware that safety depends on',
      json({
        releases: [
          { ...RELEASE, criticality: 'safety' },
          { ...RELEASE, path: 'hmi/1.suit', criticality: 'content' },
        ],
      }),
      'plan-criticality-mixed',
      'hmi/1.suit and bms/2.3.0.suit',
    ],
    ['a wave name twice', json({ waves: [WAVE, { ...REST, name: WAVE?.name }] }), 'plan-malformed', 'waves[1].name'],
    [
      'a gate of fractions',
      utf8(new TextDecoder().decode(json({})).replace('Percent":60', 'Percent":0.6')),
      'plan-malformed',
      '',
    ],
    [
      'a gate above all',
      json({ waves: [{ ...WAVE, gate: { minSuccessPercent: 101, maxFailures: 0 } }] }),
      'plan-malformed',
      'waves[0].gate.minSuccessPercent',
    ],
    ['an end before the beginning', json({ notAfter: T0 - 1 }), 'plan-times-disordered', ''],
    ['an end before it was made', json({ notBefore: 0, notAfter: 1 }), 'plan-times-disordered', ''],
    ['no timeout', json({ timeoutMillis: 0 }), 'plan-malformed', 'timeoutMillis'],
    ['many retries', json({ retry: { ...PLAN.retry, retries: 11 } }), 'plan-malformed', 'retry.retries'],
    [
      'a title of two lines',
      utf8(new TextDecoder().decode(json({ title: 'a%b' })).replace('a%b', 'a\\nb')),
      'plan-malformed',
      'title',
    ],
    ['another spelling', utf8(` ${new TextDecoder().decode(json({}))}`), 'plan-not-canonical', ''],
  ]
  for (const [name, bytes, code, at] of rows) {
    test(`${name} is refused`, () => {
      const refused = parsePlan(bytes, 'spring.json')
      assert(isRefusal(refused))
      assert.equal(refused.code, code, refused.actual)
      assert(refused.actual.includes(at), refused.actual)
    })
  }

  test('attack: an endless plan', () => {
    const bytes = planBytes(PLAN)
    const refused = parsePlan(bytes, 'spring.json', bytes.length - 1)
    assert(isRefusal(refused))
    assert.equal(refused.code, 'plan-malformed')
    assert(!isRefusal(parsePlan(bytes, 'spring.json', bytes.length)), 'as long as it may be')
  })
})
