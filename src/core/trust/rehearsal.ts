import type { Json, JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto, PublicKey } from '../encoding/crypto.ts'
import { type CeremonyNote, NOTE, OWNERS, writeNote } from './ceremony-note.ts'
import { keyId, keyObject } from './keys.ts'

/** Throw-away keys by the ids of the keys that they stand in for. */
export type Twins = ReadonlyMap<string, PublicKey>

/**
 * A document as it would be if its keys were throw-away ones: the same roles, thresholds, names and content, marked as a
 * rehearsal. Every key must have a twin. What is signed of it differs from the real document in the mark and in the keys,
 * so no signature over it holds over the real one.
 */
export function rehearsalOf(raw: JsonObject, twins: Twins, note: CeremonyNote, crypto: Crypto): JsonObject {
  const id = (keyid: string): string => keyId(twinOf(twins, keyid), crypto)
  const keys = (table: Json | undefined): JsonObject =>
    Object.fromEntries(
      Object.keys((table ?? {}) as JsonObject).map(keyid => {
        return [id(keyid), keyObject(twinOf(twins, keyid)) as unknown as JsonObject]
      }),
    )
  const role = (one: JsonObject): JsonObject => ({ ...one, keyids: (one.keyids as readonly string[]).map(id) })
  const swapped: Record<string, Json> = { ...raw, [NOTE]: writeNote({ ...note, rehearsal: true }) }
  if (raw._type === 'root') {
    swapped.keys = keys(raw.keys)
    const roles = Object.entries(raw.roles as Readonly<Record<string, JsonObject>>)
    swapped.roles = Object.fromEntries(roles.map(([name, one]) => [name, role(one)]))
  }
  const delegations = raw.delegations as JsonObject | undefined
  if (delegations !== undefined) {
    const { roles, succinct_roles: bins } = delegations as {
      roles?: readonly JsonObject[]
      succinct_roles?: JsonObject
    }
    swapped.delegations = {
      ...delegations,
      keys: keys(delegations.keys),
      ...(roles === undefined ? {} : { roles: roles.map(role) }),
      ...(bins === undefined ? {} : { succinct_roles: role(bins) }),
    }
  }
  const owners = raw[OWNERS] as JsonObject | undefined
  if (owners !== undefined) {
    swapped[OWNERS] = Object.fromEntries(Object.entries(owners).map(([keyid, name]) => [id(keyid), name]))
  }
  return swapped
}

function twinOf(twins: Twins, keyid: string): PublicKey {
  const twin = twins.get(keyid)
  if (twin === undefined) throw new Error(`no throw-away key for ${keyid}`)
  return twin
}
