import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FREE } from '../../../sim/plant/bill.ts'
import { Plant } from '../../../sim/plant/plant.ts'
import { plantOf } from '../../../sim/plant/unit.ts'
import { millis, wattHours, watts } from '../../../src/core/encoding/units.ts'
import { parseSite } from '../../../src/core/fleet/topology.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { HOUR, happening, later, MINUTE, T0, UPS, unit, WIND } from './plants.ts'

const sold = (power: number, from: number, hours: number) => {
  const span = { from: later(T0, from * HOUR), to: later(T0, (from + hours) * HOUR) }
  return { id: 'evening', ...span, power: watts(power), penalty: 300 }
}
const span = (from: number, to: number) => ({ from: later(T0, from), to: later(T0, to) })
const near = (actual: number, expected: number): void =>
  assert(Math.abs(actual - expected) < 1e-6 * Math.max(1, Math.abs(expected)), `${actual}, expected ${expected}`)

describe('a plant that nobody updates', () => {
  it('delivers what was sold, and pays for it in charge with the losses', () => {
    const plant = new Plant(WIND, happening({ commitments: [sold(1e6, 1, 1)] }), T0, 0.6)
    plant.advance(later(T0, 2 * HOUR))
    assert.deepEqual(plant.bill.totals(), FREE)
    near(plant.stateOfCharge(), 0.6 - 1e6 / 0.97 / 4e6)
  })
  it('is short by nature when its racks are empty', () => {
    const plant = new Plant(WIND, happening({ commitments: [sold(2e6, 0, 2)] }), T0, 0.6)
    plant.advance(later(T0, 3 * HOUR))
    assert.deepEqual(plant.bill.totals('update'), FREE)
    const { megawattHoursNotDelivered, penalty, commitmentsBroken } = plant.bill.totals('nature')
    near(megawattHoursNotDelivered, 4 - 2.4 * 0.97)
    near(penalty, megawattHoursNotDelivered * 300)
    assert.equal(commitmentsBroken, 1)
  })
  it('charges of its wind, and from the grid when it is low', () => {
    const windy = new Plant(WIND, happening({ generation: () => watts(2e5) }), T0, 0.8)
    windy.advance(later(T0, HOUR))
    near(windy.stateOfCharge(), 0.8 + (2e5 * 0.97) / 4e6)
    const low = new Plant(WIND, happening({}), T0, 0.5)
    low.advance(later(T0, HOUR / 2))
    near(low.stateOfCharge(), 0.5 + (2.5e5 * 0.97) / 4e6)
    low.advance(later(T0, 3 * HOUR))
    near(low.energies.grid, -4e5 / 0.97)
    assert.equal(low.flow().grid, 0, 'rested')
  })
  it('keeps its load through an outage as an island, or on the UPS, or not at all', () => {
    const outage = happening({ outages: [span(0, HOUR)] })
    const island = new Plant(UPS, outage, T0)
    island.advance(later(T0, MINUTE))
    assert.equal(island.flow().islanded, true)
    assert.equal(island.flow().onBackup, false)
    const alone: typeof UPS = { ...UPS, units: UPS.units.filter(one => one.kind === 'ups') }
    const backup = new Plant(alone, outage, T0)
    backup.advance(later(T0, MINUTE))
    assert.equal(backup.flow().onBackup, true)
    backup.advance(later(T0, HOUR))
    // Two batteries of 100 kWh carry 400 kW for 29.1 minutes.
    near(backup.bill.totals('nature').secondsDark, 3600 - (2e5 * 0.97 * 3600) / 4e5)
    assert.equal(backup.bill.totals('update').secondsDark, 0)
  })
})

describe('what a restart costs', () => {
  const evening = happening({ commitments: [sold(2e6, 0, 1)] })
  it('takes the power of what stands behind it along, once', () => {
    const plant = new Plant(WIND, evening, T0, 0.9)
    plant.restart('bms-1')
    assert.deepEqual(plant.service.offline(), { watts: 5e5, wattHours: 1e6, controllers: 1 })
    plant.restart('pcs-1')
    assert.deepEqual(plant.service.offline(), { watts: 1e6, wattHours: 0, controllers: 2 })
    plant.advance(later(T0, HOUR))
    assert.deepEqual(plant.service.offline(), { watts: 0, wattHours: 0, controllers: 0 })
    const [item] = plant.bill.items
    assert(item?.kind === 'energy-not-delivered')
    near(item.energy, 1e6 / 6)
    assert.deepEqual(item.cause, { by: 'update', controllers: ['bms-1', 'pcs-1'] })
    assert.equal(item.to - item.from, 10 * MINUTE)
  })
  it('breaks a commitment when it takes more than a hundredth of its energy', () => {
    for (const [minutes, broken] of [
      [0.5, 0],
      [3, 1],
    ] as const) {
      const plant = new Plant(WIND, evening, T0, 0.9)
      plant.take('pcs-1', 'update', later(T0, minutes * MINUTE))
      plant.advance(later(T0, 2 * HOUR))
      assert.equal(plant.bill.totals('update').commitmentsBroken, broken, `${minutes} minutes`)
    }
  })
  it('costs nothing where nothing was sold', () => {
    const plant = new Plant(WIND, happening({}), T0)
    plant.restart('pcs-1')
    plant.advance(later(T0, HOUR))
    assert.deepEqual(plant.bill.totals(), FREE)
  })
  it('leaves the critical load unprotected when both UPS of a pair restart', () => {
    const plant = new Plant(UPS, happening({}), T0)
    plant.restart('ups-1')
    plant.advance(later(T0, 4 * MINUTE))
    assert.deepEqual(plant.bill.totals(), FREE, 'one of two carries the load')
    plant.restart('ups-2')
    plant.advance(later(T0, HOUR))
    const { secondsUnprotected, secondsWithoutRedundancy, secondsDark } = plant.bill.totals('update')
    assert.deepEqual([secondsUnprotected, secondsWithoutRedundancy, secondsDark], [360, 360, 0])
  })
  it('puts the load in the dark when the grid goes in that moment', () => {
    const alone: typeof UPS = { ...UPS, units: UPS.units.filter(one => one.kind === 'ups') }
    const plant = new Plant(alone, happening({ outages: [span(MINUTE, 3 * MINUTE)] }), T0)
    for (const id of ['ups-1', 'ups-2']) plant.restart(id)
    plant.advance(later(T0, HOUR))
    assert.equal(plant.bill.totals('update').secondsDark, 120)
  })
  it('blames a redundancy that was lost already on nobody’s update', () => {
    const plant = new Plant(UPS, happening({}), T0)
    for (const id of ['ups-1', 'ups-2']) plant.take(id, 'failure')
    plant.advance(later(T0, MINUTE))
    plant.restart('bms-1')
    plant.advance(later(T0, 2 * MINUTE))
    assert.equal(plant.bill.totals('update').secondsWithoutRedundancy, 0)
    assert.equal(plant.bill.totals('nature').secondsWithoutRedundancy, 120)
  })
  it('cuts a charging session, and none that has what it wants', () => {
    const spec = { ...WIND, units: [unit('evse-1', 'charger', 5e4), unit('evse-2', 'charger', 5e4)] }
    const sessions = ['evse-1', 'evse-2'].map(charger => {
      return { ...span(0, HOUR), charger, wants: wattHours(charger === 'evse-1' ? 4e4 : 1e4) }
    })
    const plant = new Plant({ ...spec, groups: [] }, happening({ sessions }), T0)
    plant.advance(later(T0, 30 * MINUTE))
    for (const id of ['evse-1', 'evse-2']) plant.restart(id)
    plant.advance(later(T0, 2 * HOUR))
    const cut = plant.bill.items.filter(item => item.kind === 'session-cut')
    assert.deepEqual(
      cut.map(item => [item.charger, item.at - T0]),
      [['evse-1', 30 * MINUTE]],
    )
    near(cut[0]?.missing ?? 0, 1.5e4)
    near(plant.energies.charged, 3.5e4)
  })
})

describe('the plant of a site file', () => {
  const site = orThrow(
    parseSite(
      {
        site: 'ridge',
        name: 'Ridge',
        region: 'north',
        zone: 'Europe/Oslo',
        vendor: 'voltworks.example',
        gateway: { id: 'gw-1' },
        classes: {
          bms: { slot: '1MiB', hardware: 'r1', restart: '10min' },
          pcs: { slot: '1MiB', hardware: 'r1' },
          meter: { slot: '1MiB', hardware: 'r1', restart: '1min' },
        },
        links: [{ id: 'lan', kind: 'ethernet' }],
        controllers: [
          { id: 'pcs-1', class: 'pcs', link: 'lan', power: '1MW', feeder: 'f1' },
          { id: 'bms-1', class: 'bms', link: 'lan', power: '500kW', energy: '1MWh', behind: 'pcs-1' },
          { id: 'meter-1', class: 'meter', link: 'lan' },
        ],
      },
      'ridge.site.yaml',
    ),
  )
  it('takes power, energy and restart from it, and the kind from the class', () => {
    assert.deepEqual(plantOf(site).units, [
      unit('pcs-1', 'pcs', 1e6, 0, { feeder: 'f1' }),
      unit('bms-1', 'rack', 5e5, 1e6, { feeder: 'f1', behind: 'pcs-1' }),
      unit('meter-1', 'control', 0, 0, { restart: millis(MINUTE) }),
    ])
    assert.equal(plantOf(site, watts(0), { meter: 'pcs' }).units[2]?.kind, 'pcs')
  })
  it('does not take what cannot be: a unit behind itself, or behind nobody', () => {
    const behind = (other: string) => ({
      ...WIND,
      units: [unit('a', 'pcs', 1, 0, { behind: other }), unit('b', 'pcs', 1, 0, { behind: 'a' })],
    })
    assert.throws(() => new Plant({ ...behind('b'), groups: [] }, happening({}), T0), /behind itself/)
    assert.throws(() => new Plant({ ...behind('c'), groups: [] }, happening({}), T0), /has no c/)
    assert.throws(() => new Plant(WIND, happening({}), T0, 1.1), /state of charge/)
  })
})
