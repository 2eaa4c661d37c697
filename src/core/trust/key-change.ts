import type { Json, JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { OWNERS } from './ceremony-note.ts'
import { isPasskey, keyId, keyMaterial, keyObject, type RoleKey } from './keys.ts'
import type { KeyRing, RoleKeys } from './metadata.ts'
import { worthOf } from './signatures.ts'

/** A key that comes in, and whose it is; without a name it takes over the name of the key that it replaces. */
export type NewKey = { readonly key: RoleKey; readonly owner: string | null }

/** What a ceremony changes about the keys of one document. Keys that are there are named by their ids. */
export type KeyChanges = {
  /** In every role of the document that names the old key, its place is taken by the new one. */
  readonly replace: readonly { readonly old: string; readonly by: NewKey }[]
  /** Of the role `role`. */
  readonly add: readonly NewKey[]
  readonly remove: readonly string[]
  readonly threshold: number | null
  readonly role: string
  /** Names for keys that are there already. */
  readonly name: readonly { readonly keyid: string; readonly owner: string }[]
}

/** Keys, roles and names while they are being changed. `roles` in the order of the document. */
export type KeyTable = {
  readonly keys: Map<string, Json>
  readonly ring: Map<string, RoleKey | null>
  readonly roles: Map<string, { keyids: string[]; threshold: number }>
  readonly owners: Map<string, string>
}

/** A table of what a document holds; its key objects stay as they are, unknown members and all. */
export function keyTableOf(
  keys: JsonObject,
  ring: KeyRing,
  roles: Iterable<readonly [string, RoleKeys]>,
  owners: ReadonlyMap<string, string>,
): KeyTable {
  const copied = [...roles].map(([name, { keyids, threshold }]): [string, { keyids: string[]; threshold: number }] => {
    return [name, { keyids: [...keyids], threshold }]
  })
  return { keys: new Map(Object.entries(keys)), ring: new Map(ring), roles: new Map(copied), owners: new Map(owners) }
}

/**
 * Changes a table in place: replaces, adds, removes, sets the threshold, gives names, then forgets the keys that no role
 * names any more. Refuses `ceremony-key-unknown` (a key or a role that is not there), `ceremony-key-twice` (one that is
 * there already), `ceremony-owner-twice`, and `role-unsatisfiable`.
 */
export function changeKeys(table: KeyTable, changes: KeyChanges, crypto: Crypto): null | Refusal {
  for (const { old, by } of changes.replace) {
    const fault = replaceKey(table, old, by, crypto)
    if (fault !== null) return fault
  }
  const role = table.roles.get(changes.role)
  if (role === undefined) {
    return refuse('ceremony-key-unknown', `role ${changes.role}`, [...table.roles.keys()].join(', '), 'another role')
  }
  for (const keyid of changes.remove) {
    if (!role.keyids.includes(keyid)) return unknown(keyid, `a key of the role ${changes.role}`)
    role.keyids = role.keyids.filter(id => id !== keyid)
  }
  for (const { key, owner } of changes.add) {
    const keyid = enter(table, key, owner, crypto)
    if (role.keyids.includes(keyid)) return twice(keyid, changes.role)
    role.keyids.push(keyid)
  }
  if (changes.threshold !== null) role.threshold = changes.threshold
  for (const { keyid, owner } of changes.name) {
    if (!table.keys.has(keyid)) return unknown(keyid, 'a key of the document')
    table.owners.set(keyid, owner)
  }
  forgetUnused(table)
  return checkRoles(table.roles, table.ring, table.owners)
}

/**
 * Whether every role can be fulfilled, by different keys of different people: one key under two ids, or two keys under one
 * name, would count for two of n. Refuses `role-unsatisfiable`, `ceremony-key-twice`, `ceremony-owner-twice`.
 */
export function checkRoles(
  roles: Iterable<readonly [string, RoleKeys]>,
  ring: KeyRing,
  owners: ReadonlyMap<string, string>,
): null | Refusal {
  for (const [name, { keyids, threshold }] of roles) {
    const materials = new Map<string, string>()
    const people = new Map<string, string>()
    const known: RoleKey[] = []
    for (const keyid of keyids) {
      const key = ring.get(keyid) ?? null
      if (key === null) continue
      known.push(key)
      const material = keyMaterial(key)
      if (materials.has(material)) return twice(`${keyid} (the same key as ${materials.get(material)})`, name)
      materials.set(material, keyid)
      const owner = owners.get(keyid)
      if (owner === undefined) continue
      if (people.has(owner)) {
        const actual = `${people.get(owner)?.slice(0, 16)} and ${keyid.slice(0, 16)}`
        return refuse('ceremony-owner-twice', `role ${name}`, `one key of ${owner}`, actual)
      }
      people.set(owner, keyid)
    }
    if (threshold < 1 || threshold > materials.size) {
      return refuse('role-unsatisfiable', name, `a threshold from 1 to ${materials.size}`, String(threshold))
    }
    // One signature is never a passkey's: with a threshold of one, no passkey's would ever count.
    if (known.some(isPasskey) && (threshold < 2 || worthOf(known, threshold) < threshold)) {
      const expected = threshold < 2 ? 'a threshold of 2 or more, with passkeys' : 'a key beside the passkeys'
      const actual = threshold < 2 ? String(threshold) : 'passkeys alone'
      return refuse('role-unsatisfiable', name, expected, actual)
    }
  }
  return null
}

/** The members of a `signed` object that say who holds which key; none when nobody is named. */
export function ownersMember(owners: ReadonlyMap<string, string>): JsonObject {
  return owners.size === 0 ? {} : { [OWNERS]: Object.fromEntries([...owners]) }
}

function replaceKey(table: KeyTable, old: string, { key, owner }: NewKey, crypto: Crypto): null | Refusal {
  const holding = [...table.roles].filter(([, role]) => role.keyids.includes(old))
  if (holding.length === 0) return unknown(old, 'a key of the document')
  const name = owner ?? table.owners.get(old) ?? null
  const keyid = enter(table, key, name, crypto)
  if (keyid === old) return twice(keyid, holding[0]![0])
  for (const [of, role] of holding) {
    if (role.keyids.includes(keyid)) return twice(keyid, of)
    role.keyids = role.keyids.map(id => (id === old ? keyid : id))
  }
  return null
}

/** Puts a key into the table under the id that it has everywhere; one that is there stays as it is. */
function enter(table: KeyTable, key: RoleKey, owner: string | null, crypto: Crypto): string {
  const keyid = keyId(key, crypto)
  if (!table.keys.has(keyid)) {
    table.keys.set(keyid, keyObject(key) as unknown as JsonObject)
    table.ring.set(keyid, key)
  }
  if (owner !== null) table.owners.set(keyid, owner)
  return keyid
}

function forgetUnused({ keys, ring, roles, owners }: KeyTable): void {
  const used = new Set([...roles.values()].flatMap(({ keyids }) => keyids))
  for (const keyid of [...keys.keys()].filter(id => !used.has(id))) {
    keys.delete(keyid)
    ring.delete(keyid)
  }
  for (const keyid of [...owners.keys()].filter(id => !used.has(id))) owners.delete(keyid)
}

const unknown = (keyid: string, expected: string): Refusal =>
  refuse('ceremony-key-unknown', `key ${keyid.slice(0, 64)}`, expected, 'none of that id')

const twice = (keyid: string, role: string): Refusal =>
  refuse(
    'ceremony-key-twice',
    `key ${keyid.slice(0, 160)}`,
    `a key that the role ${role} does not have`,
    'one that it has',
  )
