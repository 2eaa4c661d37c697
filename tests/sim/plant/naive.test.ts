import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FREE } from '../../../sim/plant/bill.ts'
import { Plant } from '../../../sim/plant/plant.ts'
import { watts } from '../../../src/core/encoding/units.ts'
import { HOUR, happening, later, MINUTE, T0, UPS, WIND } from './plants.ts'

/** An updater that knows nothing of plants: when the image is there, it restarts everything. */
const naive = (plant: Plant): void => {
  for (const { id } of plant.spec.units) plant.restart(id)
}

describe('an updater that knows nothing of the plant', () => {
  const evening = { from: later(T0, HOUR), to: later(T0, 3 * HOUR), id: 'evening', power: watts(1.5e6), penalty: 300 }
  it('costs the grid the power of a whole site, breaks what was sold, and leaves no redundancy', () => {
    const plant = new Plant(WIND, happening({ commitments: [evening] }), T0, 0.95)
    plant.advance(later(T0, 2 * HOUR))
    naive(plant)
    plant.advance(later(T0, 4 * HOUR))
    const { megawattHoursNotDelivered, penalty, ...counts } = plant.bill.totals('update')
    assert.equal(Math.round(megawattHoursNotDelivered * 1e6), 1.5e6 / 6)
    assert.equal(Math.round(penalty * 100), (300 * 1.5 * 100) / 6)
    assert.deepEqual(counts, {
      commitmentsBroken: 1,
      secondsUnprotected: 0,
      secondsDark: 0,
      secondsWithoutRedundancy: 600,
      sessionsCut: 0,
    })
    assert.deepEqual(plant.bill.totals('nature'), FREE)
  })
  it('leaves the critical load unprotected, and in the dark when the grid goes', () => {
    const outage = { from: later(T0, 5 * MINUTE), to: later(T0, 8 * MINUTE) }
    const plant = new Plant(UPS, happening({ outages: [outage] }), T0)
    naive(plant)
    plant.advance(later(T0, HOUR))
    const { secondsUnprotected, secondsDark, secondsWithoutRedundancy } = plant.bill.totals('update')
    assert.deepEqual([secondsUnprotected, secondsDark, secondsWithoutRedundancy], [600, 180, 600])
  })
  it('costs nothing one after the other, when nothing was sold', () => {
    const plant = new Plant(
      WIND,
      happening({ commitments: [{ ...evening, from: later(T0, 5 * HOUR), to: later(T0, 6 * HOUR) }] }),
      T0,
      0.95,
    )
    for (const { id } of WIND.units) {
      plant.restart(id)
      plant.advance(later(plant.now, 15 * MINUTE))
    }
    plant.advance(later(T0, 7 * HOUR))
    assert.deepEqual(plant.bill.totals(), FREE)
  })
})
