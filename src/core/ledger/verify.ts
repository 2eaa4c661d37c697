import { sameBytes, toHex } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { type Checkpoint, openCheckpoint } from './checkpoint.ts'
import { parseEntry } from './entry.ts'
import { append, emptyTree, leafHash, rootOf, type TreeHead } from './merkle.ts'
import { headsOf, noOrigins, type Origins, passOver, type SequenceBreak, unjudgedIn } from './origins.ts'
import { MAX_STRETCHES, type Stretch, type Unjudged } from './passed-over.ts'
import type { NoteKey } from './signed-note.ts'
import { takeOrigin } from './take-origin.ts'

/** An entry as it was stored; `leaf` is the hash that was stored beside it, `place` the file that it is in, when there is one. */
export type StoredEntry = { readonly bytes: Uint8Array; readonly leaf?: Uint8Array; readonly place?: string }

/** What is known of the log from before: a checkpoint that a gateway or a witness kept. */
export type KnownHead = { readonly size: number; readonly root: Uint8Array }

/**
 * A verification under way. It takes one entry after the other, so that a log of any size can be read from its store in
 * pieces; each step hands it on, and the one before is not used again (`origins` is one object, not a copy per entry).
 * `findings` are at most `MAX_FINDINGS`; `dropped` counts the others.
 */
export type Verification = {
  readonly tree: TreeHead
  readonly origins: Origins
  readonly known: KnownHead | null
  readonly findings: readonly Refusal[]
  readonly dropped: number
}

/** What a verification found. `root` is the root of the entries that were read, in hex. Sound means: no finding. */
export type LogVerdict = {
  readonly sound: boolean
  readonly size: number
  readonly root: string
  readonly checkpoint: Checkpoint | null
  /**
   * The last sequence of each gateway whose entries the log holds, and the head of that gateway's log; not of one of which nothing stands behind
   * what was passed over last.
   */
  readonly origins: Readonly<Record<string, { readonly sequence: number; readonly head: string }>>
  /** Whether all that sites told was judged: not when entries were passed over, in an archive that is not at hand. */
  readonly sitesJudged: boolean
  /** How many entries were passed over, and where; `more` stretches beyond `MAX_STRETCHES`. Their hashes are in the root: they can be no others. */
  readonly passedOver: { readonly entries: number; readonly stretches: readonly Stretch[]; readonly more: number }
  /** Each sequence of a site of which something is not judged for it. All others are judged whole. `moreUnjudged` counts those beyond `MAX_UNJUDGED`. */
  readonly unjudged: readonly Unjudged[]
  readonly moreUnjudged: number
  /** Breaks in the sequences of sites that the log tells of; it is sound all the same. `moreBreaks` counts those beyond `MAX_BREAKS`. */
  readonly breaks: readonly SequenceBreak[]
  readonly moreBreaks: number
  readonly findings: readonly Refusal[]
  readonly dropped: number
}

export const MAX_FINDINGS = 100

/**
 * Begins. With a `known` head, the log is also checked to continue it. `signatures`: whether those of devices are verified, which
 * takes ECDSA P-256.
 */
export function beginVerification(crypto: Crypto, known: KnownHead | null = null, signatures = true): Verification {
  const start: Verification = { tree: emptyTree, origins: noOrigins(signatures), known, findings: [], dropped: 0 }
  return checkKnown(crypto, start)
}

/**
 * Takes the next entry. Finds `entry-malformed`, `entry-kind-unknown`, `entry-not-canonical`, `entry-too-large`,
 * `log-entry-altered`, `log-forked`, and what `takeOrigin` finds.
 */
export function takeEntry(crypto: Crypto, so: Verification, stored: StoredEntry): Verification {
  const subject = stored.place === undefined ? `entry ${so.tree.size}` : `entry ${so.tree.size} of ${stored.place}`
  const leaf = leafHash(crypto, stored.bytes)
  const faults: Refusal[] = []
  if (stored.leaf !== undefined && !sameBytes(stored.leaf, leaf)) {
    faults.push(refuse('log-entry-altered', subject, `the hash ${short(stored.leaf)}`, short(leaf)))
  }
  const entry = parseEntry(stored.bytes, subject)
  if (isRefusal(entry)) faults.push(entry)
  else faults.push(...takeOrigin(crypto, so.origins, entry, so.tree.size))
  const next = { ...so, tree: append(crypto, so.tree, leaf) }
  return checkKnown(crypto, found(next, faults))
}

/**
 * Takes the hash of an entry that is not there, but that the tiles of the log bear out. What sites told is judged again behind it, and the verdict
 * says of what it is not.
 */
export function takeLeaf(crypto: Crypto, so: Verification, leaf: Uint8Array): Verification {
  passOver(so.origins, so.tree.size)
  return checkKnown(crypto, { ...so, tree: append(crypto, so.tree, leaf) })
}

/**
 * Ends: compares what was read with the signed checkpoint. Finds what `openCheckpoint` refuses, `log-truncated`,
 * `log-overlong`, `log-root-mismatch`, and `log-forked` when the log is shorter than the known head.
 */
export function endVerification(crypto: Crypto, so: Verification, signed: string, logKey: NoteKey): LogVerdict {
  const { size } = so.tree
  const root = rootOf(crypto, so.tree)
  const faults: Refusal[] = []
  if (so.known !== null && so.known.size > size) {
    faults.push(refuse('log-forked', logKey.name, `at least ${so.known.size} entries, as seen before`, String(size)))
  }
  const checkpoint = openCheckpoint(signed, logKey, crypto)
  if (isRefusal(checkpoint)) faults.push(checkpoint)
  else if (size < checkpoint.size) {
    faults.push(refuse('log-truncated', logKey.name, `${checkpoint.size} entries`, String(size)))
  } else if (size > checkpoint.size) {
    faults.push(refuse('log-overlong', logKey.name, `${checkpoint.size} entries`, String(size)))
  } else if (!sameBytes(root, checkpoint.root)) {
    faults.push(refuse('log-root-mismatch', logKey.name, `the root ${short(checkpoint.root)}`, short(root)))
  }
  const { findings, dropped } = found(so, faults)
  const { origins } = so
  const { passed } = origins
  const unjudged = unjudgedIn(origins)
  return {
    sound: findings.length === 0,
    size,
    root: toHex(root),
    checkpoint: isRefusal(checkpoint) ? null : checkpoint,
    origins: headsOf(origins),
    sitesJudged: passed.count === 0,
    passedOver: {
      entries: passed.entries,
      stretches: [...passed.stretches],
      more: Math.max(0, passed.count - MAX_STRETCHES),
    },
    unjudged: unjudged.kept,
    moreUnjudged: unjudged.more,
    breaks: origins.breaks.toSorted((a, b) => a.entry - b.entry),
    moreBreaks: origins.moreBreaks,
    findings,
    dropped,
  }
}

/** Verifies a whole log: every entry, the order of each gateway's entries, the root, the checkpoint's signature. */
export function verifyLog(
  crypto: Crypto,
  entries: Iterable<StoredEntry>,
  signed: string,
  logKey: NoteKey,
  known: KnownHead | null = null,
): LogVerdict {
  let verification = beginVerification(crypto, known)
  for (const entry of entries) verification = takeEntry(crypto, verification, entry)
  return endVerification(crypto, verification, signed, logKey)
}

/** At the size of the known head, the root must be the known one: then the log continues it. */
function checkKnown(crypto: Crypto, so: Verification): Verification {
  if (so.known === null || so.known.size !== so.tree.size) return so
  const root = rootOf(crypto, so.tree)
  if (sameBytes(root, so.known.root)) return so
  const expected = `the root ${short(so.known.root)} at ${so.known.size} entries, as seen before`
  return found(so, [refuse('log-forked', `the log at ${so.known.size} entries`, expected, short(root))])
}

/** Adds findings; what was found before is not found twice. */
export function found(so: Verification, faults: readonly Refusal[]): Verification {
  if (faults.length === 0) return so
  const all = [...so.findings, ...faults.filter(one => !so.findings.some(other => isSame(one, other)))]
  const kept = all.slice(0, MAX_FINDINGS)
  return { ...so, findings: kept, dropped: so.dropped + all.length - kept.length }
}

const short = (hash: Uint8Array): string => `${toHex(hash.subarray(0, 8))}…`

const isSame = (one: Refusal, other: Refusal): boolean =>
  one.code === other.code && one.subject === other.subject && one.actual === other.actual
