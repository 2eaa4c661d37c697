import { sameBytes, utf8 } from '../core/encoding/bytes.ts'
import { after, type Instant, millis } from '../core/encoding/units.ts'
import { parseEntry } from '../core/ledger/entry.ts'
import type { EntryKind } from '../core/ledger/entry-kinds.ts'
import { type AtHand, dueOf } from '../core/ledger/retention.ts'
import { entriesIn, type Head } from '../core/ledger/tile-reader.ts'
import { TILE_WIDTH } from '../core/ledger/tiles.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { headOf } from './audit.ts'
import { copyLog, type LogFolder } from './copy-log.ts'
import { readFiles, storedLog } from './log-files.ts'
import type { FleetWorld, LogFiles } from './ports.ts'

/**
 * The archive of the log: a folder with the whole log as the files that it is served as, the same that `audit export` writes. Entries that
 * need not be at hand any more leave the database when the archive has them, read back from there and borne out by the signed root.
 * Their hashes and all tiles stay, so that every proof is made as before.
 */

/**
 * For how long each kind is at hand, and that as one word: another one makes all entries to be looked at anew. `newest`: so many entries
 * stay, whatever their kinds.
 */
export type Retention = {
  readonly days: (kind: EntryKind) => AtHand
  readonly name: string
  readonly newest: number
}

export type ArchivedNow = {
  /** Entries of the log that the archive has, and files that were written for those that it had not. */
  readonly size: number
  readonly files: number
  /** Entries whose bytes left the database. */
  readonly left: number
}

/** A start looks through the newest entries, and readers are mostly there. */
export const NEWEST_KEPT = 4096
/** Bundles that one transaction is about: 16,384 entries, some 10 MB. */
const AT_ONCE = 64
/** For how long entries that were brought back stay: for as long as somebody looks into them. */
const BACK_FOR = millis(30 * 86_400_000)
const POLICY = { repo: 'archive', path: 'policy' } as const

/**
 * Brings the archive up to the log as it is, and lets leave what is due. If power fails while the archive is written, its checkpoint is the
 * one of before, and nothing has left; between the archive and the database, both have the entries; after the commit, the archive
 * has them, durably, and the database has their hashes. The next run goes on. Durable on return. `say`: what is done, of how much.
 * `source`: the log of the store as it is copied, where that has its witnesses' signatures under its checkpoints.
 *
 * Refuses what `headOf` and `copyLog` refuse (`log-forked`: the folder has another log), and what `entriesIn` refuses of a
 * bundle that is read back: then nothing of it leaves.
 */
export async function archiveLog(
  world: FleetWorld,
  folder: LogFolder,
  retention: Retention,
  say: (done: number, all: number) => void = () => {},
  source: LogFiles = storedLog(world.store),
): Promise<ArchivedNow | Refusal> {
  const { store, crypto } = world
  const key = { name: world.name, key: world.auditSigner.key }
  const head = headOf(await store.log(), key, crypto)
  if (isRefusal(head)) return head
  if (head === null) return { size: 0, files: 0, left: 0 }
  const copied = await copyLog(source, folder, key, crypto, say)
  if (isRefusal(copied)) return copied
  const looked = await lookAtNew(world, head.size, retention)
  if (isRefusal(looked)) return looked
  let left = 0
  for (;;) {
    const due = await store.archived.due(world.clock.now(), AT_ONCE)
    if (due.length === 0) return { size: copied.size, files: copied.files, left }
    const gone = await letLeave(world, folder, head, due, retention)
    if (isRefusal(gone)) return gone
    left += gone
  }
}

/** Notes of each full bundle that was not looked at yet when something of it may leave. With another retention, of all. */
async function lookAtNew(world: FleetWorld, size: number, retention: Retention): Promise<null | Refusal> {
  const { store } = world
  const name = utf8(retention.name)
  const before = await store.file(POLICY.repo, POLICY.path)
  if (before === null || !sameBytes(before, name)) {
    await store.commit({ bundlesForgotten: true, files: [{ ...POLICY, bytes: name }] })
  }
  const end = Math.floor((size - retention.newest) / TILE_WIDTH)
  for (let at = (await store.archived.newest()) + 1; at < end; at += AT_ONCE) {
    const bundles: { index: number; due: Instant | null }[] = []
    for (let index = at; index < Math.min(end, at + AT_ONCE); index += 1) {
      const due = await dueIn(world, index, retention)
      if (isRefusal(due)) return due
      bundles.push({ index, due })
    }
    // If power fails before this commit, they are looked at again.
    await store.commit({ bundles })
  }
  return null
}

/** When the next entry of a bundle may leave, of those that are at hand; null: none ever does. */
async function dueIn(world: FleetWorld, bundle: number, { days }: Retention): Promise<Instant | null | Refusal> {
  const rows = await world.store.archived.atHand(bundle * TILE_WIDTH, (bundle + 1) * TILE_WIDTH)
  let first: Instant | null = null
  for (const { index, bytes } of rows) {
    const entry = parseEntry(bytes, `entry ${index}`)
    if (isRefusal(entry)) return entry
    const due = dueOf(entry, days)
    if (due !== null && (first === null || due < first)) first = due
  }
  return first
}

/** Takes the bytes of due entries out of the database, once the archive was read back. Answers how many. */
async function letLeave(
  world: FleetWorld,
  folder: LogFolder,
  head: Head,
  due: readonly number[],
  retention: Retention,
): Promise<number | Refusal> {
  const { store, crypto } = world
  const now = world.clock.now()
  const archived: number[] = []
  const bundles: { index: number; due: Instant | null }[] = []
  for (const index of due) {
    const range = { start: index * TILE_WIDTH, end: (index + 1) * TILE_WIDTH }
    // The entries as they lie in the archive, by the hashes as they stand in the database under the signed root.
    const kept = await readFiles(bundlesFrom(folder.files, storedLog(store)), entriesIn(crypto, head, range))
    if (isRefusal(kept)) return kept
    let next: Instant | null = null
    for (const row of await store.archived.atHand(range.start, range.end)) {
      const entry = parseEntry(row.bytes, `entry ${row.index}`)
      if (isRefusal(entry)) return entry
      if (!sameBytes(kept[row.index - range.start] as Uint8Array, row.bytes)) {
        return refuse('log-entry-altered', `entry ${row.index}`, 'the entry as the archive has it', 'another one')
      }
      const at = dueOf(entry, retention.days)
      if (at !== null && at <= now) archived.push(row.index)
      else if (at !== null && (next === null || at < next)) next = at
    }
    bundles.push({ index, due: next })
  }
  // If power fails before this commit, both have them; after it, the archive has them alone.
  await store.commit({ archived, bundles })
  return archived.length
}

/** Bundles from one place, hashes from another. */
const bundlesFrom = (bundles: LogFiles, hashes: LogFiles): LogFiles => ({
  file: path => (path.startsWith('tile/entries/') ? bundles.file(path) : hashes.file(path)),
})

/**
 * Brings entries back from an archive into the database: those from `from` up to, not including, `to` whose bytes are not there, each
 * borne out by the signed root. They stay for thirty days. Durable on return.
 *
 * Refuses `log-tile-missing` (the archive has not got them), and what `headOf` and `entriesIn` refuse: what was brought back by then
 * stays.
 */
export async function bringBack(
  world: FleetWorld,
  archive: LogFiles,
  { from, to }: { readonly from: number; readonly to: number },
  say: (done: number, all: number) => void = () => {},
): Promise<{ readonly returned: number } | Refusal> {
  const { store, crypto } = world
  const head = headOf(await store.log(), { name: world.name, key: world.auditSigner.key }, crypto)
  if (isRefusal(head)) return head
  const end = Math.min(to, head?.size ?? 0)
  let returned = 0
  for (let start = from - (from % TILE_WIDTH); head !== null && start < end; start += TILE_WIDTH) {
    const range = { start: Math.max(start, from), end: Math.min(start + TILE_WIDTH, end) }
    const there = new Set((await store.archived.atHand(range.start, range.end)).map(({ index }) => index))
    const missing = Array.from({ length: range.end - range.start }, (_, at) => range.start + at).filter(
      index => !there.has(index),
    )
    if (missing.length > 0) {
      const entries = await readFiles(bundlesFrom(archive, storedLog(store)), entriesIn(crypto, head, range))
      if (isRefusal(entries)) return entries
      const rows = missing.map(index => ({ index, bytes: entries[index - range.start] as Uint8Array }))
      // If power fails before this commit, those of before are back, and the same again goes on.
      const due = after(world.clock.now(), BACK_FOR)
      await store.commit({ returned: rows, bundles: [{ index: start / TILE_WIDTH, due }] })
      returned += rows.length
    }
    say(range.end - from, end - from)
  }
  return { returned }
}
