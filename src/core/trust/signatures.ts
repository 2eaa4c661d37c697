import { fromHex } from '../encoding/bytes.ts'
import { canonicalJson, type JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { checkAssertion } from './assertion.ts'
import { isPasskey, keyMaterial, type RoleKey } from './keys.ts'
import type { Common, Document, KeyRing, RoleKeys, Signature } from './metadata.ts'

/**
 * Whether a signature over a document is by this key and holds: the one judge of all of them. `message` is the canonical JSON
 * of what is signed. Null when it does; refuses `metadata-signature-invalid`, and of a passkey what `checkAssertion` refuses.
 */
export function judgeSignature(
  key: RoleKey,
  message: Uint8Array,
  { keyid, sig }: Signature,
  subject: string,
  crypto: Crypto,
): Refusal | null {
  const signature = fromHex(sig)
  if (signature !== null && isPasskey(key)) return checkAssertion(key, message, signature, subject, crypto)
  if (signature !== null && !isPasskey(key) && crypto.verify(key, message, signature, 'der')) return null
  return refuse('metadata-signature-invalid', subject, `a signature by ${keyid}`, 'one that does not hold')
}

/**
 * How many signatures these keys are worth: each once, by what it is and not by its id. Passkeys make up all of a threshold
 * but one: what somebody signs in a browser is what the server's page asked for, so a server in strange hands could gather as
 * many of them as it likes. One of the signatures is by a key whose holder's own machine has read what is signed.
 */
export function worthOf(keys: Iterable<RoleKey>, threshold: number): number {
  const materials = new Map([...keys].map(key => [keyMaterial(key), isPasskey(key)]))
  const passkeys = [...materials.values()].filter(Boolean).length
  return materials.size - passkeys + Math.min(passkeys, threshold - 1)
}

/**
 * Whether enough different keys of a role have signed a document (TUF 1.0.34 §5.3.4). Keys are told apart by what they
 * are and not by their ids: one key under two ids counts once. A signature that does not hold counts for nothing. Null
 * when enough have; refuses `metadata-below-threshold`.
 */
export function verifySigned(
  document: Document<Common>,
  keys: KeyRing,
  role: RoleKeys,
  subject: string,
  crypto: Crypto,
): Refusal | null {
  const signers = signersOf(document.signed.raw, document.signatures, keys, role, subject, crypto)
  const have = worthOf(signers, role.threshold)
  if (have >= role.threshold) return null
  const passkeys = signers.filter(isPasskey).length
  const alone = passkeys === 0 ? '' : ', of which one is not by a passkey'
  const expected = `valid signatures by ${role.threshold} of the keys of the role${alone}`
  const actual = passkeys === 0 ? String(have) : `${signers.length}, of which ${passkeys} by passkeys`
  return refuse('metadata-below-threshold', subject, expected, actual, 'TUF 1.0.34 §5.3.4')
}

/** The keys of a role whose signatures over a `signed` object hold; one that has two ids may be there twice. */
export function signersOf(
  raw: JsonObject,
  signatures: readonly Signature[],
  keys: KeyRing,
  role: RoleKeys,
  subject: string,
  crypto: Crypto,
): readonly RoleKey[] {
  const message = canonicalJson(raw)
  return signatures.flatMap(signature => {
    const { keyid } = signature
    const key = role.keyids.includes(keyid) ? (keys.get(keyid) ?? null) : null
    return key !== null && judgeSignature(key, message, signature, subject, crypto) === null ? [key] : []
  })
}

/** The different keys of a role that are known here, by their material. */
export function keysOf(keys: KeyRing, role: RoleKeys): Set<string> {
  const found = role.keyids.map(id => keys.get(id) ?? null).filter(key => key !== null)
  return new Set(found.map(keyMaterial))
}

/**
 * Whether one signature over a `signed` object is by a key of the role and holds: what a signing event checks as each
 * signature comes in. Null when it does; refuses `signer-not-in-role`, and what `judgeSignature` refuses.
 */
export function checkSignature(
  raw: JsonObject,
  signature: Signature,
  keys: KeyRing,
  role: RoleKeys,
  subject: string,
  crypto: Crypto,
): Refusal | null {
  const { keyid } = signature
  const key = role.keyids.includes(keyid) ? (keys.get(keyid) ?? null) : null
  if (key === null) return refuse('signer-not-in-role', subject, 'a key of the role', keyid)
  return judgeSignature(key, canonicalJson(raw), signature, subject, crypto)
}
