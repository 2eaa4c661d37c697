import assert from 'node:assert/strict'
import { createCipheriv } from 'node:crypto'
import { describe, it } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { containerOf } from '../../../src/core/delta/container.ts'
import { adviceOn, densityOf } from '../../../src/core/delta/density.ts'
import { parseHeader } from '../../../src/core/delta/patch.ts'
import { concat } from '../../../src/core/encoding/bytes.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { intelHex, uf2 } from './containers.ts'
import { drawn, patchOf } from './images.ts'
import { realImage } from './real-firmware.ts'

const FIRMWARE = realImage('essentialhub', '7-28')
const NEXT = FIRMWARE.slice()
NEXT[10]! ^= 1
const encrypted = (image: Uint8Array): Uint8Array =>
  new Uint8Array(createCipheriv('aes-128-ctr', drawn(1, 16), drawn(2 * image[10]!, 16)).update(image))

describe('how dense an image is', () => {
  it('tells code from what is compressed or encrypted', () => {
    assert(densityOf(FIRMWARE).share < 0.1, `${densityOf(FIRMWARE).share}`)
    assert.deepEqual(densityOf(new Uint8Array(100_000)), { share: 0, packed: [] })
    assert.deepEqual(densityOf(new Uint8Array(0)), { share: 0, packed: [] })
    for (const [what, image] of [
      ['gzip', gzipSync(FIRMWARE)],
      ['zstd', zstdCompressSync(FIRMWARE)],
    ] as const) {
      const at = 6000
      const { share, packed } = densityOf(concat(new Uint8Array(at), image))
      assert(share > 0.9, `${what}: ${share}`)
      assert.deepEqual(packed, [{ with: what, at }])
    }
    const { share, packed } = densityOf(encrypted(FIRMWARE))
    assert(share > 0.95)
    assert.deepEqual(packed, [])
  })

  it('is a part of the image where only a part is packed', () => {
    const packed = gzipSync(FIRMWARE)
    const half = concat(FIRMWARE.slice(0, packed.length), packed)
    assert(Math.abs(densityOf(half).share - 0.5) < 0.1)
  })
})

describe('advice', () => {
  const on = (old: Uint8Array, now: Uint8Array, withImage = true) => {
    const patch = patchOf({ old, now, architecture: 'none', load: 0 })
    const header = orThrow(parseHeader(patch, 'the patch'))
    const seen = { density: densityOf(now), containers: { old: containerOf(old), now: containerOf(now) } }
    return adviceOn(header, patch.length, withImage ? seen : null)
  }

  it('is none where a patch is small, or made from nothing', () => {
    assert.equal(on(FIRMWARE, NEXT), null)
    assert.equal(on(new Uint8Array(0), gzipSync(FIRMWARE)), null)
  })

  it('says of what is compressed or encrypted how to build it instead', () => {
    const advice = on(gzipSync(FIRMWARE), gzipSync(concat(FIRMWARE.slice(0, 50), FIRMWARE)))
    assert(advice !== null && advice.share > 0.5)
    assert.match(advice.text, /compressed or encrypted \(gzip\)/)
    assert.match(advice.text, /erofs without -z or as ext4/)
    const other = on(encrypted(FIRMWARE), encrypted(NEXT))
    assert(other !== null && other.share > 0.9)
    assert.match(other.text, /^it is compressed or encrypted, and/)
    assert.match(on(encrypted(FIRMWARE), encrypted(NEXT), false)?.text ?? '', /compressed or encrypted/)
  })

  it('says of images that are not alike that they are not', () => {
    const text = Uint8Array.from(drawn(5, 20_000), byte => 64 + (byte & 31))
    assert.match(on(new Uint8Array(100), text)?.text ?? '', /little in common/)
  })

  it('says which image is not what stands in flash, however small the patch is', () => {
    const [hex, next] = [intelHex(FIRMWARE.subarray(0, 9000)), intelHex(NEXT.subarray(0, 9000))]
    const both = on(hex, next)
    assert(both !== null && both.share < 0.5 && both.container === 'intel-hex')
    assert.match(both.text, /^both images are Intel HEX/)
    assert.equal(on(hex, next, false), null, 'a patch does not say what its images were')
    assert.match(on(new Uint8Array(0), next)?.text ?? '', /^the new image is Intel HEX/)
    const old = on(uf2(FIRMWARE.subarray(0, 9000)), NEXT.subarray(0, 9000))
    assert.equal(old?.container, 'uf2')
    assert.match(old.text, /^the old image is UF2/)
    const mixed = on(uf2(FIRMWARE.subarray(0, 9000)), next)
    assert.equal(mixed?.container, 'intel-hex')
    assert.match(mixed.text, /^the old image is UF2.*; the new image is Intel HEX/)
  })
})
