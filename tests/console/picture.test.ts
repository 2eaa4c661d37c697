import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ageText, freshness } from '../../console/picture/age.ts'

describe('age', () => {
  test('in one short word', () => {
    const rows: [number, string][] = [
      [-5000, 'now'],
      [0, 'now'],
      [999, 'now'],
      [1000, '1 s'],
      [99_999, '99 s'],
      [100_000, '1 min'],
      [5_999_999, '99 min'],
      [6_000_000, '1 h'],
      [172_799_999, '47 h'],
      [172_800_000, '2 d'],
    ]
    for (const [millis, text] of rows) assert.equal(ageText(millis), text, `${millis}`)
  })
  test('of the page itself', () => {
    const rows: [number | null, string, string][] = [
      [null, 'waiting', 'no data yet'],
      [0, 'live', 'live'],
      [8999, 'live', 'live'],
      [9000, 'behind', '9 s behind'],
      [15_000, 'stale', '15 s behind'],
      [400_000, 'stale', '6 min behind'],
    ]
    for (const [behind, at, text] of rows) assert.deepEqual(freshness(behind), { at, text }, `${behind}`)
  })
})
