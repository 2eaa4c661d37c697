import assert from 'node:assert/strict'
import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { openDatabase } from '../../src/adapters/store-sqlite/database.ts'
import { openFleetStore, type SqliteFleetStore } from '../../src/adapters/store-sqlite/fleet.ts'
import { FLEET_MIGRATIONS } from '../../src/adapters/store-sqlite/fleet-migrations.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { entryBytes, withOrigin } from '../../src/core/ledger/entry.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import { sealEntries } from '../../src/flows/audit.ts'
import { type LogKeys, refuseClock, refuseToGoOn } from '../../src/flows/log-start.ts'
import { logKey, ORIGIN } from '../core/ledger/keys.ts'
import { BEGUN, entryNumber, LOG_SIGNER, lengthen, storeFolder } from '../worlds/stored-log.ts'

const folder = storeFolder('log-start')
const KEYS: LogKeys = { ...logKey(1), retired: [] }
const SIZE = 1100
let files = 0

/** A copy of the log, with something done to its database that no Voltseal does. */
async function spoilt(spoil: (database: DatabaseSync) => void, keys = KEYS): Promise<null | Refusal> {
  const path = join(folder, `${++files}.sqlite`)
  copyFileSync(join(folder, 'whole.sqlite'), path)
  const database = orThrow(openDatabase(path, { version: FLEET_MIGRATIONS.length, migrations: FLEET_MIGRATIONS }))
  spoil(database)
  database.close()
  const store = orThrow(openFleetStore(path))
  try {
    return await refuseToGoOn(store, keys, crypto)
  } finally {
    store.close()
  }
}

const run =
  (...statements: string[]) =>
  (database: DatabaseSync): void => {
    for (const statement of statements) database.exec(statement)
  }

describe('a log that is opened to be gone on with', () => {
  let whole: SqliteFleetStore
  before(async () => {
    whole = orThrow(openFleetStore(join(folder, 'whole.sqlite')))
    for (const count of [1, 254, 300, 545]) await lengthen(whole, count)
    whole.close()
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('is gone on with when it is whole: empty, with a partial tile alone, and of every size about a tile', async () => {
    assert.equal(await spoilt(run()), null)
    const store = orThrow(openFleetStore(join(folder, 'growing.sqlite')))
    assert.equal(await refuseToGoOn(store, KEYS, crypto), null)
    for (const count of [1, 254, 1, 1, 254, 1, 1, 700]) {
      await lengthen(store, count)
      assert.equal(await refuseToGoOn(store, KEYS, crypto), null, `at ${(await store.log()).size}`)
    }
    store.close()
  })

  const last = SIZE - 1
  const rows: [name: string, spoil: (database: DatabaseSync) => void, code: string, subject: string][] = [
    ['an entry is taken out', run(`DELETE FROM entry WHERE ix = ${last - 3}`), 'log-index-gap', ORIGIN],
    ['the last entry is taken out', run(`DELETE FROM entry WHERE ix = ${last}`), 'log-index-gap', ORIGIN],
    ['an entry is put behind the end', run(`UPDATE entry SET ix = ${SIZE + 9} WHERE ix = 4`), 'log-overlong', ORIGIN],
    [
      'an entry is changed',
      run(`UPDATE entry SET bytes = x'7b7d' WHERE ix = ${last - 2}`),
      'log-entry-altered',
      `entry ${last - 2}`,
    ],
    [
      'two entries change places',
      run(
        `UPDATE entry SET ix = 99999 WHERE ix = ${last}`,
        `UPDATE entry SET ix = ${last} WHERE ix = ${last - 1}`,
        `UPDATE entry SET ix = ${last - 1} WHERE ix = 99999`,
      ),
      'log-root-mismatch',
      'the tiles of the log',
    ],
    [
      'an entry is changed and its hash with it',
      run(`UPDATE entry SET leaf = zeroblob(32) WHERE ix = ${last}`),
      'log-root-mismatch',
      'the tiles of the log',
    ],
    [
      'a full tile is changed',
      run('UPDATE tile SET hashes = zeroblob(8192) WHERE level = 0 AND ix = 3'),
      'log-tile-altered',
      'tile/0/003',
    ],
    [
      'a full tile is taken away',
      run('DELETE FROM tile WHERE level = 0 AND ix = 3', 'UPDATE entry SET leaf = zeroblob(32) WHERE ix = 800'),
      'log-tile-altered',
      'tile/0/003',
    ],
    [
      'a tile above the leaves is changed',
      run('UPDATE tile SET hashes = zeroblob(128) WHERE level = 1'),
      'log-root-mismatch',
      'the tiles of the log',
    ],
    [
      'a tile above the leaves is taken away',
      run('DELETE FROM tile WHERE level = 1'),
      'log-tile-missing',
      'tile/1/000.p/4',
    ],
    [
      'a tile is cut short',
      run('UPDATE tile SET hashes = substr(hashes, 1, 64) WHERE level = 1'),
      'log-tile-missing',
      'tile/1/000.p/4',
    ],
    ['the range is changed', run('UPDATE log SET range = zeroblob(length(range))'), 'log-state-inconsistent', ORIGIN],
    ['the checkpoint is taken away', run("UPDATE log SET checkpoint = ''"), 'log-state-inconsistent', ORIGIN],
    [
      'the checkpoint is no note',
      run("UPDATE log SET checkpoint = 'none'"),
      'checkpoint-malformed',
      `checkpoint of ${ORIGIN}`,
    ],
  ]
  for (const [name, spoil, code, subject] of rows) {
    test(`attack: ${name}`, async () => {
      const refusal = await spoilt(spoil)
      assert.deepEqual([refusal?.code, refusal?.subject], [code, subject])
    })
  }

  test('attack: the store of before the key was replaced is put back', async () => {
    const now = { ...logKey(2), name: ORIGIN }
    assert.equal((await spoilt(run(), { ...now, retired: [logKey(1).key] }))?.code, 'checkpoint-key-retired')
    assert.equal((await spoilt(run(), { ...now, retired: [] }))?.code, 'checkpoint-key-unknown')
    assert.equal((await spoilt(run(), { ...now, retired: [logKey(3).key] }))?.code, 'checkpoint-key-unknown')
  })

  test('the clock may be put right by a little, and not stand before what the log says', async () => {
    const store = orThrow(openFleetStore(join(folder, 'clock.sqlite')))
    assert.equal(await refuseClock(store, instant(0)), null, 'an empty log has no time')
    await lengthen(store, 10)
    const digest = '00'.repeat(32)
    const origin = { gateway: 'quay', sequence: 1, kind: 'entry', item: digest, head: digest } as const
    const gateways = withOrigin({ ...entryNumber(9), at: instant(BEGUN + 1e9) }, origin)
    assert(!isRefusal(entryBytes(gateways)))
    await store.commit(orThrow(await sealEntries(store, [gateways], LOG_SIGNER, crypto)))
    assert.equal(await refuseClock(store, instant(BEGUN + 9)), null)
    assert.equal(await refuseClock(store, instant(BEGUN + 9 - 60_000)), null)
    const refusal = await refuseClock(store, instant(BEGUN + 9 - 60_001))
    assert.deepEqual([refusal?.code, refusal?.subject], ['log-clock-behind', 'entry 9'])
    store.close()
  })
})
