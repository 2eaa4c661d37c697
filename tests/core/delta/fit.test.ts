import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { PatchApplier } from '../../../src/core/delta/apply.ts'
import { fitted } from '../../../src/core/delta/fit.ts'
import { blocksOf, memoryOf, parseHeader } from '../../../src/core/delta/patch.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { drawn, patchOf } from './images.ts'
import { MemorySlots, takeAll } from './memory-slots.ts'
import { realImage } from './real-firmware.ts'

const [OLD, NOW] = [realImage('essentialhub', '7-27'), realImage('essentialhub', '7-28')]

describe('a patch for little memory', () => {
  it('fits it, is larger for it, and makes the same image', () => {
    let before = 0
    for (const memory of [200_000, 32_768, 20_000, 13_000]) {
      const patch = patchOf({ old: OLD, now: NOW, architecture: 'cortex-m', load: 0x0800_8000, applierMemory: memory })
      const header = orThrow(parseHeader(patch, 'the patch'))
      assert(memoryOf(header) <= memory, `${memoryOf(header)} for ${memory}`)
      const slots = new MemorySlots(OLD, NOW.length)
      const applier = orThrow(PatchApplier.of(header, crypto, { memory, room: NOW.length }))
      assert.equal(takeAll(applier, slots, blocksOf(patch)), null)
      assert.deepEqual(slots.written, NOW)
      assert(patch.length > before, `${patch.length} bytes for ${memory}`)
      before = patch.length
    }
  })

  it('fits it where nothing is foreseen, and blocks are as long as they get', () => {
    const now = drawn(8, 20_000)
    for (const applierMemory of [70_000, 16_384, 12_288]) {
      const patch = patchOf({ old: drawn(7, 3000), now, architecture: 'none', load: 0, applierMemory })
      assert(memoryOf(orThrow(parseHeader(patch, 'the patch'))) <= applierMemory)
    }
  })

  it('keeps the longest covers, in their order, where there is no room for all of them', () => {
    const covers = Array.from({ length: 3000 }, (_, at) => ({ old: at * 100, new: at * 100, length: 8 + (at % 90) }))
    const fit = fitted({ covers, slotBits: 14, blockBytes: 4096 }, 40_000)
    assert(memoryOf({ slotBits: fit.slotBits, covers: fit.covers.length, longest: fit.blockBytes }) <= 40_000)
    assert(fit.covers.length > 700 && fit.covers.length < 3000, `${fit.covers.length} covers`)
    assert(fit.covers.every((cover, at) => at === 0 || cover.new > fit.covers[at - 1]!.new))
    const least = Math.min(...fit.covers.map(({ length }) => length))
    assert(covers.filter(({ length }) => length > least).every(cover => fit.covers.includes(cover)))
  })

  it('is what it was where there is memory enough', () => {
    const order = { old: drawn(1, 5000), now: drawn(1, 5000).slice(9), architecture: 'none', load: 0 } as const
    assert.deepEqual(patchOf({ ...order, applierMemory: 1 << 20 }), patchOf(order))
  })
})
