import { canonicalJson, type Json } from '../core/encoding/canonical-json.ts'
import type { Crypto } from '../core/encoding/crypto.ts'
import type { Checkpoint } from '../core/ledger/checkpoint.ts'
import { type AuditEntry, parseEntry } from '../core/ledger/entry.ts'
import type { LogPolicy } from '../core/ledger/log-policy.ts'
import { inclusionsIn } from '../core/ledger/many-proofs.ts'
import { verifyConsistency } from '../core/ledger/merkle.ts'
import { type Event, MAX_EVENTS } from '../core/ledger/pack/events.ts'
import type { Query } from '../core/ledger/pack/query.ts'
import { Selection } from '../core/ledger/pack/selection.ts'
import type { Range } from '../core/ledger/subtrees.ts'
import { consistencyIn, entriesIn } from '../core/ledger/tile-reader.ts'
import { TILE_WIDTH } from '../core/ledger/tiles.ts'
import { writeProof } from '../core/ledger/tlog-proof.ts'
import { openSigned, openTrusted, type SignedHead, type TrustedHead } from '../core/ledger/trusted-head.ts'
import { writeAddCheckpoint } from '../core/ledger/witness-request.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { checkpointOf, type LogFiles, readFiles, remembering } from './log-files.ts'

/** The signed head of a log, as it was served and as it was verified. */
export type ServedHead = TrustedHead & { readonly signed: string }

/** Hears how far long work is. */
export type Told = (done: number, of: number) => void

/** The head of a log that the reader trusts. Refuses what `checkpointOf` and `openTrusted` refuse. */
export async function headOf(files: LogFiles, policy: LogPolicy, crypto: Crypto): Promise<ServedHead | Refusal> {
  const signed = await checkpointOf(files)
  if (isRefusal(signed)) return signed
  const head = openTrusted(signed, policy, crypto)
  return isRefusal(head) ? head : { ...head, signed }
}

/** What a query finds in a log: the events, and how many entries of each kind the whole log has. */
export type Gathered = { readonly events: readonly Event[]; readonly kinds: ReadonlyMap<string, number> }

/** Bundles that are read side by side. */
const ABREAST = 4

/**
 * Reads the entries of a log from `from` up to `upTo`, in order, each borne out by its root. Refuses what `entriesIn` and `parseEntry` refuse.
 */
async function readEntries(
  files: LogFiles,
  { checkpoint: head }: SignedHead,
  { from: first, upTo }: { readonly from: number; readonly upTo: number },
  crypto: Crypto,
  take: (index: number, entry: AuditEntry) => void,
  told: Told,
): Promise<Refusal | null> {
  const near = remembering(files)
  const stride = TILE_WIDTH * ABREAST
  for (let start = first; start < upTo; start += stride) {
    const stretches: Range[] = []
    for (let from = start; from < Math.min(upTo, start + stride); from += TILE_WIDTH) {
      stretches.push({ start: from, end: Math.min(upTo, from + TILE_WIDTH) })
    }
    const bundles = await Promise.all(stretches.map(range => readFiles(near, entriesIn(crypto, head, range))))
    let index = start
    for (const bundle of bundles) {
      if (isRefusal(bundle)) return bundle
      for (const bytes of bundle) {
        const entry = parseEntry(bytes, `entry ${index}`)
        if (isRefusal(entry)) return entry
        take(index, entry)
        index += 1
      }
    }
    told(index, upTo)
  }
  return null
}

/**
 * Reads the first `upTo` entries of a log (all, when it is not said) and keeps those that a query asks for. All of them are read:
 * entries are not in the order of their times, and what a pack leaves out is only known to whoever looked at all. Refuses
 * `pack-too-large`, `log-index-beyond`, and what `entriesIn` and `parseEntry` refuse.
 */
export async function gather(
  files: LogFiles,
  head: ServedHead,
  query: Query,
  crypto: Crypto,
  told: Told = () => {},
  upTo: number = head.checkpoint.size,
): Promise<Gathered | Refusal> {
  const { size } = head.checkpoint
  if (upTo > size) return refuse('log-index-beyond', 'the log', `at least ${upTo} entries`, `${size}`)
  const selection = new Selection(query)
  const kinds = new Map<string, number>()
  const take = (index: number, entry: AuditEntry): void => {
    kinds.set(entry.kind, (kinds.get(entry.kind) ?? 0) + 1)
    selection.take(index, entry)
  }
  const broken = await readEntries(files, head, { from: 0, upTo }, crypto, take, told)
  if (broken !== null) return broken
  const cited = selection.end()
  if (cited.length > MAX_EVENTS) {
    return refuse('pack-too-large', 'the pack', `at most ${MAX_EVENTS} events`, `${cited.length}`)
  }
  // What was read is canonical: written again, an entry is what the log holds.
  return { events: cited.map(one => ({ ...one, bytes: canonicalJson(one.entry as unknown as Json) })), kinds }
}

/**
 * The digest of a release by its name, `CLASS/VERSION`, as the log tells of its publication; the last one, should there be more. Refuses
 * `not-found`, and what `entriesIn` and `parseEntry` refuse.
 */
export async function findRelease(
  files: LogFiles,
  head: ServedHead,
  name: string,
  crypto: Crypto,
  told: Told = () => {},
): Promise<string | Refusal> {
  let found: string | undefined
  const take = (_: number, { kind, release, detail }: AuditEntry): void => {
    if (kind === 'release-published' && `${detail.class}/${detail.version}` === name) found = release
  }
  const broken = await readEntries(files, head, { from: 0, upTo: head.checkpoint.size }, crypto, take, told)
  return (
    broken ?? found ?? refuse('not-found', `release ${name}`, 'a release that the log tells of', 'none of that name')
  )
}

/**
 * The entry that seals a pack, by the digest of its statement (hex), from an entry on; null: none does. The log's own signature is enough: whoever
 * looks wants to know whether it has to be sealed yet. Refuses what `checkpointOf`, `openSigned`, `entriesIn` and `parseEntry` refuse.
 */
export async function findSeal(
  files: LogFiles,
  policy: LogPolicy,
  { manifest, from }: { readonly manifest: string; readonly from: number },
  crypto: Crypto,
): Promise<{ readonly index: number } | null | Refusal> {
  const signed = await checkpointOf(files)
  const head = isRefusal(signed) ? signed : openSigned(signed, policy, crypto)
  if (isRefusal(head)) return head
  let found: { readonly index: number } | null = null
  const take = (index: number, { kind, origin, detail }: AuditEntry): void => {
    // Only the server itself seals: an entry that came from a gateway does not.
    if (kind === 'evidence-exported' && origin === undefined && detail.manifest === manifest) found ??= { index }
  }
  return (await readEntries(files, head, { from, upTo: head.checkpoint.size }, crypto, take, () => {})) ?? found
}

/** A proof for each event, as it is written into a pack: C2SP tlog-proof, with the event as its extra data. */
export async function proveEvents(
  files: LogFiles,
  { signed, checkpoint: head }: ServedHead,
  events: readonly Pick<Event, 'index' | 'bytes'>[],
  crypto: Crypto,
  told: Told = () => {},
): Promise<Map<number, string> | Refusal> {
  const near = remembering(files)
  const proofs = new Map<number, string>()
  for (let from = 0; from < events.length; from += PROVEN) {
    const some = events.slice(from, from + PROVEN)
    const paths = await readFiles(
      near,
      inclusionsIn(
        crypto,
        head,
        some.map(({ index }) => index),
      ),
    )
    if (isRefusal(paths)) return paths
    for (const { index, bytes } of some) {
      const path = paths.get(index) as Uint8Array[]
      proofs.set(index, writeProof({ index, path, checkpoint: signed, extra: bytes }))
    }
    told(Math.min(events.length, from + PROVEN), events.length)
  }
  return proofs
}

const PROVEN = 512

/**
 * That the log of a search is the beginning of the one that the proofs are of (C2SP tlog-witness, the body of add-checkpoint). Refuses
 * what `consistencyIn` refuses, and `log-forked` when it is not.
 */
export async function proveContinues(
  files: LogFiles,
  searched: Checkpoint,
  { signed, checkpoint: head }: ServedHead,
  crypto: Crypto,
): Promise<string | Refusal> {
  const proof = await readFiles(remembering(files), consistencyIn(crypto, head, searched.size))
  if (isRefusal(proof)) return proof
  const claim = { from: searched.size, fromRoot: searched.root, to: head.size, toRoot: head.root }
  if (!verifyConsistency(crypto, claim, proof)) {
    return refuse('log-forked', head.origin, `a log that continues its first ${searched.size} entries`, 'another')
  }
  return writeAddCheckpoint({ old: searched.size, proof, checkpoint: signed })
}

/** One entry, borne out. Refuses what `entriesIn` refuses. */
export async function readEntry(
  files: LogFiles,
  { checkpoint }: ServedHead,
  index: number,
  crypto: Crypto,
): Promise<Uint8Array | Refusal> {
  if (index >= checkpoint.size) {
    return refuse('log-index-beyond', 'the log', `an entry below ${checkpoint.size}`, String(index))
  }
  const read = await readFiles(files, entriesIn(crypto, checkpoint, { start: index, end: index + 1 }))
  return isRefusal(read) ? read : (read[0] as Uint8Array)
}
