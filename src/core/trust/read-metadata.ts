import { canonicalJson, type Json, JsonFault, type JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto, PublicKey } from '../encoding/crypto.ts'
import { line, list, Misfit, type Shape, text, then, truth, whole, word } from '../encoding/shape.ts'
import { readJson } from '../encoding/strict-json.ts'
import { parseUtc } from '../encoding/utc-time.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { keyIdOf, publicKeyOf } from './keys.ts'
import {
  type Delegations,
  type Document,
  MAX_METADATA_BYTES,
  type MetadataType,
  type MetaFile,
  ROLE_NAME,
  type RoleKeys,
  type Signature,
  type Signed,
  type Target,
} from './metadata.ts'
import { anyObject, map, open } from './open-shape.ts'
import { TARGET_PATH } from './target-path.ts'

const MAX_KEYS = 256
const MAX_SIGNATURES = 64
const MAX_ROLES = 1024
const MAX_TARGETS = 100_000
const MAX_PATTERNS = 256

const keyidShape = text('a key id of 64 lower-case hex digits', /^[0-9a-f]{64}$/)
const digestShape = text('a SHA-256 of 64 lower-case hex digits', /^[0-9a-f]{64}$/)
const sizeShape = whole(0, Number.MAX_SAFE_INTEGER)
const hashes = open({ sha256: digestShape })

/** A list in which nothing stands twice. */
function distinct<T>(shape: Shape<readonly T[]>, name: (item: T) => string): Shape<readonly T[]> {
  return then(shape, (items, at) => {
    const seen = new Set(items.map(name))
    return seen.size === items.length ? items : new Misfit(at, 'each entry once', 'one of them twice')
  })
}

const roleKeys: Shape<RoleKeys> = open({
  keyids: distinct(list(keyidShape, 0, MAX_KEYS), id => id),
  threshold: whole(1, MAX_KEYS),
})

const keyShape = then(
  open({
    keytype: line(64),
    scheme: line(64),
    keyval: open({ public: text('a public key', /^[\s\x20-\x7e]{1,8192}$/) }),
  }),
  publicKeyOf,
) as Shape<PublicKey | null>
/** A key keeps its raw object until its id has been computed over it. */
const rawKey: Shape<{ key: PublicKey | null; raw: JsonObject }> = (value, at) => {
  const key = keyShape(value, at)
  return key instanceof Misfit ? key : { key, raw: value as JsonObject }
}
const keyRing = map(keyidShape, () => rawKey, MAX_KEYS)
type RawRing = Exclude<ReturnType<typeof keyRing>, Misfit>

const metaFile: Shape<MetaFile> = then(
  open({ version: whole(1, Number.MAX_SAFE_INTEGER) }, { length: whole(1, Number.MAX_SAFE_INTEGER), hashes }),
  ({ version, length, hashes: digests }) => ({
    version,
    ...(length === undefined ? {} : { length }),
    ...(digests === undefined ? {} : { sha256: digests.sha256 }),
  }),
)

const target = (path: string): Shape<Target> =>
  then(open({ length: sizeShape, hashes }, { custom: anyObject }), ({ length, hashes: { sha256 }, custom }) => ({
    path,
    length,
    sha256,
    custom: (custom ?? null) as Json,
  }))

const delegatedRole = then(
  open(
    {
      name: text('a role name of letters, digits and . _ -', ROLE_NAME),
      keyids: distinct(list(keyidShape, 0, MAX_KEYS), id => id),
      threshold: whole(1, MAX_KEYS),
      terminating: truth,
    },
    {
      paths: list(text('a path pattern', /^[\x21-\x7e]{1,512}$/), 0, MAX_PATTERNS),
      path_hash_prefixes: list(text('hex digits', /^[0-9a-f]{1,64}$/), 0, 1 << 14),
    },
  ),
  ({ paths = null, path_hash_prefixes: pathHashPrefixes = null, ...role }, at) =>
    (paths === null) === (pathHashPrefixes === null)
      ? new Misfit(at, 'either paths or path_hash_prefixes', paths === null ? 'neither' : 'both')
      : { ...role, paths, pathHashPrefixes },
)

const common = {
  version: whole(1, Number.MAX_SAFE_INTEGER),
  spec_version: text('a 1.x version of the specification', /^1\.[0-9]{1,4}(?:\.[0-9]{1,4})?$/),
  expires: then(
    line(32),
    (value, at) => parseUtc(value) ?? new Misfit(at, 'a time such as 2030-01-31T00:00:00Z', value),
  ),
}

const shapes = {
  root: open({
    ...common,
    _type: word('root'),
    consistent_snapshot: (value, at) =>
      value === true ? true : new Misfit(at, 'true', value === false ? 'false' : 'something else'),
    keys: keyRing,
    roles: open({ root: roleKeys, timestamp: roleKeys, snapshot: roleKeys, targets: roleKeys }),
  }),
  timestamp: then(
    open({ ...common, _type: word('timestamp'), meta: open({ 'snapshot.json': metaFile }) }),
    ({ meta, ...rest }) => ({ ...rest, snapshot: meta['snapshot.json'] }),
  ),
  snapshot: then(
    open({
      ...common,
      _type: word('snapshot'),
      meta: map(
        then(text('the file name of a targets role', /^[^/]{1,70}\.json$/), (name, at) => {
          const role = name.slice(0, -'.json'.length)
          return role === 'targets' || ROLE_NAME.test(role) ? role : new Misfit(at, 'the name of a targets role', role)
        }),
        () => metaFile,
        MAX_ROLES,
      ),
    }),
    (signed, at) => (signed.meta.has('targets') ? signed : new Misfit(`${at}meta`, 'targets.json in it', 'none')),
  ),
  targets: open(
    {
      ...common,
      _type: word('targets'),
      targets: map(text('a relative path of plain names', TARGET_PATH), target, MAX_TARGETS),
    },
    {
      delegations: open({ keys: keyRing, roles: distinct(list(delegatedRole, 0, MAX_ROLES), role => role.name) }),
    },
  ),
} satisfies Record<MetadataType, Shape<unknown>>

const fileShape = open({
  signed: anyObject,
  signatures: distinct(
    list(
      open({ keyid: keyidShape, sig: text('a signature in hex', /^(?:[0-9a-f]{2}){0,8192}$/) }),
      0,
      MAX_SIGNATURES,
    ) as Shape<readonly Signature[]>,
    signature => signature.keyid,
  ),
})

/**
 * Reads a metadata file of one type (TUF 1.0.34 §4). `subject` names the file in a refusal. Nothing is verified but its
 * form, and that each key id is the key's own. Refuses `metadata-too-large`, `metadata-unreadable`, `metadata-malformed`,
 * `metadata-key-id-mismatch`.
 */
export function readMetadata<Type extends MetadataType>(
  type: Type,
  bytes: Uint8Array,
  subject: string,
  crypto: Crypto,
): Document<Signed[Type]> | Refusal {
  const limit = MAX_METADATA_BYTES[type]
  if (bytes.length > limit) {
    return refuse('metadata-too-large', subject, `at most ${limit} bytes`, `${bytes.length}`, 'TUF 1.0.34 §1.5.2')
  }
  const json = readJson(bytes, limit)
  if (json instanceof JsonFault) return refuse('metadata-unreadable', subject, 'strict JSON', json.message)
  const file = fileShape(json, '')
  if (file instanceof Misfit) return malformed(subject, file)
  const signed = readSigned(type, file.signed as JsonObject, subject, crypto)
  return isRefusal(signed) ? signed : { bytes, signed, signatures: file.signatures }
}

/** Reads a `signed` object on its own, as an author does before it is signed. Refuses as `readMetadata` does. */
export function readSigned<Type extends MetadataType>(
  type: Type,
  raw: JsonObject,
  subject: string,
  crypto: Crypto,
): Signed[Type] | Refusal {
  const read = (shapes[type] as Shape<Record<string, unknown>>)(raw, '')
  if (read instanceof Misfit) return malformed(subject, read)
  const signed: Record<string, unknown> & { raw: JsonObject } = { ...read, raw }
  if (type === 'root') {
    const keys = ownIds(signed.keys as RawRing, subject, crypto)
    if (isRefusal(keys)) return keys
    signed.keys = keys
  }
  if (type === 'targets') {
    const delegations = signed.delegations as { keys: RawRing; roles: Delegations['roles'] } | undefined
    const keys = ownIds(delegations?.keys ?? new Map(), subject, crypto)
    if (isRefusal(keys)) return keys
    signed.delegations = delegations === undefined ? null : { keys, roles: delegations.roles }
  }
  return signed as unknown as Signed[Type]
}

/** Key ids are computed, not believed (TUF 1.0.34 §4.2.1). */
function ownIds(ring: RawRing, subject: string, crypto: Crypto): Map<string, PublicKey | null> | Refusal {
  const keys = new Map<string, PublicKey | null>()
  for (const [id, { key, raw }] of ring) {
    const own = keyIdOf(raw, crypto)
    if (own !== id) return refuse('metadata-key-id-mismatch', subject, own, id, 'TUF 1.0.34 §4.2.1')
    keys.set(id, key)
  }
  return keys
}

/** The bytes that a signature is over: the canonical JSON of the whole `signed` object (TUF 1.0.34 §4.2). */
export function signableBytes(raw: JsonObject): Uint8Array {
  return canonicalJson(raw)
}

const malformed = (subject: string, { at, expected, actual }: Misfit): Refusal =>
  refuse('metadata-malformed', subject, expected, `${actual} at ${at || 'the top'}`)
