import { canonicalJson, type Json, JsonFault, type JsonObject } from '../encoding/canonical-json.ts'
import { line, list, Misfit, object, type Shape, text, then, truth, whole, word } from '../encoding/shape.ts'
import { readJson } from '../encoding/strict-json.ts'
import { parseUtc } from '../encoding/utc-time.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { isPasskey, publicKeyOf, type RoleKey } from './keys.ts'
import {
  type Dialect,
  type Digests,
  type Document,
  type KeyRing,
  MAX_METADATA_BYTES,
  type MetadataType,
  type MetaFile,
  ROLE_NAME,
  type RoleKeys,
  type Signature,
  type Signed,
  type SuccinctRoles,
  type Target,
} from './metadata.ts'
import { anyObject, map, open } from './open-shape.ts'
import { TARGET_PATH } from './target-path.ts'

const MAX_KEYS = 256
const MAX_SIGNATURES = 64
const MAX_ROLES = 1024
/** Files that a snapshot announces: the bins of 16 bits, and some more. */
const MAX_META = 70_000
const MAX_TARGETS = 100_000
const MAX_PATTERNS = 256

/** A key id is a name within its document (TAP 12): what counts for a threshold is the key. */
const keyidShape = text('a key id of 1 to 128 characters', /^[\x21-\x7e]{1,128}$/)
const digestShape = text('a SHA-256 of 64 lower-case hex digits', /^[0-9a-f]{64}$/)
const anything: Shape<unknown> = value => value
const sizeShape = whole(0, Number.MAX_SAFE_INTEGER)
/** Of ours, nothing stands there that is not compared (Uptane 2.1.0 §5.4.2.4). */
const ourDigests: Shape<Digests> = object({ sha256: digestShape })
/** Digests by algorithms that are not known here say nothing; one that is known must be among them. */
const anyDigests: Shape<Digests> = then(
  open({}, { sha256: digestShape, sha512: text('a SHA-512 of 128 lower-case hex digits', /^[0-9a-f]{128}$/) }),
  (read, at) =>
    read.sha256 === undefined && read.sha512 === undefined
      ? new Misfit(at, 'sha256 or sha512', 'no digest that is known')
      : read,
)

/** A list in which nothing stands twice. */
function distinct<T>(shape: Shape<readonly T[]>, name: (item: T) => string): Shape<readonly T[]> {
  return then(shape, (items, at) => {
    const seen = new Set(items.map(name))
    return seen.size === items.length ? items : new Misfit(at, 'each entry once', 'one of them twice')
  })
}

const roleMembers = {
  keyids: distinct(list(keyidShape, 0, MAX_KEYS), id => id),
  threshold: whole(1, MAX_KEYS),
}
const roleKeys: Shape<RoleKeys> = open(roleMembers)

/** How a dialect names roles and targets, and what it takes beside the names. */
type Rules = {
  readonly role: Shape<string>
  readonly path: Shape<string>
  readonly consistent: Shape<boolean>
  readonly digests: Shape<Digests>
  /** Algorithms that are read as a kind of key that is not known. */
  readonly unknown: ReadonlySet<RoleKey['alg']>
  /** The boards that a delegation is for: a member of ours. */
  readonly boards: Shape<readonly string[] | null>
}

/** What a passkey says beside its public key. In a key of another kind they say nothing, whatever they are. */
const maybeText: Shape<string | undefined> = value => (typeof value === 'string' ? value : undefined)
const PASSKEY_PARTS = { rpId: maybeText, origin: maybeText, credentialId: maybeText }

const keyRing = ({ unknown }: Rules) => {
  const shape: Shape<RoleKey | null> = then(
    open({
      keytype: line(64),
      scheme: line(64),
      keyval: open({ public: text('a public key', /^[\s\x20-\x7e]{1,8192}$/) }, PASSKEY_PARTS),
    }),
    object => {
      const key = publicKeyOf(object)
      return key === null || unknown.has(key.alg) ? null : key
    },
  )
  return map(keyidShape, () => shape, MAX_KEYS)
}

const metaFile = ({ digests: hashes }: Rules): Shape<MetaFile> =>
  then(
    open({ version: whole(1, Number.MAX_SAFE_INTEGER) }, { length: whole(1, Number.MAX_SAFE_INTEGER), hashes }),
    ({ version, length, hashes: digests }) => ({ version, ...(length === undefined ? {} : { length }), ...digests }),
  )

const target = ({ digests: hashes }: Rules) => {
  const members = open({ length: sizeShape, hashes }, { custom: anyObject })
  return (path: string): Shape<Target> =>
    then(members, ({ length, hashes: digests, custom }) => {
      return { path, length, sha256: '', ...digests, custom: (custom ?? null) as Json }
    })
}

const isFree = (value: string): boolean => !/^(?:root|timestamp|snapshot|targets)$/.test(value)
const anyRole: Shape<string> = then(line(256), (name, at) =>
  isFree(name) ? name : new Misfit(at, 'the name of a delegated role', name),
)

const RULES: Readonly<Record<Dialect, Rules>> = {
  voltseal: {
    role: text('a role name of letters, digits and . _ -', ROLE_NAME),
    path: text('a relative path of plain names', TARGET_PATH),
    consistent: (value, at) =>
      value === true ? true : new Misfit(at, 'true', value === false ? 'false' : 'something else'),
    digests: ourDigests,
    // Old repositories of others sign like this. Of ours none ever did, and none shall.
    unknown: new Set(['rsa-pkcs1']),
    boards: list(text('CLASS or CLASS/REVISION', /^[A-Za-z0-9][\w.-]{0,63}(?:\/[A-Za-z0-9][\w.-]{0,63})?$/), 1, 256),
  },
  tuf: {
    role: anyRole,
    path: line(1024),
    // No `consistent_snapshot` means false (TUF 1.0.34 §4.3).
    consistent: (value, at) => (value === undefined ? false : truth(value, at)),
    digests: anyDigests,
    // In a browser nobody approves what others publish.
    unknown: new Set(['webauthn-es256']),
    boards: () => null,
  },
}

const delegatedRole = ({ role: name, boards }: Rules) =>
  then(
    open(
      { name, ...roleMembers, terminating: truth },
      {
        paths: list(text('a path pattern', /^[\x21-\x7e]{1,512}$/), 0, MAX_PATTERNS),
        path_hash_prefixes: list(text('hex digits', /^[0-9a-f]{1,64}$/), 0, 1 << 14),
        hardware: boards,
      },
    ),
    ({ paths = null, path_hash_prefixes: pathHashPrefixes = null, hardware = null, ...role }, at) =>
      (paths === null) === (pathHashPrefixes === null)
        ? new Misfit(at, 'either paths or path_hash_prefixes', paths === null ? 'neither' : 'both')
        : { ...role, paths, pathHashPrefixes, hardware },
  )

/** Hash bins (TAP 15): at most 32 bits, and a prefix with which each of them has a name. */
const succinctRoles = ({ role }: Rules): Shape<SuccinctRoles> =>
  then(open({ ...roleMembers, bit_length: whole(1, 32), name_prefix: line(200) }), (read, at) => {
    const { bit_length: bitLength, name_prefix: prefix, keyids, threshold } = read
    const named = role(`${prefix}-0`, at)
    return named instanceof Misfit ? named : { keyids, threshold, bitLength, prefix }
  })

const common = {
  version: whole(1, Number.MAX_SAFE_INTEGER),
  spec_version: text('a 1.x version of the specification', /^1\.[0-9]{1,4}(?:\.[0-9]{1,4})?$/),
  expires: then(
    line(32),
    (value, at) => parseUtc(value) ?? new Misfit(at, 'a time such as 2030-01-31T00:00:00Z', value),
  ),
}

const shapesOf = (rules: Rules) => {
  const meta = metaFile(rules)
  return {
    root: then(
      open(
        {
          ...common,
          _type: word('root'),
          keys: keyRing(rules),
          roles: open({ root: roleKeys, timestamp: roleKeys, snapshot: roleKeys, targets: roleKeys }),
        },
        { consistent_snapshot: anything },
      ),
      ({ consistent_snapshot: value, ...rest }, at) => {
        const consistent = rules.consistent(value, `${at}consistent_snapshot`)
        return consistent instanceof Misfit ? consistent : { ...rest, consistent }
      },
    ),
    timestamp: then(
      // It describes the snapshot and nothing else (TUF 1.0.34 §4.6).
      open({ ...common, _type: word('timestamp'), meta: object({ 'snapshot.json': meta }) }),
      ({ meta: announced, ...rest }) => ({ ...rest, snapshot: announced['snapshot.json'] }),
    ),
    snapshot: then(
      open({ ...common, _type: word('snapshot'), meta: map(roleOfFile(rules), () => meta, MAX_META) }),
      (signed, at) => (signed.meta.has('targets') ? signed : new Misfit(`${at}meta`, 'targets.json in it', 'none')),
    ),
    targets: then(
      open(
        { ...common, _type: word('targets'), targets: map(rules.path, target(rules), MAX_TARGETS) },
        {
          delegations: open(
            { keys: keyRing(rules) },
            {
              roles: distinct(list(delegatedRole(rules), 0, MAX_ROLES), role => role.name),
              succinct_roles: succinctRoles(rules),
            },
          ),
        },
      ),
      ({ delegations, ...rest }, at) => {
        if (delegations === undefined) return { ...rest, delegations: null }
        const { keys, roles, succinct_roles: succinct } = delegations
        return (roles === undefined) === (succinct === undefined)
          ? new Misfit(`${at}delegations`, 'either roles or succinct_roles', roles === undefined ? 'neither' : 'both')
          : { ...rest, delegations: { keys, roles: roles ?? [], succinct: succinct ?? null } }
      },
    ),
  } satisfies Record<MetadataType, Shape<unknown>>
}

/** A role by the name of its file, in a snapshot. */
const roleOfFile = ({ role }: Rules): Shape<string> =>
  then(text('the file name of a targets role', /^.{1,256}\.json$/su), (file, at) => {
    const name = file.slice(0, -'.json'.length)
    return name === 'targets' ? name : role(name, at)
  })

const SHAPES = { voltseal: shapesOf(RULES.voltseal), tuf: shapesOf(RULES.tuf) } as const

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
 * form. Refuses `metadata-too-large`, `metadata-unreadable`, `metadata-malformed`.
 */
export function readMetadata<Type extends MetadataType>(
  type: Type,
  bytes: Uint8Array,
  subject: string,
  dialect: Dialect = 'voltseal',
): Document<Signed[Type]> | Refusal {
  const limit = MAX_METADATA_BYTES[type]
  if (bytes.length > limit) {
    return refuse('metadata-too-large', subject, `at most ${limit} bytes`, `${bytes.length}`, 'TUF 1.0.34 §1.5.2')
  }
  const json = readJson(bytes, limit)
  if (json instanceof JsonFault) return refuse('metadata-unreadable', subject, 'strict JSON', json.message)
  const file = fileShape(json, '')
  if (file instanceof Misfit) return malformed(subject, file)
  const signed = readSigned(type, file.signed as JsonObject, subject, dialect)
  return isRefusal(signed) ? signed : { bytes, signed, signatures: file.signatures }
}

/** Reads a `signed` object on its own, as an author does before it is signed. Refuses `metadata-malformed`. */
export function readSigned<Type extends MetadataType>(
  type: Type,
  raw: JsonObject,
  subject: string,
  dialect: Dialect = 'voltseal',
): Signed[Type] | Refusal {
  const read = (SHAPES[dialect][type] as Shape<object>)(raw, '')
  if (read instanceof Misfit) return malformed(subject, read)
  const signed = { ...read, raw } as unknown as Signed[Type]
  return refuseStrayPasskey(signed, subject) ?? signed
}

/**
 * A passkey stands in the root, for the targets alone, or nowhere: a browser shows what a page wants it to show, and must
 * never come to sign a root, what the server signs, or what a delegation is for. Of which repository's targets, says
 * `refusePasskeys`. Refuses `passkey-not-allowed`.
 */
function refuseStrayPasskey(signed: Signed[MetadataType], subject: string): Refusal | null {
  if ('delegations' in signed && signed.delegations !== null) {
    return refusePasskeys(signed.delegations.keys, 'a delegation', subject)
  }
  if (!('roles' in signed)) return null
  for (const [role, { keyids }] of Object.entries(signed.roles)) {
    if (role === 'targets') continue
    const fault = refusePasskeys(
      new Map(keyids.map(id => [id, signed.keys.get(id) ?? null])),
      `the role ${role}`,
      subject,
    )
    if (fault !== null) return fault
  }
  return null
}

/** Whether none of these keys is a passkey. Refuses `passkey-not-allowed`. */
export function refusePasskeys(keys: KeyRing, where: string, subject: string): Refusal | null {
  const stray = [...keys].find(([, key]) => key !== null && isPasskey(key))
  if (stray === undefined) return null
  const actual = `the passkey ${stray[0].slice(0, 16)} for ${where}`
  return refuse('passkey-not-allowed', subject, 'passkeys for the targets of the approval repository only', actual)
}

/** The bytes that a signature is over: the canonical JSON of the whole `signed` object (TUF 1.0.34 §4.2). */
export function signableBytes(raw: JsonObject): Uint8Array {
  return canonicalJson(raw)
}

const malformed = (subject: string, { at, expected, actual }: Misfit): Refusal =>
  refuse('metadata-malformed', subject, expected, `${actual} at ${at || 'the top'}`)
