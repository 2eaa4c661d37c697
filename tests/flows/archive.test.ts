import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { folderLog } from '../../src/adapters/log-folder.ts'
import { PlainFiles } from '../../src/adapters/repository-folder.ts'
import { openFleetStore, type SqliteFleetStore } from '../../src/adapters/store-sqlite/fleet.ts'
import { toHex, utf8 } from '../../src/core/encoding/bytes.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { type AuditEntry, withOrigin } from '../../src/core/ledger/entry.ts'
import type { EntryKind } from '../../src/core/ledger/entry-kinds.ts'
import { leafHash, verifyInclusion } from '../../src/core/ledger/merkle.ts'
import { AT_HAND, type AtHand } from '../../src/core/ledger/retention.ts'
import { firstHead, itemDigest, nextHead } from '../../src/core/ledger/site-chain.ts'
import { inclusionIn } from '../../src/core/ledger/tile-reader.ts'
import { isRefusal, orThrow, type Refusal, RefusalError } from '../../src/core/refusal/refusal.ts'
import { archiveLog, bringBack, type Retention } from '../../src/flows/archive.ts'
import { headOf, sealEntries } from '../../src/flows/audit.ts'
import type { LogFolder } from '../../src/flows/copy-log.ts'
import { readFiles, storedLog } from '../../src/flows/log-files.ts'
import { refuseToGoOn } from '../../src/flows/log-start.ts'
import type { FleetStore, FleetWorld } from '../../src/flows/ports.ts'
import { verifyStore } from '../../src/flows/prove.ts'
import { ORIGIN, testSigner } from '../core/ledger/keys.ts'

/** Old entries leave the database, and are there all the same. */

const DAY = 86_400_000
const BEGUN = 1_790_000_000_000
/** Three bundles that may leave, and the newest that never do. */
const OLD = 3 * 256
const NEWEST = 300
const SIZE = OLD + NEWEST + 40
const signer = testSigner(1)
const logKey = { name: ORIGIN, key: signer.key }
const FAST = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
const root = mkdtempSync(join(FAST, 'voltseal-archive-'))

/** Every fourth entry is of a kind that stays. */
const kindOf = (number: number): EntryKind => (number % 4 === 0 ? 'key-event' : 'controller-report')
const entry = (number: number): AuditEntry => ({
  v: 1,
  kind: kindOf(number),
  at: instant(BEGUN + number * 1000),
  clock: 'simulated',
  actor: { kind: 'fleet', id: 'north' },
  site: 'quay',
  controller: 'bms-1',
  detail: { number },
})
/** Entries of the log, the reports among them as the site's gateway handed them over, one behind the other. */
function entriesOfLog(): AuditEntry[] {
  let [sequence, head] = [0, firstHead()]
  return Array.from({ length: SIZE }, (_, number) => {
    const plain = entry(number)
    if (plain.kind !== 'controller-report') return plain
    const item = itemDigest(crypto, 'report', utf8(`report ${number}`))
    sequence += 1
    head = nextHead(crypto, head, sequence, item)
    return withOrigin(plain, { gateway: 'quay', sequence, kind: 'report', item: toHex(item), head: toHex(head) })
  })
}
const retention = (change: Partial<Record<EntryKind, AtHand>> = {}): Retention => ({
  days: kind => change[kind] ?? AT_HAND[kind],
  name: JSON.stringify(change),
  newest: NEWEST,
})
const codeOf = (value: unknown): string | null => (isRefusal(value) ? (value as Refusal).code : null)
const codeThrown = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'nothing',
    error => (error instanceof RefusalError ? error.refusal.code : String(error)),
  )

let copies = 0
let whole: string

/** A fleet's store with a log of that size, and an archive of its own. */
class Fleet {
  readonly path: string
  readonly archive: string
  store: SqliteFleetStore
  now = BEGUN

  constructor(path: string, archive: string) {
    this.path = path
    this.archive = archive
    mkdirSync(archive, { recursive: true })
    this.store = orThrow(openFleetStore(path, folderLog(archive)))
  }

  static of(): Fleet {
    const [path, folder] = [join(root, `${++copies}.sqlite`), join(root, `archive-${copies}`)]
    writeFileSync(path, readFileSync(whole))
    return new Fleet(path, folder)
  }

  get folder(): LogFolder {
    return { files: folderLog(this.archive), folder: new PlainFiles(this.archive) }
  }

  world(store: FleetStore = this.store): FleetWorld {
    const clock = { now: () => instant(this.now), quality: 'simulated' }
    return { name: ORIGIN, store, clock, crypto, auditSigner: signer } as unknown as FleetWorld
  }

  archives(change?: Partial<Record<EntryKind, AtHand>>, folder = this.folder, store: FleetStore = this.store) {
    return archiveLog(this.world(store), folder, retention(change))
  }

  open(archive: string | null = this.archive): void {
    this.store.close()
    this.store = orThrow(openFleetStore(this.path, archive === null ? null : folderLog(archive)))
  }

  async atHand(from = 0, to = OLD): Promise<number> {
    return (await this.store.archived.atHand(from, to)).length
  }

  async sound(): Promise<void> {
    assert.deepEqual(orThrow(await verifyStore(this.store, logKey, crypto)).findings, [])
    assert.equal(await refuseToGoOn(this.store, { ...logKey, retired: [] }, crypto), null)
  }
}

describe('the archive of the log', () => {
  before(async () => {
    whole = join(root, 'whole.sqlite')
    const store = orThrow(openFleetStore(whole))
    await store.commit(orThrow(await sealEntries(store, entriesOfLog(), { origin: ORIGIN, signer }, crypto)))
    store.close()
  })
  after(() => rmSync(root, { recursive: true, force: true }))

  it('takes over what is due, kind by kind; all of it is read as before, and proven as before', async () => {
    const fleet = Fleet.of()
    assert.deepEqual(orThrow(await fleet.archives()).left, 0, 'nothing is old')
    fleet.now += 121 * DAY
    assert.equal(orThrow(await fleet.archives()).left, (OLD / 4) * 3)
    assert.deepEqual([await fleet.atHand(), await fleet.atHand(OLD, SIZE)], [OLD / 4, SIZE - OLD])
    assert.deepEqual({ ...(await fleet.store.archived.count()) }, { count: (OLD / 4) * 3, first: 1, last: OLD - 1 })
    const rows = await fleet.store.entries(0, SIZE)
    assert.equal(rows.length, SIZE)
    assert.ok(rows.every(({ index, bytes }) => Buffer.from(bytes).includes(`"number":${index}}`)))
    const history = await fleet.store.entriesOfFrom({ site: 'quay', controller: 'bms-1' }, 0, 300)
    assert.equal(history.length, 300)
    await fleet.sound()
    assert.equal(orThrow(await fleet.archives()).left, 0, 'and again does nothing')
    // The log goes on, and so does the archive.
    const more = [entry(SIZE), entry(SIZE + 1)]
    await fleet.store.commit(orThrow(await sealEntries(fleet.store, more, { origin: ORIGIN, signer }, crypto)))
    assert.equal(orThrow(await fleet.archives()).size, SIZE + 2)
    fleet.store.close()
  })

  it('with the archive away: whoever reads is told so, proofs are made all the same, and nothing else is in the way', async () => {
    const fleet = Fleet.of()
    fleet.now += 121 * DAY
    orThrow(await fleet.archives())
    fleet.open(null)
    const { store } = fleet
    assert.equal(await codeThrown(store.entries(0, 10)), 'log-archived')
    assert.equal(await codeThrown(store.entriesOfFrom({ site: 'quay', controller: 'bms-1' }, 0, 10)), 'log-archived')
    assert.deepEqual(
      (await store.entriesThere(0, 10)).map(({ index }) => index),
      [0, 4, 8],
    )
    assert.equal((await store.entriesOf({ site: 'quay', controller: 'bms-1' }, 10)).length, 10, 'the newest are there')
    assert.equal(await storedLog(store).file('tile/entries/000'), null)
    await fleet.sound()
    // What the site told is judged from the first of its entries that is at hand, and nobody is told more.
    const { sound, sitesJudged, passedOver, unjudged, origins } = orThrow(await verifyStore(store, logKey, crypto))
    assert.deepEqual([sound, sitesJudged, passedOver.entries], [true, false, (OLD / 4) * 3])
    const numbers = { count: (OLD / 4) * 3, from: 1, to: (OLD / 4) * 3 }
    assert.deepEqual(unjudged, [{ site: 'quay', controller: null, again: OLD + 1, numbers, doubtful: 0 }])
    assert.deepEqual(origins, orThrow(await verifyStore(Fleet.of().store, logKey, crypto)).origins)
    // The caller brings the bytes: an export, a SIEM, the archive on another machine.
    const head = orThrow(headOf(await store.log(), logKey, crypto))!
    const path = orThrow(await readFiles(storedLog(store), inclusionIn(crypto, head, 5)))
    const [, , , , , bytes] = await Fleet.of().store.entries(0, 6)
    const leaf = leafHash(crypto, bytes!.bytes)
    assert.ok(verifyInclusion(crypto, { index: 5, size: head.size, leaf, root: head.root }, path))
    store.close()
  })

  it('attack: with the archive away, an entry or a hash that is at hand is changed: the store does not verify', async () => {
    const rows = [
      ["UPDATE entry SET bytes = x'7b7d' WHERE ix = 8", 'log-entry-altered'],
      ['UPDATE entry SET leaf = zeroblob(32) WHERE ix = 1100', 'log-root-mismatch'],
      ['UPDATE tile SET hashes = zeroblob(8192) WHERE level = 0 AND ix = 1', 'log-tile-altered'],
    ] as const
    for (const [change, code] of rows) {
      const fleet = Fleet.of()
      fleet.now += 121 * DAY
      orThrow(await fleet.archives())
      fleet.store.close()
      const beside = new DatabaseSync(fleet.path)
      beside.exec(change)
      beside.close()
      const store = orThrow(openFleetStore(fleet.path))
      const { findings } = orThrow(await verifyStore(store, logKey, crypto))
      assert.equal(findings[0]?.code, code, change)
      store.close()
    }
  })

  it('brings entries back, as they were, for thirty days', async () => {
    const fleet = Fleet.of()
    fleet.now += 121 * DAY
    orThrow(await fleet.archives())
    const moved = `${fleet.archive}-moved`
    renameSync(fleet.archive, moved)
    fleet.open(null)
    assert.deepEqual(await bringBack(fleet.world(), folderLog(moved), { from: 10, to: 300 }), { returned: 218 })
    assert.equal((await fleet.store.entries(10, 300)).length, 290)
    assert.equal(
      codeOf(await bringBack(fleet.world(), folderLog(fleet.archive), { from: 0, to: 400 })),
      'log-tile-missing',
    )
    renameSync(moved, fleet.archive)
    fleet.open()
    assert.equal(orThrow(await fleet.archives()).left, 0)
    fleet.now += 31 * DAY
    assert.equal(orThrow(await fleet.archives()).left, 218)
    await fleet.sound()
    fleet.store.close()
  })

  it('with another retention all entries are judged anew', async () => {
    const fleet = Fleet.of()
    fleet.now += 2 * DAY
    assert.equal(orThrow(await fleet.archives()).left, 0)
    assert.equal(orThrow(await fleet.archives({ 'key-event': 1 })).left, OLD / 4)
    assert.equal(orThrow(await fleet.archives({ 'key-event': 1, 'controller-report': 'always' })).left, 0)
    assert.equal(await fleet.atHand(), (OLD / 4) * 3)
    fleet.store.close()
  })

  it('attack: a bundle is changed in the archive before its entries leave, and they stay', async () => {
    const fleet = Fleet.of()
    orThrow(await fleet.archives())
    fleet.now += 121 * DAY
    const file = join(fleet.archive, 'tile/entries/001')
    const bytes = readFileSync(file)
    writeFileSync(file, Buffer.from(bytes.toString('latin1').replace('"number":300}', '"number":301}'), 'latin1'))
    assert.match(codeOf(await fleet.archives()) ?? '', /^log-(?:bundle|entry|tile)/)
    assert.equal(await fleet.atHand(256, 512), 256)
    await fleet.sound()
    fleet.store.close()
  })

  it('attack: a bundle is changed in the archive behind that, and what it says is not believed', async () => {
    const fleet = Fleet.of()
    fleet.now += 121 * DAY
    orThrow(await fleet.archives())
    const file = join(fleet.archive, 'tile/entries/001')
    writeFileSync(
      file,
      Buffer.from(readFileSync(file).toString('latin1').replace('"number":301}', '"number":666}'), 'latin1'),
    )
    fleet.open()
    assert.equal(await codeThrown(fleet.store.entries(301, 302)), 'log-archived')
    assert.equal((await fleet.store.entries(302, 303)).length, 1, 'the others are what they were')
    assert.ok(isRefusal(await bringBack(fleet.world(), folderLog(fleet.archive), { from: 256, to: 512 })))
    fleet.store.close()
  })

  it('attack: the folder has another log, and nothing is written over it or leaves', async () => {
    const [fleet, other] = [Fleet.of(), Fleet.of()]
    const stranger = orThrow(openFleetStore(join(root, 'stranger.sqlite')))
    const entries = Array.from({ length: 300 }, (_, number) => ({ ...entry(number), site: 'pier' }))
    await stranger.commit(orThrow(await sealEntries(stranger, entries, { origin: ORIGIN, signer }, crypto)))
    orThrow(await other.archives({}, fleet.folder, stranger))
    stranger.close()
    other.store.close()
    fleet.now += 121 * DAY
    assert.equal(codeOf(await fleet.archives()), 'log-forked')
    assert.equal(await fleet.atHand(), OLD)
    fleet.store.close()
  })

  it('power fails at each step: nothing has left that the archive has not, and the next run goes on', async () => {
    for (let survives = 0; ; survives += 1) {
      const fleet = Fleet.of()
      orThrow(await fleet.archives())
      fleet.now += 121 * DAY
      const more = Array.from({ length: 200 }, (_, at) => entry(SIZE + at))
      await fleet.store.commit(orThrow(await sealEntries(fleet.store, more, { origin: ORIGIN, signer }, crypto)))
      let left = survives
      const powered = async (step: () => Promise<void>): Promise<void> => {
        left -= 1
        if (left < 0) throw new Error('the power is gone')
        await step()
      }
      const plain = new PlainFiles(fleet.archive)
      const folder: LogFolder = {
        files: folderLog(fleet.archive),
        folder: {
          put: (path, bytes) => powered(() => plain.put(path, bytes)),
          replace: (path, bytes) => powered(() => plain.replace(path, bytes)),
          sync: () => powered(() => plain.sync()),
          remove: path => powered(() => plain.remove(path)),
        },
      }
      const store = new Proxy(fleet.store, {
        get: (target, name) => {
          const member = Reflect.get(target, name)
          if (name !== 'commit') return typeof member === 'function' ? member.bind(target) : member
          return (change: Parameters<FleetStore['commit']>[0]) => powered(() => target.commit(change))
        },
      })
      const cut = await fleet.archives({}, folder, store).then(
        () => false,
        error => {
          assert.equal((error as Error).message, 'the power is gone')
          return true
        },
      )
      fleet.open()
      assert.equal((await fleet.store.entries(0, SIZE + 200)).length, SIZE + 200)
      assert.equal(orThrow(await fleet.archives()).size, SIZE + 200)
      assert.equal(await fleet.atHand(), OLD / 4)
      if (!cut) await fleet.sound()
      fleet.store.close()
      if (!cut) {
        assert.ok(survives > 6, `${survives} steps`)
        return
      }
    }
  })
})
