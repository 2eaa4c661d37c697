import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parsePlan, planBytes, plannedControllers } from '../../../src/core/campaign/plan.ts'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import { canonicalJson, type Json } from '../../../src/core/encoding/canonical-json.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import type { RefusalCode } from '../../../src/core/refusal/registry.ts'
import { planOf, T0 } from './plans.ts'

const PLAN = planOf([1, 2], { changeRequest: 'CHG-1042', notBefore: instant(T0) })
const [WAVE, REST] = PLAN.waves
const [RELEASE] = PLAN.releases
const turn = { site: 'harbour', controller: 'c0', release: 0 }

describe('the plan', () => {
  test('reads back from its bytes', () => {
    const read = orThrow(parsePlan(planBytes(PLAN), 'spring.json'))
    assert.deepEqual(read, PLAN)
    assert.deepEqual(
      [...plannedControllers(read)].map(({ controller, wave }) => `${wave} ${controller}`),
      ['0 c0', '1 c1', '1 c2'],
    )
  })

  const json = (change: object): Uint8Array => canonicalJson({ ...PLAN, ...change } as unknown as Json)
  const rows: [name: string, bytes: Uint8Array, code: RefusalCode, at: string][] = [
    ['nothing', new Uint8Array(0), 'plan-malformed', ''],
    ['another kind', json({ kind: 'plan' }), 'plan-malformed', 'at kind'],
    ['another version', json({ v: 2 }), 'plan-malformed', 'at v'],
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
    ['an empty wave', json({ waves: [{ ...WAVE, controllers: [] }] }), 'plan-malformed', 'waves[0].controllers'],
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
    [
      'a release that is not there',
      json({ waves: [{ ...WAVE, controllers: [{ ...turn, release: 1 }] }] }),
      'plan-malformed',
      'waves[0].controllers[0].release',
    ],
    [
      'a controller twice in a wave',
      json({ waves: [{ ...WAVE, controllers: [turn, turn] }] }),
      'plan-controller-twice',
      'harbour/c0',
    ],
    [
      'a controller in two waves',
      json({ waves: [WAVE, { ...REST, controllers: [turn] }] }),
      'plan-controller-twice',
      'harbour/c0',
    ],
    ['an end before the beginning', json({ notAfter: T0 - 1 }), 'plan-times-disordered', ''],
    ['an end before it was made', json({ notBefore: 0, notAfter: 1 }), 'plan-times-disordered', ''],
    ['no timeout', json({ timeoutMillis: 0 }), 'plan-malformed', 'timeoutMillis'],
    ['many retries', json({ retries: 11 }), 'plan-malformed', 'retries'],
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
