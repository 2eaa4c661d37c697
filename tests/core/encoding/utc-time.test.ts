import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { instant } from '../../../src/core/encoding/units.ts'
import { formatUtc, parseUtc } from '../../../src/core/encoding/utc-time.ts'

test('agrees with the calendar of the runtime from 1970 to 9999', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), seconds => {
      const text = new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
      assert.equal(formatUtc(instant(seconds * 1000 + 999)), text)
      assert.equal(parseUtc(text), seconds * 1000)
    }),
  )
})

test('refuses every other spelling, and times that do not exist', () => {
  const wrong = [
    '2030-02-29T00:00:00Z',
    '2030-13-01T00:00:00Z',
    '2030-00-01T00:00:00Z',
    '2030-01-01T24:00:00Z',
    '2030-01-01T00:60:00Z',
    '2030-01-01T00:00:60Z',
    '2030-01-01T00:00:00.000Z',
    '2030-01-01T00:00:00+00:00',
    '2030-01-01 00:00:00Z',
    '1969-12-31T23:59:59Z',
    '',
  ]
  for (const text of wrong) assert.equal(parseUtc(text), null, text)
  assert.equal(parseUtc('2032-02-29T23:59:59Z'), Date.UTC(2032, 1, 29, 23, 59, 59))
})
