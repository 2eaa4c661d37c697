import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Plant } from '../../../sim/plant/plant.ts'
import { lifeOf } from '../../../sim/plant/weather.ts'
import { HOUR, later, MINUTE, T0, UPS, unit, WIND } from './plants.ts'

/** Whatever happens and whoever restarts, the plant keeps to physics. */

const MIXED = {
  ...WIND,
  site: 'mixed',
  criticalLoad: UPS.criticalLoad,
  groups: [...WIND.groups, ...UPS.groups],
  units: [...WIND.units, ...UPS.units.filter(one => one.kind === 'ups'), unit('evse-1', 'charger', 1.5e5)],
}
const LIFE = {
  wind: 1.5e6,
  sells: 1.8e6,
  outages: 900,
  gridEvents: 300,
  alarms: 300,
  linkLosses: 100,
  sessions: 6,
  shift: 0,
}
const ids = MIXED.units.map(one => one.id)
const walks = fc.record({
  seed: fc.nat(1e6),
  held: fc.double({ min: 0, max: 1, noNaN: true }),
  steps: fc.array(
    fc.record({ wait: fc.integer({ min: 0, max: 4 * 60 }), id: fc.constantFrom(...ids), how: fc.nat(3) }),
    { maxLength: 60 },
  ),
})

function walked(
  { seed, held, steps }: typeof walks extends fc.Arbitrary<infer W> ? W : never,
  look = (_: Plant) => {},
) {
  const plant = new Plant(MIXED, lifeOf(MIXED, LIFE, seed, T0, 10), T0, held)
  for (const { wait, id, how } of steps) {
    plant.advance(later(plant.now, wait * MINUTE))
    if (how === 0) plant.restart(id)
    else if (how === 1) plant.take(id, 'failure')
    else if (how === 2) plant.give(id)
    look(plant)
  }
  plant.advance(later(plant.now, 6 * HOUR))
  look(plant)
  return plant
}

describe('the physics of the plant', () => {
  it('loses and makes no energy: all of it is accounted for', () => {
    fc.assert(
      fc.property(walks, walk => {
        const { generation, drawn, grid, load, charged, lost } = walked(walk).energies
        const [came, went] = [generation + drawn, grid + load + charged + lost]
        assert(Math.abs(came - went) < 1, `${came} Wh came, ${went} Wh went`)
        assert(lost >= -1e-6, `${lost} Wh lost`)
      }),
      { numRuns: 60 },
    )
  })
  it('keeps every state of charge within 0 and 1, and every power within what the units can carry', () => {
    fc.assert(
      fc.property(walks, walk => {
        walked(walk, plant => {
          for (const { id } of MIXED.units) plant.stateOfCharge(id)
          const { stores, missing, missingByUpdate } = plant.flow()
          const through = new Map<string, number>()
          for (const [id, power] of stores) {
            const { power: most, behind } = plant.service.unit(id)
            assert(Math.abs(power) <= most + 1e-6, `${id} carries ${power} W`)
            assert(plant.service.inService(id), `${id} is away and carries ${power} W`)
            if (behind !== null) through.set(behind, (through.get(behind) ?? 0) + Math.abs(power))
          }
          for (const [id, power] of through)
            assert(power <= plant.service.unit(id).power + 1e-6, `${power} W through ${id}`)
          assert(missing >= -1e-6 && missingByUpdate >= 0 && missingByUpdate <= missing + 1e-6)
        })
      }),
      { numRuns: 60 },
    )
  })
  it('comes to the same bill in one stride and in many small ones', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.constantFrom(1, 5, 7.2, 60, 90), (seed, minutes) => {
        const bill = (stride: number) => {
          const plant = new Plant(MIXED, lifeOf(MIXED, LIFE, seed, T0, 2), T0)
          plant.take('pcs-1', 'update', later(T0, 9 * HOUR))
          while (plant.now < later(T0, 24 * HOUR)) plant.advance(later(plant.now, stride))
          return plant.bill.totals()
        }
        const [one, many] = [bill(24 * HOUR), bill(minutes * MINUTE)]
        for (const name of Object.keys(one) as (keyof typeof one)[]) {
          assert(Math.abs(one[name] - many[name]) < 1e-3, `${name}: ${one[name]} and ${many[name]}`)
        }
      }),
      { numRuns: 30 },
    )
  })
  it('blames nothing on updates when there is none', () => {
    fc.assert(
      fc.property(fc.nat(1e6), seed => {
        const plant = new Plant(MIXED, lifeOf(MIXED, LIFE, seed, T0, 5), T0)
        plant.advance(later(T0, 120 * HOUR))
        assert.deepEqual(
          plant.bill.items.filter(item => item.cause.by === 'update'),
          [],
        )
      }),
      { numRuns: 20 },
    )
  })
})
