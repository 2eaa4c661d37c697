import assert from 'node:assert/strict'
import { copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { openDatabase } from '../../../src/adapters/store-sqlite/database.ts'
import { openFleetStore, SqliteFleetStore } from '../../../src/adapters/store-sqlite/fleet.ts'
import { FLEET_MIGRATIONS } from '../../../src/adapters/store-sqlite/fleet-migrations.ts'
import { parseEntry } from '../../../src/core/ledger/entry.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { appendEntries, type Event, headOf, record } from '../../../src/flows/audit.ts'
import { refuseToGoOn } from '../../../src/flows/log-start.ts'
import type { FleetWorld } from '../../../src/flows/ports.ts'
import { verifyStore } from '../../../src/flows/prove.ts'
import { logKey } from '../../core/ledger/keys.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'
import { lengthen, refused, storeFolder } from '../../worlds/stored-log.ts'
import { Died, Interruptor } from './interruptor.ts'

/**
 * The log's writer, interrupted at each of its writes: lost, durable with nobody told, torn, without room. Whatever happens, the log
 * opens, is the beginning of what it becomes, and holds what was answered exactly once.
 */

const keysOf = ({ name, auditSigner }: FleetWorld) => ({ name, key: auditSigner.key, retired: [] })

const event = (number: number): Event => ({
  kind: 'intrusion-signal',
  actor: { kind: 'fleet', id: 'quiet' },
  detail: { number },
})

/** The numbers that the log holds, in order. */
async function numbersOf({ store }: FleetWorld): Promise<number[]> {
  const { size } = await store.log()
  const entries = (await store.entries(0, size)).map(({ index, bytes }) => orThrow(parseEntry(bytes, `${index}`)))
  return entries.filter(({ kind }) => kind === 'intrusion-signal').map(({ detail }) => Number(detail.number))
}

describe('the writer of the log, interrupted', () => {
  let fleet: QuietFleet
  before(async () => {
    fleet = await QuietFleet.make()
    // So that the writes to come fill a tile, and add to the one above it.
    const { size } = await fleet.world.store.log()
    const most = Array.from({ length: 250 - size }, (_, number) => event(number - 1000))
    await appendEntries(fleet.world, most)
  })
  after(() => fleet.close())

  /** Decisions and lone entries, in three waves, each of which gathers behind the first of it. */
  async function work(world: FleetWorld, first: number): Promise<Set<number>> {
    const answered = new Set<number>()
    for (let wave = 0; wave < 3; wave += 1) {
      const all = Array.from({ length: 6 }, async (_, at) => {
        const number = first + wave * 6 + at
        const isDecision = at % 3 === 0
        await (isDecision
          ? world.store.exclusive(() => record(world, {}, [event(number)]))
          : appendEntries(world, [event(number)]))
        answered.add(number)
      })
      const ends = await Promise.allSettled(all)
      for (const end of ends) if (end.status === 'rejected') assert(end.reason instanceof Died)
    }
    return answered
  }

  for (const mode of ['lost', 'unanswered'] as const) {
    test(`at each commit: ${mode}`, async () => {
      let run = 0
      for (let at = 1; ; at += 1) {
        const interruptor = new Interruptor(at, mode)
        fleet.open([], store => interruptor.store(store))
        const known = headOf(await fleet.world.store.log(), keysOf(fleet.world), crypto)
        const first = (at + (mode === 'lost' ? 0 : 50)) * 100
        const answered = await work(fleet.world, first)
        fleet.open()
        assert.equal(await refuseToGoOn(fleet.world.store, keysOf(fleet.world), crypto), null)
        const held = (await numbersOf(fleet.world)).filter(number => number >= first)
        for (const number of answered) assert(held.includes(number), `${number} was answered, and is lost`)
        assert.equal(new Set(held).size, held.length, 'nothing stands twice')
        assert(mode === 'lost' ? held.length === answered.size : held.length >= answered.size)
        const verdict = orThrow(await verifyStore(fleet.world.store, keysOf(fleet.world), crypto, orThrow(known)))
        assert.deepEqual(verdict.findings, [], 'the log goes on from what was seen before')
        await appendEntries(fleet.world, [event(first + 99)])
        if (!interruptor.struck) break
        run += 1
      }
      assert(run >= 6, `${run} commits were interrupted`)
    })
  }
})

describe('the log in its file, torn', () => {
  const folder = storeFolder('torn')
  after(() => rmSync(folder, { recursive: true, force: true }))
  const base = join(folder, 'base.sqlite')
  const walOf = (path: string): string => `${path}-wal`
  const sizeOf = (path: string): number => (existsSync(path) ? statSync(path).size : 0)

  test('at any byte of what a commit writes: the log is the one of before, opens, and goes on', async () => {
    const store = orThrow(openFleetStore(base))
    await lengthen(store, 250)
    const before = sizeOf(walOf(base))
    const known = await store.log()
    await lengthen(store, 300)
    const wal = readFileSync(walOf(base))
    const frame = 4096 + 24
    const cuts = new Set([before, before + 1, wal.length - 1, wal.length - frame, wal.length])
    for (let at = before; at < wal.length; at += frame * 3 + 777) cuts.add(at)
    let copies = 0
    for (const cut of cuts) {
      // What is behind the cut is not there, or is what the disk held before: other bytes.
      for (const rest of [new Uint8Array(0), new Uint8Array(wal.length - cut).fill(0x5a)]) {
        const path = join(folder, `${++copies}.sqlite`)
        copyFileSync(base, path)
        writeFileSync(walOf(path), Buffer.concat([wal.subarray(0, cut), rest]))
        const opened = orThrow(openFleetStore(path))
        const whole = cut === wal.length
        assert.equal((await opened.log()).size, whole ? 550 : 250, `cut at ${cut} of ${wal.length}`)
        assert.equal(await refuseToGoOn(opened, { ...logKey(1), retired: [] }, crypto), null)
        if (copies % 4 === 0 || whole) {
          await lengthen(opened, 300)
          const head = orThrow(headOf(known, logKey(1), crypto))
          const verdict = orThrow(await verifyStore(opened, logKey(1), crypto, head))
          assert.deepEqual(verdict.findings, [])
        }
        opened.close()
        rmSync(path)
      }
    }
    assert(copies > 20, `${copies} copies`)
    store.close()
  })

  test('without room: nothing of it is there, the caller is told, and it goes on as soon as there is room', async () => {
    const path = join(folder, 'full.sqlite')
    const database = orThrow(openDatabase(path, { version: FLEET_MIGRATIONS.length, migrations: FLEET_MIGRATIONS }))
    const store = new SqliteFleetStore(database, null)
    await lengthen(store, 250)
    const { page_count: pages } = database.prepare('PRAGMA page_count').get() as { page_count: number }
    let full = 0
    for (let room = 0; ; room += 3) {
      database.exec(`PRAGMA max_page_count = ${pages + room}`)
      const { size } = await store.log()
      try {
        await lengthen(store, 300)
        break
      } catch (error) {
        assert(refused('no-space')(error))
        full += 1
      }
      assert.equal((await store.log()).size, size)
      assert.equal(await refuseToGoOn(store, { ...logKey(1), retired: [] }, crypto), null)
    }
    assert(full > 3, `${full} times`)
    assert.equal((await store.log()).size, 550)
    assert(orThrow(await verifyStore(store, logKey(1), crypto)).sound)
    assert.equal(await refuseToGoOn(store, { ...logKey(1), retired: [] }, crypto), null)
    store.close()
  })
})
