import { toHex } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import type { Digests } from './metadata.ts'

/**
 * Whether bytes have every digest that is stated of them, and one at least is (TUF 1.0.34 §5.5.2, §5.7.1). Where SHA-256
 * and SHA-512 are both stated, both must hold: bytes that fit one of them alone are not the file that was signed for.
 */
export function hasDigests({ sha256, sha512 }: Digests, bytes: Uint8Array, crypto: Crypto): boolean {
  const stated = [
    { digest: sha256, of: crypto.sha256 },
    { digest: sha512, of: crypto.sha512 },
  ].filter(({ digest = '' }) => digest !== '')
  return stated.length > 0 && stated.every(({ digest, of }) => toHex(of(bytes)) === digest)
}
