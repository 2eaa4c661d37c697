import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  MOST_PERMISSIVES,
  MOST_PLACES,
  MOST_WAITING,
  MOST_WAITS,
  MOST_WORDS,
  plantView,
} from '../../../src/core/campaign/plant-view.ts'
import { judgeAll } from '../../../src/core/campaign/rules/permissives.ts'
import { type Reading, readingsOf } from '../../../src/core/campaign/rules/readings.ts'
import { no, type Wait } from '../../../src/core/campaign/rules/wait.ts'
import { instant, millis } from '../../../src/core/encoding/units.ts'
import { NOON, reading, rules, yard } from './situations.ts'

const limits = {
  permissives: [
    { point: 'state-of-charge', min: 30, maxAgeMillis: '30s' },
    { point: 'dispatch', is: false, maxAgeMillis: '30s' },
    { point: 'feeder-power', max: 1_000_000, maxAgeMillis: '1min', classes: ['bms'] },
    { point: 'contactors-closed', is: false, maxAgeMillis: '10s', classes: ['bms'] },
  ],
}
const SETS = [{ by: 'limits of the site', rules: rules(limits) }]
const view = (readings: readonly Reading[], waits: readonly Wait[] = [], sets = SETS) =>
  plantView(yard(), sets, readingsOf(readings), waits, instant(NOON), null)

const wait = (controller: string, more: Partial<Wait> = {}): Wait => ({
  ...no('permissive', 'state-of-charge', 'state of charge 18 %, at least 30 % needed', {
    value: '18 %',
    threshold: 'at least 30 %',
    ageMillis: millis(4000),
  }),
  controller,
  sentence: `${controller} waits`,
  ...more,
})

describe('the plant as people see it', () => {
  it('each permissive with its value, threshold and age, at the places that it asks about', () => {
    const old = { ...reading('dispatch', false), at: instant(NOON - 90_000) }
    const { permissives } = view([
      { ...reading('state-of-charge', 18), at: instant(NOON - 4000) },
      old,
      reading('feeder-power', 250_000, 'f1'),
      reading('contactors-closed', true, 'bms-3'),
      reading('contactors-closed', false, 'bms-1'),
    ])
    const [charge, dispatch, feeder, contactors] = permissives
    assert.deepEqual(charge, {
      by: 'limits of the site',
      point: 'state-of-charge',
      threshold: 'at least 30 %',
      maxAgeMillis: 30_000,
      classes: null,
      permits: 0,
      refuses: 1,
      unknown: 0,
      worst: [
        {
          of: null,
          stands: 'refuses',
          value: '18 %',
          ageMillis: 4000,
          because: "the site's state of charge 18 %, at least 30 % needed; read 4 s ago",
        },
      ],
    })
    // An old reading is none, and says how old it is.
    assert.deepEqual(
      [dispatch?.unknown, dispatch?.worst[0]?.stands, dispatch?.worst[0]?.ageMillis],
      [1, 'unknown', 90_000],
    )
    assert.match(`${dispatch?.worst[0]?.because}`, /1 min 30 s old/)
    // The feeders of the racks, by what they are behind.
    assert.deepEqual([feeder?.permits, feeder?.unknown], [1, 1])
    assert.deepEqual(
      feeder?.worst.map(({ of, stands, value }) => [of, stands, value]),
      [
        ['f2', 'unknown', null],
        ['f1', 'permits', '250 kW'],
      ],
    )
    assert.deepEqual(
      contactors?.worst.map(({ of, stands }) => [of, stands]),
      [
        ['bms-2', 'unknown'],
        ['bms-4', 'unknown'],
        ['bms-3', 'refuses'],
        ['bms-1', 'permits'],
      ],
    )
  })

  it('says of every rule what the coordinator decides by it', () => {
    const soc = fc.record({ value: fc.integer({ min: 0, max: 100 }), age: fc.integer({ min: 0, max: 60_000 }) })
    fc.assert(
      fc.property(soc, fc.option(fc.boolean()), ({ value, age }, closed) => {
        const readings = readingsOf([
          { ...reading('state-of-charge', value), at: instant(NOON - age) },
          ...(closed === null ? [] : [reading('contactors-closed', closed, 'bms-1')]),
        ])
        const own = rules({ permissives: [limits.permissives[0], limits.permissives[3]] })
        const sets = [{ by: 'limits of the site', rules: own }]
        const seen = plantView(yard(), sets, readings, [], instant(NOON), null).permissives
        const asking = { id: 'bms-1', class: 'bms', feeder: 'f1' }
        const judged = judgeAll(own.permissives, asking, readings, instant(NOON))
        const first = seen.flatMap(one => one.worst.filter(({ of }) => of === null || of === 'bms-1'))
        const refused = first.find(({ stands }) => stands !== 'permits')
        assert.equal(refused?.because ?? null, judged?.because ?? null)
      }),
      { seed: 7, numRuns: 200 },
    )
  })

  it('those that wait for the same reason stand together, with its figures of now', () => {
    const { waits } = view([], [wait('bms-1'), wait('bms-2'), wait('bms-3', { value: '19 %' })])
    assert.deepEqual(
      waits.map(({ controllers, value }) => [controllers, value]),
      [
        [['bms-1', 'bms-2'], '18 %'],
        [['bms-3'], '19 %'],
      ],
    )
  })

  it('attack: rules and reasons without end make no view without end', () => {
    const many = { permissives: Array.from({ length: 64 }, () => limits.permissives[3]) }
    const sets = Array.from({ length: 40 }, (_, at) => ({ by: `campaign ${'x'.repeat(500)}${at}`, rules: rules(many) }))
    const waits = Array.from({ length: 3000 }, (_, at) =>
      wait(`c${at}`, { about: `${at % 100}`, because: 'because '.repeat(300), value: '9'.repeat(900) }),
    )
    const seen = view([], waits, sets)
    assert.equal(seen.permissives.length, MOST_PERMISSIVES)
    assert.equal(seen.waits.length, MOST_WAITS)
    assert.equal(seen.more, 40 * 64 - MOST_PERMISSIVES + 100 - MOST_WAITS)
    assert.ok(seen.permissives.every(({ worst, by }) => worst.length <= MOST_PLACES && by.length <= MOST_WORDS))
    assert.ok(seen.waits.every(one => one.controllers.length <= MOST_WAITING && one.because.length <= MOST_WORDS))
    assert.ok(seen.waits.every(one => (one.value ?? '').length <= MOST_WORDS))
  })
})
