import assert from 'node:assert/strict'
import fc from 'fast-check'
import { AddressMap } from '../../../src/core/delta/address-map.ts'
import { MARGIN } from '../../../src/core/delta/references/stretch.ts'
import { type Architecture, expected } from '../../../src/core/delta/references.ts'

/** Any piece of an image, with the bytes around it, is expected to be what it is as a part of the whole: 3,000 bytes of it, from byte 900 on. */
export function assertCutAnywhere(architecture: Architecture, old: Uint8Array, load: number): void {
  const map = new AddressMap([
    { old: 0, new: 64, length: 700 },
    { old: 900, new: 800, length: 1500 },
    { old: 2500, new: 9000, length: 9000 },
  ])
  const rewritten = (at: number, length: number): { bytes: Uint8Array; kinds: Uint8Array } => {
    const bytes = new Uint8Array(length + 2 * MARGIN)
    const first = Math.max(0, at - MARGIN)
    bytes.set(old.subarray(first, at + length + MARGIN), first - (at - MARGIN))
    const kinds = new Uint8Array(bytes.length)
    expected(architecture, { at, by: -100, bytes, kinds }, { length: old.length, load, map })
    return { bytes: bytes.slice(MARGIN, MARGIN + length), kinds: kinds.slice(MARGIN, MARGIN + length) }
  }
  const whole = rewritten(900, 3000)
  assert(whole.kinds.some(kind => kind > 8) && whole.kinds.some(kind => kind > 0 && kind < 5))
  fc.assert(
    fc.property(fc.nat(2999), fc.integer({ min: 1, max: 80 }), (from, length) => {
      const end = Math.min(3000, from + length)
      const part = rewritten(900 + from, end - from)
      assert.deepEqual(part.bytes, whole.bytes.slice(from, end))
      assert.deepEqual(part.kinds, whole.kinds.slice(from, end))
    }),
    { seed: 5, numRuns: 300 },
  )
}
