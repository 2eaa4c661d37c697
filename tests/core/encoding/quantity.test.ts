import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  durationShape,
  energyShape,
  powerShape,
  showDuration,
  showEnergy,
  showPower,
} from '../../../src/core/encoding/quantity.ts'
import { Misfit } from '../../../src/core/encoding/shape.ts'

describe('quantities', () => {
  const rows: [text: unknown, watts: number | null][] = [
    ['1.25MW', 1_250_000],
    ['1.25 MW', 1_250_000],
    ['250kW', 250_000],
    ['1W', 1],
    ['0W', 0],
    ['0.001kW', 1],
    [4700, 4700],
    ['1.0000001MW', null],
    ['0.5W', null],
    ['1,25MW', null],
    ['1.25mW', null],
    ['1.25', null],
    ['-1kW', null],
    ['1e3W', null],
    ['01kW', null],
    ['2.5MWh', null],
    [' 1kW', null],
    ['1001GW', null],
    [1.5, null],
    [-1, null],
    [Number.NaN, null],
    [null, null],
  ]
  for (const [text, expected] of rows) {
    test(`a power written ${JSON.stringify(text)} is ${expected ?? 'refused'}`, () => {
      const read = powerShape()(text, 'here')
      if (expected === null) assert.ok(read instanceof Misfit)
      else assert.equal(read, expected)
    })
  }

  test('a decimal power is read without rounding, whatever it is', () => {
    const kilo = fc.integer({ min: 0, max: 10 ** 9 })
    fc.assert(
      fc.property(kilo, watts => {
        const text = `${Math.floor(watts / 1e6)}.${String(watts % 1e6).padStart(6, '0')}MW`
        assert.equal(powerShape()(text, ''), watts)
      }),
    )
  })

  test('energies and times', () => {
    assert.equal(energyShape()('2.5MWh', ''), 2_500_000)
    assert.equal(durationShape(0, 1e9)('90s', ''), 90_000)
    assert.equal(durationShape(0, 1e9)('2h', ''), 7_200_000)
    assert.equal(durationShape(0, 1e9)('1.5min', ''), 90_000)
    assert.ok(durationShape(1000, 1e9)('10ms', '') instanceof Misfit)
    assert.ok(durationShape(1000, 1e9)(10, '') instanceof Misfit)
  })

  test('as people read them', () => {
    assert.deepEqual([0, 999, 1000, 1_250_000, 1_234_567, -2_000_000].map(showPower), [
      '0 W',
      '999 W',
      '1 kW',
      '1.25 MW',
      '1.24 MW',
      '-2 MW',
    ])
    assert.equal(showEnergy(2_500_000), '2.5 MWh')
    assert.deepEqual([0, 4999, 90_000, 7_500_000, 7_200_000, 270_000_000].map(showDuration), [
      '0 s',
      '4 s',
      '1 min 30 s',
      '2 h 5 min',
      '2 h',
      '3 d 3 h',
    ])
  })
})
