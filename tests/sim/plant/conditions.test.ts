import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { METERED, Meters } from '../../../sim/plant/conditions.ts'
import { Plant } from '../../../sim/plant/plant.ts'
import { wattHours, watts } from '../../../src/core/encoding/units.ts'
import { HOUR, happening, later, MINUTE, T0, UPS, unit, WIND } from './plants.ts'

const span = (from: number, to: number) => ({ from: later(T0, from), to: later(T0, to) })
const evening = { ...span(HOUR, 3 * HOUR), id: 'evening', power: watts(1e6), penalty: 1 }
const fed = { ...WIND, units: WIND.units.map(one => ({ ...one, feeder: one.id.endsWith('1') ? 'f1' : 'f2' })) }

/** One reading's value; undefined when there is none. */
const show = (plant: Plant, point: string, of: string | null = null) =>
  new Meters(plant).read([point]).find(reading => reading.of === of)?.value

describe('the meters of a plant', () => {
  it('show the site, its feeders and its controllers', () => {
    const more = {
      alarms: [{ ...span(0, HOUR), unit: 'bms-2', name: 'over-temperature' }],
      gridEvents: [span(0, HOUR)],
    }
    const plant = new Plant(fed, happening({ commitments: [evening], ...more }), T0)
    for (const [at, point, of, value] of [
      [0, 'state-of-charge', null, 60],
      [0, 'dispatch', null, false],
      [0, 'dispatch-in', null, 3600],
      [0, 'grid-event', null, true],
      [0, 'active-alarms', null, 1],
      [0, 'controller-alarms', 'bms-2', 1],
      [0, 'controller-alarms', 'bms-1', 0],
      [0, 'contactors-closed', 'bms-1', false],
      [HOUR, 'dispatch', null, true],
      [HOUR, 'dispatch-in', null, 0],
      [HOUR, 'power-flow', null, 1e6],
      [HOUR, 'feeder-power', 'f1', 2.5e5],
      [HOUR, 'feeder-power', 'f2', 7.5e5],
      [HOUR, 'power', 'pcs-1', 5e5],
      [HOUR, 'power', 'bms-1', 2.5e5],
      [HOUR, 'contactors-closed', 'bms-1', true],
      [HOUR, 'contactors-closed', 'pcs-1', undefined],
      [HOUR, 'rack-state-of-charge', 'bms-1', 60],
      [HOUR, 'rack-state-of-charge', 'ems-1', undefined],
      [HOUR, 'grid-event', null, false],
      [HOUR, 'temperature', 'bms-1', 27.5],
      [HOUR, 'in-service', 'bms-1', true],
      [HOUR, 'islanded', null, false],
    ] as const) {
      plant.advance(later(T0, at))
      assert.equal(show(plant, point, of), value, `${point} of ${of} after ${at / HOUR} h`)
    }
    plant.restart('pcs-1')
    assert.equal(show(plant, 'in-service', 'bms-1'), false, 'behind a converter that restarts')
    assert.equal(show(plant, 'power', 'bms-1'), 0)
    assert.equal(show(plant, 'link-quality', 'pcs-1'), 0)
  })
  it('show an outage, an island and a battery that carries the load', () => {
    const outage = happening({ outages: [span(0, HOUR)] })
    const island = new Plant(UPS, outage, T0)
    assert.deepEqual([show(island, 'islanded'), show(island, 'on-backup')], [true, false])
    island.take('pcs-1', 'failure')
    assert.deepEqual([show(island, 'islanded'), show(island, 'on-backup')], [true, true])
  })
  it('show a charging session', () => {
    const spec = { ...WIND, groups: [], units: [unit('evse-1', 'charger', 5e4)] }
    const plant = new Plant(
      spec,
      happening({ sessions: [{ ...span(0, HOUR), charger: 'evse-1', wants: wattHours(1e4) }] }),
      T0,
    )
    assert.equal(show(plant, 'charging-session', 'evse-1'), true)
    plant.advance(later(T0, 15 * MINUTE))
    assert.equal(show(plant, 'charging-session', 'evse-1'), false, 'the car has what it wants')
  })
  it('take no longer than two seconds to show something, and know no other points', () => {
    const plant = new Plant(fed, happening({}), T0)
    plant.advance(later(T0, 4_321))
    for (const reading of new Meters(plant).read(METERED)) assert.equal(reading.at - T0, 4_000, reading.point)
    assert.deepEqual(new Meters(plant).read(['luck']), [])
  })
  it('are gone, stuck, lying, or of another time, for as long as the fault says', () => {
    const plant = new Plant(fed, happening({ commitments: [evening] }), T0)
    const from = { from: later(T0, MINUTE), to: later(T0, 2 * HOUR), point: 'dispatch' }
    for (const [fault, value, at] of [
      [{ is: 'gone' }, undefined, undefined],
      [{ is: 'stuck' }, false, MINUTE],
      [{ is: 'lying', shows: false }, false, HOUR],
      [{ is: 'clock', by: 9 * HOUR }, true, 10 * HOUR],
    ] as const) {
      const here = new Plant(fed, happening({ commitments: [evening] }), T0)
      const meters = new Meters(here, [{ ...from, ...fault }])
      const look = () => meters.read(['dispatch', 'state-of-charge'])
      assert.equal(look()[0]?.value, false, 'before')
      here.advance(later(T0, MINUTE))
      look()
      here.advance(later(T0, HOUR))
      const seen = look().find(one => one.point === 'dispatch')
      assert.deepEqual([seen?.value, seen === undefined ? undefined : seen.at - T0], [value, at], fault.is)
      assert.equal(look().find(one => one.point === 'state-of-charge')?.at, later(T0, HOUR), 'another meter')
      here.advance(later(T0, 2 * HOUR))
      assert.deepEqual(look()[0], { point: 'dispatch', of: null, value: true, at: later(T0, 2 * HOUR) }, 'after')
    }
    assert.equal(plant.now, T0)
  })
})
