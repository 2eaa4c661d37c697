import { concat, utf8 } from '../encoding/bytes.ts'
import { isP256Spki } from '../encoding/cipher.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'

/** Stands before the key, so that the signature is none of a report: those begin with a brace. */
const STATEMENT = utf8('voltseal decryption key v1\n')

/** What a controller's report key signs, so that its decryption key is known to be of the same element. */
export const decryptionKeyStatement = (spki: Uint8Array): Uint8Array => concat(STATEMENT, spki)

/**
 * Whether a decryption key (SubjectPublicKeyInfo) is one, and the report key of the controller vouches for it. Refuses
 * `decryption-key-malformed`, `decryption-key-unattested`.
 */
export function refuseDecryptionKey(
  spki: Uint8Array,
  signature: Uint8Array,
  reportKey: Uint8Array,
  crypto: Crypto,
  subject: string,
): Refusal | null {
  if (!isP256Spki(spki)) {
    return refuse('decryption-key-malformed', subject, 'a P-256 key (SubjectPublicKeyInfo)', 'something else')
  }
  const key = { alg: 'ecdsa-p256', spki: reportKey } as const
  if (crypto.verify(key, decryptionKeyStatement(spki), signature, 'der')) return null
  return refuse('decryption-key-unattested', subject, 'a signature by its report key', 'one that does not hold')
}
