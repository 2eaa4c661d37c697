import { concat, fromUtf8, sameBytes } from '../core/encoding/bytes.ts'
import type { Crypto } from '../core/encoding/crypto.ts'
import { writeBundle } from '../core/ledger/bundle.ts'
import { type Checkpoint, openCheckpoint } from '../core/ledger/checkpoint.ts'
import { verifyConsistency } from '../core/ledger/merkle.ts'
import type { NoteKey } from '../core/ledger/signed-note.ts'
import type { Range } from '../core/ledger/subtrees.ts'
import { consistencyIn, entriesIn, type Head, hashesIn } from '../core/ledger/tile-reader.ts'
import {
  CHECKPOINT_PATH,
  TILE_WIDTH,
  type Tile,
  tileAt,
  tilePath,
  tilesBetween,
  WITNESSED_PATH,
} from '../core/ledger/tiles.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { RepositoryFolder } from './folder-ports.ts'
import { type LogFiles, readFiles, remembering } from './log-files.ts'

/**
 * Where a log is copied to: a folder of plain files, as it is read and as it is written. `former`: keys that signed the log before; what
 * is in the folder may be signed by one of them, and is gone on with when the log continues it.
 */
export type LogFolder = {
  readonly files: LogFiles
  readonly folder: Pick<RepositoryFolder, 'put' | 'replace' | 'sync' | 'remove'>
  readonly former?: readonly NoteKey[]
}

/** What a copy came to: the entries that it has, and how many files were written for those that it had not. */
export type Copied = { readonly size: number; readonly before: number; readonly files: number }

/** Files that are read, verified and written side by side. */
const AT_ONCE = 8

/**
 * Copies a log as the files that it is served as (C2SP tlog-tiles), or goes on with a copy when the log has grown: a folder that any web
 * server or stick serves. Every hash and every entry that is written leads up to the signed root, and the log must continue the copy.
 * Files that never change come first and are synced; the checkpoint that they belong to takes its place behind them, by one rename. So
 * whoever reads the folder finds all of the old log or all of the new one. The newest checkpoint that witnesses have signed comes last,
 * by a rename too: the log must continue it, its tiles are there, and an older one never takes its place. `say`: files done, of how many.
 *
 * If power fails before the first rename, the copy is the one of before, and the next run finds what is there already; after it, the
 * new one is whole, and the witnessed checkpoint is that of before or the new one. Durable on return.
 *
 * Refuses `log-tile-missing` (no checkpoint at the source), what `openCheckpoint`, `hashesIn` and `entriesIn` refuse, and `log-forked`: what is in
 * the folder, or what the witnesses have signed, is not the beginning of this log.
 */
export async function copyLog(
  source: LogFiles,
  { files: there, folder, former = [] }: LogFolder,
  logKey: NoteKey,
  crypto: Crypto,
  say: (done: number, all: number) => void = () => {},
): Promise<Copied | Refusal> {
  // Asked for first: the log does not become shorter meanwhile.
  const cosigned = await source.file(WITNESSED_PATH)
  const signed = await source.file(CHECKPOINT_PATH)
  const head = signed === null ? none(logKey) : opened(signed, logKey, crypto)
  if (isRefusal(head)) return head
  const keys = [logKey, ...former]
  const kept = await there.file(CHECKPOINT_PATH)
  const before = kept === null ? { size: 0, root: null } : openedByAny(kept, keys, crypto)
  if (isRefusal(before)) return before
  const files = remembering(source)
  const forked = before.root === null ? null : await refuseFork(files, head, before, 'that the folder has', crypto)
  if (forked !== null) return forked
  const witnessed = await newerWitnessed(files, head, [cosigned, await there.file(WITNESSED_PATH)], keys, crypto)
  if (isRefusal(witnessed)) return witnessed
  const tiles = [...tilesBetween(before.size, head.size), ...partialOf(witnessed?.size ?? 0, head.size)]
  for (let at = 0; at < tiles.length; at += AT_ONCE) {
    const some = tiles.slice(at, at + AT_ONCE)
    const read = await Promise.all(some.map(tile => believed(files, head, tile, crypto)))
    for (const [index, bytes] of read.entries()) {
      if (isRefusal(bytes)) return bytes
      await folder.put(tilePath(some[index] as Tile), bytes)
    }
    say(at + some.length, tiles.length)
  }
  // What the checkpoints speak of lasts before they do.
  await folder.sync()
  const changed = kept === null || !sameBytes(kept, signed as Uint8Array)
  if (changed) await folder.replace(CHECKPOINT_PATH, signed as Uint8Array)
  // The one that witnesses have signed is never ahead of the one beside it: whoever goes on from that finds a fork of both.
  if (witnessed !== null && changed) await folder.sync()
  if (witnessed !== null) await folder.replace(WITNESSED_PATH, cosigned as Uint8Array)
  await folder.sync()
  await dropOutgrown(folder, before.size, head.size)
  return { size: head.size, before: before.size, files: tiles.length }
}

/**
 * The checkpoint that witnesses have signed, when it is to take the place of the one in the folder; null: it is not. Whether enough have
 * signed it is judged by whoever reads the copy, by a policy of their own.
 */
async function newerWitnessed(
  files: LogFiles,
  head: Head,
  [cosigned, kept]: readonly [Uint8Array | null, Uint8Array | null],
  keys: readonly NoteKey[],
  crypto: Crypto,
): Promise<Checkpoint | null | Refusal> {
  if (cosigned === null || (kept !== null && sameBytes(kept, cosigned))) return null
  const next = openedByAny(cosigned, keys.slice(0, 1), crypto)
  // Of a key that signs the log no more: nobody believes it by the key of now.
  if (isRefusal(next)) return next.code === 'checkpoint-key-unknown' ? null : next
  const before = kept === null ? null : openedByAny(kept, keys, crypto)
  if (isRefusal(before)) return before
  if (before !== null && next.size < before.size) return null
  return (await refuseFork(files, head, next, 'that the witnesses have signed', crypto)) ?? next
}

/** The partial tiles of a shorter log that are wider in a longer one, and partial there too: a full one stands in the place of all. */
const partialOf = (size: number, of: number): Tile[] =>
  [...tilesBetween(0, size)].filter(({ level, index, width }) => {
    const now = tileAt(level, index * TILE_WIDTH, of).width
    return now < TILE_WIDTH && now !== width
  })

const none = ({ name }: NoteKey): Refusal =>
  refuse('log-tile-missing', CHECKPOINT_PATH, `a checkpoint of ${name}`, 'none')

function opened(bytes: Uint8Array, logKey: NoteKey, crypto: Crypto): Checkpoint | Refusal {
  const text = fromUtf8(bytes)
  return text === null
    ? refuse('checkpoint-malformed', `checkpoint of ${logKey.name}`, 'a signed note', 'other bytes', 'C2SP signed-note')
    : openCheckpoint(text, logKey, crypto)
}

/** By the first of the keys that it is of; the refusal of the first one where it is of none. */
function openedByAny(bytes: Uint8Array, keys: readonly NoteKey[], crypto: Crypto): Checkpoint | Refusal {
  const [first, ...more] = keys.map(key => opened(bytes, key, crypto)) as [
    Checkpoint | Refusal,
    ...(Checkpoint | Refusal)[],
  ]
  const isStrange = isRefusal(first) && first.code === 'checkpoint-key-unknown'
  return (isStrange ? more.find(one => !isRefusal(one)) : undefined) ?? first
}

/** Whether an older head is the beginning of the log, as both were signed. */
async function refuseFork(
  files: LogFiles,
  head: Head,
  before: Head,
  which: string,
  crypto: Crypto,
): Promise<null | Refusal> {
  const subject = `the log at ${before.size} entries`
  if (before.size > head.size) return refuse('log-forked', subject, `at least the entries ${which}`, `${head.size}`)
  const proof = await readFiles(files, consistencyIn(crypto, head, before.size))
  if (isRefusal(proof)) return proof
  const claim = { from: before.size, fromRoot: before.root, to: head.size, toRoot: head.root }
  if (verifyConsistency(crypto, claim, proof)) return null
  return refuse('log-forked', subject, `the root ${which}`, 'another root')
}

/** The bytes of a tile or bundle, all of it borne out by the root. */
async function believed(files: LogFiles, head: Head, tile: Tile, crypto: Crypto): Promise<Uint8Array | Refusal> {
  const { level, index, width } = tile
  const first = index * TILE_WIDTH
  if (level === 'entries') {
    const entries = await readFiles(files, entriesIn(crypto, head, { start: first, end: first + width }))
    return isRefusal(entries) ? entries : writeBundle(entries)
  }
  const span = TILE_WIDTH ** level
  const ranges = Array.from({ length: width }, (_, at): Range => {
    return { start: (first + at) * span, end: (first + at + 1) * span }
  })
  const hashes = await readFiles(files, hashesIn(crypto, head, ranges))
  return isRefusal(hashes) ? hashes : concat(...hashes)
}

/** Partial tiles of before that have become full: whoever still reads by an older checkpoint finds the full ones in their place. */
async function dropOutgrown(folder: LogFolder['folder'], from: number, to: number): Promise<void> {
  const full = [...tilesBetween(from, to)].filter(({ width }) => width === TILE_WIDTH).map(tilePath)
  for (const tile of tilesBetween(0, from)) {
    const path = tilePath({ ...tile, width: TILE_WIDTH })
    if (tile.width < TILE_WIDTH && full.includes(path)) await folder.remove(`${path}.p`)
  }
}
