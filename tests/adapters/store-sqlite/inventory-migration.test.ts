import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, describe, it } from 'node:test'
import { openDatabase } from '../../../src/adapters/store-sqlite/database.ts'
import { openFleetStore } from '../../../src/adapters/store-sqlite/fleet.ts'
import { FLEET_MIGRATIONS } from '../../../src/adapters/store-sqlite/fleet-migrations.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { type Drawn, reportOf, siteRow } from '../../worlds/inventory.ts'

const root = mkdtempSync(join(tmpdir(), 'voltseal-migration-'))
after(() => rmSync(root, { recursive: true, force: true }))

/** The version of a store that had no inventory yet. */
const BEFORE = 3
const KID = 'aa'.repeat(32)
const said = {
  sequence: 4,
  version: '1.9.0',
  state: 'stable',
  counter: 7,
  anchors: [KID],
  seenAt: 1_800_000_000_000,
} as const
const heard: Drawn = {
  site: 'quay',
  region: 'nl',
  id: 'bms-1',
  class: 'bms',
  rack: 'Rack 1',
  labels: ['critical'],
  said,
}
const silent: Drawn = { site: 'quay', region: 'nl', id: 'pcs-1', class: 'pcs' }
/** Whose report no reader takes: the migration goes on, and it counts as one that has said nothing. */
const odd: Drawn = { site: 'quay', region: 'nl', id: 'odd-1', class: 'bms' }
/** Registered once, and not in the site's description any more. */
const gone: Drawn = { site: 'quay', region: 'nl', id: 'bms-0', class: 'bms', said: { ...said, version: '0.1.0' } }

/** A file as the version before wrote it: by its own statements, with its own rows. */
function oldFile(name: string): string {
  const path = join(root, name)
  const database = orThrow(openDatabase(path, { version: BEFORE, migrations: FLEET_MIGRATIONS }))
  const site = siteRow('quay', 'nl', [heard, silent, odd])
  database.prepare('INSERT INTO site VALUES (?, ?, ?, 9)').run('quay', site.site, site.gatewayKey)
  const put = database.prepare("INSERT INTO controller VALUES ('quay', ?, ?, 'r1', x'02', ?, ?, NULL)")
  for (const one of [heard, silent, gone]) {
    put.run(one.id, one.class, one.said === undefined ? null : reportOf(one, one.said), one.said?.sequence ?? 0)
  }
  put.run('odd-1', 'bms', new Uint8Array([0x7b]), 3)
  database.close()
  return path
}

const versionOf = (path: string): number => {
  const database = new DatabaseSync(path)
  const { user_version } = database.prepare('PRAGMA user_version').get() as { user_version: number }
  database.close()
  return user_version
}

describe('the inventory of a store of before it', () => {
  it('is made of what the store knows', async () => {
    const path = oldFile('old.sqlite')
    const store = orThrow(openFleetStore(path))
    const rows = await store.inventory.page({}, null, 10)
    assert.deepEqual(
      rows.map(({ id, region, standing, rack, labels, seenAt, attested }) => [
        id,
        region,
        standing,
        rack,
        labels,
        seenAt,
        attested === null ? null : [attested.running.version, attested.counter, attested.anchors, attested.sequence],
      ]),
      [
        ['bms-1', 'nl', 'enrolled', 'Rack 1', ['critical'], said.seenAt, ['1.9.0', 7, [KID], 4]],
        ['odd-1', 'nl', 'enrolled', null, [], null, null],
        ['pcs-1', 'nl', 'enrolled', null, [], null, null],
      ],
    )
    assert.equal(await store.inventory.tallyFault('quay'), null)
    assert.equal(await store.inventory.fleetTallyFault(), null)
    assert.deepEqual(
      (await store.inventory.history('quay', 'bms-1', 9)).map(one => [one.said, one.version]),
      [['attested', '1.9.0']],
    )
    assert.equal((await store.site('quay'))?.upstream, 9, 'and what was there is there')
    store.close()
    assert.equal(versionOf(path), FLEET_MIGRATIONS.length)
    const again = orThrow(openFleetStore(path))
    assert.deepEqual(await again.inventory.page({}, null, 10), rows, 'a second start migrates nothing')
    again.close()
  })

  for (const when of ['early', 'late']) {
    it(`is there whole or not at all when power fails in the middle (${when})`, async () => {
      const path = oldFile(`cut-${when}.sqlite`)
      const args = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'cut-migration.ts'), path, when]
      const { signal } = spawnSync(process.execPath, args, { encoding: 'utf8' })
      assert.equal(signal, 'SIGKILL', 'it was cut')
      const copy = join(root, `copy-${when}.sqlite`)
      for (const suffix of ['', '-wal']) cpSync(`${path}${suffix}`, `${copy}${suffix}`, { force: true })
      assert.equal(versionOf(copy), BEFORE, 'the old one')
      const database = new DatabaseSync(copy)
      const tables = database.prepare("SELECT name FROM sqlite_master WHERE name = 'inventory'").all()
      assert.deepEqual(tables, [])
      database.close()
      const store = orThrow(openFleetStore(path))
      assert.equal((await store.inventory.page({}, null, 10)).length, 3, 'and the next start makes the new one')
      store.close()
    })
  }
})
