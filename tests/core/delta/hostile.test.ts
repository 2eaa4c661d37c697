import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { AddressMap } from '../../../src/core/delta/address-map.ts'
import { PatchApplier } from '../../../src/core/delta/apply.ts'
import { BitWriter } from '../../../src/core/delta/arithmetic.ts'
import { carryOut } from '../../../src/core/delta/carry-out.ts'
import { type Cover, CoverCoder } from '../../../src/core/delta/covers.ts'
import { ImageWalk, STEP } from '../../../src/core/delta/image-walk.ts'
import {
  BLOCK_HEAD_BYTES,
  blocksOf,
  chainDigest,
  HEADER_BYTES,
  memoryOf,
  type PatchHeader,
  parseHeader,
  writeBlock,
  writeHeader,
} from '../../../src/core/delta/patch.ts'
import { concat, sameBytes } from '../../../src/core/encoding/bytes.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../../../src/core/refusal/refusal.ts'
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

/** The new image by any covers, as its generator would write it. */
function bytesBehind(covers: readonly Cover[]): Payload {
  const { architecture, slotBits, load } = HEADER
  const old = { length: OLD.length, load, map: new AddressMap(covers) }
  const walk = new ImageWalk({ architecture, slotBits, covers, old })
  const writer = new BitWriter()
  while (walk.at < NOW.length) {
    const step = walk.step(writer, NOW.slice(walk.at, walk.at + STEP))
    for (let next = step.next(); !next.done; ) {
      next = step.next(OLD.subarray(next.value.at, next.value.at + next.value.length))
    }
  }
  return { count: NOW.length, payload: writer.end() }
}

describe('a hostile patch', () => {
  it('the forger of these tests makes what the generator makes', () => {
    assert.deepEqual(forged(payloadsOf(PATCH)), PATCH)
    assert.equal(applied(PATCH), 'applied')
  })

  it('attack: covers outside of the images are refused, as CVE-2014-9862 and CVE-2020-14315 (bspatch) and CVE-2018-10887 (libgit2) were not', () => {
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

  it('attack: more bytes than the new image has, more covers than the header says, or a block of nothing are refused, as by detools (#19) they were not', () => {
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

  it('attack: a cover outside of the new image is refused, also before bytes that fit it', () => {
    for (const cover of [
      { old: 0, new: NOW.length, length: 1 },
      { old: 0, new: NOW.length - 5, length: 6 },
    ]) {
      const refused = applied(forged([coversOf(cover), bytesBehind([cover])], { covers: 1, longest: 8192 }))
      assert(refused !== 'applied')
      assert.equal(refused.code, 'patch-malformed')
    }
    const inside = { old: 0, new: NOW.length - 6, length: 6 }
    assert.equal(applied(forged([coversOf(inside), bytesBehind([inside])], { covers: 1, longest: 8192 })), 'applied')
  })

  it('attack: covers that are right, and more of them than memory was kept for, are refused', () => {
    const two = coversOf({ old: 0, new: 0, length: 10 }, { old: 20, new: 10, length: 10 })
    const header = orThrow(parseHeader(forged([two], { covers: 1 }), 'it'))
    const applier = orThrow(PatchApplier.of(header, crypto, { memory: MEMORY, room: NOW.length }))
    const refused = takeAll(applier, new MemorySlots(OLD, NOW.length), blocksOf(forged([two], { covers: 1 })))
    assert(refused !== null)
    assert.equal(refused.code, 'patch-malformed')
  })

  it('attack: a block longer than the header states is refused before it is read, as CVE-2014-9765 (xdelta3) was not', () => {
    const [covers, bytes] = payloadsOf(PATCH) as [Payload, Payload]
    const longer = { ...bytes, payload: concat(bytes.payload, new Uint8Array(HEADER.longest)) }
    const refused = applied(forged([covers, longer]))
    assert(refused !== 'applied')
    assert.equal(refused.code, 'patch-malformed')
  })

  it('attack: a block that ends before its bits do is refused, as CVE-2018-10888 (libgit2) was not', () => {
    const [covers, bytes] = payloadsOf(PATCH) as [Payload, Payload]
    const short = { ...bytes, payload: bytes.payload.slice(0, bytes.payload.length >> 1) }
    const refused = applied(forged([covers, short]))
    assert(refused !== 'applied')
    assert.equal(refused.code, 'patch-malformed')
  })

  it('attack: a header of two gigabytes is refused before any memory or time is given for it, as CVE-2026-53585 (libgit2) was not', () => {
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

  it('attack: a block whose short digest collides, as by CVE-2014-8242 (librsync), makes an image that its whole digest refuses', () => {
    // Sixteen bytes are no chance: whoever finds two such blocks has both made. Here the hash itself is broken for one of them.
    const payloads = payloadsOf(PATCH)
    const other = payloads.map(({ count, payload }, at) => ({
      count,
      payload: at === 1 ? payload.with(0, payload[0]! ^ 1) : payload,
    }))
    const [mine, theirs] = [[...blocksOf(PATCH)], [...blocksOf(forged(other))]]
    const broken = { sha256: (bytes: Uint8Array) => crypto.sha256(sameBytes(bytes, theirs[1]!) ? mine[1]! : bytes) }
    const slots = new MemorySlots(OLD, NOW.length)
    const applier = orThrow(PatchApplier.of(HEADER, broken, { memory: MEMORY, room: NOW.length }))
    const fault = takeAll(applier, slots, [mine[0]!, theirs[1]!])
    assert(fault !== null || !sameBytes(crypto.sha256(slots.written), HEADER.target.digest))
  })

  it('attack: a journal of another patch, or one that is gone on with before its covers came, is refused', () => {
    const of = () => orThrow(PatchApplier.of(HEADER, crypto, { memory: MEMORY, room: NOW.length }))
    const slots = new MemorySlots(OLD, NOW.length)
    const blocks = [...blocksOf(PATCH)]
    const first = of()
    assert.equal(takeAll(first, slots, blocks), null)
    const second = of()
    assert.equal(takeAll(second, slots, blocks.slice(0, 1)), null)
    for (const [what, applier, journal] of [
      ['before the covers', of(), { written: 10, next: HEADER.first }],
      ['beyond the image', second, { written: NOW.length + 1, next: HEADER.first }],
    ] as const) {
      const refused = carryOut(applier.resume(journal), slots)
      assert(refused !== null, what)
      assert.equal(refused.code, 'patch-malformed', what)
    }
  })

  it('ends with the word of a slot that cannot be read or written, and asks it nothing more', () => {
    const broken = refuse('no-space', 'the slot', 'room', 'none')
    for (const which of ['readOld', 'write'] as const) {
      const slots = new MemorySlots(OLD, NOW.length)
      let asked = 0
      const faulty = {
        readOld: (at: number, length: number) => slots.readOld(at, length),
        readNew: (at: number, length: number) => slots.readNew(at, length),
        write: (at: number, bytes: Uint8Array) => slots.write(at, bytes),
        [which]: () => {
          asked += 1
          return broken
        },
      }
      const applier = orThrow(PatchApplier.of(HEADER, crypto, { memory: MEMORY, room: NOW.length }))
      const [covers, bytes] = [...blocksOf(PATCH)] as [Uint8Array, Uint8Array]
      assert.equal(takeAll(applier, slots, [covers]), null)
      assert.equal(carryOut(applier.take(bytes), faulty), broken)
      assert.equal(asked, 1)
    }
  })

  it('takes no more memory than its header states, counted as it is taken', () => {
    for (const slotBits of [10, 12, 14]) {
      const patch = patchOf({ old: OLD, now: NOW, architecture: 'cortex-m', load: 0x0800_0000, slotBits })
      const header = orThrow(parseHeader(patch, 'the patch'))
      const slots = new MemorySlots(OLD, NOW.length)
      const applier = orThrow(PatchApplier.of(header, crypto, { memory: MEMORY, room: NOW.length }))
      const [covers, bytes] = [...blocksOf(patch)] as [Uint8Array, Uint8Array]
      assert.equal(takeAll(applier, slots, [covers]), null)
      // From here to the first question everything is made that stays; a cover is three numbers of four bytes.
      const asking = applier.take(bytes)
      const made = bytesOfArraysMadeBy(() => asking.next())
      const held = made + 12 * header.covers + bytes.length
      assert(held <= memoryOf(header), `${held} bytes are held, ${memoryOf(header)} stated, for ${slotBits} bits`)
      assert(held * 1.5 > memoryOf(header), `${held} bytes are held, ${memoryOf(header)} stated: far too many`)
    }
  })
})

/** Bytes of all arrays of numbers that are made meanwhile. */
function bytesOfArraysMadeBy(work: () => void): number {
  const names = ['Uint8Array', 'Uint16Array', 'Int16Array', 'Int32Array', 'Uint32Array'] as const
  const kept = names.map(name => globalThis[name])
  let made = 0
  for (const [at, name] of names.entries()) {
    const counted = new Proxy(kept[at]!, {
      construct: (real, args) => {
        const array = Reflect.construct(real, args)
        // A view of bytes that are there already is none that is made.
        if (!(args[0] instanceof ArrayBuffer)) made += array.byteLength
        return array
      },
    })
    Object.assign(globalThis, { [name]: counted })
  }
  try {
    work()
  } finally {
    for (const [at, name] of names.entries()) Object.assign(globalThis, { [name]: kept[at] })
  }
  return made
}
