import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { suffixArray } from '../../../src/core/delta/suffix-array.ts'

it('is the order that sorting the suffixes leads to', () => {
  const few = fc.array(fc.nat(3), { maxLength: 300 })
  const any = fc.array(fc.nat(255), { maxLength: 200 })
  fc.assert(
    fc.property(fc.oneof(few, any), letters => {
      const bytes = Uint8Array.from(letters)
      const sorted = Array.from(bytes.keys()).sort((a, b) => Buffer.compare(bytes.subarray(a), bytes.subarray(b)))
      assert.deepEqual([...suffixArray(bytes)], sorted)
    }),
    { seed: 3, numRuns: 400 },
  )
})
