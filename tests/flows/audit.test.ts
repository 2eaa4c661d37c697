import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { concat } from '../../src/core/encoding/bytes.ts'
import { instant } from '../../src/core/encoding/units.ts'
import type { AuditEntry } from '../../src/core/ledger/entry.ts'
import type { EntryRow, LogRow } from '../../src/core/ledger/log-rows.ts'
import { isRefusal, orThrow, refuse } from '../../src/core/refusal/refusal.ts'
import { headOf, sealEntries } from '../../src/flows/audit.ts'
import { verifyStore } from '../../src/flows/prove.ts'
import { logKey, ORIGIN, testSigner } from '../core/ledger/keys.ts'

const signer = { origin: ORIGIN, signer: testSigner(1) }
const EMPTY: LogRow = { size: 0, range: [], checkpoint: '' }

const entry = (number: number): AuditEntry => ({
  v: 1,
  kind: 'controller-report',
  at: instant(1_790_000_000_000 + number),
  clock: 'simulated',
  actor: { kind: 'fleet', id: 'north' },
  site: 'harbour',
  controller: 'bms-1',
  detail: { number },
})

/** The end of a log that is too short for tiles. */
const ended = (row: LogRow) => ({ log: async () => row, tile: async () => null })

/** A store of a log in memory, as far as audit needs one. */
class MemoryLog {
  row = EMPTY
  readonly rows: EntryRow[] = []
  readonly tiles = new Map<string, Uint8Array>()

  async add(...numbers: number[]): Promise<void> {
    const sealed = orThrow(await sealEntries(this, numbers.map(entry), signer, crypto))
    this.rows.push(...sealed.entries)
    for (const { level, index, hashes } of sealed.tiles) this.tiles.set(`${level} ${index}`, hashes)
    this.row = sealed.log
  }

  async tile(level: number, index: number): Promise<Uint8Array | null> {
    const leaves = level === 0 ? this.rows.slice(index * 256, (index + 1) * 256) : []
    const full = this.tiles.get(`${level} ${index}`)
    return full ?? (leaves.length === 0 ? null : concat(...leaves.map(({ leaf }) => leaf)))
  }

  async log(): Promise<LogRow> {
    return this.row
  }

  async entriesThere(from: number, to: number): Promise<{ index: number; bytes: Uint8Array }[]> {
    return this.rows.slice(from, to).map(({ bytes }, offset) => ({ index: from + offset, bytes }))
  }
}

describe('sealing entries', () => {
  test('a log that grows by batches verifies at every size', async () => {
    const store = new MemoryLog()
    for (const batch of [[0], [1, 2], [3, 4, 5, 6], [7]]) {
      await store.add(...batch)
      const verdict = orThrow(await verifyStore(store, logKey(1), crypto))
      assert.deepEqual(verdict.findings, [])
      assert.equal(verdict.size, store.rows.length)
    }
    assert.equal(orThrow(headOf(store.row, logKey(1), crypto))?.size, 8)
    assert.equal(store.rows[3]?.kind, 'controller-report')
    assert.equal(store.rows[3]?.site, 'harbour')
    assert(!('campaign' in (store.rows[3] as EntryRow)))
  })

  test('batches or single entries: the same log', async () => {
    const [one, many] = [new MemoryLog(), new MemoryLog()]
    await one.add(0, 1, 2, 3, 4)
    for (const number of [0, 1, 2, 3, 4]) await many.add(number)
    assert.deepEqual(many.row, one.row)
  })

  test('more entries than a page verify, and a change among them is found', async () => {
    const store = new MemoryLog()
    await store.add(...Array.from({ length: 2300 }, (_, number) => number))
    assert(orThrow(await verifyStore(store, logKey(1), crypto)).sound)
    store.rows[2100] = store.rows[2099] as EntryRow
    const verdict = orThrow(await verifyStore(store, logKey(1), crypto))
    assert.deepEqual(
      verdict.findings.map(({ code, subject }) => [code, subject]),
      [
        ['log-root-mismatch', 'the tiles of the log'],
        ['log-root-mismatch', ORIGIN],
      ],
    )
  })

  test('a log that grows while it is read is sound up to the checkpoint that was read', async () => {
    const store = new MemoryLog()
    await store.add(0, 1, 2)
    const slow = {
      log: () => store.log(),
      entriesThere: async (from: number, to: number) => {
        if (from === 0) await store.add(3)
        return store.entriesThere(from, to)
      },
      tile: (level: number, index: number) => store.tile(level, index),
    }
    const verdict = orThrow(await verifyStore(slow, logKey(1), crypto))
    assert(verdict.sound)
    assert.equal(verdict.size, 3)
  })

  test('attack: an entry slipped in behind the checkpoint', async () => {
    const store = new MemoryLog()
    await store.add(0, 1, 2)
    const forged = orThrow(await sealEntries(store, [entry(9)], signer, crypto))
    store.rows.push(...forged.entries)
    const verdict = orThrow(await verifyStore(store, logKey(1), crypto))
    assert.deepEqual(
      verdict.findings.map(finding => finding.code),
      ['log-overlong'],
    )
  })

  test('attack: a store whose end was changed gets no fresh signature', async () => {
    const store = new MemoryLog()
    await store.add(0, 1, 2)
    const { range, size, checkpoint } = store.row
    const other = range.map(hash => hash.map(byte => byte ^ 1))
    const older = new MemoryLog()
    await older.add(0, 1)
    const ends: [LogRow, string][] = [
      [{ size, range: other, checkpoint }, 'log-state-inconsistent'],
      [{ size: 2, range: range.slice(1), checkpoint }, 'log-state-inconsistent'],
      [{ size, range, checkpoint: '' }, 'log-state-inconsistent'],
      [{ size, range, checkpoint: older.row.checkpoint }, 'log-state-inconsistent'],
      [{ size, range: [], checkpoint }, 'log-state-inconsistent'],
      [{ size, range, checkpoint: checkpoint.replace('\n3\n', '\n4\n') }, 'checkpoint-signature-invalid'],
    ]
    for (const [end, code] of ends) {
      const refused = await sealEntries(ended(end), [entry(3)], signer, crypto)
      assert(isRefusal(refused))
      assert.equal(refused.code, code)
    }
  })

  test('attack: a store whose hashes were changed gets no fresh signature over them', async () => {
    const store = new MemoryLog()
    await store.add(...Array.from({ length: 300 }, (_, number) => number))
    const more = Array.from({ length: 300 }, (_, number) => entry(300 + number))
    const changed = (bytes: Uint8Array): Uint8Array => bytes.with(5, (bytes[5] as number) ^ 1)
    const rows: [(level: number, hashes: Uint8Array) => Uint8Array | null, string, string][] = [
      [(level, hashes) => (level === 0 ? changed(hashes) : hashes), 'log-tile-altered', 'tile/0/001.p/44'],
      [(level, hashes) => (level === 1 ? changed(hashes) : hashes), 'log-tile-altered', 'tile/1/000.p/1'],
      [(level, hashes) => (level === 0 ? hashes.slice(32) : hashes), 'log-tile-missing', 'tile/0/001.p/44'],
      [(level, hashes) => (level === 1 ? null : hashes), 'log-tile-missing', 'tile/1/000.p/1'],
    ]
    for (const [spoil, code, path] of rows) {
      const spoilt = {
        log: () => store.log(),
        tile: async (level: number, index: number) => {
          const hashes = await store.tile(level, index)
          return hashes === null ? null : spoil(level, hashes)
        },
      }
      const refused = await sealEntries(spoilt, more, signer, crypto)
      assert(isRefusal(refused))
      assert.deepEqual([refused.code, refused.subject], [code, path])
    }
    assert(!isRefusal(await sealEntries(store, more, signer, crypto)), 'unspoilt, it grows')
  })

  test('a key that cannot sign checkpoints is refused before anything is signed', async () => {
    const wrong = { ...testSigner(1), key: { alg: 'ecdsa-p256' as const, spki: new Uint8Array(91) } }
    const refused = await sealEntries(ended(EMPTY), [entry(0)], { origin: ORIGIN, signer: wrong }, crypto)
    assert(isRefusal(refused))
    assert.equal(refused.code, 'log-signer-unsuitable')
    const spaced = await sealEntries(ended(EMPTY), [entry(0)], { origin: 'two words', signer: testSigner(1) }, crypto)
    assert(isRefusal(spaced))
    assert.equal(spaced.code, 'log-signer-unsuitable')
  })

  test('what the signer refuses is passed on', async () => {
    const refusal = refuse('log-signer-unsuitable', 'token', 'a token', 'none')
    const absent = { ...testSigner(1), sign: async () => refusal }
    assert.equal(await sealEntries(ended(EMPTY), [entry(0)], { origin: ORIGIN, signer: absent }, crypto), refusal)
  })
})
