/** The signature algorithms that Voltseal knows. What a role or a device accepts is a narrower list of its own. */
export type KeyAlgorithm = 'ed25519' | 'ecdsa-p256' | 'ecdsa-p384' | 'rsa-pss' | 'rsa-pkcs1' | 'ml-dsa-65'

/** A public key: algorithm and SubjectPublicKeyInfo in DER. The algorithm is never taken from a message. */
export type PublicKey = { readonly alg: KeyAlgorithm; readonly spki: Uint8Array }

/** How an ECDSA signature is written: `der` in TUF and X.509, `p1363` (r then s) in COSE. Ignored by other algorithms. */
export type SignatureForm = 'der' | 'p1363'

/** A running SHA-256. */
export interface Sha256 {
  update(bytes: Uint8Array): Sha256
  digest(): Uint8Array
}

/**
 * The mathematics that the core asks for and does not bring: synchronous and free of side effects. ECDSA P-256 hashes
 * with SHA-256, P-384 with SHA-384, RSA with SHA-256, RSA-PSS with a salt of 32 bytes. `rsa-pkcs1` is verified in repositories
 * of others only. `verify` answers false, and never
 * throws, for a key or signature it cannot read.
 */
export interface Crypto {
  sha256(bytes: Uint8Array): Uint8Array
  /** For the digests of others: nothing of ours is named by it. */
  sha512(bytes: Uint8Array): Uint8Array
  sha256Stream(): Sha256
  hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array
  verify(key: PublicKey, message: Uint8Array, signature: Uint8Array, form: SignatureForm): boolean
  /** Constant-time equality; false when the lengths differ. */
  equal(a: Uint8Array, b: Uint8Array): boolean
}
