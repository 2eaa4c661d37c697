import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { AddressMap } from '../../../src/core/delta/address-map.ts'
import { expectedImage } from '../../../src/core/delta/references.ts'
import { assertCutAnywhere } from './cut-anywhere.ts'
import { drawn } from './images.ts'

const LOAD = 0x1000
/** What stands behind 0x1000 has moved by 0x20, what stands before by nothing. */
const MAP = new AddressMap([
  { old: 0, new: 0, length: 0x1000 },
  { old: 0x1000, new: 0x1020, length: 0x1000 },
])
const moved = (architecture: 'arm' | 'cortex-m', put: (view: DataView) => void): DataView => {
  const image = new Uint8Array(0x2000)
  put(new DataView(image.buffer))
  return new DataView(expectedImage(architecture, image, { length: image.length, load: LOAD, map: MAP }).buffer)
}

describe('the references of 32-bit Arm code', () => {
  it('lead to where what they lead to has moved', () => {
    const words: [what: string, at: number, old: number, now: number][] = [
      ['BL over what was put between', 0xf00, 0xeb00_0042, 0xeb00_004a],
      ['BEQ within what did not move', 0xf10, 0x0a00_0002, 0x0a00_0002],
      ['B backwards over it', 0x1010, 0xeaff_ffba, 0xeaff_ffb2],
      ['BLX to a second halfword', 0xf20, 0xfb00_003a, 0xfb00_0042],
      ['LDR of what stands behind it', 0xf30, 0xe59f_00d8, 0xe59f_00f8],
      ['LDR that would not reach', 0xf34, 0xe59f_0ff4, 0xe59f_0ff4],
      ['LDR of what stands before', 0x1020, 0xe51f_1040, 0xe51f_1060],
      ['a pointer', 0xf40, LOAD + 0x1800, LOAD + 0x1820],
      ['B out of the image', 0xf50, 0xea7f_ffff, 0xea7f_ffff],
    ]
    const view = moved('arm', image => {
      for (const [, at, old] of words) image.setUint32(at, old, true)
    })
    for (const [what, at, , now] of words) {
      assert.equal(view.getUint32(at, true).toString(16), now.toString(16), what)
    }
  })
})

describe('what Thumb code has near by', () => {
  it('is found where it has moved', () => {
    const halfwords: [what: string, at: number, old: readonly number[], now: readonly number[]][] = [
      ['BEQ', 0xff0, [0xd00a], [0xd01a]],
      ['BEQ within what did not move', 0xfe0, [0xd002], [0xd002]],
      ['BEQ that would not reach', 0xfd0, [0xd07e], [0xd07e]],
      ['B', 0xf00, [0xe080], [0xe090]],
      ['CBZ', 0xfe4, [0xb178], [0xb1f8]],
      ['CBNZ that would not reach', 0xfd4, [0xbbb8], [0xbbb8]],
      ['LDR', 0xff4, [0x4906], [0x490e]],
      ['ADR', 0xff8, [0xa204], [0xa20c]],
      ['B.W on a condition', 0xf10, [0xf000, 0x80a0], [0xf000, 0x80b0]],
      ['LDR.W', 0xf20, [0xf8df, 0x30f0], [0xf8df, 0x3110]],
      ['VLDR', 0xf40, [0xed9f, 0x7a40], [0xed9f, 0x7a48]],
      ['B backwards over it', 0x1010, [0xe7e6], [0xe7d6]],
      ['what is the second half of another', 0xfec, [0xf8d0, 0xd00a], [0xf8d0, 0xd00a]],
    ]
    const view = moved('cortex-m', image => {
      for (const [, at, old] of halfwords) {
        for (const [k, halfword] of old.entries()) image.setUint16(at + 2 * k, halfword, true)
      }
    })
    for (const [what, at, , now] of halfwords) {
      const found = now.map((_, k) => view.getUint16(at + 2 * k, true).toString(16))
      assert.deepEqual(
        found,
        now.map(halfword => halfword.toString(16)),
        what,
      )
    }
  })

  it('and all else stays as it is where nothing moved, in any bytes', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(3000), fc.constantFrom('arm' as const, 'cortex-m' as const), (seed, length, of) => {
        const map = new AddressMap([{ old: 0, new: 0, length }])
        const image = drawn(seed, length)
        assert.deepEqual(expectedImage(of, image, { length, load: LOAD, map }), image)
      }),
      { seed: 3, numRuns: 80 },
    )
  })

  it('is the same wherever bytes that mean nothing are cut', () => {
    // Halves of instructions in any order: one seems to begin in another, which reaches further than it does.
    const halves = [
      0xf8df, 0xf8df, 0xf000, 0xf03f, 0xed9f, 0xd10a, 0xdc0a, 0xa204, 0xb178, 0xe010, 0x4906, 0xf810, 0x2000,
    ]
    const image = new Uint8Array(Uint16Array.from(drawn(78, 8000), byte => halves[byte % halves.length]!).buffer)
    assertCutAnywhere('cortex-m', image, LOAD)
  })
})
