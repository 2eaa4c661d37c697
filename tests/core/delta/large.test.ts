import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { AddressMap } from '../../../src/core/delta/address-map.ts'
import { PatchApplier } from '../../../src/core/delta/apply.ts'
import { blocksOf, memoryOf, parseHeader } from '../../../src/core/delta/patch.ts'
import { findAlike } from '../../../src/core/delta/search/alike.ts'
import { concat } from '../../../src/core/encoding/bytes.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { drawn, patchOf } from './images.ts'
import { MemorySlots, takeAll } from './memory-slots.ts'

const MIB = 1024 * 1024
const OLD = drawn(1, 4.5 * MIB)
const FRESH = drawn(2, 3000)
/** Files that stand in another order, one that is new, zeros between them, and a byte here and there. */
const NOW = concat(
  OLD.slice(3 * MIB),
  new Uint8Array(40_000),
  OLD.slice(MIB + 13, 3 * MIB),
  FRESH,
  OLD.slice(0, MIB - 500),
)
for (let at = 7000; at < NOW.length; at += 100_003) NOW[at]! ^= 0x21

describe('a large image', () => {
  it('is patched by where its pieces went, whatever memory there is for looking', () => {
    for (const memory of [undefined, 8 * MIB]) {
      const order = { old: OLD, now: NOW, architecture: 'none', load: 0 } as const
      const patch = patchOf(memory === undefined ? order : { ...order, memory })
      assert(patch.length < FRESH.length + 1500, `${patch.length}`)
      const header = orThrow(parseHeader(patch, 'the patch'))
      const slots = new MemorySlots(OLD, NOW.length)
      const room = { memory: memoryOf(header), room: NOW.length }
      assert.equal(takeAll(orThrow(PatchApplier.of(header, crypto, room)), slots, blocksOf(patch)), null)
      assert.deepEqual(crypto.sha256(slots.written), crypto.sha256(NOW))
    }
  })

  it('may be of zeros for the most part', () => {
    // Runs of every length up to 16 KiB, in another order: zeros are like zeros in 600 places, and are no match in any.
    const runs = (first: number) =>
      Array.from({ length: 600 }, (_, k) => [drawn(k + 9, 40), new Uint8Array(((k * first) % 601) * 27)])
    const [old, now] = [concat(...runs(7).flat()), concat(...runs(11).flat())]
    assert(old.length > 4 * MIB && now.length > 4 * MIB)
    const patch = patchOf({ old, now, architecture: 'none', load: 0 })
    assert(patch.length < 20_000, `${patch.length}`)
  })

  it('may end a block with more zeros than a reader takes for left out', () => {
    const same = drawn(7, 5 * MIB)
    for (const [old, now] of [
      [same, concat(same, same, same, same, same)],
      [new Uint8Array(0), concat(drawn(8, 3000), new Uint8Array(MIB).fill(255))],
    ] as const) {
      const patch = patchOf({ old, now, architecture: 'none', load: 0 })
      const header = orThrow(parseHeader(patch, 'the patch'))
      const slots = new MemorySlots(old, now.length)
      const applier = orThrow(PatchApplier.of(header, crypto, { memory: memoryOf(header), room: now.length }))
      assert.equal(takeAll(applier, slots, blocksOf(patch)), null)
      assert.deepEqual(crypto.sha256(slots.written), crypto.sha256(now))
    }
  })

  it('has what is new behind many zeros cost what it is', () => {
    const old = concat(OLD, new Uint8Array(50_000))
    const count = 60
    const now = concat(
      ...Array.from({ length: count }, (_, k) => [
        OLD.slice(k * 70_000, k * 70_000 + 60_000),
        new Uint8Array(60_000),
        drawn(k + 50, 100),
      ]).flat(),
    )
    const patch = patchOf({ old, now, architecture: 'none', load: 0 })
    assert(patch.length < count * (100 + 20), `${patch.length}`)
  })

  it('is looked through within the memory that is said', () => {
    const memory = 8 * MIB
    const search = findAlike({ old: OLD, now: NOW, architecture: 'none', load: 0 }, memory)
    const before = process.memoryUsage().arrayBuffers
    search.next()
    const taken = process.memoryUsage().arrayBuffers - before
    assert(taken <= memory, `${taken}`)
  })
})

describe('a map of addresses', () => {
  it('says until where it goes on in the same way', () => {
    const covers = fc.array(
      fc.record({ old: fc.nat(400), new: fc.nat(400), length: fc.integer({ min: 1, max: 60 }) }),
      { maxLength: 8 },
    )
    fc.assert(
      fc.property(covers, fc.nat(500), (some, offset) => {
        const map = new AddressMap(some)
        const by = map.to(offset) - offset
        const until = Math.min(600, map.until(offset))
        assert(until > offset)
        for (let at = offset; at < until; at += 1) assert.equal(map.to(at) - at, by)
      }),
      { seed: 9, numRuns: 400 },
    )
  })
})
