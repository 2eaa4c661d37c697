import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { canonicalJson, type Json } from '../../../src/core/encoding/canonical-json.ts'
import { Misfit } from '../../../src/core/encoding/shape.ts'
import { points } from '../../../src/core/fleet/points.ts'
import {
  checkRules,
  NO_RULES,
  rulesShape,
  type SiteRules,
  storedRulesShape,
} from '../../../src/core/fleet/site-rules.ts'

const read = (value: unknown): SiteRules => {
  const rules = rulesShape(value, 'rules')
  assert.ok(!(rules instanceof Misfit), rules instanceof Misfit ? `${rules.at}: ${rules.expected}` : '')
  return rules
}

const WRITTEN = {
  windows: [{ days: ['fri', 'mon'], from: '22:00', to: '05:00' }],
  blackouts: [
    { why: 'winter peak', from: '2026-12-20T00:00:00Z', to: '2027-01-07T00:00:00Z', regions: ['nl-west'] },
    { why: 'morning ramp', days: ['mon'], from: '04:00', to: '05:00' },
  ],
  permissives: [
    { point: 'state-of-charge', min: 30, maxAgeMillis: '30s' },
    { point: 'dispatch', is: false, maxAgeMillis: 30_000, classes: ['bms'] },
  ],
  budgets: [{ per: 'site', watts: '2.5MW', controllers: 4 }],
  restarting: 2,
}

describe('rules of a site', () => {
  test('are read as people write them, and read back as they are stored', () => {
    const rules = read(WRITTEN)
    assert.deepEqual(rules, {
      windows: [{ days: ['mon', 'fri'], from: '22:00', to: '05:00' }],
      blackouts: [
        { why: 'winter peak', from: Date.UTC(2026, 11, 20), to: Date.UTC(2027, 0, 7), regions: ['nl-west'] },
        { why: 'morning ramp', days: ['mon'], from: '04:00', to: '05:00' },
      ],
      permissives: [
        { point: 'state-of-charge', min: 30, maxAgeMillis: 30_000 },
        { point: 'dispatch', is: false, maxAgeMillis: 30_000, classes: ['bms'] },
      ],
      budgets: [{ per: 'site', watts: 2_500_000, controllers: 4 }],
      restarting: 2,
    })
    const stored = JSON.parse(new TextDecoder().decode(canonicalJson(rules as unknown as Json)))
    assert.deepEqual(storedRulesShape(stored, 'rules'), rules)
    assert.deepEqual(read({}), NO_RULES)
  })

  test('in a signed document have one spelling', () => {
    for (const other of [{}, { windows: [] }, read(WRITTEN).windows, WRITTEN]) {
      assert.ok(storedRulesShape(other, 'rules') instanceof Misfit, JSON.stringify(other))
    }
    assert.deepEqual(storedRulesShape(NO_RULES, 'rules'), NO_RULES)
  })

  const permissive = { point: 'state-of-charge', min: 30, maxAgeMillis: 1000 }
  const window = { days: ['mon'], from: '01:00', to: '02:00' }
  const rows: [name: string, value: unknown, at: string][] = [
    ['an unknown member', { window: [] }, 'rules.window'],
    ['a window without days', { windows: [{ ...window, days: [] }] }, 'rules.windows[0].days'],
    ['a day twice', { windows: [{ ...window, days: ['mon', 'mon'] }] }, 'rules.windows[0].days'],
    ['a day of another language', { windows: [{ ...window, days: ['maandag'] }] }, 'rules.windows[0].days[0]'],
    ['an hour that no clock shows', { windows: [{ ...window, to: '24:00' }] }, 'rules.windows[0].to'],
    ['an hour as a number', { windows: [{ ...window, from: 130 }] }, 'rules.windows[0].from'],
    ['a blackout without a reason', { blackouts: [{ from: 1, to: 2 }] }, 'rules.blackouts[0].why'],
    ['a blackout that ends first', { blackouts: [{ why: 'x', from: 2, to: 2 }] }, 'rules.blackouts[0]'],
    ['a date that does not exist', { blackouts: [{ why: 'x', from: '2026-02-30T00:00:00Z', to: 9 }] }, '[0].from'],
    ['a point that nobody reads', { permissives: [{ ...permissive, point: 'mood' }] }, 'rules.permissives[0].point'],
    ['a point of every object', { permissives: [{ ...permissive, point: 'toString' }] }, 'permissives[0].point'],
    ['a permissive that asks nothing', { permissives: [{ ...permissive, min: undefined }] }, 'rules.permissives[0]'],
    ['true or false for a number', { permissives: [{ ...permissive, is: true }] }, 'rules.permissives[0]'],
    ['a bound for true or false', { permissives: [{ ...permissive, point: 'dispatch' }] }, 'rules.permissives[0]'],
    ['bounds with nothing between', { permissives: [{ ...permissive, max: 20 }] }, 'rules.permissives[0]'],
    ['a bound beyond what can be', { permissives: [{ ...permissive, min: 101 }] }, 'rules.permissives[0]'],
    ['a reading of any age', { permissives: [{ ...permissive, maxAgeMillis: 0 }] }, '[0].maxAgeMillis'],
    ['a budget of nothing', { budgets: [{ per: 'site' }] }, 'rules.budgets[0]'],
    ['a budget of an unknown place', { budgets: [{ per: 'planet', watts: 1 }] }, 'rules.budgets[0].per'],
  ]
  for (const [name, value, at] of rows) {
    test(`${name} is refused with its place`, () => {
      const misfit = rulesShape(value, 'rules')
      assert.ok(misfit instanceof Misfit)
      assert.ok(misfit.at.endsWith(at), misfit.at)
    })
  }

  const zeros: [name: string, value: object, actual: string][] = [
    ['watts', { budgets: [{ per: 'site', watts: 0 }] }, '0 at budgets[0].watts'],
    [
      'watt-hours',
      {
        budgets: [
          { per: 'site', controllers: 1 },
          { per: 'feeder', wattHours: '0Wh' },
        ],
      },
      'budgets[1]',
    ],
    ['controllers', { budgets: [{ per: 'fleet', controllers: 0 }] }, '0 at budgets[0].controllers'],
    ['restarts', { restarting: 0 }, '0 at restarting'],
  ]
  for (const [name, value, actual] of zeros) {
    test(`a budget of zero ${name}: rules-budget-zero`, () => {
      const refusal = checkRules(read(value), 'the plan')
      assert.equal(refusal?.code, 'rules-budget-zero')
      assert.ok(refusal?.actual.includes(actual), refusal?.actual)
    })
  }
  test('a budget of something is none of zero', () => assert.equal(checkRules(read(WRITTEN), 'x'), null))

  test('the page of the site file names every point, its scope and its unit', () => {
    const page = readFileSync(new URL('../../../docs/site.md', import.meta.url), 'utf8')
    for (const [point, { scope, unit }] of Object.entries(points)) {
      const counted = unit === null ? 'true, false' : unit === '' ? 'count' : unit
      assert.ok(page.includes(`| \`${point}\` | ${scope} | ${counted} |`), point)
    }
  })
})
