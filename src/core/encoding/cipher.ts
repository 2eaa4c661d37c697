/** Bytes of a content key and of the key that wraps it: AES-256. */
export const KEY_BYTES = 32
/** Bytes of the nonce, and of the tag that AES-GCM puts behind a ciphertext (NIST SP 800-38D §5.2.1.2). */
export const NONCE_BYTES = 12
export const TAG_BYTES = 16

/** What an ephemeral key pair came to: its public point (SEC 1, uncompressed, 65 bytes), and the secret agreed on. */
export type AgreedOnce = { readonly point: Uint8Array; readonly secret: Uint8Array }

/**
 * Encryption that the core asks for and does not bring. Apart from `Crypto`, because only makers of releases, holders of
 * a wrapping key and controllers encrypt or decrypt: a gateway and a console have none of it.
 */
export interface Cipher {
  /** Bytes that nobody can guess. */
  random(length: number): Uint8Array
  /** AES-256-GCM (NIST SP 800-38D): the ciphertext, and its tag behind it. A nonce is never used twice under a key. */
  encrypt(key: Uint8Array, nonce: Uint8Array, extra: Uint8Array, plain: Uint8Array): Uint8Array
  /** The plaintext; null when key, nonce, extra data, ciphertext or tag is not the one that was encrypted with. */
  decrypt(key: Uint8Array, nonce: Uint8Array, extra: Uint8Array, sealed: Uint8Array): Uint8Array | null
  /** AES-256 key wrap (RFC 3394 §2.2.1). */
  wrapKey(wrapping: Uint8Array, key: Uint8Array): Uint8Array
  /** RFC 3394 §2.2.2; null when the integrity check fails: another key, or an altered wrap. */
  unwrapKey(wrapping: Uint8Array, wrapped: Uint8Array): Uint8Array | null
  /**
   * Agrees with the holder of a P-256 public key (SubjectPublicKeyInfo) by a new key pair, whose private half is
   * forgotten (NIST SP 800-56A Rev. 3 §6.2.2.2). Null when that is no P-256 key.
   */
  agreeOnce(spki: Uint8Array): AgreedOnce | null
}

/** SubjectPublicKeyInfo of a P-256 key up to its point (RFC 5480 §2), which ends it. */
const P256_HEAD = Uint8Array.fromHex('3059301306072a8648ce3d020106082a8648ce3d030107034200')
/** Bytes of a point of P-256 in SEC 1's uncompressed form: 04, x, y. */
export const POINT_BYTES = 65

/** SubjectPublicKeyInfo of a P-256 point. Whether it is on the curve says whoever computes with it. */
export function spkiOfPoint(point: Uint8Array): Uint8Array {
  const out = new Uint8Array(P256_HEAD.length + point.length)
  out.set(P256_HEAD)
  out.set(point, P256_HEAD.length)
  return out
}

/** True for bytes that have the form of a P-256 key's SubjectPublicKeyInfo. */
export function isP256Spki(spki: Uint8Array): boolean {
  if (spki.length !== P256_HEAD.length + POINT_BYTES || spki[P256_HEAD.length] !== 4) return false
  return P256_HEAD.every((byte, index) => spki[index] === byte)
}
