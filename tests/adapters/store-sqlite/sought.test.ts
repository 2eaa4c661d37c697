import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { openDatabase } from '../../../src/adapters/store-sqlite/database.ts'
import { openFleetStore } from '../../../src/adapters/store-sqlite/fleet.ts'
import { FLEET_MIGRATIONS } from '../../../src/adapters/store-sqlite/fleet-migrations.ts'
import { FIRST_SOUGHT } from '../../../src/adapters/store-sqlite/sought-made.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { type AuditEntry, entryBytes } from '../../../src/core/ledger/entry.ts'
import type { EntryRow } from '../../../src/core/ledger/log-rows.ts'
import type { SoughtFilter } from '../../../src/core/ledger/sought-rows.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { columns } from '../../../src/flows/audit.ts'
import { auditEntry } from '../../core/ledger/signed-log.ts'

const root = mkdtempSync(join(tmpdir(), 'voltseal-sought-'))
after(() => rmSync(root, { recursive: true, force: true }))
let files = 0
const path = (): string => join(root, `${++files}.sqlite`)

/** Entries of few words, so that many fit what is asked. */
const entryOf = (number: number): AuditEntry => ({
  ...auditEntry(number),
  kind: (['controller-report', 'controller-failed', 'access-refused'] as const)[number % 3] as AuditEntry['kind'],
  // Their times are not in their order: sites tell late.
  at: instant(1_790_000_000_000 + ((number * 7) % 20) * 1000),
  actor: { kind: 'gateway', id: `gateway-${number % 4}` },
  site: `site-${number % 5}`,
  ...(number % 2 === 0 ? { controller: `bms-${number % 3}` } : {}),
  ...(number % 7 === 0 ? { code: 'report-replayed' } : {}),
  ...(number % 4 === 0 ? { campaign: 'winter' } : {}),
})
const rowOf = (entry: AuditEntry, number: number): EntryRow => ({
  bytes: orThrow(entryBytes(entry)),
  leaf: new Uint8Array(32).fill(number),
  ...columns(entry),
})
const ENTRIES = Array.from({ length: 60 }, (_, number) => entryOf(number))
const ROWS = ENTRIES.map(rowOf)
const end = (size: number) => ({ size, range: [], checkpoint: '' })

/** What of a list fits, found by looking at each. */
function fitting(filter: SoughtFilter): number[] {
  const { actors, since, until, ...words } = filter
  return ENTRIES.flatMap((entry, index) => {
    const named = Object.entries(words).every(([name, word]) => entry[name as keyof AuditEntry] === word)
    const by = actors === undefined || actors.includes(entry.actor.id)
    const when = (since === undefined || entry.at >= since) && (until === undefined || entry.at < until)
    return named && by && when ? [index] : []
  })
}

const maybe = <T>(values: readonly T[]) => fc.option(fc.constantFrom(...values), { nil: undefined })
const moment = maybe([0, 3000, 11_000, 20_000].map(past => instant(1_790_000_000_000 + past)))
const filters: fc.Arbitrary<SoughtFilter> = fc
  .record({
    site: maybe(['site-0', 'site-3', 'nowhere']),
    controller: maybe(['bms-0', 'bms-2']),
    campaign: maybe(['winter']),
    kind: maybe(['controller-failed', 'log-opened']),
    code: maybe(['report-replayed']),
    actors: maybe([['gateway-1'], ['gateway-2', 'gateway-3', 'nobody'], ['nobody']]),
    since: moment,
    until: moment,
  })
  .map(all => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)))

describe('looking for entries', () => {
  it('finds what fits and nothing else, in both directions, in any stretch', async () => {
    const store = orThrow(openFleetStore(path()))
    await store.commit({ entries: ROWS, log: end(ROWS.length) })
    fc.assert(
      fc.property(filters, fc.nat(60), fc.nat(60), fc.integer({ min: 1, max: 20 }), (filter, a, b, limit) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)]
        const expected = fitting(filter).filter(index => index >= from && index < to)
        const newest = store.sought.find(filter, { from, to }, 'newest', limit).map(({ index }) => index)
        const oldest = store.sought.find(filter, { from, to }, 'oldest', limit).map(({ index }) => index)
        assert.deepEqual(newest, expected.toReversed().slice(0, limit))
        assert.deepEqual(oldest, expected.slice(0, limit))
        const kinds = Map.groupBy(expected, index => (ENTRIES[index] as AuditEntry).kind)
        const counted = [...store.sought.kinds(filter, { from, to })].sort()
        assert.deepEqual(counted, [...kinds].map(([kind, some]) => [kind, some.length]).sort())
      }),
      { seed: 7, numRuns: 300 },
    )
    const [row] = store.sought.find({}, { from: 56, to: 57 }, 'newest', 1)
    assert.deepEqual(row, {
      index: 56,
      at: ENTRIES[56]?.at,
      kind: 'access-refused',
      actor: 'gateway-0',
      code: 'report-replayed',
      site: 'site-1',
      controller: 'bms-2',
      campaign: 'winter',
    })
    assert.deepEqual([...(await store.sought.bytesOf([3, 99]))], [[3, ROWS[3]?.bytes]])
    store.close()
  })

  it('finds the entries of a controller and of a campaign, the newest or from an index on', async () => {
    const store = orThrow(openFleetStore(path()))
    await store.commit({ entries: ROWS, log: end(ROWS.length) })
    for (const filter of [{ site: 'site-3', controller: 'bms-2' }, { campaign: 'winter' }, { campaign: 'none' }]) {
      const all = fitting(filter)
      const indices = (found: readonly { index: number }[]): number[] => found.map(({ index }) => index)
      assert.deepEqual(indices(await store.entriesOf(filter, 60)), all)
      assert.deepEqual(indices(await store.entriesOf(filter, 1)), all.slice(-1))
      assert.deepEqual(indices(await store.entriesOfFrom(filter, 20, 2)), all.filter(index => index >= 20).slice(0, 2))
    }
    store.close()
  })

  it('remembers no word that a failed change brought', async () => {
    const file = path()
    const first = orThrow(openFleetStore(file))
    await first.commit({ entries: ROWS.slice(0, 2), log: end(2) })
    const fresh = rowOf({ ...entryOf(2), site: 'atoll' }, 2)
    // A tile that the table does not take: the transaction is undone when the entry and its words are there already.
    const tiles = [{ level: 0, index: 0, hashes: null as unknown as Uint8Array }]
    await assert.rejects(first.commit({ entries: [fresh], log: end(3), tiles }))
    await first.commit({ entries: [rowOf({ ...entryOf(2), site: 'reef' }, 2), fresh], log: end(4) })
    first.close()
    // What was only remembered is gone now.
    const store = orThrow(openFleetStore(file))
    const found = (site: string) => store.sought.find({ site }, { from: 0, to: 9 }, 'newest', 9).map(one => one.index)
    assert.deepEqual([found('atoll'), found('reef')], [[3], [2]])
    store.close()
  })

  it('a log of before is made searchable when it is opened; what is in the archive alone, by kind and place', async () => {
    const file = path()
    const version = FLEET_MIGRATIONS.indexOf(FIRST_SOUGHT)
    const database = orThrow(openDatabase(file, { version, migrations: FLEET_MIGRATIONS }))
    const add = database.prepare('INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)')
    for (const [index, { bytes, leaf, kind, site, controller, campaign }] of ROWS.entries()) {
      const kept = index === 4 || index === 8 ? new Uint8Array(0) : bytes
      add.run(index, kept, leaf, kind, site ?? null, controller ?? null, campaign ?? null)
    }
    // Some had rows already, in which a controller's name is a word.
    database.exec(FIRST_SOUGHT)
    database.exec("INSERT INTO word (word) VALUES ('bms-0'), ('controller-failed'), ('once-known')")
    database.prepare('INSERT INTO sought VALUES (?, ?, 2, 3, NULL, NULL, 1, NULL)').run(8, ENTRIES[8]?.at as number)
    database.exec(`PRAGMA user_version = ${version + 1}`)
    database.close()
    // Cut off in the middle: nothing of it is there, and the next start begins again.
    const cut = openFleetStore(file, null, () => {
      throw new Error('power')
    })
    assert.ok(isRefusal(cut))
    const steps: number[][] = []
    const store = orThrow(openFleetStore(file, null, (done, of) => void steps.push([done, of])))
    assert.deepEqual(steps, [[60, 120]])
    const found = (filter: SoughtFilter) =>
      store.sought.find(filter, { from: 0, to: 60 }, 'oldest', 60).map(({ index }) => index)
    for (const filter of [
      { code: 'report-replayed' },
      { actors: ['gateway-1'] },
      { until: instant(1_790_000_005_000) },
    ]) {
      assert.deepEqual(
        found(filter),
        fitting(filter).filter(index => index !== 4 && index !== 8),
      )
    }
    assert.deepEqual(found({ campaign: 'winter' }), fitting({ campaign: 'winter' }))
    const [away] = store.sought.find({}, { from: 4, to: 5 }, 'oldest', 1)
    assert.deepEqual([away?.at, away?.actor, away?.kind], [null, null, ENTRIES[4]?.kind])
    const [before] = store.sought.find({}, { from: 8, to: 9 }, 'oldest', 1)
    assert.deepEqual([before?.actor, before?.controller, before?.site], ['once-known', 'bms-2', 'site-3'])
    assert.deepEqual(found({ site: 'site-3', controller: 'bms-2' }), [8, 38])
    store.close()
  })
})
