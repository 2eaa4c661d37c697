import type { Crypto } from '../encoding/crypto.ts'
import { keyMaterial } from './keys.ts'
import type { Common, KeyRing, RoleKeys, Signature } from './metadata.ts'
import { signersOf, worthOf } from './signatures.ts'

/** Somebody who may sign: the key, and the name that the document gives its holder. */
export type Holder = { readonly keyid: string; readonly owner: string | null }

/** Whose signatures a document needs: `by` names the role in words. */
export type Electorate = {
  readonly by: string
  readonly keys: KeyRing
  readonly role: RoleKeys
  readonly owners: ReadonlyMap<string, string>
}

/** How far one electorate has come. `have`: what its signatures are worth (`worthOf`); `enough` when that is the threshold. */
export type Quorum = {
  readonly by: string
  readonly threshold: number
  readonly have: number
  readonly enough: boolean
  readonly signed: readonly Holder[]
  readonly missing: readonly Holder[]
}

/**
 * Who of an electorate has signed a document and who has not. Only signatures that hold count, each key once, whatever it
 * is called (TUF 1.0.34 §5.3.4).
 */
export function quorumOf(
  { by, keys, role, owners }: Electorate,
  document: Common,
  signatures: readonly Signature[],
  crypto: Crypto,
): Quorum {
  const signers = signersOf(document.raw, signatures, keys, role, by, crypto)
  const materials = new Set(signers.map(keyMaterial))
  const [signed, missing]: [Holder[], Holder[]] = [[], []]
  for (const keyid of role.keyids) {
    const key = keys.get(keyid) ?? null
    const holder = { keyid, owner: owners.get(keyid) ?? null }
    if (key !== null && materials.has(keyMaterial(key))) signed.push(holder)
    else missing.push(holder)
  }
  const have = worthOf(signers, role.threshold)
  return { by, threshold: role.threshold, have, enough: have >= role.threshold, signed, missing }
}
