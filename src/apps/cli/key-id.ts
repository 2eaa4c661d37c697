import type { Crypto } from '../../core/encoding/crypto.ts'
import { type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { canSignMetadata, isPasskey, keyId, type RoleKey } from '../../core/trust/keys.ts'

/**
 * The one id of a key, everywhere: in metadata, in envelopes, in config files. `path` names the key's file in the
 * refusal `key-algorithm-unsupported`, for kinds of keys that no metadata and no envelope carries (RSA).
 */
export function keyIdOf(key: RoleKey, path: string, crypto: Crypto): string | Refusal {
  if (isPasskey(key) || canSignMetadata(key)) return keyId(key, crypto)
  const expected = 'ecdsa-p256, ecdsa-p384, ed25519 or ml-dsa-65, its point not compressed'
  return refuse('key-algorithm-unsupported', path, expected, key.alg)
}
