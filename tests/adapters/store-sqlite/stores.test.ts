import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, describe, it } from 'node:test'
import { openDatabase, Writer } from '../../../src/adapters/store-sqlite/database.ts'
import { openFleetStore, type SqliteFleetStore } from '../../../src/adapters/store-sqlite/fleet.ts'
import { FLEET_MIGRATIONS } from '../../../src/adapters/store-sqlite/fleet-migrations.ts'
import { openGatewayStore } from '../../../src/adapters/store-sqlite/gateway.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { firstHead } from '../../../src/core/ledger/site-chain.ts'
import { isRefusal, orThrow, RefusalError } from '../../../src/core/refusal/refusal.ts'

const root = mkdtempSync(join(tmpdir(), 'voltseal-stores-'))
let files = 0
const path = (): string => join(root, `${++files}.sqlite`)
const bytes = (...values: number[]): Uint8Array => new Uint8Array(values)
const entry = (n: number) => ({
  bytes: bytes(n),
  leaf: new Uint8Array(32).fill(n),
  kind: 'log-opened',
  at: instant(1_800_000_000_000 + n),
  actor: 'voltseal',
})
const end = (size: number) => ({ size, range: [new Uint8Array(32).fill(size)], checkpoint: `checkpoint ${size}` })
const site = { id: 'quay', site: bytes(1), gatewayKey: bytes(2), upstream: 0, head: firstHead() }

/** What a store holds, as far as a change of the tests below touches it. */
const seen = async (store: SqliteFleetStore) => ({
  file: await store.file('image', 'timestamp.json'),
  log: await store.log(),
  entries: (await store.entries(0, 100)).map(({ index }) => index),
  site: await store.site('quay'),
})

describe('the stores in SQLite', () => {
  after(() => rmSync(root, { recursive: true, force: true }))

  it('a change is there whole, also after the process has ended', async () => {
    const file = path()
    const store = orThrow(openFleetStore(file))
    const written = { repo: 'image', path: 'timestamp.json', bytes: bytes(7) }
    await store.commit({ files: [written], sites: [site], entries: [entry(1), entry(2)], log: end(2) })
    store.close()
    const again = orThrow(openFleetStore(file))
    const { log, entries, ...rest } = await seen(again)
    assert.deepEqual(entries, [0, 1])
    assert.deepEqual([log.size, log.checkpoint], [2, 'checkpoint 2'])
    assert.deepEqual(rest.file, bytes(7))
    assert.equal(rest.site?.id, 'quay')
    again.close()
  })

  it('attack: a fork of the log is not written, and nothing that came with it is', async () => {
    const store = orThrow(openFleetStore(path()))
    await store.commit({ sites: [site], entries: [entry(1), entry(2)], log: end(2) })
    const was = await seen(store)
    const forged = {
      files: [{ repo: 'image', path: 'timestamp.json', bytes: bytes(9) }],
      sites: [{ ...site, upstream: 99 }],
    }
    await assert.rejects(store.commit({ ...forged, entries: [entry(8)], log: end(2) }), /UNIQUE|constraint/i)
    assert.deepEqual(await seen(store), was)
    await store.commit({ entries: [entry(3)], log: end(3) })
    assert.deepEqual((await seen(store)).entries, [0, 1, 2], 'and the next change is welcome')
    store.close()
  })

  it('changes that share a sync share its failure, and those after it do not', async () => {
    const database = orThrow(
      openDatabase(path(), { version: 1, migrations: ['CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT'] }),
    )
    const writer = new Writer(database)
    const add = (n: number) => writer.write(() => void database.prepare('INSERT INTO t VALUES (?)').run(n))
    const results = await Promise.allSettled([add(1), add(1), add(2)])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'rejected', 'rejected'],
    )
    assert.equal(database.prepare('SELECT count(*) AS n FROM t').get()?.n, 0)
    await Promise.all([add(1), add(2)])
    assert.equal(database.prepare('SELECT count(*) AS n FROM t').get()?.n, 2)
    database.close()
  })

  it('a full disk is said to be one, and the change is undone', async () => {
    const file = path()
    const schema = { version: 1, migrations: ['CREATE TABLE t (b BLOB) STRICT'] }
    const database = orThrow(openDatabase(file, schema))
    // SQLite counts pages: the same error as a disk without room, without filling one.
    database.exec('PRAGMA max_page_count = 4')
    const writer = new Writer(database)
    const write = () =>
      writer.write(() => void database.prepare('INSERT INTO t VALUES (?)').run(new Uint8Array(100_000)))
    await assert.rejects(
      write(),
      (error: unknown) => error instanceof RefusalError && error.refusal.code === 'no-space',
    )
    assert.equal(database.prepare('SELECT count(*) AS n FROM t').get()?.n, 0)
    database.exec('PRAGMA max_page_count = 10000')
    await write()
    assert.equal(database.prepare('SELECT count(*) AS n FROM t').get()?.n, 1)
    database.close()
  })

  it('exclusive work is done one after the other, and a failure does not stop the next', async () => {
    const store = orThrow(openFleetStore(path()))
    const order: string[] = []
    const slow = store.exclusive(async () => {
      order.push('a begins')
      await store.commit({ sites: [site] })
      order.push('a ends')
    })
    const failing = store.exclusive(() => Promise.reject(new Error('no')))
    const last = store.exclusive(async () => void order.push('c'))
    await assert.rejects(failing, /no/)
    await Promise.all([slow, last])
    assert.deepEqual(order, ['a begins', 'a ends', 'c'])
    store.close()
  })

  it('the outbox keeps its order, and never gives a number twice', async () => {
    const file = path()
    const store = orThrow(openGatewayStore(file))
    const item = (n: number) => ({ kind: 'entry', bytes: bytes(n) }) as const
    await Promise.all([store.commit({ outbox: [item(1), item(2)] }), store.commit({ outbox: [item(3)] })])
    await store.commit({ acknowledged: 3 })
    assert.deepEqual(await store.outbox(10), [])
    store.close()
    const again = orThrow(openGatewayStore(file))
    await again.commit({ outbox: [item(4)] })
    assert.deepEqual(
      (await again.outbox(10)).map(({ sequence, bytes }) => [sequence, bytes[0]]),
      [[4, 4]],
    )
    again.close()
  })

  it('fleet: a data folder of before encryption keeps its controllers, and takes keys and wraps from then on', async () => {
    const file = path()
    const controller = { site: 'quay', id: 'bms-1', class: 'bms', hardware: 'r1', report: null, sequence: 0 }
    const row = { ...controller, reportKey: Uint8Array.of(1), decryptionKey: Uint8Array.of(2) }
    const site = { id: 'quay', site: Uint8Array.of(3), gatewayKey: Uint8Array.of(4), upstream: 0, head: firstHead() }
    const database = orThrow(openDatabase(file, { version: 1, migrations: FLEET_MIGRATIONS }))
    database.prepare('INSERT INTO site VALUES (?, ?, ?, 0)').run(site.id, site.site, site.gatewayKey)
    database.prepare("INSERT INTO controller VALUES ('quay', 'bms-1', 'bms', 'r1', ?, NULL, 0)").run(row.reportKey)
    database.close()
    const store = orThrow(openFleetStore(file))
    assert.deepEqual({ ...(await store.controller('quay', 'bms-1')) }, { ...row, decryptionKey: null })
    const wrap = { envelope: 'ab'.repeat(32), site: 'quay', controller: 'bms-1', wrap: Uint8Array.of(5) }
    await store.commit({ controllers: [row], wraps: [wrap] })
    store.close()
    const again = orThrow(openFleetStore(file))
    assert.deepEqual({ ...(await again.controller('quay', 'bms-1')) }, row)
    assert.deepEqual(await again.wraps(wrap.envelope, 'quay'), new Map([['bms-1', wrap.wrap]]))
    assert.equal((await again.wraps('cd'.repeat(32), 'quay')).size, 0)
    again.close()
  })

  it('fleet: remembers each report key that a controller had, from the moment that another one is registered', async () => {
    const file = path()
    const site = { id: 'quay', site: Uint8Array.of(3), gatewayKey: Uint8Array.of(4), upstream: 0, head: firstHead() }
    const controller = { site: 'quay', id: 'bms-1', class: 'bms', hardware: 'r1', report: null, decryptionKey: null }
    const made = orThrow(openFleetStore(file))
    const keys = [1, 1, 2, 3, 1, 2].map(key => ({ ...controller, reportKey: Uint8Array.of(key), sequence: 0 }))
    await made.commit({ sites: [site], controllers: keys.slice(0, 2) })
    assert.equal(await made.hadReportKey('quay', 'bms-1', Uint8Array.of(1)), false, 'it still has this one')
    for (const row of keys) await made.commit({ controllers: [row] })
    made.close()
    const store = orThrow(openFleetStore(file))
    const had = await Promise.all([1, 3, 4].map(key => store.hadReportKey('quay', 'bms-1', Uint8Array.of(key))))
    assert.deepEqual(had, [true, true, false])
    assert.equal(await store.hadReportKey('quay', 'bms-2', Uint8Array.of(1)), false, 'another controller')
    store.close()
  })

  for (const [name, open] of [
    ['fleet', openFleetStore],
    ['gateway', openGatewayStore],
  ] as const) {
    it(`${name}: a data folder of a newer version is not touched: data-folder-newer`, () => {
      const file = path()
      orThrow(open(file)).close()
      const database = new DatabaseSync(file)
      database.exec('PRAGMA user_version = 99')
      database.close()
      const was = readFileSync(file)
      const refusal = open(file)
      assert.ok(isRefusal(refusal))
      assert.deepEqual([refusal.code, refusal.subject, refusal.actual], ['data-folder-newer', file, 'version 99'])
      assert.ok(was.equals(readFileSync(file)))
    })

    it(`${name}: one process at a time: data-folder-in-use`, () => {
      const file = path()
      const store = orThrow(open(file))
      const refusal = open(file)
      assert.ok(isRefusal(refusal) && refusal.code === 'data-folder-in-use')
      store.close()
      orThrow(open(file)).close()
    })

    it(`${name}: a file that is no database: data-folder-damaged`, () => {
      const file = path()
      writeFileSync(file, 'this is a text of some length, and no database at all'.repeat(40))
      const refusal = open(file)
      assert.ok(isRefusal(refusal) && refusal.code === 'data-folder-damaged')
    })
  }
})
