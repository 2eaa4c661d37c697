import { strict as assert } from 'node:assert'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { AddressMap } from '../../../src/core/delta/address-map.ts'
import { expectedImage } from '../../../src/core/delta/references.ts'
import { type Linker, moved } from './code-images.ts'
import { assertCutAnywhere } from './cut-anywhere.ts'
import { drawn, patchOf } from './images.ts'

const KERNEL = 0x0800_0000

/** `BL`, and `ADRP` with `ADD`: of an image that is run from a multiple of 4096. */
const AARCH64: Linker = {
  call: (words, word, distance) => {
    words[word] = 0x9400_0000 | ((distance >> 2) & 0x03ff_ffff)
  },
  address: (words, word, from, to) => {
    const pages = (to >> 12) - (from >> 12)
    words[word] = 0x9000_0003 | ((pages & 3) << 29) | (((pages >> 2) & 0x7_ffff) << 5)
    words[word + 1] = 0x9100_0063 | ((to & 0xfff) << 10)
  },
}

const { old: OLD, now: NOW } = moved(AARCH64)

describe('the references of AArch64', () => {
  it('are all foreseen where functions moved', () => {
    const [with_, without] = (['aarch64', 'none'] as const).map(architecture =>
      patchOf({ old: OLD, now: NOW, architecture, load: 0 }),
    ) as [Uint8Array, Uint8Array]
    assert(with_.length * 6 < without.length, `${with_.length} and ${without.length}`)
  })

  it('stay as they are where nothing moved, in any bytes', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(3000), (seed, length) => {
        const map = new AddressMap([{ old: 0, new: 0, length }])
        for (const image of [drawn(seed, length), OLD.slice(seed % 5000, (seed % 5000) + length)]) {
          assert.deepEqual(expectedImage('aarch64', image, { length: image.length, load: KERNEL, map }), image)
        }
      }),
      { seed: 3, numRuns: 60 },
    )
  })

  it('point to where what they point to has moved: pointers of a kernel too', () => {
    const map = new AddressMap([{ old: 0, new: 40, length: 4096 }])
    const image = new Uint8Array(4096)
    const view = new DataView(image.buffer)
    view.setBigUint64(64, 0xffff_8000_0800_0123n, true)
    view.setBigUint64(72, 0xffff_8000_0900_0123n, true)
    view.setBigUint64(80, 0x0000_0000_0800_0123n, true)
    view.setBigUint64(88, 0x0000_0001_0800_0123n, true)
    view.setBigUint64(96, 0x4fbn, true)
    view.setBigUint64(104, 0x123n, true)
    const out = new DataView(expectedImage('aarch64', image, { length: 4096, load: KERNEL, map }).buffer)
    assert.equal(out.getBigUint64(64, true), 0xffff_8000_0800_014bn)
    assert.equal(out.getBigUint64(72, true), 0xffff_8000_0900_0123n, 'it points out of the image')
    assert.equal(out.getBigUint64(80, true), 0x0000_0000_0800_014bn)
    assert.equal(out.getBigUint64(88, true), 0x0000_0001_0800_0123n, 'nothing stands there')
    const from0 = new DataView(
      expectedImage('aarch64', new Uint8Array(image.buffer), { length: 4096, load: 0, map }).buffer,
    )
    assert.equal(from0.getBigUint64(96, true), 0x523n, 'and where the image is run from 0')
    assert.equal(from0.getBigUint64(104, true), 0x123n, 'a small number is none')
  })

  it('are the same wherever an image is cut', () => assertCutAnywhere('aarch64', OLD, 0))
})
