import { fromHex } from '../encoding/bytes.ts'
import { canonicalJson, type JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { keyMaterial } from './keys.ts'
import type { Common, Document, KeyRing, RoleKeys, Signature } from './metadata.ts'

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
  const message = canonicalJson(document.signed.raw)
  const signers = new Set<string>()
  for (const { keyid, sig } of document.signatures) {
    const key = role.keyids.includes(keyid) ? keys.get(keyid) : undefined
    const signature = fromHex(sig)
    if (key === undefined || key === null || signature === null) continue
    const material = keyMaterial(key)
    if (!signers.has(material) && crypto.verify(key, message, signature, 'der')) signers.add(material)
  }
  if (signers.size >= role.threshold) return null
  const expected = `valid signatures by ${role.threshold} of the keys of the role`
  return refuse('metadata-below-threshold', subject, expected, String(signers.size), 'TUF 1.0.34 §5.3.4')
}

/** The different keys of a role that are known here, by their material. */
export function keysOf(keys: KeyRing, role: RoleKeys): Set<string> {
  const found = role.keyids.map(id => keys.get(id) ?? null).filter(key => key !== null)
  return new Set(found.map(keyMaterial))
}

/**
 * Whether one signature over a `signed` object is by a key of the role and holds: what a signing event checks as each
 * signature comes in. Null when it does; refuses `signer-not-in-role`, `metadata-signature-invalid`.
 */
export function checkSignature(
  raw: JsonObject,
  { keyid, sig }: Signature,
  keys: KeyRing,
  role: RoleKeys,
  subject: string,
  crypto: Crypto,
): Refusal | null {
  const key = role.keyids.includes(keyid) ? (keys.get(keyid) ?? null) : null
  if (key === null) return refuse('signer-not-in-role', subject, 'a key of the role', keyid)
  const signature = fromHex(sig)
  if (signature !== null && crypto.verify(key, canonicalJson(raw), signature, 'der')) return null
  return refuse('metadata-signature-invalid', subject, `a signature by ${keyid}`, 'one that does not hold')
}
