import assert from 'node:assert/strict'
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { folderLog } from '../../src/adapters/log-folder.ts'
import { openDatabase } from '../../src/adapters/store-sqlite/database.ts'
import { openFleetStore, type SqliteFleetStore } from '../../src/adapters/store-sqlite/fleet.ts'
import { FLEET_MIGRATIONS } from '../../src/adapters/store-sqlite/fleet-migrations.ts'
import { fromUtf8 } from '../../src/core/encoding/bytes.ts'
import { inclusionIn } from '../../src/core/ledger/tile-reader.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { readFiles, storedLog } from '../../src/flows/log-files.ts'
import { logFiles, logFilesOf } from '../core/ledger/tile-files.ts'
import { lengthen, refused, storeFolder } from '../worlds/stored-log.ts'

const folder = storeFolder('log-files')
/** The version of the tables before there was one of tiles. */
const BEFORE_TILES = FLEET_MIGRATIONS.findIndex(
  migration => typeof migration !== 'string' && migration.name === 'makeTiles',
)
let files = 0
const path = (): string => join(folder, `${++files}.sqlite`)

const entriesOf = async (store: SqliteFleetStore): Promise<Uint8Array[]> =>
  (await store.entries(0, 1e6)).map(({ bytes }) => bytes)

/** Every file that the log is to have, made by the definition of each, is the one that it has. */
async function assertFiles(store: SqliteFleetStore): Promise<void> {
  const log = storedLog(store)
  const expected = logFilesOf(await entriesOf(store))
  for (const [path, bytes] of expected.files) {
    const file = await log.file(path)
    assert(file !== null && Buffer.compare(file, bytes) === 0, path)
  }
}

after(() => rmSync(folder, { recursive: true, force: true }))

describe('the log of a store as files', () => {
  test('however it grew, its files are those that the specification defines', async () => {
    const batches = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(255, 256, 257, 600)), {
      minLength: 1,
      maxLength: 6,
    })
    await fc.assert(
      fc.asyncProperty(batches, async counts => {
        const store = orThrow(openFleetStore(path()))
        for (const count of counts) await lengthen(store, count)
        await assertFiles(store)
        store.close()
      }),
      { numRuns: 8 },
    )
  })

  test('partial tiles of before are there, and nothing behind the checkpoint', async () => {
    const store = orThrow(openFleetStore(path()))
    const log = storedLog(store)
    assert.equal(await log.file('checkpoint'), null, 'an empty log has none')
    await lengthen(store, 7)
    const [hashes, bundle] = [await log.file('tile/0/000.p/7'), await log.file('tile/entries/000.p/7')]
    await lengthen(store, 300)
    assert.equal(fromUtf8((await log.file('checkpoint')) as Uint8Array)?.split('\n')[1], '307')
    assert.deepEqual(await log.file('tile/0/000.p/7'), hashes)
    assert.deepEqual(await log.file('tile/entries/000.p/7'), bundle)
    for (const beyond of [
      'tile/0/001',
      'tile/0/001.p/52',
      'tile/entries/001',
      'tile/entries/001.p/52',
      'tile/entries/002.p/1',
      'tile/1/000',
      'tile/1/000.p/2',
      'tile/2/000.p/1',
      'tile/0/x999/x999/x999/x999/999',
      '../fleet.yaml',
      'tile/0/../0/000',
    ]) {
      assert.equal(await log.file(beyond), null, beyond)
    }
    store.close()
  })

  test('a log that was begun before there were tiles gets them when it is opened', async () => {
    const [old, now] = [path(), path()]
    const store = orThrow(openFleetStore(now))
    await lengthen(store, 600)
    const rows = await entriesOf(store)
    const { leaves } = logFilesOf(rows)
    const database = orThrow(openDatabase(old, { version: BEFORE_TILES, migrations: FLEET_MIGRATIONS }))
    const put = database.prepare("INSERT INTO entry VALUES (?, ?, ?, 'controller-report', NULL, NULL, NULL)")
    for (const [index, bytes] of rows.entries()) put.run(index, bytes, leaves[index] as Uint8Array)
    const { size, range, checkpoint } = await store.log()
    database.prepare('UPDATE log SET size = ?, range = ?, checkpoint = ?').run(size, Buffer.concat(range), checkpoint)
    database.close()
    const opened = orThrow(openFleetStore(old))
    await assertFiles(opened)
    await lengthen(opened, 500)
    await assertFiles(opened)
    opened.close()
    store.close()
  })

  test('attack: entries that stand behind the signed checkpoint are not given out', async () => {
    const file = path()
    const store = orThrow(openFleetStore(file))
    await lengthen(store, 10)
    store.close()
    const database = orThrow(openDatabase(file, { version: FLEET_MIGRATIONS.length, migrations: FLEET_MIGRATIONS }))
    database.exec('INSERT INTO entry SELECT 10, bytes, leaf FROM entry WHERE ix = 9')
    database.close()
    const again = orThrow(openFleetStore(file))
    const log = storedLog(again)
    for (const path of ['tile/entries/000.p/11', 'tile/0/000.p/11']) assert.equal(await log.file(path), null, path)
    for (const path of ['tile/entries/000.p/10', 'tile/0/000.p/10']) assert.notEqual(await log.file(path), null, path)
    again.close()
  })

  test('attack: a full tile is replaced where it lies, and the next one above it is not built on it', async () => {
    const file = path()
    const store = orThrow(openFleetStore(file))
    await lengthen(store, 512)
    store.close()
    const database = orThrow(openDatabase(file, { version: FLEET_MIGRATIONS.length, migrations: FLEET_MIGRATIONS }))
    database.prepare('UPDATE tile SET hashes = zeroblob(64) WHERE level = 1').run()
    database.close()
    const again = orThrow(openFleetStore(file))
    await assert.rejects(lengthen(again, 256), refused('log-tile-altered'))
    assert.equal((await again.log()).size, 512)
    again.close()
  })
})

describe('a log in a folder', () => {
  const { files, head } = logFiles(600)
  const at = join(folder, 'copy')
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(at, path)), { recursive: true })
    writeFileSync(join(at, path), bytes)
  }
  const log = folderLog(at)

  test('its files are read as they lie there, and a proof out of them', async () => {
    for (const [path, bytes] of files) assert.deepEqual(await log.file(path), new Uint8Array(bytes), path)
    assert.equal(await log.file('checkpoint'), null)
    writeFileSync(join(at, 'checkpoint'), 'a note')
    assert.deepEqual(await log.file('checkpoint'), new Uint8Array(Buffer.from('a note')))
    assert(Array.isArray(await readFiles(log, inclusionIn(crypto, head, 300))))
  })

  test('a partial tile that was taken away is answered by its full one', async () => {
    assert.deepEqual(await log.file('tile/0/001.p/44'), await log.file('tile/0/001'))
    assert.deepEqual(await log.file('tile/entries/001.p/44'), await log.file('tile/entries/001'))
    assert.equal(await log.file('tile/0/002.p/1'), null)
  })

  test('attack: nothing outside of the log is read, and no file that is longer than it can be', async () => {
    writeFileSync(join(folder, 'secret'), 'key')
    for (const path of ['../secret', 'tile/../../secret', join(folder, 'secret'), ''])
      assert.equal(await log.file(path), null)
    writeFileSync(join(at, 'tile/1/001'), '')
    truncateSync(join(at, 'tile/1/001'), 8193)
    await assert.rejects(log.file('tile/1/001'), refused('file-too-large'))
  })
})
