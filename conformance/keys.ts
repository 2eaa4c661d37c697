import { createECDH, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import type { PublicKey, SignatureForm } from '../src/core/encoding/crypto.ts'

/** Keys of the vectors. They are made from a byte that everybody knows: nothing real is ever signed with them. */
export type VectorKey = { readonly public: PublicKey; readonly secret: KeyObject }

const ED25519_PKCS8 = '302e020100300506032b657004220420'
const P256_PKCS8 = '308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420'
const P256_POINT = 'a144034200'

/** The Ed25519 key whose seed is 32 times this byte. */
export function ed25519(byte: number): VectorKey {
  return keyOf('ed25519', Buffer.concat([Buffer.from(ED25519_PKCS8, 'hex'), Buffer.alloc(32, byte)]))
}

/** The P-256 key whose secret number is 32 times this byte. */
export function p256(byte: number): VectorKey {
  const secret = Buffer.alloc(32, byte)
  const curve = createECDH('prime256v1')
  curve.setPrivateKey(secret)
  const parts = [Buffer.from(P256_PKCS8, 'hex'), secret, Buffer.from(P256_POINT, 'hex'), curve.getPublicKey()]
  return keyOf('ecdsa-p256', Buffer.concat(parts))
}

/** Signs. Ed25519 gives the same bytes each time; ECDSA does not: see `SIGNED_ONCE`. */
export function signWith({ public: { alg }, secret }: VectorKey, message: Uint8Array, form: SignatureForm): Uint8Array {
  const dsaEncoding = form === 'der' ? 'der' : 'ieee-p1363'
  return new Uint8Array(sign(alg === 'ed25519' ? null : 'sha256', message, { key: secret, dsaEncoding }))
}

function keyOf(alg: 'ed25519' | 'ecdsa-p256', pkcs8: Buffer): VectorKey {
  const secret = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  return {
    public: { alg, spki: new Uint8Array(createPublicKey(secret).export({ format: 'der', type: 'spki' })) },
    secret,
  }
}
