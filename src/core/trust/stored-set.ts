import type { Crypto } from '../encoding/crypto.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { type Common, type Document, type MetadataType, quoted, type Signed, type TopRole } from './metadata.ts'
import { readMetadata } from './read-metadata.ts'
import { type Kind, readBy, type TrustedSet, trustRoot, underRoot } from './trusted-set.ts'

/**
 * The files of a set, by the names they are stored under: root.json, timestamp.json, snapshot.json, targets.json, and
 * ROLE.json of delegated roles, the role's name as `quoted` writes it. A store keeps exactly these, all in one transaction:
 * if power fails before it commits, the next start goes on from the older set, and fetches the newer files again.
 */
export function storedFiles(set: TrustedSet): Map<string, Uint8Array> {
  const files = new Map([['root.json', set.root.bytes]])
  for (const role of ['timestamp', 'snapshot', 'targets'] as const) {
    const document = set[role]
    if (document !== null) files.set(`${role}.json`, document.bytes)
  }
  for (const [role, document] of set.delegated) files.set(`${quoted(role)}.json`, document.bytes)
  return files
}

/** A set from stored files, and why some of them were put aside. */
export type Resumed = { readonly set: TrustedSet; readonly discarded: readonly Refusal[] }

/**
 * Goes on from stored files: every one is read and verified again. A stored file that does not verify is put aside and
 * named in `discarded`: it is fetched anew, but rollback is not judged by it any more, so the caller records it. Refuses
 * when the root itself does not verify (as `trustRoot` does), or is not there (`store-without-root`).
 */
export function resume(
  repo: string,
  files: ReadonlyMap<string, Uint8Array>,
  crypto: Crypto,
  kind: Kind = {},
): Resumed | Refusal {
  const rootBytes = files.get('root.json')
  if (rootBytes === undefined) return refuse('store-without-root', repo, 'root.json', 'none')
  const begun = trustRoot(repo, rootBytes, crypto, kind)
  return isRefusal(begun) ? begun : resumeBelow(begun, files, crypto)
}

/** Goes on as `resume` does, from stored files below a root that is trusted already. */
export function resumeBelow(begun: TrustedSet, files: ReadonlyMap<string, Uint8Array>, crypto: Crypto): Resumed {
  const { repo } = begun
  const discarded: Refusal[] = []
  const kept = <T>(document: T | Refusal | null): T | null => {
    if (!isRefusal(document)) return document
    discarded.push(document)
    return null
  }
  const timestamp = kept(readStored(begun, 'timestamp', files, crypto))
  const snapshot = kept(readStored(begun, 'snapshot', files, crypto))
  const targets = kept(readStored(begun, 'targets', files, crypto))
  const delegated = new Map<string, Document<Signed['targets']>>()
  for (const [name, bytes] of files) {
    const role = roleOf(name)
    if (role === null) continue
    // Only read here: whoever uses it verifies it against its delegator.
    const document = kept(readMetadata('targets', bytes, `${repo}: stored ${role}`, begun.dialect))
    if (document !== null) delegated.set(role, document)
  }
  return { set: { ...begun, timestamp, snapshot, targets, delegated }, discarded }
}

/**
 * What two sets of one repository that were verified apart know together: the newer root, and of timestamp and snapshot the
 * newer one that this root leaves standing. Two commands that went on from the same files lose nothing of each other's.
 * Targets and delegated files are those of the set with the newer root.
 */
export function furtherOf(one: TrustedSet, other: TrustedSet, crypto: Crypto): TrustedSet {
  const [newer, older] = other.root.signed.version >= one.root.signed.version ? [other, one] : [one, other]
  const isSame = older.root.signed.version === newer.root.signed.version
  const below = isSame ? older : underRoot(older, newer.root, crypto)
  const timestamp = later(newer.timestamp, below.timestamp)
  return { ...newer, timestamp, snapshot: later(newer.snapshot, below.snapshot) }
}

function later<T extends Common>(one: Document<T> | null, other: Document<T> | null): Document<T> | null {
  if (one === null || other === null) return one ?? other
  return other.signed.version > one.signed.version ? other : one
}

/** The delegated role whose file has this name; null when none has. */
function roleOf(file: string): string | null {
  const name = /^(?!(?:root|timestamp|snapshot|targets)\.)(.+)\.json$/.exec(file)?.[1]
  if (name === undefined) return null
  try {
    const role = decodeURIComponent(name)
    return quoted(role) === name ? role : null
  } catch {
    return null
  }
}

function readStored<Role extends Exclude<TopRole, 'root'> & MetadataType>(
  set: TrustedSet,
  role: Role,
  files: ReadonlyMap<string, Uint8Array>,
  crypto: Crypto,
): Document<Signed[Role]> | Refusal | null {
  const bytes = files.get(`${role}.json`)
  if (bytes === undefined) return null
  return readBy(set, role, bytes, `${set.repo}: stored ${role}`, crypto)
}
