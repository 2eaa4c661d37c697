import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import {
  EVENTS,
  encodeCell,
  HISTORY_CELL_BYTES,
  type HistoryEntry,
  PHASES,
  placeHistory,
  readHistory,
} from '../../../src/core/slot/history.ts'
import { NO_KEY_CHANGE } from '../../../src/core/slot/key-change.ts'
import type { BootState } from '../../../src/core/slot/memory.ts'
import { type BootRecord, decodeRecord, encodeRecord, RECORD_BYTES } from '../../../src/core/slot/record.ts'
import { placeAfter, scanRecords } from '../../../src/core/slot/record-log.ts'
import { UNKNOWN_NOTE } from '../../../src/core/slot/slot.ts'

const key = new Uint8Array(32).fill(7)
const mac = (message: Uint8Array) => nodeCrypto.hmacSha256(key, message)
const { equal } = nodeCrypto

const whole = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const digest = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(bytes => bytes.with(0, 1).toHex())
const version = fc.stringMatching(/^[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}$/)
const slot = fc.constantFrom('a' as const, 'b' as const)
const small = fc.integer({ min: 0, max: 255 })
const state: fc.Arbitrary<BootState> = fc.oneof(
  fc.constant({ at: 'blank' as const }),
  fc.record({
    at: fc.constantFrom('stable' as const, 'candidate' as const, 'armed' as const),
    active: slot,
    floor: whole,
    keys: fc.oneof(
      fc.constant(NO_KEY_CHANGE),
      fc.record({ kind: fc.constantFrom('add' as const, 'retire' as const), kid: digest.map(hex => hex.slice(0, 16)) }),
    ),
  }),
  fc.record({ at: fc.constant('trial' as const), slot, triesLeft: small, lossesLeft: small }),
)
const note = fc.oneof(
  fc.constant(UNKNOWN_NOTE),
  fc.record({
    state: fc.constantFrom('candidate', 'trial', 'confirmed', 'failed'),
    digest,
    sequence: whole,
    version,
    counter: whole,
  }),
) as fc.Arbitrary<typeof UNKNOWN_NOTE>
const entry = fc.record({
  decision: fc.integer({ min: 1, max: 1e9 }),
  at: whole,
  event: fc.constantFrom(...EVENTS),
  phase: fc.constantFrom(...PHASES),
  reset: fc.constantFrom('power-on', 'power-loss', 'watchdog', 'software'),
  slot: fc.constantFrom('a', 'b', 'golden', 'none'),
  sequence: whole,
  version,
  digest: fc.oneof(fc.constant(''), digest),
  cause: fc.stringMatching(/^[a-z -]{0,48}$/),
}) as fc.Arbitrary<HistoryEntry>
const record: fc.Arbitrary<BootRecord> = fc.record({
  sequence: fc.integer({ min: 1, max: 1e12 }),
  memory: fc.record({
    state,
    slots: fc.record({ a: note, b: note }),
    failed: fc.array(fc.record({ sequence: whole, digest }), { maxLength: 6 }),
    update: fc.oneof(fc.constant(''), digest),
  }),
  entry,
})

/** Generated objects may have no prototype; read ones have. */
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

const sample: BootRecord = fc.sample(record, { numRuns: 1, seed: 5 })[0] as BootRecord
const numbered = (sequence: number): Uint8Array => encodeRecord({ ...sample, sequence }, mac)
const block = (...records: (Uint8Array | null)[]): Uint8Array => {
  const bytes = new Uint8Array(4 * RECORD_BYTES).fill(0xff)
  for (const [index, one] of records.entries()) if (one !== null) bytes.set(one, index * RECORD_BYTES)
  return bytes
}
const torn = (bytes: Uint8Array, from = 300): Uint8Array => bytes.slice().fill(0xff, from)

describe('a boot record', () => {
  it('reads back as it was written', () => {
    fc.assert(
      fc.property(record, one => assert.deepEqual(decodeRecord(encodeRecord(one, mac), mac, equal), plain(one))),
    )
  })

  it('is not read with any bit changed, nor with another key, nor cut at any byte', () => {
    const bytes = encodeRecord(sample, mac)
    for (let at = 0; at < RECORD_BYTES; at += 1) {
      const changed = bytes.slice()
      changed[at] = (changed[at] as number) ^ (1 << (at % 8))
      assert.equal(decodeRecord(changed, mac, equal), null, `byte ${at}`)
    }
    for (let at = 0; at < RECORD_BYTES - 1; at += 1) {
      const cut = torn(bytes, at)
      if (!cut.every((byte, index) => byte === bytes[index])) assert.equal(decodeRecord(cut, mac, equal), null)
    }
    const other = (message: Uint8Array) => nodeCrypto.hmacSha256(new Uint8Array(32), message)
    assert.equal(decodeRecord(bytes, other, equal), null)
  })
})

describe('the record log', () => {
  type Row = { name: string; blocks: [Uint8Array, Uint8Array]; newest: number | null; next: string; sequence: number }
  const rows: Row[] = [
    { name: 'empty', blocks: [block(), block()], newest: null, next: '0/0 erase', sequence: 1 },
    { name: 'one', blocks: [block(numbered(1)), block()], newest: 1, next: '0/1', sequence: 2 },
    {
      name: 'a torn one behind it uses up a number',
      blocks: [block(numbered(1), torn(numbered(2))), block()],
      newest: 1,
      next: '0/2',
      sequence: 3,
    },
    {
      name: 'a full block turns to the other, erased first',
      blocks: [block(numbered(1), numbered(2), numbered(3), numbered(4)), block()],
      newest: 4,
      next: '1/0 erase',
      sequence: 5,
    },
    {
      name: 'the newest is in the second block',
      blocks: [block(numbered(1), numbered(2), numbered(3), numbered(4)), block(numbered(5))],
      newest: 5,
      next: '1/1',
      sequence: 6,
    },
    {
      name: 'the first of the second block is torn: the full one is kept',
      blocks: [block(numbered(1), numbered(2), numbered(3), numbered(4)), block(torn(numbered(5)))],
      newest: 4,
      next: '1/0 erase',
      sequence: 5,
    },
    {
      name: 'full and torn at its end: the number is skipped over the turn',
      blocks: [block(numbered(1), numbered(2), numbered(3), torn(numbered(4))), block()],
      newest: 3,
      next: '1/0 erase',
      sequence: 5,
    },
    {
      name: 'an unreadable place is not free',
      blocks: [block(numbered(1), new Uint8Array(RECORD_BYTES)), block()],
      newest: 1,
      next: '0/2',
      sequence: 3,
    },
    {
      name: 'an unreadable block',
      blocks: [new Uint8Array(4 * RECORD_BYTES), block(numbered(7))],
      newest: 7,
      next: '1/1',
      sequence: 8,
    },
  ]
  for (const { name, blocks, newest, next, sequence } of rows) {
    it(name, () => {
      const scan = scanRecords(blocks, mac, equal)
      assert.equal(scan.newest?.sequence ?? null, newest)
      assert.equal(`${scan.next.block}/${scan.next.index}${scan.next.erase ? ' erase' : ''}`, next)
      assert.equal(scan.sequence, sequence)
    })
  }

  it('a record that turns whole on a later day loses to the one that was written instead', () => {
    const late = numbered(2)
    const before = scanRecords([block(numbered(1), torn(late)), block()], mac, equal)
    const instead = numbered(before.sequence)
    const after = scanRecords([block(numbered(1), late, instead), block()], mac, equal)
    assert.equal(after.newest?.sequence, before.sequence)
    assert.notEqual(before.sequence, 2)
  })

  it('never erases the block that holds the newest record', () => {
    const bytes = 4 * RECORD_BYTES
    assert.deepEqual(placeAfter({ block: 0, index: 3, erase: false }, bytes, 0), { block: 1, index: 0, erase: true })
    assert.equal(placeAfter({ block: 1, index: 3, erase: false }, bytes, 0), null)
    assert.deepEqual(placeAfter({ block: 0, index: 3, erase: false }, bytes, null), { block: 1, index: 0, erase: true })
    assert.equal(placeAfter({ block: 1, index: 3, erase: false }, bytes, null), null)
  })
})

describe('the history', () => {
  const SECTOR = 4 * HISTORY_CELL_BYTES
  const cell = (decision: number) => encodeCell({ ...sample.entry, decision }, mac)
  const sector = (...cells: Uint8Array[]) => {
    const bytes = new Uint8Array(SECTOR).fill(0xff)
    for (const [index, one] of cells.entries()) bytes.set(one, index * HISTORY_CELL_BYTES)
    return bytes
  }

  it('an entry reads back as it was written', () => {
    fc.assert(
      fc.property(entry, one => {
        assert.deepEqual(readHistory([sector(encodeCell(one, mac))], mac, equal), { entries: [plain(one)], torn: 0 })
      }),
    )
  })

  it('tells torn from whole, and one decision once', () => {
    const read = readHistory([sector(cell(1), torn(cell(2), 90), cell(2)), null, sector(cell(3), cell(3))], mac, equal)
    assert.deepEqual(
      read.entries.map(one => one.decision),
      [1, 2, 3],
    )
    assert.equal(read.torn, 2)
  })

  const full = sector(cell(1), cell(2), cell(3), cell(4))
  type Row = { name: string; sectors: (Uint8Array | null)[]; newest: number; offset: number; erase: number | null }
  const rows: Row[] = [
    { name: 'empty', sectors: [sector(), sector()], newest: 0, offset: 0, erase: 0 },
    {
      name: 'behind the newest',
      sectors: [sector(cell(1)), sector()],
      newest: 1,
      offset: HISTORY_CELL_BYTES,
      erase: null,
    },
    {
      name: 'past a torn one',
      sectors: [sector(cell(1), torn(cell(2), 50)), sector()],
      newest: 1,
      offset: 2 * HISTORY_CELL_BYTES,
      erase: null,
    },
    { name: 'into the next sector, erased', sectors: [full, sector()], newest: 4, offset: SECTOR, erase: SECTOR },
    {
      name: 'round the ring',
      sectors: [full, sector(cell(5), cell(6), cell(7), cell(8))],
      newest: 8,
      offset: 0,
      erase: 0,
    },
    {
      name: 'behind the second of two with one number: the first was cut, and reads as whole now',
      sectors: [sector(cell(1), cell(2), cell(3), cell(4)), sector(cell(4))],
      newest: 4,
      offset: SECTOR + HISTORY_CELL_BYTES,
      erase: null,
    },
    { name: 'with a sector that cannot be read', sectors: [full, null], newest: 4, offset: SECTOR, erase: SECTOR },
  ]
  for (const { name, sectors, newest, offset, erase } of rows) {
    it(`writes ${name}`, () => {
      assert.deepEqual(placeHistory(sectors, SECTOR, mac, equal), { newest, next: { offset, erase } })
    })
  }
})
