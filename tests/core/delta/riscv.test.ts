import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { AddressMap } from '../../../src/core/delta/address-map.ts'
import { expectedImage } from '../../../src/core/delta/references.ts'
import { type Linker, moved } from './code-images.ts'
import { assertCutAnywhere } from './cut-anywhere.ts'
import { drawn, patchOf } from './images.ts'

const LOAD = 0x8000_0000

/** `JAL` with the return address, and `AUIPC` with `ADDI`. */
const RISCV: Linker = {
  call: (words, word, distance) => {
    words[word] =
      0xef |
      (((distance >> 20) & 1) << 31) |
      (distance & 0xff000) |
      (((distance >> 11) & 1) << 20) |
      (((distance >> 1) & 0x3ff) << 21)
  },
  address: (words, word, from, to) => {
    words[word] = 0x517 | ((to - from + 0x800) & 0xffff_f000)
    words[word + 1] = 0x5_0513 | (((to - from) & 0xfff) << 20)
  },
}

const { old: OLD, now: NOW } = moved(RISCV)

describe('the references of RISC-V', () => {
  it('are foreseen where functions moved', () => {
    const [foreseen, taken] = (['riscv', 'none'] as const).map(architecture =>
      patchOf({ old: OLD, now: NOW, architecture, load: LOAD }),
    ) as [Uint8Array, Uint8Array]
    assert(foreseen.length * 6 < taken.length, `${foreseen.length} and ${taken.length}`)
  })

  it('stay as they are where nothing moved, in any bytes', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(3000), fc.constantFrom(0, LOAD), (seed, length, load) => {
        const map = new AddressMap([{ old: 0, new: 0, length }])
        for (const image of [drawn(seed, length), OLD.slice(seed % 5000, (seed % 5000) + length)]) {
          assert.deepEqual(expectedImage('riscv', image, { length: image.length, load, map }), image)
        }
      }),
      { seed: 3, numRuns: 60 },
    )
  })

  it('lead to where what they lead to has moved', () => {
    // 0x100: auipc a0, 1; sd a1, -8(a0). 0x108: jal ra, -0x100. 0x110: a pointer, 0x118: one of 64 bits where the image is run from 0.
    const image = new Uint8Array(0x2000)
    const view = new DataView(image.buffer)
    view.setUint32(0x100, 0x0000_1517, true)
    view.setUint32(0x104, 0xfeb5_3c23, true)
    view.setUint32(0x108, 0xf01f_f0ef, true)
    view.setUint32(0x110, LOAD + 0x1f00, true)
    view.setUint32(0x118, 0x1f00, true)
    // What stands behind 0x1000 has moved by 0x20, what stands before by nothing.
    const map = new AddressMap([
      { old: 0, new: 0, length: 0x1000 },
      { old: 0x1000, new: 0x1020, length: 0x1000 },
    ])
    const of = (load: number) => new DataView(expectedImage('riscv', image, { length: image.length, load, map }).buffer)
    const there = of(LOAD)
    assert.equal(there.getUint32(0x100, true), 0x0000_1517)
    assert.equal(there.getUint32(0x104, true), 0x00b5_3c23, 'it was 0x10f8, and is 0x1118 now: 24 behind a page')
    assert.equal(there.getUint32(0x108, true), 0xf01f_f0ef)
    assert.equal(there.getUint32(0x110, true), LOAD + 0x1f20)
    assert.equal(there.getUint32(0x118, true), 0x1f00, 'a number')
    assert.equal(of(0).getUint32(0x118, true), 0x1f20)
  })

  it('lead to where a store of floating point goes, whose twelve bits stand in two places', () => {
    // auipc a0, 1; fsd fa1, -8(a0).
    const image = new Uint8Array(0x2000)
    new DataView(image.buffer).setUint32(0x100, 0x0000_1517, true)
    new DataView(image.buffer).setUint32(0x104, 0xfeb5_3c27, true)
    const map = new AddressMap([
      { old: 0, new: 0, length: 0x1000 },
      { old: 0x1000, new: 0x1020, length: 0x1000 },
    ])
    const there = new DataView(expectedImage('riscv', image, { length: image.length, load: LOAD, map }).buffer)
    assert.equal(there.getUint32(0x104, true), 0x00b5_3c27)
  })

  it('are no jump where the end of a pair looks like one', () => {
    // 0xff8: auipc t6, 0; addi t6, t6, 14, whose upper half and what follows look like a jump by 18 bytes; without the pair, that is a jump.
    const put = (first: number): DataView => {
      const image = new DataView(new ArrayBuffer(0x2000))
      image.setUint32(0xff8, first, true)
      image.setUint32(0xffc, 0x00ef_8f93, true)
      image.setUint16(0x1000, 0x0120, true)
      return image
    }
    const map = new AddressMap([
      { old: 0, new: 0, length: 0x1008 },
      { old: 0x1008, new: 0x1028, length: 0xff8 },
    ])
    const of = (image: DataView) =>
      new DataView(
        expectedImage('riscv', new Uint8Array(image.buffer), { length: image.byteLength, load: LOAD, map }).buffer,
      )
    assert.equal(of(put(0x0000_0f97)).getUint32(0xffe, true), 0x0120_00ef)
    assert.notEqual(of(put(0)).getUint32(0xffe, true), 0x0120_00ef)
  })

  it('are the same wherever an image is cut', () => assertCutAnywhere('riscv', OLD, LOAD))

  it('are the same wherever bytes that mean nothing are cut', () => {
    // Halves of what looks like a jump or a pair, in any order: everywhere one overlaps another.
    const halves = [0x00ef, 0x006f, 0x0517, 0x0513, 0x0005, 0x0000]
    const image = new Uint8Array(Uint16Array.from(drawn(77, 8000), byte => halves[byte % halves.length]!).buffer)
    assertCutAnywhere('riscv', image, 0)
  })
})
