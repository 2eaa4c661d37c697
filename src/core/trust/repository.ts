import { toHex, utf8 } from '../encoding/bytes.ts'
import { canonicalText, inCanonicalOrder, type Json, type JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { writeJson } from '../encoding/strict-json.ts'
import type { Instant } from '../encoding/units.ts'
import { formatUtc } from '../encoding/utc-time.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { NOTE } from './ceremony-note.ts'
import { keyId, keyMaterial, keyObject, type RoleKey } from './keys.ts'
import type { Common, Document, Root, Signature, Snapshot, Target, Targets, Timestamp, TopRole } from './metadata.ts'

/**
 * Writing a repository. Every function answers the `signed` object as JSON; `signableBytes` (read-metadata.ts) is what a
 * signer signs, in the DER form for ECDSA; `seal` makes the file; `fileName` says under which name it is published.
 */

/** The version of the specification that is written. */
const SPEC = '1.0.34'

/** Which keys may sign for a role, and how many of them must. */
export type RoleSpec = { readonly keys: readonly RoleKey[]; readonly threshold: number }

/** What all metadata says; `site` when the keys sign for more than one site (see TrustedSet). */
export type Heading = { readonly version: number; readonly expires: Instant; readonly site?: string }

/** Members in canonical order, here and below: what is written so is signed and verified without being sorted. */
const heading = (type: string, { version, expires, site }: Heading): Record<string, Json> => ({
  _type: type,
  expires: formatUtc(expires),
  ...(site === undefined ? {} : { site }),
  spec_version: SPEC,
  version,
})

/** A root (TUF 1.0.34 §4.3). A new version is signed by enough keys of the old root too. Refuses `role-unsatisfiable`. */
export function writeRoot(
  { version, expires }: Heading,
  roles: Readonly<Record<TopRole, RoleSpec>>,
  crypto: Crypto,
): JsonObject | Refusal {
  const keys = keyTable(
    Object.values(roles).flatMap(role => role.keys),
    crypto,
  )
  const written: Record<string, JsonObject> = {}
  for (const name of ['root', 'timestamp', 'snapshot', 'targets'] as const) {
    const role = writeRole(name, roles[name], crypto)
    if (isRefusal(role)) return role
    written[name] = role
  }
  return { ...heading('root', { version, expires }), consistent_snapshot: true, keys, roles: written }
}

/**
 * The root after some roles changed: the next version, with the given roles in place of the old ones. All else stays as
 * it was, unknown members too; a key that no role names any more goes. Signed by enough keys of `previous` and of itself
 * (`updateRoot` checks both), it is what `acceptRoot` (flows/rotate.ts) takes. Refuses `role-unsatisfiable`.
 */
export function nextRoot(
  previous: Root,
  changes: Readonly<Partial<Record<TopRole, RoleSpec>>>,
  expires: Instant,
  crypto: Crypto,
): JsonObject | Refusal {
  const roles: Record<string, Json> = { ...(previous.raw.roles as JsonObject) }
  for (const [name, spec] of Object.entries(changes)) {
    const role = writeRole(name, spec, crypto)
    if (isRefusal(role)) return role
    roles[name] = { ...(roles[name] as JsonObject), ...role }
  }
  const added = keyTable(
    Object.values(changes).flatMap(spec => spec.keys),
    crypto,
  )
  const named = new Set(Object.values(roles).flatMap(role => (role as { keyids: readonly string[] }).keyids))
  const known = Object.entries({ ...(previous.raw.keys as JsonObject), ...added })
  const keys = Object.fromEntries(known.filter(([id]) => named.has(id)))
  return { ...previous.raw, version: previous.version + 1, expires: formatUtc(expires), keys, roles }
}

/** A delegation: the role's name, its keys, the path patterns and the boards (see DelegatedRole) that it may speak for. */
export type DelegationSpec = RoleSpec & {
  readonly name: string
  readonly paths: readonly string[]
  readonly hardware?: readonly string[]
  readonly terminating: boolean
}

/** The `delegations` of a targets role, in order of priority (TUF 1.0.34 §4.5). Refuses `role-unsatisfiable`. */
export function writeDelegations(specs: readonly DelegationSpec[], crypto: Crypto): JsonObject | Refusal {
  const roles: JsonObject[] = []
  for (const { name, paths, hardware, terminating, ...spec } of specs) {
    const role = writeRole(name, spec, crypto)
    if (isRefusal(role)) return role
    roles.push({ name, ...role, paths, ...(hardware === undefined ? {} : { hardware }), terminating })
  }
  const keys = keyTable(
    specs.flatMap(spec => spec.keys),
    crypto,
  )
  return { keys, roles }
}

/** Targets from nothing (TUF 1.0.34 §4.5). */
export function writeTargets(
  head: Heading,
  targets: Iterable<Target>,
  delegations: JsonObject | null = null,
): JsonObject {
  const written = Object.fromEntries([...targets].map(target => [target.path, writeTarget(target)]))
  const { version, ...rest } = heading('targets', head)
  return { ...rest, targets: written, version: version as Json, ...(delegations === null ? {} : { delegations }) }
}

/** What changes in a targets role: targets to publish, and paths to take away. */
export type TargetChanges = { readonly add?: readonly Target[]; readonly remove?: readonly string[] }

/**
 * The targets after some changes: unknown members, delegations and the other targets stay as they were. Removals come
 * first. A path that is published already may be added again for the same file only, with other custom data. Refuses
 * `target-conflict`.
 */
export function withTargets(
  previous: Targets,
  { add = [], remove = [] }: TargetChanges,
  version: number,
  expires: Instant,
): JsonObject | Refusal {
  const gone = new Set(remove)
  const kept = Object.entries(previous.raw.targets as JsonObject).filter(([path]) => !gone.has(path))
  const targets = new Map<string, Json>(kept)
  for (const target of add) {
    const old = gone.has(target.path) ? undefined : previous.targets.get(target.path)
    if (old !== undefined && (old.sha256 !== target.sha256 || old.length !== target.length)) {
      return refuse('target-conflict', target.path, `${old.length} bytes, ${old.sha256}`, target.sha256)
    }
    targets.set(target.path, writeTarget(target))
  }
  // The note of a ceremony says how a version came to be: of the next one it would be a lie.
  const { [NOTE]: _, ...others } = previous.raw
  return { ...others, version, expires: formatUtc(expires), targets: Object.fromEntries(targets) }
}

/**
 * The snapshot after some targets files changed (TUF 1.0.34 §4.4): what `previous` announced, with the given files by
 * role name in their place. It has the next version above `head.taken`, and names the site of `head` when there is one. Of
 * a delegated role it says the version alone: a thousand digests would be most of what a client downloads, and who could
 * make two files of one version is who signs them.
 */
export function nextSnapshot(
  previous: Snapshot | null,
  changed: ReadonlyMap<string, Document<Targets>>,
  head: NextHeading,
  crypto: Crypto,
): JsonObject {
  const meta = new Map<string, Json>(Object.entries((previous?.raw.meta ?? {}) as JsonObject))
  for (const [role, document] of changed) {
    meta.set(`${role}.json`, role === 'targets' ? announce(document, crypto) : { version: document.signed.version })
  }
  return withMeta(heading('snapshot', next(previous, head)), Object.fromEntries(meta))
}

/** The next timestamp, for a snapshot that is new or stays (TUF 1.0.34 §4.6). */
export function nextTimestamp(
  previous: Timestamp | null,
  snapshot: Document<Snapshot>,
  head: NextHeading,
  crypto: Crypto,
): JsonObject {
  return withMeta(heading('timestamp', next(previous, head)), { 'snapshot.json': announce(snapshot, crypto) })
}

const withMeta = ({ _type, expires, ...rest }: Record<string, Json>, meta: JsonObject): JsonObject =>
  ({ _type, expires, meta, ...rest }) as JsonObject

/** A heading whose version is the next one; `taken`: a version that clients may have seen although `previous` is older. */
export type NextHeading = Omit<Heading, 'version'> & { readonly taken?: number }

const next = (previous: Common | null, { taken = 0, ...head }: NextHeading): Heading => ({
  ...head,
  version: Math.max(previous?.version ?? 0, taken) + 1,
})

/** A signature as metadata carries it. `signature` in DER for ECDSA, and as `writeAssertion` writes it for a passkey. */
export function signatureBy(key: RoleKey, signature: Uint8Array, crypto: Crypto): Signature {
  return { keyid: keyId(key, crypto), sig: toHex(signature) }
}

/** The file of a `signed` object and its signatures, one for each key: a later one takes an earlier one's place. */
export function seal(signed: JsonObject, signatures: readonly Signature[]): Uint8Array {
  return sealText(signed, canonicalText(signed), signatures)
}

/** The same when what was signed is at hand as text (`canonicalText`): it stands in the file as it is. */
export function sealText(signed: JsonObject, text: string, signatures: readonly Signature[]): Uint8Array {
  const once = [...new Map(signatures.map(signature => [signature.keyid, signature])).values()]
  // Canonical JSON escapes less than JSON does: what holds such characters is written by the rules of JSON.
  if (ESCAPED.test(text)) return writeJson({ signatures: once, signed: inCanonicalOrder(signed) })
  return utf8(`{"signatures":${JSON.stringify(once)},"signed":${text}}`)
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what JSON escapes
const ESCAPED = /[\x00-\x1f\\]/

/** The name that a file is published under (TUF 1.0.34 §6.2, consistent snapshots): `7.snapshot.json`, `timestamp.json`. */
export function fileName(role: string, version: number): string {
  return role === 'timestamp' ? 'timestamp.json' : `${version}.${role}.json`
}

function announce(document: Document<Common>, crypto: Crypto): JsonObject {
  const { bytes, signed } = document
  return { hashes: { sha256: toHex(crypto.sha256(bytes)) }, length: bytes.length, version: signed.version }
}

const writeTarget = ({ length, sha256, custom }: Target): JsonObject => ({
  ...(custom === null ? {} : { custom }),
  hashes: { sha256 },
  length,
})

function writeRole(name: string, { keys, threshold }: RoleSpec, crypto: Crypto): JsonObject | Refusal {
  const different = new Map(keys.map(key => [keyMaterial(key), key]))
  if (!Number.isSafeInteger(threshold) || threshold < 1 || threshold > different.size) {
    return refuse('role-unsatisfiable', name, `a threshold from 1 to ${different.size}`, String(threshold))
  }
  return { keyids: [...different.values()].map(key => keyId(key, crypto)), threshold }
}

function keyTable(keys: readonly RoleKey[], crypto: Crypto): JsonObject {
  return Object.fromEntries(keys.map(key => [keyId(key, crypto), keyObject(key) as unknown as JsonObject]))
}
