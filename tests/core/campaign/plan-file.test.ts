import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import Value from 'typebox/value'
import { locate, readLocated } from '../../../src/apps/process/located-file.ts'
import { parsePlanFile, planFileSchema } from '../../../src/core/campaign/plan-file.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import type { RefusalCode } from '../../../src/core/refusal/registry.ts'

const ROOT = join(import.meta.dirname, '../../..')
const SCHEMA = planFileSchema()

const FULL = {
  id: 'bms-7-28',
  title: 'BMS 7.28',
  changeRequest: 'CHG-1042',
  criticality: 'security',
  priority: 60,
  notBefore: '2027-03-01T00:00:00Z',
  notAfter: '2027-04-01T00:00:00Z',
  releases: ['bms/7.28.0/envelope.suit', { path: 'hmi/2.0.0/envelope.suit', criticality: 'content' }],
  steppingStones: true,
  select: { regions: ['nl-west'], sites: ['harbour'], classes: ['bms'], labels: ['night'] },
  joinIn: 'rest',
  waves: [
    { name: 'canary', take: { perClass: 1 }, soak: '24h', gate: { success: 100, failures: 0 } },
    { name: 'racks', take: { racks: 2 }, soak: '2h' },
    { name: 'named', take: { controllers: ['harbour/bms-1'] } },
    { name: 'rest', take: 'rest', gate: { success: 95, failures: 3 } },
  ],
  wayBack: [{ of: 'bms/7.28.0/envelope.suit', to: 'bms/7.28.1/envelope.suit' }],
  timeout: '90min',
  retry: { retries: 3, backOff: '10min', maxBackOff: '2h' },
  abort: { failures: 20, percent: 5 },
  rules: {
    windows: [{ days: ['mon', 'tue'], from: '22:00', to: '04:00' }],
    blackouts: [{ why: 'market', days: ['fri'], from: '17:00', to: '20:00', regions: ['nl-west'] }],
    permissives: [{ point: 'state-of-charge', min: 20, max: 90, maxAgeMillis: '2min' }],
    budgets: [{ per: 'site', watts: '1.5MW' }],
    restarting: 2,
  },
  deadline: { at: '2027-03-20T00:00:00Z', steps: [{ at: '2027-03-10T00:00:00Z', priority: 80 }] },
}
const MINIMAL = { id: 'a', releases: ['a.suit'], waves: [{ name: 'all', take: 'rest' }] }

describe('a plan file', () => {
  test('says everything that a plan request holds', () => {
    const request = orThrow(parsePlanFile(FULL, 'plan.yaml'))
    assert.equal(request.priority, 60)
    assert.deepEqual(request.end, { at: Date.UTC(2027, 3, 1) })
    assert.deepEqual(request.waves[1]?.take, { by: 'unit', unit: 'rack', count: 2 })
    assert.equal(request.waves[1]?.soakMillis, 7_200_000)
    assert.deepEqual(request.retry, { retries: 3, backOffMillis: 600_000, maxBackOffMillis: 7_200_000 })
    assert.equal(request.rules.budgets[0]?.watts, 1_500_000)
    assert.equal(request.joining, 'rest')
    assert.equal(request.releases[1]?.criticality, 'content')
    const least = orThrow(parsePlanFile(MINIMAL, 'plan.yaml'))
    assert.deepEqual([least.title, least.criticality, least.priority, least.stones], ['a', 'feature', 50, true])
    assert.deepEqual(least.waves[0]?.gate, { minSuccessPercent: 100, maxFailures: 0 })
  })

  const with_ = (change: object): object => ({ ...FULL, joinIn: undefined, ...change })
  const wave = (take: unknown): object => with_({ waves: [{ name: 'one', take }] })
  const rows: [name: string, file: unknown, at: string, code?: RefusalCode][] = [
    ['nothing', null, 'the top'],
    ['a list', [], 'the top'],
    ['no id', with_({ id: undefined }), 'id'],
    ['an id with a space', with_({ id: 'a b' }), 'id'],
    ['an unknown word', with_({ force: true }), 'force'],
    ['no release', with_({ releases: [] }), 'releases'],
    ['a release twice', with_({ releases: ['a', 'a'] }), 'releases[1]'],
    ['no wave', with_({ waves: [] }), 'waves'],
    ['a wave that takes nothing', wave({}), 'waves[0].take'],
    ['a wave that takes two ways', wave({ count: 1, percent: 2 }), 'waves[0].take'],
    ['a wave of none', wave({ count: 0 }), 'waves[0].take.count'],
    ['a wave of more than all', wave({ percent: 101 }), 'waves[0].take.percent'],
    ['a wave of a word', wave('most'), 'waves[0].take'],
    ['a wave of a controller without its site', wave({ controllers: ['bms-1'] }), 'waves[0].take.controllers[0]'],
    ['two waves of one name', with_({ waves: [...FULL.waves, { name: 'rest', take: 'rest' }] }), 'waves[4].name'],
    [
      'a gate above all',
      with_({ waves: [{ name: 'a', take: 'rest', gate: { success: 101 } }] }),
      'waves[0].gate.success',
    ],
    [
      'a figure of a gate without its bounds',
      with_({ waves: [{ name: 'a', take: 'rest', gate: { health: [{ figure: 'resets' }] } }] }),
      'waves[0].gate.health[0].maxPercent',
    ],
    ['a way back from what nobody gets', with_({ wayBack: [{ of: 'x', to: 'y' }] }), 'wayBack[0].of'],
    [
      'a way back that is a way there',
      with_({ releases: ['a', 'b'], wayBack: [{ of: 'a', to: 'b' }] }),
      'wayBack[0].to',
    ],
    ['a soak without a unit', with_({ waves: [{ name: 'a', take: 'rest', soak: '24' }] }), 'waves[0].soak'],
    ['a day that does not exist', with_({ notAfter: '2027-02-30T00:00:00Z' }), 'notAfter'],
    ['two ends', with_({ validFor: '3d' }), 'validFor'],
    ['an end before the beginning', with_({ notAfter: '2027-02-01T00:00:00Z' }), 'notAfter', 'plan-times-disordered'],
    ['a range of no versions', with_({ select: { versions: { bms: '2..1' } } }), 'select.versions.bms'],
    ['others who join a wave that is not there', with_({ joinIn: 'tail' }), 'joinIn'],
    [
      'others who join whom somebody named',
      with_({ joinIn: 'rest', select: { controllers: ['harbour/bms-1'] } }),
      'select.controllers',
    ],
    [
      'a budget of zero',
      with_({ rules: { budgets: [{ per: 'site', watts: 0 }] } }),
      'rules.budgets[0].watts',
      'rules-budget-zero',
    ],
    [
      'a permissive about nothing',
      with_({ rules: { permissives: [{ point: 'mood', maxAgeMillis: 1000 }] } }),
      'rules.permissives[0].point',
    ],
    [
      'a window without days',
      with_({ rules: { windows: [{ days: [], from: '01:00', to: '02:00' }] } }),
      'rules.windows[0].days',
    ],
    ['a change request of two lines', with_({ changeRequest: 'a\nb' }), 'changeRequest'],
    ['fractions', with_({ priority: 0.5 }), 'priority'],
  ]
  for (const [name, file, at, code = 'plan-file-malformed'] of rows) {
    test(`${name} is refused, and the place is named`, () => {
      const refused = parsePlanFile(file, 'plan.yaml')
      assert(isRefusal(refused))
      assert.equal(refused.code, code, refused.actual)
      assert(refused.actual.endsWith(` at ${at}`), refused.actual)
    })
  }

  test('attack: members of a prototype are not members of the file', () => {
    assert(isRefusal(parsePlanFile(Object.create(FULL), 'plan.yaml')))
    const versions = JSON.parse('{"__proto__": "<4.2"}') as object
    assert(isRefusal(parsePlanFile(with_({ select: { versions } }), 'plan.yaml')))
  })
})

describe('the published JSON Schema', () => {
  test('is the one that is made from the parser', () => {
    const published = JSON.parse(readFileSync(join(ROOT, 'docs/campaign-plan.schema.json'), 'utf8')) as unknown
    assert.deepEqual(published, JSON.parse(JSON.stringify(SCHEMA)), 'node scripts/plan-schema.ts writes it anew')
  })

  /** What the parser refuses and a schema has no words for: relations between two places, and what numbers come to. */
  const BEYOND =
    /twice|again|both|as waves|a range|whole in its smallest|bounds|"is"|"min"|each day once|one line|before it|none of them|joinIn|select\.|at rules\./

  test('takes what the parser takes, and refuses what the parser refuses for its form', () => {
    const parts = Object.entries(FULL)
    const wrong = fc.constantFrom<unknown>(null, 0, -1, 1.5, '', 'x', 'rest', [], {}, [0], true, { count: 1 }, '10min')
    fc.assert(
      fc.property(
        fc.subarray(parts.map(([name]) => name)),
        fc.option(fc.tuple(fc.constantFrom(...parts.map(([name]) => name)), wrong)),
        (left, change) => {
          const file: Record<string, unknown> = Object.fromEntries(parts.filter(([name]) => !left.includes(name)))
          if (change !== null) file[change[0]] = change[1]
          const read = parsePlanFile(file, 'plan.yaml')
          const fits = Value.Check(SCHEMA as never, file)
          if (!isRefusal(read)) assert(fits, `the schema refuses what the parser takes: ${JSON.stringify(file)}`)
          else if (fits) assert.match(`${read.expected} ${read.actual}`, BEYOND, JSON.stringify(file))
        },
      ),
      { numRuns: 500 },
    )
    assert(Value.Check(SCHEMA as never, JSON.parse(JSON.stringify(FULL))))
  })
})

describe('line and column', () => {
  const file = orThrow(readLocated(join(ROOT, 'tests/core/campaign/plan.sample.yaml')))
  const places: [path: string, line: number, column: number][] = [
    ['id', 2, 1],
    ['waves[1].take.racks', 10, 13],
    ['waves[1].name', 9, 5],
    ['waves[2]', 11, 5],
    ['rules.windows[0].days[1]', 15, 20],
    ['rules.windows[0].gone', 15, 7],
    ['not.there', 2, 1],
  ]
  for (const [path, line, column] of places) {
    test(`${path} is at ${line}:${column}`, () => assert.deepEqual(file.placeOf(path), { line, column }))
  }

  test('a refusal names them', () => {
    const value = { ...(file.value as object), waves: [{ name: 'one', take: { count: 0 } }] }
    const refused = parsePlanFile(value, 'plan.yaml')
    assert(isRefusal(refused))
    assert.equal(locate(refused, 'plan.yaml', file).subject, 'plan.yaml:7:5')
  })
})
