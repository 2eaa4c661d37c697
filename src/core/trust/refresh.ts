import type { Crypto } from '../encoding/crypto.ts'
import type { Instant } from '../encoding/units.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { MAX_METADATA_BYTES, type MetaFile, quoted, type TopRole } from './metadata.ts'
import {
  type CurrentSet,
  checkRootExpiry,
  type TrustedSet,
  updateRoot,
  updateSnapshot,
  updateTargets,
  updateTimestamp,
} from './trusted-set.ts'

/** A file that the workflow needs: its name in the repository, and the most bytes that are read of it. */
export type FileRequest = { readonly role: string; readonly path: string; readonly maxBytes: number }

/** What a driver answers: the bytes, null when the repository has no such file, or why it could not be had. */
export type FileAnswer = Uint8Array | null | Refusal

/**
 * How a refresh ended. Both kinds hold what is to be stored: roots that were found before the workflow stopped are
 * trusted, and must not be forgotten (TUF 1.0.34 §5.3.8). Only `current` lets targets be taken. `role`: at whose file it
 * stopped; what comes before that is in force.
 */
export type Refreshed =
  | { readonly at: 'current'; readonly set: CurrentSet }
  | { readonly at: 'stopped'; readonly role: TopRole; readonly set: TrustedSet; readonly refusal: Refusal }

/** New roots that one refresh follows; the next refresh goes on from there. */
export const MAX_ROOT_STEPS = 64

/**
 * The client workflow (TUF 1.0.34 §5.3 to §5.6), without input or output of its own: it yields the files that it needs,
 * one after another, and the driver answers. Files that are trusted already and still fit are not asked for. `now` is
 * one instant for all of it (TUF 1.0.34 §5.1). Stops with any refusal of trusted-set.ts, `metadata-missing`,
 * `root-chain-too-long`, or the driver's own. An abandoned generator leaves nothing behind.
 */
export function* refresh(
  trusted: TrustedSet,
  now: Instant,
  crypto: Crypto,
): Generator<FileRequest, Refreshed, FileAnswer> {
  let set = trusted
  for (let steps = 0; ; steps += 1) {
    const version = set.root.signed.version + 1
    const bytes = yield* ask({ role: 'root', path: `${version}.root.json`, maxBytes: MAX_METADATA_BYTES.root })
    if (bytes === null) break
    const next = isRefusal(bytes) ? bytes : updateRoot(set, bytes, crypto)
    if (isRefusal(next)) return { at: 'stopped', role: 'root', set, refusal: next }
    set = next
    if (steps + 1 === MAX_ROOT_STEPS) {
      const expected = `at most ${MAX_ROOT_STEPS} new roots at once`
      const refusal = refuse('root-chain-too-long', `${set.repo}: root ${version}`, expected, 'more')
      return { at: 'stopped', role: 'root', set, refusal }
    }
  }
  const expired = checkRootExpiry(set, now)
  if (expired !== null) return { at: 'stopped', role: 'root', set, refusal: expired }

  const timestamp = yield* must(set, {
    role: 'timestamp',
    path: 'timestamp.json',
    maxBytes: MAX_METADATA_BYTES.timestamp,
  })
  const timed = isRefusal(timestamp) ? timestamp : updateTimestamp(set, timestamp, now, crypto)
  if (isRefusal(timed)) return { at: 'stopped', role: 'timestamp', set, refusal: timed }
  const snapshotMeta = timed.timestamp?.signed.snapshot as MetaFile
  const snapped = yield* reuseOr(timed, 'snapshot', snapshotMeta, bytes => updateSnapshot(timed, bytes, now, crypto))
  // The timestamp is kept also when the snapshot is not there yet: it is verified, and rollback is judged by it.
  if (isRefusal(snapped)) return { at: 'stopped', role: 'snapshot', set: timed, refusal: snapped }
  const targetsMeta = snapped.snapshot?.signed.meta.get('targets') as MetaFile
  const done = yield* reuseOr(snapped, 'targets', targetsMeta, bytes => updateTargets(snapped, bytes, now, crypto))
  if (isRefusal(done)) return { at: 'stopped', role: 'targets', set: snapped, refusal: done }
  return { at: 'current', set: forgetStale(done) }
}

/**
 * Whether what is stored is enough to go on without the network: the whole workflow from the stored files alone.
 * Refuses as `refresh` does.
 */
export function currentOffline(trusted: TrustedSet, now: Instant, crypto: Crypto): CurrentSet | Refusal {
  const workflow = refresh(trusted, now, crypto)
  let step = workflow.next()
  while (!step.done) step = workflow.next(step.value.role === 'timestamp' ? (trusted.timestamp?.bytes ?? null) : null)
  return step.value.at === 'current' ? step.value.set : step.value.refusal
}

/** A request for a version of a role's file, under its name in this repository (TUF 1.0.34 §6.2). */
export function request(set: TrustedSet, role: string, meta: MetaFile): FileRequest {
  const limit = MAX_METADATA_BYTES[role === 'snapshot' ? 'snapshot' : 'targets']
  const name = `${quoted(role)}.json`
  const path = set.root.signed.consistent ? `${meta.version}.${name}` : name
  return { role, path, maxBytes: Math.min(meta.length ?? limit, limit) }
}

/** Asks for a file that may be absent. What is longer than was asked for is refused whatever the driver did. */
export function* ask(wanted: FileRequest): Generator<FileRequest, FileAnswer, FileAnswer> {
  const answer = yield wanted
  if (answer === null || isRefusal(answer) || answer.length <= wanted.maxBytes) return answer
  const expected = `at most ${wanted.maxBytes} bytes`
  return refuse('metadata-too-large', wanted.path, expected, `${answer.length}`, 'TUF 1.0.34 §1.5.2')
}

/** Asks for a file that must be there. */
export function* must(set: TrustedSet, wanted: FileRequest): Generator<FileRequest, Uint8Array | Refusal, FileAnswer> {
  const answer = yield* ask(wanted)
  return answer ?? missing(set, wanted.path)
}

/** Tries the trusted file first, and asks for the announced one when that does not fit. */
function* reuseOr<Next extends TrustedSet>(
  set: TrustedSet,
  role: 'snapshot' | 'targets',
  meta: MetaFile,
  update: (bytes: Uint8Array) => Next | Refusal,
): Generator<FileRequest, Next | Refusal, FileAnswer> {
  const stored = set[role]
  const reused = stored !== null && stored.signed.version === meta.version ? update(stored.bytes) : null
  if (reused !== null && !isRefusal(reused)) return reused
  const wanted = request(set, role, meta)
  const bytes = yield* ask(wanted)
  if (bytes === null) return reused ?? missing(set, wanted.path)
  return isRefusal(bytes) ? bytes : update(bytes)
}

const missing = (set: TrustedSet, path: string): Refusal =>
  refuse('metadata-missing', `${set.repo}: ${path}`, 'the file', 'none of that name')

/** Forgets files of delegated roles that the snapshot no longer announces in that version. */
function forgetStale(set: CurrentSet): CurrentSet {
  const meta = set.snapshot.signed.meta
  const kept = [...set.delegated].filter(([role, { signed }]) => meta.get(role)?.version === signed.version)
  return kept.length === set.delegated.size ? set : { ...set, delegated: new Map(kept) }
}
