import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { PatchApplier, type Progress } from '../../../src/core/delta/apply.ts'
import { carryOut } from '../../../src/core/delta/carry-out.ts'
import {
  blocksOf,
  HEADER_BYTES,
  memoryOf,
  type PatchHeader,
  parseHeader,
  writeHeader,
} from '../../../src/core/delta/patch.ts'
import type { Architecture } from '../../../src/core/delta/references.ts'
import { concat } from '../../../src/core/encoding/bytes.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { drawn, patchOf } from './images.ts'
import { MemorySlots, takeAll } from './memory-slots.ts'

const LOAD = 0x0800_8000
const ENOUGH = 2 ** 30

const opened = (patch: Uint8Array): PatchHeader => orThrow(parseHeader(patch, 'the patch'))
const applierOf = (header: PatchHeader): PatchApplier =>
  orThrow(PatchApplier.of(header, crypto, { memory: ENOUGH, room: ENOUGH }))

/** An image of pieces of another one, with bytes changed, put in and left out. */
const edits = fc.array(
  fc.record({ from: fc.nat(4000), length: fc.nat(900), put: fc.uint8Array({ maxLength: 40 }), flip: fc.nat(2000) }),
  { maxLength: 12 },
)
function edited(old: Uint8Array, pieces: readonly { from: number; length: number; put: Uint8Array; flip: number }[]) {
  const now = concat(...pieces.flatMap(({ from, length, put }) => [old.slice(from, from + length), put]))
  for (const { flip } of pieces) if (flip < now.length) now[flip]! ^= 0x55
  return now
}

describe('a patch', () => {
  for (const architecture of ['none', 'cortex-m'] as const satisfies readonly Architecture[]) {
    it(`brings the new image, whatever the two are (${architecture})`, () => {
      fc.assert(
        fc.property(fc.nat(), fc.nat(4000), edits, (seed, length, pieces) => {
          const old = drawn(seed, length)
          const now = edited(old, pieces)
          const patch = patchOf({ old, now, architecture, load: LOAD })
          const header = opened(patch)
          const slots = new MemorySlots(old, now.length)
          const applier = applierOf(header)
          assert.equal(takeAll(applier, slots, blocksOf(patch)), null)
          assert(applier.isWhole)
          assert.deepEqual(slots.written, now)
          assert.deepEqual(header.target, { length: now.length, digest: crypto.sha256(now) })
          assert.deepEqual(header.base, { length: old.length, digest: crypto.sha256(old) })
        }),
        { seed: 11, numRuns: 60 },
      )
    })
  }

  it('is gone on with behind each of its blocks, as if there had been no power cut', () => {
    const old = drawn(5, 60_000)
    const now = edited(old, [
      { from: 0, length: 20_000, put: drawn(6, 15_000), flip: 70 },
      { from: 22_000, length: 30_000, put: drawn(7, 9000), flip: 40_000 },
    ])
    const patch = patchOf({ old, now, architecture: 'cortex-m', load: LOAD })
    const header = opened(patch)
    const blocks = [...blocksOf(patch)]
    assert(blocks.length > 5, `${blocks.length} blocks`)
    for (let cut = 1; cut < blocks.length; cut += 1) {
      const slots = new MemorySlots(old, now.length)
      const before = applierOf(header)
      assert.equal(takeAll(before, slots, blocks.slice(0, cut)), null)
      const journal: Progress = before.progress
      // Power fails in the middle of the next block: what it wrote behind the journal is written again.
      slots.end = journal.written
      const behind = applierOf(header)
      const covers = blocks.findIndex((_, at) => at > 0 && !wantsCovers(header, old, blocks.slice(0, at)))
      assert.equal(takeAll(behind, slots, blocks.slice(0, covers)), null)
      if (cut > covers) {
        assert.equal(carryOut(behind.resume(journal), slots), null)
        assert.equal(takeAll(behind, slots, blocks.slice(cut)), null)
      } else assert.equal(takeAll(behind, slots, blocks.slice(covers)), null)
      assert.deepEqual(slots.written, now, `cut behind block ${cut}`)
    }
  })

  it('says what memory it needs, and is refused where there is less', () => {
    const old = drawn(5, 5000)
    const header = opened(patchOf({ old, now: old.slice(100), architecture: 'none', load: 0 }))
    const needed = memoryOf(header)
    assert(needed < 64 * 1024)
    assert(!isRefusal(PatchApplier.of(header, crypto, { memory: needed, room: 4900 })))
    const refused = PatchApplier.of(header, crypto, { memory: needed - 1, room: 4900 })
    assert(isRefusal(refused))
    assert.equal(refused.code, 'patch-memory-refused')
  })

  it('reads its header as it was written, and refuses any other', () => {
    const header: PatchHeader = {
      architecture: 'cortex-m',
      slotBits: 14,
      load: LOAD,
      base: { length: 1000, digest: drawn(1, 32) },
      target: { length: 1200, digest: drawn(2, 32) },
      covers: 3,
      longest: 900,
      first: drawn(3, 16),
    }
    const bytes = writeHeader(header)
    assert.equal(bytes.length, HEADER_BYTES)
    assert.deepEqual(parseHeader(bytes, 'it'), header)
    const changed = (at: number, value: number): Uint8Array => {
      const other = bytes.slice()
      other[at] = value
      return other
    }
    for (const [what, other, code] of [
      ['too short', bytes.slice(0, -1), 'patch-malformed'],
      ['another kind of file', changed(0, 0x42), 'patch-malformed'],
      ['a later version', changed(4, 2), 'patch-newer'],
      ['an architecture nobody knows', changed(5, 200), 'patch-newer'],
      ['a reserved byte', changed(7, 1), 'patch-malformed'],
      ['too few slots', changed(6, 1), 'patch-malformed'],
      ['too many slots', changed(6, 31), 'patch-malformed'],
      ['a load address between words', changed(8, 1), 'patch-malformed'],
      ['an old image beyond 31 bits', changed(15, 0x80), 'patch-malformed'],
      ['a new image beyond 31 bits', changed(19, 0x80), 'patch-malformed'],
      ['more covers than bytes', changed(23, 0x10), 'patch-malformed'],
    ] as const) {
      const refused = parseHeader(other, 'it')
      assert(isRefusal(refused), what)
      assert.equal(refused.code, code, what)
    }
  })
})

/** Whether more blocks of covers come behind these. */
function wantsCovers(header: PatchHeader, old: Uint8Array, blocks: readonly Uint8Array[]): boolean {
  const applier = applierOf(header)
  takeAll(applier, new MemorySlots(old, header.target.length), blocks)
  return applier.wantsCovers
}
