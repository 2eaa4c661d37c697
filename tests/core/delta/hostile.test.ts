import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { PatchApplier } from '../../../src/core/delta/apply.ts'
import { BitWriter } from '../../../src/core/delta/arithmetic.ts'
import { type Cover, CoverCoder } from '../../../src/core/delta/covers.ts'
import {
  BLOCK_HEAD_BYTES,
  blocksOf,
  chainDigest,
  HEADER_BYTES,
  type PatchHeader,
  parseHeader,
  writeBlock,
  writeHeader,
} from '../../../src/core/delta/patch.ts'
import { concat } from '../../../src/core/encoding/bytes.ts'
import { isRefusal, orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { drawn, patchOf } from './images.ts'
import { MemorySlots, takeAll } from './memory-slots.ts'

const OLD = drawn(1, 3000)
const NOW = concat(OLD.slice(500, 2500), drawn(2, 700), OLD.slice(0, 900))
const PATCH = patchOf({ old: OLD, now: NOW, architecture: 'cortex-m', load: 0x0800_0000 })
const HEADER = orThrow(parseHeader(PATCH, 'the patch'))
const MEMORY = 1 << 20

type Payload = { readonly count: number; readonly payload: Uint8Array }

/** A patch that somebody made: its digests fit. */
function forged(payloads: readonly Payload[], header: Partial<PatchHeader> = {}): Uint8Array {
  let next: Uint8Array = new Uint8Array(16)
  const blocks: Uint8Array[] = []
  for (const { count, payload } of payloads.toReversed()) {
    const block = writeBlock({ count, payload, next })
    blocks.unshift(block)
    next = chainDigest(crypto, block)
  }
  return concat(writeHeader({ ...HEADER, ...header, first: next }), ...blocks)
}

const payloadsOf = (patch: Uint8Array): Payload[] =>
  [...blocksOf(patch)].map(block => ({
    count: new DataView(block.buffer, block.byteOffset).getUint32(4, true),
    payload: block.slice(BLOCK_HEAD_BYTES),
  }))

/** Applies whatever it is to slots that throw where anything is read or written outside of them. */
function applied(patch: Uint8Array): Refusal | 'applied' {
  const header = parseHeader(patch, 'the patch')
  if (isRefusal(header)) return header
  const applier = PatchApplier.of(header, crypto, { memory: MEMORY, room: NOW.length })
  if (isRefusal(applier)) return applier
  return takeAll(applier, new MemorySlots(OLD, header.target.length), blocksOf(patch)) ?? 'applied'
}

const coversOf = (...covers: Cover[]): Payload => {
  const writer = new BitWriter()
  const coder = new CoverCoder(writer)
  for (const cover of covers) coder.code(cover)
  return { count: covers.length, payload: writer.end() }
}

describe('a hostile patch', () => {
  it('the forger of these tests makes what the generator makes', () => {
    assert.deepEqual(forged(payloadsOf(PATCH)), PATCH)
    assert.equal(applied(PATCH), 'applied')
  })

  it('attack: covers outside of the images are refused, as CVE-2014-9862 and CVE-2020-14315 were not', () => {
    const [, ...bytes] = payloadsOf(PATCH)
    const [length, room] = [OLD.length, NOW.length]
    for (const [what, cover] of [
      ['behind the old image', { old: length, new: 0, length: 1 }],
      ['across the end of the old image', { old: length - 5, new: 0, length: 6 }],
      ['before the old image', { old: -1, new: 0, length: 5 }],
      ['far before the old image', { old: -(2 ** 30), new: 0, length: 5 }],
      ['behind the new image', { old: 0, new: room, length: 1 }],
      ['across the end of the new image', { old: 0, new: room - 5, length: 6 }],
      ['longer than anything', { old: 0, new: 0, length: 2 ** 31 - 1 }],
      ['at a place that 32 bits do not hold', { old: 0, new: 2 ** 31 - 2, length: 2 ** 31 - 1 }],
    ] as const) {
      const refused = applied(forged([coversOf(cover), ...bytes], { covers: 1 }))
      assert(refused !== 'applied', what)
      assert.equal(refused.code, 'patch-malformed', what)
    }
  })

  it('attack: more bytes than the new image has, or more covers than the header says, are refused', () => {
    const [covers, bytes] = payloadsOf(PATCH) as [Payload, Payload]
    for (const payloads of [
      [covers, { ...bytes, count: NOW.length + 1 }],
      [covers, { ...bytes, count: 0xffffffff }],
      [{ ...covers, count: covers.count + 1 }, bytes],
      [covers, bytes, bytes],
      [covers, { ...bytes, count: 0 }],
    ]) {
      const refused = applied(forged(payloads))
      assert(refused !== 'applied')
      assert.equal(refused.code, 'patch-malformed')
    }
  })

  it('attack: a block longer than the header states is refused before it is read, as CVE-2014-9765 was not', () => {
    const [covers, bytes] = payloadsOf(PATCH) as [Payload, Payload]
    const longer = { ...bytes, payload: concat(bytes.payload, new Uint8Array(HEADER.longest)) }
    const refused = applied(forged([covers, longer]))
    assert(refused !== 'applied')
    assert.equal(refused.code, 'patch-malformed')
  })

  it('attack: a block that ends before its bits do is refused', () => {
    const [covers, bytes] = payloadsOf(PATCH) as [Payload, Payload]
    const short = { ...bytes, payload: bytes.payload.slice(0, bytes.payload.length >> 1) }
    const refused = applied(forged([covers, short]))
    assert(refused !== 'applied')
    assert.equal(refused.code, 'patch-malformed')
  })

  it('attack: a header of two gigabytes is refused before any memory or time is given for it', () => {
    const two = { ...HEADER, target: { ...HEADER.target, length: 2 ** 31 - 1 } }
    const refused = PatchApplier.of(two, crypto, { memory: MEMORY, room: NOW.length })
    assert(isRefusal(refused))
    assert.equal(refused.code, 'patch-no-room')
  })

  it('attack: a block of a few bytes that says it is a megabyte is given up as soon as its bits are', () => {
    const [covers] = payloadsOf(PATCH) as [Payload]
    const room = 1 << 20
    const target = { ...HEADER.target, length: room }
    const patch = forged([covers, { count: room, payload: drawn(9, 40) }], { target })
    const slots = new MemorySlots(OLD, room)
    const applier = orThrow(PatchApplier.of(orThrow(parseHeader(patch, 'it')), crypto, { memory: MEMORY, room }))
    const refused = takeAll(applier, slots, blocksOf(patch))
    assert(refused !== null)
    assert.equal(refused.code, 'patch-malformed')
    assert(slots.end < 10_000, `${slots.end} bytes written`)
  })

  it('attack: a byte changed on the way is refused before anything of its block is written', () => {
    for (let at = HEADER_BYTES; at < PATCH.length; at += 7) {
      const changed = PATCH.slice()
      changed[at]! ^= 1
      const slots = new MemorySlots(OLD, NOW.length)
      const applier = orThrow(PatchApplier.of(HEADER, crypto, { memory: MEMORY, room: NOW.length }))
      const blocks = blocksOf(changed)
      const refused = takeAll(applier, slots, blocks)
      assert(refused !== null, `byte ${at}`)
      assert(refused.code === 'patch-altered' || refused.code === 'patch-malformed', `byte ${at}`)
      assert.equal(slots.end, applier.progress.written)
    }
  })

  it('attack: whatever the bits are, nothing is read or written outside, and it ends', () => {
    const payloads = payloadsOf(PATCH)
    let refused = 0
    for (let seed = 1; seed <= 400; seed += 1) {
      const [which, at, length, value] = drawn(seed, 4) as unknown as [number, number, number, number]
      const changed = payloads.map(({ count, payload }, index) => {
        if (index !== which % payloads.length) return { count, payload }
        const bytes = payload.slice()
        bytes.fill(value, at % Math.max(1, bytes.length), (at % Math.max(1, bytes.length)) + (length % 9) + 1)
        return { count, payload: bytes }
      })
      if (applied(forged(changed)) !== 'applied') refused += 1
    }
    assert(refused > 0)
  })
})
