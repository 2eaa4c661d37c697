import { sameBytes } from '../encoding/bytes.ts'
import { canonicalJson, type JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'
import type { Instant } from '../encoding/units.ts'
import { formatUtc } from '../encoding/utc-time.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { type CeremonyNote, NOTE, OWNERS, ownersOf, writeNote } from './ceremony-note.ts'
import { changeKeys, type KeyChanges, keyTableOf, ownersMember } from './key-change.ts'
import type { DelegatedRole, Root, Targets } from './metadata.ts'

/** A delegation that a ceremony makes; its keys come by `KeyChanges` with its name as the role. */
export type NewDelegation = { readonly name: string; readonly paths: readonly string[]; readonly terminating: boolean }

/** What a ceremony changes about targets: delegations, and targets that are taken away. It never adds a target. */
export type TargetsChanges = {
  readonly delegate: NewDelegation | null
  readonly undelegate: readonly string[]
  readonly withdraw: readonly string[]
}

/** When the next document expires, and at which ceremony it is signed. */
export type Occasion = { readonly expires: Instant; readonly note: CeremonyNote }

const NO_KEYS: KeyChanges = { replace: [], add: [], remove: [], threshold: null, role: 'root', name: [] }

/**
 * The root after some changes: the next version; members that are not known here stay as they were. Refuses what
 * `changeKeys` and `ownersOf` refuse.
 */
export function changedRoot(
  previous: Root,
  changes: KeyChanges | null,
  { expires, note }: Occasion,
  crypto: Crypto,
): JsonObject | Refusal {
  const owners = ownersOf(previous, 'root')
  if (isRefusal(owners)) return owners
  const table = keyTableOf(previous.raw.keys as JsonObject, previous.keys, Object.entries(previous.roles), owners)
  const fault = changeKeys(table, changes ?? NO_KEYS, crypto)
  if (fault !== null) return fault
  const before = previous.raw.roles as Readonly<Record<string, JsonObject>>
  const roles = Object.fromEntries(
    Object.entries(before).map(([name, role]) => [name, { ...role, ...table.roles.get(name) }]),
  )
  const version = previous.version + 1
  const head = { version, expires: formatUtc(expires), keys: Object.fromEntries(table.keys), roles }
  const { [OWNERS]: _, ...kept } = previous.raw
  return { ...kept, ...head, ...ownersMember(table.owners), [NOTE]: writeNote(note) }
}

/**
 * The top-level targets after some changes: the next version, the same targets but for those that are withdrawn. Without
 * changes it is the same content for other signers. `keys` are changes to a delegated role's keys. Refuses what
 * `changeKeys` and `ownersOf` refuse, `ceremony-key-unknown` for a delegation or a target that is not there,
 * `ceremony-key-twice` for a delegation that is.
 */
export function changedTargets(
  previous: Targets,
  changes: TargetsChanges,
  keys: KeyChanges | null,
  { expires, note }: Occasion,
  crypto: Crypto,
): JsonObject | Refusal {
  const delegations = nextDelegations(previous, changes, keys, crypto)
  if (isRefusal(delegations)) return delegations
  const gone = changes.withdraw.find(path => !previous.targets.has(path))
  if (gone !== undefined) return refuse('ceremony-key-unknown', gone, 'a target of the repository', 'none of that path')
  const withdrawn = new Set(changes.withdraw)
  const targets = Object.entries(previous.raw.targets as JsonObject).filter(([path]) => !withdrawn.has(path))
  const { [OWNERS]: _, delegations: __, ...kept } = previous.raw
  const head = { version: previous.version + 1, expires: formatUtc(expires), targets: Object.fromEntries(targets) }
  return { ...kept, ...head, ...delegations, [NOTE]: writeNote(note) }
}

/** The members of the next targets that delegate. */
function nextDelegations(
  previous: Targets,
  { delegate, undelegate }: TargetsChanges,
  keys: KeyChanges | null,
  crypto: Crypto,
): JsonObject | Refusal {
  const owners = ownersOf(previous, 'targets')
  if (isRefusal(owners)) return owners
  const before = previous.delegations
  if (before?.succinct) return refuse('ceremony-malformed', 'targets', 'delegations by name', 'hash bins')
  const raw = (previous.raw.delegations ?? { keys: {}, roles: [] }) as {
    keys: JsonObject
    roles: readonly JsonObject[]
  }
  const named = before?.roles ?? []
  const gone = undelegate.find(name => !named.some(role => role.name === name))
  if (gone !== undefined) return refuse('ceremony-key-unknown', `role ${gone}`, 'a delegated role', 'none of that name')
  const roles = new Map(
    raw.roles.filter(role => !undelegate.includes(role.name as string)).map(role => [role.name, role]),
  )
  const holders: [string, Pick<DelegatedRole, 'keyids' | 'threshold'>][] = named
    .filter(({ name }) => roles.has(name))
    .map(role => [role.name, role])
  if (delegate !== null) {
    const { name, paths, terminating } = delegate
    if (roles.has(name)) return refuse('ceremony-key-twice', `role ${name}`, 'a role that is new', 'one that is there')
    roles.set(name, { name, paths, terminating, keyids: [], threshold: 1 })
    holders.push([name, { keyids: [], threshold: 1 }])
  }
  const table = keyTableOf(raw.keys, before?.keys ?? new Map(), holders, owners)
  const fault = keys === null ? null : changeKeys(table, keys, crypto)
  if (fault !== null) return fault
  if (roles.size === 0) return {}
  const written = [...roles].map(([name, role]) => ({ ...role, ...table.roles.get(name as string) }))
  const used = new Set([...table.roles.values()].flatMap(({ keyids }) => keyids))
  const kept = [...table.keys].filter(([keyid]) => used.has(keyid))
  const members = { ...raw, keys: Object.fromEntries(kept), roles: written } as unknown as JsonObject
  return { delegations: members, ...ownersMember(new Map([...table.owners].filter(([keyid]) => used.has(keyid)))) }
}

/** Whether the next document says anything else than the one before, beside version, expiry and ceremony. */
export function saysMore(before: JsonObject, after: JsonObject): boolean {
  const content = ({ version: _, expires: __, [NOTE]: ___, ...rest }: Record<string, unknown>) => rest as JsonObject
  return !sameBytes(canonicalJson(content(before)), canonicalJson(content(after)))
}
