import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { concat } from '../../../src/core/encoding/bytes.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { type DumpFinds, type DumpKey, DumpScan } from '../../../src/core/slot/dump.ts'
import { type DumpView, viewDump } from '../../../src/core/slot/dump-view.ts'
import { encodeCell, HISTORY_CELL_BYTES, type HistoryEntry } from '../../../src/core/slot/history.ts'
import { NO_KEY_CHANGE } from '../../../src/core/slot/key-change.ts'
import { encodeSlotHeader } from '../../../src/core/slot/layout.ts'
import { type BootRecord, encodeRecord, RECORD_BYTES } from '../../../src/core/slot/record.ts'
import { UNKNOWN_NOTE } from '../../../src/core/slot/slot.ts'

const keyOf = (fill: number): DumpKey => ({
  mac: message => nodeCrypto.hmacSha256(new Uint8Array(32).fill(fill), message),
  equal: nodeCrypto.equal,
})
const OURS = keyOf(7)
const THEIRS = keyOf(8)

const entryOf = (decision: number, change: Partial<HistoryEntry> = {}): HistoryEntry => ({
  decision,
  at: 1_767_225_600_000,
  event: 'boot',
  phase: 'boot',
  reset: 'power-on',
  slot: 'a',
  sequence: 10,
  version: '1.0.0',
  digest: '',
  cause: '',
  ...change,
})
const recordOf = (sequence: number, entry = entryOf(sequence)): BootRecord => ({
  sequence,
  memory: {
    state: { at: 'stable', active: 'a', keys: NO_KEY_CHANGE, floor: 1 },
    slots: {
      a: { state: 'confirmed', digest: 'ab'.repeat(16), sequence: 10, version: '1.0.0', counter: 1 },
      b: UNKNOWN_NOTE,
    },
    failed: [],
    update: '',
  },
  entry,
})
const record = (sequence: number, key = OURS): Uint8Array => encodeRecord(recordOf(sequence), key.mac)
const cell = (decision: number, key = OURS, change: Partial<HistoryEntry> = {}): Uint8Array =>
  encodeCell(entryOf(decision, change), key.mac)
const erased = (length: number): Uint8Array => new Uint8Array(length).fill(0xff)
const torn = (bytes: Uint8Array, from: number): Uint8Array => bytes.slice().fill(0xff, from)

function scan(bytes: Uint8Array, key: DumpKey | null, piece = bytes.length || 1): DumpFinds {
  const scanner = new DumpScan(key)
  for (let at = 0; at < bytes.length; at += piece) scanner.push(bytes.subarray(at, at + piece))
  return scanner.end()
}
const view = (bytes: Uint8Array, key: DumpKey | null = OURS): DumpView =>
  orThrow(viewDump([{ file: 'flash.bin', finds: scan(bytes, key) }], key !== null, [], nodeCrypto))
const codeOf = (bytes: Uint8Array, key: DumpKey | null = OURS): string => {
  const seen = viewDump([{ file: 'flash.bin', finds: scan(bytes, key) }], key !== null, [], nodeCrypto)
  return isRefusal(seen) ? seen.code : 'no refusal'
}

/** Bytes as a dump could hold them: noise, erased flash, true and false structures, cut anywhere. */
const piece = fc.oneof(
  fc.uint8Array({ maxLength: 700 }),
  fc.nat({ max: 900 }).map(erased),
  fc.tuple(fc.nat({ max: 9 }), fc.constantFrom(OURS, THEIRS)).map(([number, key]) => record(number + 1, key)),
  fc.tuple(fc.nat({ max: 9 }), fc.constantFrom(OURS, THEIRS)).map(([number, key]) => cell(number + 1, key)),
  fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 511 })).map(([number, at]) => torn(record(number + 1), at)),
  fc
    .tuple(fc.constantFrom('VSSR', 'VSSH', 'VSSL'), fc.uint8Array({ maxLength: 64 }))
    .map(([magic, rest]) => concat(new TextEncoder().encode(magic), rest)),
  fc
    .tuple(fc.nat({ max: 20_000 }), fc.nat())
    .map(([envelopeBytes, imageBytes]) => encodeSlotHeader({ envelopeBytes, imageBytes })),
)
const noise = fc.array(piece, { maxLength: 12 }).map(parts => concat(...parts))

describe('the scan of a dump', () => {
  it('never throws, whatever the bytes, with a key or without', () => {
    fc.assert(
      fc.property(noise, fc.constantFrom(OURS, null), (bytes, key) => {
        const finds = scan(bytes, key)
        assert.equal(finds.bytes, bytes.length)
        viewDump([{ file: 'flash.bin', finds }], key !== null, [], nodeCrypto)
      }),
      { numRuns: 500, seed: 41 },
    )
  })

  it('finds the same in one piece and in many', () => {
    fc.assert(
      fc.property(noise, fc.integer({ min: 1, max: 999 }), (bytes, length) =>
        assert.deepEqual(scan(concat(bytes, erased(40_000)), OURS, length), scan(concat(bytes, erased(40_000)), OURS)),
      ),
      { numRuns: 100, seed: 42 },
    )
  })

  it('finds records and cells at every multiple of 16 bytes, and at no other place', () => {
    for (let at = 0; at <= 96; at += 8) {
      const finds = scan(concat(erased(at), record(3), cell(3)), OURS)
      const wanted = at % 16 === 0 ? [at, at + RECORD_BYTES] : []
      assert.deepEqual(
        [...finds.records, ...finds.cells].map(find => find.offset),
        wanted,
      )
    }
  })

  it('sees a torn place by its magic number, by the erased end of its MAC, and between two whole ones', () => {
    const early = torn(cell(2), 0).fill(0, 20, 60)
    const dump = concat(cell(1), early, cell(3), torn(cell(4), 40), torn(cell(5), 156), cell(6), erased(4096))
    const { cells, tornCells } = scan(dump, null)
    assert.deepEqual(
      cells.map(find => find.value.decision),
      [1, 3, 6],
    )
    assert.deepEqual(tornCells, { count: 3, at: [1, 3, 4].map(index => index * HISTORY_CELL_BYTES) })
    const records = scan(concat(record(1), torn(record(2), 300), new Uint8Array(RECORD_BYTES), record(4)), null)
    assert.deepEqual(records.spoiltRecords, { count: 2, at: [RECORD_BYTES, 2 * RECORD_BYTES] })
  })

  it('takes what lies behind a run for no part of it', () => {
    const { tornCells } = scan(concat(cell(1), new Uint8Array(4096).fill(0x5a), cell(2)), OURS)
    assert.equal(tornCells.count, 0)
  })

  it('says that a dump ends inside a record, a cell, or the head of a slot', () => {
    const head = concat(encodeSlotHeader({ envelopeBytes: 400, imageBytes: 1 }), new Uint8Array(399))
    for (const cut of [record(1).subarray(0, 511), cell(1).subarray(0, 159), head]) {
      assert.equal(scan(cut, OURS).cutOff, true)
      assert.equal(scan(concat(cut, erased(1)), OURS).cutOff, false)
    }
  })

  it('attack: a dump that is full of forgeries costs no memory, and hides nothing that is authentic', () => {
    const forged = concat(...Array.from({ length: 300 }, (_, index) => cell(1000 + index, THEIRS)))
    const finds = scan(concat(forged, cell(1)), OURS)
    assert.equal(finds.cells.filter(find => find.authentic).length, 1)
    assert.equal(finds.cells.length, 257)
    assert.equal(finds.unlisted, 44)
  })
})

describe('what a dump says', () => {
  it('the newest record is the one with the highest number, wherever it lies', () => {
    const { newest, records, running } = view(concat(record(5), record(9), erased(1024), record(7)))
    assert.deepEqual([newest?.record.sequence, newest?.offset, records], [9, RECORD_BYTES, 3])
    assert.deepEqual(running, { slot: 'a', version: '1.0.0', trial: false })
  })

  it('attack: a forged record with a higher number does not count under the key, and is shown', () => {
    const dump = concat(record(5), record(99, THEIRS), cell(5), cell(99, THEIRS))
    const { newest, faults, history } = view(dump)
    assert.equal(newest?.record.sequence, 5)
    assert.deepEqual(
      history.map(line => line.decision),
      [5],
    )
    assert.deepEqual(
      faults.map(({ kind, fault, claims }) => [kind, fault, claims]),
      [
        ['record', 'another-mac', 'record 99'],
        ['cell', 'another-mac', 'decision 99: boot a 1.0.0'],
      ],
    )
    const unproven = view(dump, null)
    assert.equal(unproven.authenticated, false)
    assert.equal(unproven.newest?.record.sequence, 99, 'without the key nobody can tell')
    assert.ok(unproven.history.every(line => line.authentic === null))
  })

  it('a decision that only the record tells of is in the history, and says so', () => {
    const { history, missing } = view(concat(record(9), cell(5), cell(6)))
    assert.deepEqual(
      history.map(line => [line.decision, line.from]),
      [
        [5, 'history'],
        [6, 'history'],
        [9, 'record'],
      ],
    )
    assert.deepEqual(missing, [{ from: 7, to: 8 }])
  })

  it('a cell that was written a second time counts as torn, once', () => {
    const { history, torn: count } = view(concat(cell(1), cell(2), cell(2)))
    assert.deepEqual([history.length, count], [2, 1])
  })

  type Ran = { name: string; change: Partial<HistoryEntry>; slot: string }
  const rows: Ran[] = [
    { name: 'a start of the active slot', change: {}, slot: 'a' },
    { name: 'golden', change: { event: 'golden', slot: 'golden', version: '0.9.0' }, slot: 'golden' },
    { name: 'a halt', change: { event: 'halt', slot: 'none', version: '' }, slot: 'none' },
    { name: 'a revert that ended in golden', change: { event: 'reverted', cause: 'x; golden golden' }, slot: 'golden' },
    {
      name: 'a candidate that rotted, and nothing left',
      change: { event: 'dropped', cause: 'x; halt none' },
      slot: 'none',
    },
    { name: 'a revert to the active slot', change: { event: 'reverted', cause: 'x; boot a' }, slot: 'a' },
  ]
  for (const { name, change, slot } of rows) {
    it(`what runs after ${name}`, () => {
      const later = cell(6, OURS, { event: 'staged', phase: 'install' })
      assert.equal(view(concat(record(4), cell(5, OURS, change), later)).running?.slot, slot)
    })
  }

  const bad: [name: string, bytes: Uint8Array, key: DumpKey | null, code: string][] = [
    ['nothing', new Uint8Array(0), null, 'dump-holds-nothing'],
    ['erased flash', erased(65_536), null, 'dump-holds-nothing'],
    ['a dump that ends inside its only record', record(1).subarray(0, 400), null, 'dump-holds-nothing'],
    ['only a torn record', concat(torn(record(1), 200)), null, 'dump-holds-nothing'],
    [
      'attack: only forged records and cells',
      concat(record(1, THEIRS), cell(1, THEIRS)),
      OURS,
      'dump-not-authenticated',
    ],
    ['the same without the key', concat(record(1, THEIRS), cell(1, THEIRS)), null, 'no refusal'],
  ]
  for (const [name, bytes, key, code] of bad) it(`${code}: ${name}`, () => assert.equal(codeOf(bytes, key), code))

  it('random bytes hold nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), bytes => assert.equal(codeOf(bytes), 'dump-holds-nothing')),
      { seed: 43 },
    )
  })
})
