import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { PatchApplier } from '../../../src/core/delta/apply.ts'
import { loadAddress } from '../../../src/core/delta/load-address.ts'
import { blocksOf, memoryOf, parseHeader } from '../../../src/core/delta/patch.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { drawn, patchOf } from './images.ts'
import { MemorySlots, takeAll } from './memory-slots.ts'
import { realImage } from './real-firmware.ts'

const LOAD = 0x0800_8000

describe('firmware of a Cortex-M4', () => {
  const [old, now] = [realImage('essentialhub', '7-27'), realImage('essentialhub', '7-28')]

  it('says itself where it is run from', () => {
    assert.equal(loadAddress(old), LOAD)
    assert.equal(loadAddress(now), LOAD)
    assert.equal(loadAddress(drawn(1, 100_000)), null, 'and bytes that are none do not')
  })

  it('is patched within 64 KiB of memory beside the covers, by less than half of what it takes without its references', () => {
    const patch = patchOf({ old, now, architecture: 'cortex-m', load: LOAD })
    const header = orThrow(parseHeader(patch, 'the patch'))
    assert(memoryOf({ ...header, covers: 0 }) <= 64 * 1024, `${memoryOf(header)}`)
    const slots = new MemorySlots(old, now.length)
    assert.equal(
      takeAll(orThrow(PatchApplier.of(header, crypto, { memory: 70_000, room: now.length })), slots, blocksOf(patch)),
      null,
    )
    assert.deepEqual(slots.written, now)
    const without = patchOf({ old, now, architecture: 'none', load: 0 })
    assert(patch.length * 2 < without.length, `${patch.length} and ${without.length}`)
  })
})
