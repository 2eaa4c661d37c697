import { toHex } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import type { Instant } from '../encoding/units.ts'
import { formatUtc } from '../encoding/utc-time.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { checkBinRole, checkNoBin } from './bin-role.ts'
import { isRehearsal, REPOSITORIES, signedFor } from './ceremony-note.ts'
import { hasDigests } from './digests.ts'
import type {
  Common,
  DelegatedRole,
  Dialect,
  Document,
  MetadataType,
  MetaFile,
  Root,
  Signed,
  Snapshot,
  Targets,
  Timestamp,
  TopRole,
} from './metadata.ts'
import { readMetadata, refusePasskeys } from './read-metadata.ts'
import { keysOf, verifySigned } from './signatures.ts'

/**
 * What is trusted of one repository: an immutable value; each step of the TUF client workflow answers the next one or a
 * refusal, and a refused step changes nothing. `repo` names the repository in refusals. `site`: whose repository it is,
 * when its keys sign for more than one site (the director's do): timestamp, snapshot and targets must then name the site,
 * or one site's files could be played to another. `timestamp`, `snapshot` and
 * `targets` may have expired or been superseded: they are what new metadata is compared with. `delegated` holds files of
 * delegated roles as they were read; they are verified against their delegator each time they are used, so a delegation
 * that its delegator has changed is never trusted from memory.
 */
export type TrustedSet = {
  readonly repo: string
  readonly dialect: Dialect
  readonly site: string | null
  readonly root: Document<Root>
  readonly timestamp: Document<Timestamp> | null
  readonly snapshot: Document<Snapshot> | null
  readonly targets: Document<Targets> | null
  readonly delegated: ReadonlyMap<string, Document<Targets>>
}

/** What a repository is, beside its root: whose site it belongs to, and how it is written. */
export type Kind = { readonly site?: string | null; readonly dialect?: Dialect }

declare const current: unique symbol

/** A set whose four roles fit together and had not expired at `checkedAt`: the only kind that targets are taken from. */
export type CurrentSet = TrustedSet & {
  readonly timestamp: Document<Timestamp>
  readonly snapshot: Document<Snapshot>
  readonly targets: Document<Targets>
  readonly checkedAt: Instant
  readonly [current]: true
}

/**
 * Begins with a root that is trusted because of where it came from (enrolment, the device's own store). Its own keys
 * must have signed it. Refuses as `readMetadata` does, `metadata-below-threshold`, `passkey-not-allowed`.
 */
export function trustRoot(
  repo: string,
  bytes: Uint8Array,
  crypto: Crypto,
  { site = null, dialect = 'voltseal' }: Kind = {},
): TrustedSet | Refusal {
  const root = readMetadata('root', bytes, `${repo}: root`, dialect)
  if (isRefusal(root)) return root
  const fault =
    checkPasskeys(repo, root.signed, `${repo}: root`) ??
    verifySigned(root, root.signed.keys, root.signed.roles.root, `${repo}: root`, crypto)
  return fault ?? { repo, dialect, site, root, timestamp: null, snapshot: null, targets: null, delegated: new Map() }
}

/**
 * The next root (TUF 1.0.34 §5.3.4 to §5.3.5, §5.3.11): exactly one version on, signed by enough keys of the old root
 * and of the new one. When keys of timestamp or snapshot were taken away, the old timestamp and snapshot are forgotten,
 * so that a repository recovers from a fast-forward attack; so is each file that has too few signatures for the new root.
 * Expiry is judged at the end of the chain. Refuses as `readMetadata` does, `metadata-below-threshold`,
 * `root-version-skipped`, `metadata-of-rehearsal`, `metadata-wrong-repository`, `passkey-not-allowed`.
 */
export function updateRoot(set: TrustedSet, bytes: Uint8Array, crypto: Crypto): TrustedSet | Refusal {
  const old = set.root.signed
  const subject = `${set.repo}: root ${old.version + 1}`
  const root = readMetadata('root', bytes, subject, set.dialect)
  if (isRefusal(root)) return root
  const fault =
    checkPasskeys(set.repo, root.signed, subject) ??
    verifySigned(root, old.keys, old.roles.root, `${subject}, by the keys of root ${old.version}`, crypto) ??
    verifySigned(root, root.signed.keys, root.signed.roles.root, `${subject}, by its own keys`, crypto)
  if (fault !== null) return fault
  if (root.signed.version !== old.version + 1) {
    const actual = `version ${root.signed.version}`
    return refuse('root-version-skipped', subject, `version ${old.version + 1}`, actual, 'TUF 1.0.34 §5.3.5')
  }
  return checkNote(set, root.signed, subject) ?? underRoot(set, root, crypto)
}

/** What is left of a set under its next root, which `updateRoot` has verified (TUF 1.0.34 §5.3.11). */
export function underRoot(set: TrustedSet, root: Document<Root>, crypto: Crypto): TrustedSet {
  const next = forgetUnsigned({ ...set, root }, crypto)
  const old = set.root.signed
  const rotated = lostKey(old, root.signed, 'timestamp') || lostKey(old, root.signed, 'snapshot')
  return rotated ? { ...next, timestamp: null, snapshot: null } : next
}

/** Forgets what the keys of the set's root, at their thresholds, do not vouch for: nothing newer is compared with it. */
function forgetUnsigned(set: TrustedSet, crypto: Crypto): TrustedSet {
  const { keys, roles } = set.root.signed
  const kept = <T extends Common>(role: Exclude<TopRole, 'root'>, document: Document<T> | null): Document<T> | null =>
    document === null || verifySigned(document, keys, roles[role], role, crypto) !== null ? null : document
  const timestamp = kept('timestamp', set.timestamp)
  return { ...set, timestamp, snapshot: kept('snapshot', set.snapshot), targets: kept('targets', set.targets) }
}

/** The freeze check of the root, after the last one was found (TUF 1.0.34 §5.3.10). Refuses `metadata-expired`. */
export function checkRootExpiry(set: TrustedSet, now: Instant): Refusal | null {
  return checkExpiry(set.root.signed, `${set.repo}: root ${set.root.signed.version}`, now, 'TUF 1.0.34 §5.3.10')
}

/**
 * A new timestamp (TUF 1.0.34 §5.4). One of the same version as the trusted one is not taken: the trusted one stays.
 * Refuses as `readMetadata` does, `metadata-below-threshold`, `metadata-wrong-site`, `metadata-rollback`,
 * `metadata-expired`.
 */
export function updateTimestamp(
  set: TrustedSet,
  bytes: Uint8Array,
  now: Instant,
  crypto: Crypto,
): TrustedSet | Refusal {
  const subject = `${set.repo}: timestamp`
  const timestamp = readBy(set, 'timestamp', bytes, subject, crypto)
  if (isRefusal(timestamp)) return timestamp
  const old = set.timestamp?.signed
  if (old !== undefined) {
    const { version, snapshot } = timestamp.signed
    const fault =
      notBelow(version, old.version, subject, 'TUF 1.0.34 §5.4.3') ??
      notBelow(snapshot.version, old.snapshot.version, `${subject}, the snapshot it names`, 'TUF 1.0.34 §5.4.3')
    if (fault !== null) return fault
  }
  const kept = old?.version === timestamp.signed.version ? (set.timestamp as Document<Timestamp>) : timestamp
  return checkExpiry(kept.signed, subject, now, 'TUF 1.0.34 §5.4.4') ?? { ...set, timestamp: kept }
}

/**
 * A new snapshot (TUF 1.0.34 §5.5): the file that the timestamp names; no role's version goes back and none vanishes.
 * Refuses as `readMetadata` does, `metadata-length-mismatch`, `metadata-digest-mismatch`, `metadata-below-threshold`,
 * `metadata-version-mismatch`, `metadata-rollback`, `metadata-expired`. Throws when there is no timestamp yet.
 */
export function updateSnapshot(set: TrustedSet, bytes: Uint8Array, now: Instant, crypto: Crypto): TrustedSet | Refusal {
  if (set.timestamp === null) throw new Error('a snapshot without a timestamp')
  const announced = set.timestamp.signed.snapshot
  const subject = `${set.repo}: snapshot ${announced.version}`
  const unlike = checkAnnounced(bytes, announced, subject, crypto)
  if (unlike !== null) return unlike
  const snapshot = readBy(set, 'snapshot', bytes, subject, crypto)
  if (isRefusal(snapshot)) return snapshot
  const fault =
    checkVersion(snapshot.signed, announced, subject, 'TUF 1.0.34 §5.5.4') ??
    // The trusted timestamp says the same, unless it was lost.
    notBelow(snapshot.signed.version, set.snapshot?.signed.version ?? 0, subject, 'Uptane 2.1.0 §5.4.4.5') ??
    checkRoles(set.snapshot?.signed ?? null, snapshot.signed, subject) ??
    checkExpiry(snapshot.signed, subject, now, 'TUF 1.0.34 §5.5.6')
  return fault ?? { ...set, snapshot }
}

/**
 * New top-level targets (TUF 1.0.34 §5.6): the file that the snapshot names. Answers a set that targets may be taken
 * from. Refuses as `updateSnapshot` does. Throws when there is no snapshot yet.
 */
export function updateTargets(set: TrustedSet, bytes: Uint8Array, now: Instant, crypto: Crypto): CurrentSet | Refusal {
  if (set.snapshot === null) throw new Error('targets without a snapshot')
  const announced = set.snapshot.signed.meta.get('targets') as MetaFile
  const subject = `${set.repo}: targets ${announced.version}`
  const unlike = checkAnnounced(bytes, announced, subject, crypto)
  if (unlike !== null) return unlike
  const targets = readBy(set, 'targets', bytes, subject, crypto)
  if (isRefusal(targets)) return targets
  const fault =
    checkVersion(targets.signed, announced, subject, 'TUF 1.0.34 §5.6.4') ??
    checkExpiry(targets.signed, subject, now, 'TUF 1.0.34 §5.6.5')
  return fault ?? ({ ...set, targets, checkedAt: now } as CurrentSet)
}

/**
 * Targets of a delegated role, verified by the keys that this very delegation names (TUF 1.0.34 §5.6.7.2). Refuses as
 * `updateTargets` does, `metadata-unlisted`, and of a bin of ours what `checkBinRole` refuses.
 */
export function readDelegated(
  set: TrustedSet & Pick<CurrentSet, 'snapshot'>,
  delegator: Targets,
  role: DelegatedRole,
  bytes: Uint8Array,
  now: Instant,
  crypto: Crypto,
): Document<Targets> | Refusal {
  const announced = set.snapshot.signed.meta.get(role.name)
  const subject = `${set.repo}: ${role.name}`
  if (announced === undefined) {
    return refuse('metadata-unlisted', subject, `${role.name}.json in the snapshot`, 'nothing', 'TUF 1.0.34 §5.6.1')
  }
  const unlike = checkAnnounced(bytes, announced, subject, crypto)
  if (unlike !== null) return unlike
  // The same bytes need not be parsed again; who signed them is judged afresh, by this delegator.
  const known = set.delegated.get(role.name)
  const targets = known?.bytes === bytes ? known : readMetadata('targets', bytes, subject, set.dialect)
  if (isRefusal(targets)) return targets
  const bins = set.dialect === 'voltseal' ? (delegator.delegations?.succinct ?? null) : null
  const fault =
    verifySigned(targets, delegator.delegations?.keys ?? new Map(), role, subject, crypto) ??
    (bins === null ? null : checkBinRole(bins, role.name, targets.signed, subject, crypto)) ??
    checkNote(set, targets.signed, subject) ??
    checkVersion(targets.signed, announced, subject, 'TUF 1.0.34 §5.6.4') ??
    checkExpiry(targets.signed, subject, now, 'TUF 1.0.34 §5.6.5')
  return fault ?? targets
}

/** Whether a set that was current still is: has anything in it expired since? Refuses `metadata-expired`. */
export function stillCurrent(set: CurrentSet, now: Instant): Refusal | null {
  for (const role of ['root', 'timestamp', 'snapshot', 'targets'] as const) {
    const fault = checkExpiry(set[role].signed, `${set.repo}: ${role}`, now, 'TUF 1.0.34 §5.7')
    if (fault !== null) return fault
  }
  return null
}

/** A file of a top-level role, signed by the trusted root's keys for it, and of the right site. */
export function readBy<Role extends Exclude<TopRole, 'root'> & MetadataType>(
  set: TrustedSet,
  role: Role,
  bytes: Uint8Array,
  subject: string,
  crypto: Crypto,
): Document<Signed[Role]> | Refusal {
  const read = readMetadata(role, bytes, subject, set.dialect)
  if (isRefusal(read)) return read
  const fault =
    verifySigned(read, set.root.signed.keys, set.root.signed.roles[role], subject, crypto) ??
    checkSite(read.signed, set.site, subject) ??
    (role === 'targets' && set.dialect === 'voltseal' ? checkNoBin(read.signed, subject) : null) ??
    checkNote(set, read.signed, subject)
  return fault ?? read
}

/**
 * What was signed at a rehearsal holds under a rehearsal's root only: people may have signed it with keys of their own. And
 * what was signed for one repository does not hold in another: the same people may hold the roots of both.
 */
function checkNote({ repo, root }: TrustedSet, signed: Common, subject: string): Refusal | null {
  if (isRehearsal(signed) && !isRehearsal(root.signed)) {
    return refuse('metadata-of-rehearsal', subject, 'metadata that was signed in earnest', 'metadata of a rehearsal')
  }
  const meant = signedFor(signed)
  const own = ownOf(repo)
  if (meant === null || own === undefined || meant === own) return null
  return refuse('metadata-wrong-repository', subject, `the ${own} repository`, `the ${meant} repository`)
}

/** Which of ours a repository is by its name, if it is one. */
const ownOf = (repo: string) => REPOSITORIES.find(name => repo === name || repo.startsWith(`${name}/`))

/**
 * Approvals alone may be signed in a browser: no other repository's root has a passkey in it, used or not. A root that somebody
 * names by a file is of the repository that its ceremony was for. Refuses `passkey-not-allowed`.
 */
function checkPasskeys(repo: string, root: Root, subject: string): Refusal | null {
  const own = ownOf(repo) ?? signedFor(root)
  return own === 'approval' ? null : refusePasskeys(root.keys, `the ${own ?? 'unknown'} repository`, subject)
}

/** Whether metadata is of the site that it is asked for. Refuses `metadata-wrong-site`. */
function checkSite(signed: Common, site: string | null, subject: string): Refusal | null {
  const named = signed.raw.site
  if (named === (site ?? undefined)) return null
  const say = (name: unknown): string => (typeof name === 'string' ? `site ${name.slice(0, 64)}` : 'no site')
  return refuse('metadata-wrong-site', subject, say(site), say(named), 'Uptane 2.1.0 §5.4')
}

/** Whether a key that could sign for a role no longer can. */
function lostKey(before: Root, after: Root, role: TopRole): boolean {
  return !keysOf(before.keys, before.roles[role]).isSubsetOf(keysOf(after.keys, after.roles[role]))
}

function checkExpiry(signed: Common, subject: string, now: Instant, clause: string): Refusal | null {
  if (now < signed.expires) return null
  return refuse('metadata-expired', subject, `a time before ${formatUtc(signed.expires)}`, formatUtc(now), clause)
}

function notBelow(version: number, trusted: number, subject: string, clause: string): Refusal | null {
  if (version >= trusted) return null
  return refuse('metadata-rollback', subject, `version ${trusted} or later`, `version ${version}`, clause)
}

function checkRoles(old: Snapshot | null, next: Snapshot, subject: string): Refusal | null {
  for (const [role, { version }] of old?.meta ?? []) {
    const clause = 'TUF 1.0.34 §5.5.5'
    const meta = next.meta.get(role)
    if (meta === undefined) return refuse('metadata-rollback', subject, `${role}.json in it`, 'no such role', clause)
    const fault = notBelow(meta.version, version, `${subject}, the ${role} it names`, clause)
    if (fault !== null) return fault
  }
  return null
}

function checkAnnounced(bytes: Uint8Array, announced: MetaFile, subject: string, crypto: Crypto): Refusal | null {
  const { length } = announced
  if (length !== undefined && bytes.length !== length) {
    return refuse('metadata-length-mismatch', subject, `${length} bytes`, `${bytes.length}`)
  }
  const stated = announced.sha256 ?? announced.sha512
  if (stated === undefined || hasDigests(announced, bytes, crypto)) return null
  return refuse('metadata-digest-mismatch', subject, stated, `a file of SHA-256 ${toHex(crypto.sha256(bytes))}`)
}

function checkVersion(signed: Common, announced: MetaFile, subject: string, clause: string): Refusal | null {
  if (signed.version === announced.version) return null
  const expected = `version ${announced.version}, as announced`
  return refuse('metadata-version-mismatch', subject, expected, `version ${signed.version}`, clause)
}
