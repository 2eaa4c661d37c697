import { strict as assert } from 'node:assert'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { AddressMap } from '../../../src/core/delta/address-map.ts'
import { MARGIN } from '../../../src/core/delta/references/stretch.ts'
import { expected, expectedImage } from '../../../src/core/delta/references.ts'
import { functions, type Linker, linked } from './code-images.ts'
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

const ALL = functions(900)
const IN_ORDER = ALL.map((_, which) => which)
const OLD = linked(ALL, IN_ORDER, AARCH64)
/** Some functions are gone, some stand elsewhere: everything behind them has moved. */
const MOVED = [
  ...IN_ORDER.slice(5, 300),
  ...IN_ORDER.slice(600, 640),
  ...IN_ORDER.slice(310, 600),
  ...IN_ORDER.slice(640),
]
const NOW = linked(ALL, MOVED, AARCH64)

describe('the references of AArch64', () => {
  it('are all foreseen where functions moved', () => {
    const [with_, without] = (['aarch64', 'none'] as const).map(architecture =>
      patchOf({ old: OLD, now: NOW, architecture, load: 0 }),
    ) as [Uint8Array, Uint8Array]
    assert(with_.length * 8 < without.length, `${with_.length} and ${without.length}`)
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
    const out = new DataView(expectedImage('aarch64', image, { length: 4096, load: KERNEL, map }).buffer)
    assert.equal(out.getBigUint64(64, true), 0xffff_8000_0800_014bn)
    assert.equal(out.getBigUint64(72, true), 0xffff_8000_0900_0123n, 'it points out of the image')
    assert.equal(out.getBigUint64(80, true), 0x0000_0000_0800_0123n, 'no kernel stands there')
  })

  it('are the same wherever an image is cut', () => {
    const map = new AddressMap([
      { old: 0, new: 64, length: 700 },
      { old: 900, new: 800, length: 5000 },
      { old: 7000, new: 9000, length: 9000 },
    ])
    const image = { length: OLD.length, load: 0, map }
    const rewritten = (at: number, length: number): { bytes: Uint8Array; kinds: Uint8Array } => {
      const bytes = new Uint8Array(length + 2 * MARGIN)
      const first = Math.max(0, at - MARGIN)
      bytes.set(OLD.subarray(first, at + length + MARGIN), first - (at - MARGIN))
      const kinds = new Uint8Array(bytes.length)
      expected('aarch64', { at, by: -100, bytes, kinds }, image)
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
  })
})
