import { sameBytes } from '../core/encoding/bytes.ts'
import type { Crypto } from '../core/encoding/crypto.ts'
import { type Cosigned, checkQuorum, type LogPolicy, noWitness } from '../core/ledger/log-policy.ts'
import { readLog } from '../core/ledger/read-log.ts'
import type { NoteKey } from '../core/ledger/signed-note.ts'
import { entriesIn, type Head, inclusionIn, tilesIn } from '../core/ledger/tile-reader.ts'
import { TILE_WIDTH, type Tile, tileAt, tilePath, WITNESSED_PATH } from '../core/ledger/tiles.ts'
import { checkProof, type TlogProof } from '../core/ledger/tlog-proof.ts'
import { openSigned, openTrusted, type SignedHead, type TrustedHead } from '../core/ledger/trusted-head.ts'
import { beginVerification, endVerification, found, type KnownHead, type LogVerdict } from '../core/ledger/verify.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { checkpointOf, type LogFiles, readFiles, remembering, type StoredLog, storedLog } from './log-files.ts'

/** A head as it was signed, and who of the policy's witnesses has; or why they are too few. */
type NewestHead = { readonly signed: string; readonly head: SignedHead; readonly quorum: Cosigned | Refusal }

/**
 * The newest head of a log; where too few witnesses have signed that one yet, the newest that enough have signed, when the log has it
 * (`checkpoint.witnessed`). Refuses what `checkpointOf` and `openSigned` refuse.
 */
async function newestHead(files: LogFiles, policy: LogPolicy, crypto: Crypto): Promise<NewestHead | Refusal> {
  const signed = await checkpointOf(files)
  if (isRefusal(signed)) return signed
  const head = openSigned(signed, policy, crypto)
  if (isRefusal(head)) return head
  const quorum = checkQuorum(crypto, policy, head.note)
  if (!isRefusal(quorum)) return { signed, head, quorum }
  const older = await checkpointOf(files, WITNESSED_PATH)
  const witnessed = isRefusal(older) ? older : openTrusted(older, policy, crypto)
  if (isRefusal(older) || isRefusal(witnessed)) return { signed, head, quorum }
  return { signed: older, head: witnessed, quorum: witnessed.cosigned }
}

/** What was found of a log; `cosigned` is empty where too few witnesses have signed, which is a finding. */
export type VerifiedLog = { readonly head: SignedHead; readonly verdict: LogVerdict; readonly cosigned: Cosigned }

export type Verifying = {
  /** A head of this log that is known from before: the log has to continue it. */
  readonly known?: KnownHead | null
  /** Hears how many entries have been read, of how many. */
  readonly say?: (read: number, size: number) => void
  /** As in `readLog`. */
  readonly archived?: boolean
}

/**
 * Reads a whole log and verifies all of it: each entry, the bundles against the tiles, the tiles against the root, the signatures of
 * log and witnesses, each gateway's order. Reads only. Refuses where there is nothing to begin with: what `checkpointOf` and
 * `openSigned` refuse; all else is a finding.
 */
export async function verifyFiles(
  files: LogFiles,
  policy: LogPolicy,
  crypto: Crypto,
  { known = null, say = () => {}, archived = false }: Verifying = {},
): Promise<VerifiedLog | Refusal> {
  const newest = await newestHead(files, policy, crypto)
  if (isRefusal(newest)) return newest
  const { signed, head, quorum } = newest
  const { size } = head.checkpoint
  // The upper tiles bear out each stretch of the log anew.
  const near = remembering(files)
  const reading = readLog(crypto, head.checkpoint, beginVerification(crypto, known), archived)
  let step = reading.next([])
  while (!step.done) {
    say(step.value.so.tree.size, size)
    step = reading.next(await Promise.all(step.value.wanted.map(tile => near.file(tilePath(tile)))))
  }
  say(size, size)
  const so = isRefusal(quorum) ? found(step.value, [quorum]) : step.value
  const verdict = endVerification(crypto, so, signed, head.key)
  return { head, verdict, cosigned: isRefusal(quorum) ? new Map() : quorum }
}

/**
 * Verifies the log of a fleet's store in the same way: its entries and its tiles. Entries that are in an archive which is not there are
 * passed over by their hashes. Finds `log-overlong` besides: an entry behind the checkpoint. Reads only. Refuses as `verifyFiles`.
 */
export async function verifyStore(
  store: StoredLog,
  logKey: NoteKey,
  crypto: Crypto,
  known: KnownHead | null = null,
): Promise<LogVerdict | Refusal> {
  const verified = await verifyFiles(storedLog(store, true), noWitness(logKey), crypto, { known, archived: true })
  if (isRefusal(verified)) return verified
  const { verdict, head } = verified
  const { size } = head.checkpoint
  const [beyond] = await store.entriesThere(size, size + 1)
  // One that came with a newer checkpoint is in its place.
  if (beyond === undefined || (await store.log()).size > size) return verdict
  const fault = refuse('log-overlong', logKey.name, `${size} entries`, `entry ${beyond.index}`)
  return { ...verdict, sound: false, findings: [...verdict.findings, fault] }
}

/** Which entry is meant: by its place, or by its hash (RFC 6962 §2.1). */
export type EntryWanted = { readonly index: number } | { readonly hash: Uint8Array }

/** A proof, the entry that it proves, and the head that it leads to. */
export type Proven = { readonly proof: TlogProof; readonly entry: Uint8Array; readonly head: TrustedHead }

/**
 * Makes the proof of an entry (C2SP tlog-proof), with the entry as its extra data. It was verified as who gets it will. Refuses
 * `log-entry-unknown`, and what `checkpointOf`, `openSigned`, `checkQuorum`, `inclusionIn` and `entriesIn` refuse.
 */
export async function proveEntry(
  files: LogFiles,
  policy: LogPolicy,
  crypto: Crypto,
  wanted: EntryWanted,
  say: (read: number, size: number) => void = () => {},
): Promise<Proven | Refusal> {
  const newest = await newestHead(files, policy, crypto)
  if (isRefusal(newest)) return newest
  const { signed: checkpoint, quorum } = newest
  if (isRefusal(quorum)) return quorum
  const head: TrustedHead = { ...newest.head, cosigned: quorum }
  const near = remembering(files)
  const tree = head.checkpoint
  const index = 'index' in wanted ? wanted.index : await indexOf(near, tree, crypto, wanted.hash, say)
  if (isRefusal(index)) return index
  const path = await readFiles(near, inclusionIn(crypto, tree, index))
  if (isRefusal(path)) return path
  const entries = await readFiles(near, entriesIn(crypto, tree, { start: index, end: index + 1 }))
  if (isRefusal(entries)) return entries
  const entry = entries[0] as Uint8Array
  const proof: TlogProof = { index, path, checkpoint, extra: entry }
  return checkProof(crypto, proof, entry, tree) ?? { proof, entry, head }
}

/** Tiles that are looked through at a time. */
const AT_ONCE = 16

/** Where an entry of that hash is, the first one: all the hashes of the log are looked through. */
async function indexOf(
  files: LogFiles,
  head: Head,
  crypto: Crypto,
  hash: Uint8Array,
  say: (read: number, size: number) => void,
): Promise<number | Refusal> {
  for (let start = 0; start < head.size; start += AT_ONCE * TILE_WIDTH) {
    say(start, head.size)
    const tiles: Tile[] = []
    for (let at = start; at < Math.min(head.size, start + AT_ONCE * TILE_WIDTH); at += TILE_WIDTH) {
      tiles.push(tileAt(0, at, head.size))
    }
    const read = await readFiles(files, tilesIn(crypto, head, tiles))
    if (isRefusal(read)) return read
    for (const tile of tiles) {
      const at = read.get(tilePath(tile))?.findIndex(leaf => sameBytes(leaf, hash)) ?? -1
      if (at >= 0) return tile.index * TILE_WIDTH + at
    }
  }
  return refuse('log-entry-unknown', 'the log', `the hash ${hash.toHex()}`, `none of ${head.size} entries`)
}
