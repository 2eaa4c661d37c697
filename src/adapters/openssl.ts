import { createPublicKey, diffieHellman, type KeyObject } from 'node:crypto'
import type { KeyAlgorithm, SignatureForm } from '../core/encoding/crypto.ts'

/** How Voltseal's algorithms are called by OpenSSL: the one ground that the adapters with keys in them stand on. */

/** A smaller RSA modulus is not a key (NIST SP 800-131A Rev. 2 §3); a larger one is a way to keep a verifier busy. */
const RSA_BITS = { min: 2048, max: 8192 } as const
const RSA_PSS_PADDING = 6 // constants.RSA_PKCS1_PSS_PADDING
const RSA_PKCS1_PADDING = 1 // constants.RSA_PKCS1_PADDING
const RSA_SALT_BYTES = 32

/** The hash that goes with an algorithm; null where the algorithm brings its own (RFC 8032, FIPS 204). */
export const DIGEST: Readonly<Record<KeyAlgorithm, 'sha256' | 'sha384' | null>> = {
  ed25519: null,
  'ecdsa-p256': 'sha256',
  'ecdsa-p384': 'sha384',
  'rsa-pss': 'sha256',
  'rsa-pkcs1': 'sha256',
  'ml-dsa-65': null,
}

/** The algorithm of a parsed key, or null when Voltseal does not sign or verify with that kind. */
export function algorithmOf(key: KeyObject): KeyAlgorithm | null {
  const type = key.asymmetricKeyType as string | undefined
  const details = key.asymmetricKeyDetails
  if (type === 'ed25519' || type === 'ml-dsa-65') return type
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return 'ecdsa-p256'
  if (type === 'ec' && details?.namedCurve === 'secp384r1') return 'ecdsa-p384'
  const bits = details?.modulusLength ?? 0
  return type === 'rsa' && bits >= RSA_BITS.min && bits <= RSA_BITS.max ? 'rsa-pss' : null
}

/** Whether a parsed key can be used with an algorithm: an RSA key does not say with which padding. */
export function fitsAlgorithm(key: KeyObject, alg: KeyAlgorithm): boolean {
  return algorithmOf(key) === (alg === 'rsa-pkcs1' ? 'rsa-pss' : alg)
}

/** What `sign` and `verify` of node:crypto are told about an algorithm, beside the key and the digest. */
export function signatureOptions(alg: KeyAlgorithm, form: SignatureForm): object {
  if (alg === 'rsa-pss') return { padding: RSA_PSS_PADDING, saltLength: RSA_SALT_BYTES }
  if (alg === 'rsa-pkcs1') return { padding: RSA_PKCS1_PADDING }
  if (alg === 'ecdsa-p256' || alg === 'ecdsa-p384') return { dsaEncoding: form === 'der' ? 'der' : 'ieee-p1363' }
  return {}
}

/**
 * The secret that a P-256 private key and a public one (SubjectPublicKeyInfo) come to: the x coordinate, 32 bytes. Null
 * when the public one is not a point of the curve (NIST SP 800-56A Rev. 3 §5.6.2.3.3).
 */
export function agreeP256(privateKey: KeyObject, spki: Uint8Array): Uint8Array | null {
  try {
    const publicKey = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
    const secret = diffieHellman({ privateKey, publicKey })
    return new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength)
  } catch {
    return null
  }
}
