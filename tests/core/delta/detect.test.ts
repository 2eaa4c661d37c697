import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { likely } from '../../../src/core/delta/detect.ts'
import { drawn } from './images.ts'
import { realImage } from './real-firmware.ts'

/** Functions of AArch64 in bytes that are none: each saves two registers, and ends. */
function aarch64(length: number): Uint8Array {
  const image = drawn(8, length)
  const view = new DataView(image.buffer)
  for (let at = 0; at + 200 <= length; at += 200) {
    view.setUint32(at, 0xa9be_7bfd, true)
    view.setUint32(at + 196, 0xd65f_03c0, true)
  }
  return image
}

const fromItself = (image: Uint8Array) => likely(image, image)

describe('what an image seems to be written in', () => {
  it('may be RISC-V: where it is run from, its functions and the pointers to them say', () => {
    const image = drawn(8, 100_000)
    const view = new DataView(image.buffer)
    const begins: number[] = []
    for (let at = 4000; at + 200 <= image.length; at += 100 + 2 * (image[at]! % 50)) begins.push(at)
    for (const [k, at] of begins.entries()) {
      view.setUint16(at, k % 2 === 0 ? 0x1141 : 0x7179, true)
      view.setUint16(at + 98, 0x8082, true)
    }
    assert.deepEqual(fromItself(image), { architectures: ['riscv', 'none'], load: 0 })
    for (let k = 0; k < 40; k += 1) view.setUint32(8 * k, 0x8020_0000 + begins[7 * k]!, true)
    assert.deepEqual(fromItself(image), { architectures: ['riscv', 'none'], load: 0x8020_0000 })
  })

  it('is tried first, and nothing else but taking bytes as they are', () => {
    assert.deepEqual(fromItself(realImage('essentialhub', '7-28')), {
      architectures: ['cortex-m', 'none'],
      load: 0x0800_8000,
    })
    assert.deepEqual(fromItself(aarch64(100_000)), { architectures: ['aarch64', 'none'], load: 0 })
    for (const image of [new Uint8Array(0), new Uint8Array(5000), drawn(1, 100_001)]) {
      assert.deepEqual(fromItself(image), { architectures: ['none'], load: 0 })
    }
  })

  it('is what the new one is where there is no old one: nothing else is tried', () => {
    const nothing = new Uint8Array(0)
    assert.deepEqual(likely(nothing, aarch64(100_000)), { architectures: ['aarch64'], load: 0 })
    assert.deepEqual(likely(nothing, realImage('essentialhub', '7-28')), { architectures: ['none'], load: 0 })
    assert.deepEqual(likely(nothing, drawn(1, 100_001)), { architectures: ['none'], load: 0 })
    assert.deepEqual(likely(drawn(1, 100_001), aarch64(100_000)), { architectures: ['none'], load: 0 })
  })

  it('of a large image is all that is tried; where a kernel is run from, its pointers say', () => {
    const image = aarch64(5_000_000)
    assert.deepEqual(fromItself(image), { architectures: ['aarch64'], load: 0 })
    const view = new DataView(image.buffer)
    for (let k = 0; k < 2000; k += 1) {
      view.setBigUint64(1_000_000 + 8 * k, 0xffff_8000_0820_0000n + BigInt(100 + k * 2400), true)
    }
    assert.deepEqual(fromItself(image), { architectures: ['aarch64'], load: 0x0820_0000 })
  })
})
