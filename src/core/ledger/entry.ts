import { byCodePoint, canonicalJson, type Json, JsonFault, type JsonObject } from '../encoding/canonical-json.ts'
import { plainText } from '../encoding/plain-text.ts'
import { described, exactly, line, list, Misfit, object, shown, text, then, whole, word } from '../encoding/shape.ts'
import { readSpelledJson } from '../encoding/strict-json.ts'
import { type Instant, instant } from '../encoding/units.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { MAX_BUNDLED_BYTES } from './bundle.ts'
import { type EntryKind, entryKinds, isEntryKind } from './entry-kinds.ts'
import { isPseudonym } from './pseudonym.ts'

/** How good the clock was that an entry's time comes from. `free` runs by itself; `simulated` is a test's or a demo's. */
export type ClockQuality = 'synchronised' | 'free' | 'simulated' | 'unknown'

/**
 * Who did it. `id`: of a person or service a pseudonym (pseudonym.ts), or `stranger`; of a device its name. `key`: the SHA-256
 * (hex) that says what they proved to hold: of a key its id, of a certificate its public key, of a token or session its secret.
 * `roles`: the roles that allowed it, each with its scope, as `ROLE@SCOPE`.
 */
export type Actor = {
  readonly kind: 'person' | 'gateway' | 'controller' | 'fleet' | 'oem'
  readonly id: string
  readonly key?: string
  readonly roles?: readonly string[]
}

/** Somebody who has proved to be nobody whom the fleet knows. */
export const STRANGER = 'stranger'

/**
 * Where an entry was first written, when that was not here: the gateway's name, and its place in that gateway's log. `kind`: what
 * it was there (`lost`: what the gateway says that it lost, up to that number). `item` and `head`: its digest and the head of the gateway's log behind it, in hex
 * (core/ledger/site-chain.ts).
 */
export type EntryOrigin = {
  readonly gateway: string
  readonly sequence: number
  readonly kind: 'entry' | 'report' | 'history' | 'lost'
  readonly item: string
  readonly head: string
}

/**
 * One entry of the audit log. `release` is the SHA-256 (hex) of the release's envelope, `changeRequest` the operator's
 * own number for the change, `code` a refusal code. `detail` holds what else the kind says; never a secret.
 */
export type AuditEntry = {
  readonly v: typeof ENTRY_VERSION
  readonly kind: EntryKind
  readonly at: Instant
  readonly clock: ClockQuality
  readonly actor: Actor
  readonly site?: string
  readonly controller?: string
  readonly campaign?: string
  readonly release?: string
  readonly changeRequest?: string
  readonly code?: string
  readonly detail: JsonObject
  readonly origin?: EntryOrigin
}

/**
 * The version of what an entry is. New kinds and new details come without a new one: a reader finds the kind unknown and goes on.
 * A member that changes its meaning, or goes, is a new version: a reader of before says `entry-version-newer`, and reads
 * nothing into it. Either way the entry is a leaf of the tree like any other: what it says may be beyond a reader, that it
 * was logged is not.
 */
export const ENTRY_VERSION = 1

/** An entry has to fit into a bundle of entries. */
export const MAX_ENTRY_BYTES = MAX_BUNDLED_BYTES

const MAX_TEXT = 4000
const MAX_ITEMS = 1000
const MAX_DEPTH = 8
const id = line(128)
const digest = text('a SHA-256 in hex', /^[0-9a-f]{64}$/)
const kind = then(line(64), (value, at) =>
  isEntryKind(value) ? value : new Misfit(at, `one of ${Object.keys(entryKinds).length} kinds`, shown(value)),
)

const actor = then(
  object(
    { kind: word('person', 'gateway', 'controller', 'fleet', 'oem'), id },
    {
      key: text('8 to 128 hex digits', /^[0-9a-f]{8,128}$/),
      roles: list(text('ROLE@SCOPE', /^[a-z-]{1,32}@(?:fleet|(?:region|site):[a-z0-9._-]{1,64})$/), 1, 64),
    },
  ),
  (read, at) => {
    // A name that got in would stay for ever, and go wherever the log goes.
    const unnamed = read.kind !== 'person' || read.id === STRANGER || isPseudonym(read.id)
    return unnamed ? read : new Misfit(`${at}.id`, 'the pseudonym of a person', 'a name')
  },
)

const detail = described(
  {
    type: 'object',
    description: 'what else the kind says (docs/audit-entries.md); whole numbers, no secret, no name of a person',
  },
  (value, at): JsonObject | Misfit => {
    const read = readDetail(value, at, 0)
    if (read instanceof Misfit) return read
    const isObject = typeof read === 'object' && read !== null && !Array.isArray(read)
    return isObject ? (read as JsonObject) : new Misfit(at, 'an object', shown(value))
  },
)

/** The members of an entry: the parser, and the published schema (entry-schema.ts), are both made of these. */
export const entryShape = object(
  {
    v: exactly(ENTRY_VERSION),
    kind,
    at: then(whole(0, 8_640_000_000_000_000), value => instant(value)),
    clock: word('synchronised', 'free', 'simulated', 'unknown'),
    actor,
    detail,
  },
  {
    site: id,
    controller: id,
    campaign: id,
    release: text('64 hex digits', /^[0-9a-f]{64}$/),
    changeRequest: line(120),
    code: line(100),
    origin: object({
      gateway: id,
      sequence: whole(1, Number.MAX_SAFE_INTEGER),
      kind: word('entry', 'report', 'history', 'lost'),
      item: digest,
      head: digest,
    }),
  },
)

const detailText = line(MAX_TEXT, 0)
const detailName = line(120, 0)

/** The details that an entry can hold: JSON with whole numbers, bounded, texts of one line. */
function readDetail(value: unknown, at: string, depth: number): Json | Misfit {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? value : new Misfit(at, 'a whole number', shown(value))
  if (typeof value === 'string') return detailText(value, at)
  if (typeof value !== 'object' || depth >= MAX_DEPTH) return new Misfit(at, 'JSON of little depth', shown(value))
  const members = Object.entries(value)
  if (members.length > MAX_ITEMS) return new Misfit(at, `at most ${MAX_ITEMS} members`, String(members.length))
  for (const [name, member] of members) {
    const fits = detailName(name, at)
    const read = fits instanceof Misfit ? fits : readDetail(member, `${at}.${name}`, depth + 1)
    if (read instanceof Misfit) return read
  }
  return value as Json
}

/**
 * The entry's bytes: canonical JSON, what is hashed and kept for ever. Texts of the details that came from outside are
 * made one line first, so that an odd error text cannot stop the log. Refuses `entry-malformed`, `entry-kind-unknown`,
 * `entry-too-large`.
 */
export function entryBytes(entry: AuditEntry): Uint8Array | Refusal {
  const subject = `entry ${plainText(String(entry.kind), 64)}`
  const checked = checkEntry({ ...entry, detail: cleaned(entry.detail, 0) }, subject)
  if (isRefusal(checked)) return checked
  const bytes = canonicalJson(checked as unknown as Json)
  if (bytes.length <= MAX_ENTRY_BYTES) return bytes
  return refuse('entry-too-large', subject, `at most ${MAX_ENTRY_BYTES} bytes`, `${bytes.length}`)
}

function cleaned(value: Json | undefined, depth: number): Json {
  if (typeof value === 'string') return plainText(value, MAX_TEXT)
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value ?? null
  if (Array.isArray(value)) return value.map(item => cleaned(item, depth + 1))
  const members: [string, Json][] = []
  for (const [name, member] of Object.entries(value as JsonObject)) {
    if (member !== undefined) members.push([memberName(name), cleaned(member, depth + 1)])
  }
  // In canonical order, like all the rest: it is written without sorting then.
  return Object.fromEntries(members.sort(([a], [b]) => byCodePoint(a, b)))
}

/** Whether `cleaned` leaves details as they are: what was read has texts of one line, which may still have spaces at an end. */
function isClean(value: Json): boolean {
  if (typeof value === 'string') return value === value.trim()
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isClean)
  return Object.entries(value).every(([name, member]) => name === name.trim() && isClean(member))
}

/** A strict reader refuses a member of that name: it would be read back as something else. */
const memberName = (name: string): string => (name === '__proto__' ? 'proto' : plainText(name, 120))

/**
 * Reads an entry from its bytes, which must be the ones that `entryBytes` makes of it. Refuses `entry-too-large`, `entry-malformed`,
 * `entry-version-newer`, `entry-kind-unknown`, `entry-not-canonical`.
 */
export function parseEntry(bytes: Uint8Array, subject: string): AuditEntry | Refusal {
  if (bytes.length > MAX_ENTRY_BYTES) {
    return refuse('entry-too-large', subject, `at most ${MAX_ENTRY_BYTES} bytes`, `${bytes.length}`)
  }
  const json = readSpelledJson(bytes, MAX_ENTRY_BYTES)
  if (json instanceof JsonFault) return refuse('entry-malformed', subject, 'an entry in JSON', json.message)
  const entry = checkEntry(json.value, subject)
  if (isRefusal(entry)) return entry
  // As `entryBytes` would write it, cleaned: an entry that is passed on stays what it was, byte for byte.
  if (json.canonical && isClean(entry.detail)) return entry
  return refuse('entry-not-canonical', subject, 'canonical JSON', 'the same entry in another spelling')
}

function checkEntry(value: unknown, subject: string): AuditEntry | Refusal {
  const { v } = (typeof value === 'object' && value !== null ? value : {}) as { readonly v?: unknown }
  if (typeof v === 'number' && Number.isSafeInteger(v) && v > ENTRY_VERSION) {
    return refuse('entry-version-newer', subject, `version ${ENTRY_VERSION}`, `version ${v}`)
  }
  const read = entryShape(value, '')
  if (!(read instanceof Misfit)) return read
  const code = read.at === 'kind' && read.expected.startsWith('one of') ? 'entry-kind-unknown' : 'entry-malformed'
  return refuse(code, subject, read.expected, `${read.actual} at ${read.at || 'the top'}`)
}

/** A gateway's own entry as it goes into the fleet's log: the same words, and where they came from. */
export function withOrigin(entry: AuditEntry, origin: EntryOrigin): AuditEntry {
  return { ...entry, origin }
}

/** The entry as its gateway wrote it. */
export function withoutOrigin({ origin: _origin, ...entry }: AuditEntry): Omit<AuditEntry, 'origin'> {
  return entry
}
