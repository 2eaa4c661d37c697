import type { Json, JsonObject } from '../encoding/canonical-json.ts'
import type { Instant } from '../encoding/units.ts'
import type { RoleKey } from './keys.ts'

/** The four roles at the top of a repository (TUF 1.0.34 §2.1), and the names of delegated ones beside them. */
export type TopRole = 'root' | 'timestamp' | 'snapshot' | 'targets'

declare const brand: unique symbol
type Branded<Body, Name extends string> = Body & { readonly [brand]: Name }

/** Who may sign: key ids (each once) and how many different keys must. */
export type RoleKeys = { readonly keyids: readonly string[]; readonly threshold: number }

/** Keys by their id. Null: a kind of key that is not known here, which counts for nothing. */
export type KeyRing = ReadonlyMap<string, RoleKey | null>

/** What all metadata says. `raw` is the whole `signed` object, unknown members included: what signatures are over. */
export type Common = { readonly version: number; readonly expires: Instant; readonly raw: JsonObject }

/**
 * Which documents are read. `voltseal`: our own repositories, whose names of roles and paths are safe in file names, and
 * which have consistent snapshots. `tuf`: anybody's, whatever the names are; who stores them writes them as `quoted` says.
 */
export type Dialect = 'voltseal' | 'tuf'

/** Root (TUF 1.0.34 §4.3). `consistent`: files have their versions, and targets their digests, in their names (§6.2). */
export type Root = Branded<
  Common & {
    readonly keys: KeyRing
    readonly roles: Readonly<Record<TopRole, RoleKeys>>
    readonly consistent: boolean
  },
  'Root'
>

/** Digests of a file, in lower-case hex. Ours state SHA-256; repositories of others may state SHA-512, also alone. */
export type Digests = { readonly sha256?: string; readonly sha512?: string }

/** What a file announces of another one: its version and, when given, its length in bytes and its digests. */
export type MetaFile = Digests & { readonly version: number; readonly length?: number }

/** Timestamp (TUF 1.0.34 §4.6). */
export type Timestamp = Branded<Common & { readonly snapshot: MetaFile }, 'Timestamp'>

/** Snapshot (TUF 1.0.34 §4.4): what it announces of each targets role, by role name. */
export type Snapshot = Branded<Common & { readonly meta: ReadonlyMap<string, MetaFile> }, 'Snapshot'>

/**
 * A file that a repository vouches for. `length` in bytes, `sha256` in lower-case hex. Where a repository of others states
 * SHA-512 alone, `sha256` is empty, which no bytes have: who looks at it only refuses (`hasDigests` looks at both).
 */
export type Target = {
  readonly path: string
  readonly length: number
  readonly sha256: string
  readonly sha512?: string
  readonly custom: Json
}

/**
 * A delegated role, and which paths it may speak for. `hardware`: for which boards (Uptane 2.1.0 §5.2.3.2), each a class or
 * `CLASS/REVISION`; null for all.
 */
export type DelegatedRole = RoleKeys & {
  readonly name: string
  readonly terminating: boolean
  readonly paths: readonly string[] | null
  readonly pathHashPrefixes: readonly string[] | null
  readonly hardware: readonly string[] | null
}

/**
 * Hash bins without a list of them (TAP 15): 2^`bitLength` roles of the same keys, each for the paths whose SHA-256 begins
 * with the bits of its number.
 */
export type SuccinctRoles = RoleKeys & { readonly bitLength: number; readonly prefix: string }

/** What a targets role delegates: roles by name, or hash bins. */
export type Delegations = {
  readonly keys: KeyRing
  readonly roles: readonly DelegatedRole[]
  readonly succinct: SuccinctRoles | null
}

/** Targets, at the top or delegated (TUF 1.0.34 §4.5). Roles are a list in order of priority, whatever their names. */
export type Targets = Branded<
  Common & { readonly targets: ReadonlyMap<string, Target>; readonly delegations: Delegations | null },
  'Targets'
>

/** The parsed `signed` object of each `_type`. */
export type Signed = { root: Root; timestamp: Timestamp; snapshot: Snapshot; targets: Targets }
export type MetadataType = keyof Signed

export type Signature = { readonly keyid: string; readonly sig: string }

/** A metadata file that has been read but not yet verified by anyone: its bytes, and what they say. */
export type Document<T extends Common> = {
  readonly bytes: Uint8Array
  readonly signed: T
  readonly signatures: readonly Signature[]
}

/**
 * The most bytes that a file of each type may have. Room for tens of thousands of targets; little enough that the
 * endless-data attack (TUF 1.0.34 §1.5.2) ends early.
 */
export const MAX_METADATA_BYTES: Readonly<Record<MetadataType, number>> = {
  root: 512 * 1024,
  timestamp: 64 * 1024,
  snapshot: 2 * 1024 * 1024,
  targets: 8 * 1024 * 1024,
}

/** How a role's name stands in a file name or a URL: percent-encoded, all but letters, digits and `. _ ~ -`. */
export function quoted(role: string): string {
  return encodeURIComponent(role).replaceAll(/[!'()*]/g, sign => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** Names of delegated roles: safe in a file name. Names of digits only keep their place like any other. */
export const ROLE_NAME = /^(?!(?:root|timestamp|snapshot|targets)$)[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/
