import { createHash, createHmac, createPublicKey, hash, type KeyObject, timingSafeEqual, verify } from 'node:crypto'
import type { Crypto, PublicKey, Sha256 } from '../core/encoding/crypto.ts'
import { DIGEST, fitsAlgorithm, signatureOptions } from './openssl.ts'

/** Keys that are kept parsed. Parsing a key costs more than a verification with it; a fleet uses few keys at a time. */
const KEPT_KEYS = 1024

const parsedByObject = new WeakMap<PublicKey, KeyObject>()
const parsedByBytes = new Map<string, KeyObject>()

/** The core's mathematics by OpenSSL. Verified keys stay parsed: the cache is bounded and holds nothing secret. */
export const nodeCrypto: Crypto = {
  sha256: bytes => plain(hash('sha256', bytes, 'buffer')),
  sha512: bytes => plain(hash('sha512', bytes, 'buffer')),
  sha256Stream: () => stream(createHash('sha256')),
  hmacSha256: (key, message) => plain(createHmac('sha256', key).update(message).digest()),
  verify: (key, message, signature, form) => {
    try {
      const parsed = publicKeyObject(key)
      return (
        parsed !== null &&
        isWhole(parsed, signature) &&
        verify(DIGEST[key.alg], message, { key: parsed, ...signatureOptions(key.alg, form) }, signature)
      )
    } catch {
      return false // a signature of an impossible shape: OpenSSL reports some of those as errors
    }
  },
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
}

/**
 * False for an RSA signature that is shorter than its key, which OpenSSL takes when only zeros are missing: one signature
 * would have more than one spelling (RFC 8017 §8.1.2, step 1).
 */
function isWhole(key: KeyObject, signature: Uint8Array): boolean {
  const bits = key.asymmetricKeyType === 'rsa' ? key.asymmetricKeyDetails?.modulusLength : undefined
  return bits === undefined || signature.length === Math.ceil(bits / 8)
}

/** The key parsed, or null when it is not a key of the algorithm that is claimed for it. */
function publicKeyObject(key: PublicKey): KeyObject | null {
  const known = parsedByObject.get(key)
  if (known !== undefined) return known
  const name = `${key.alg} ${key.spki.toBase64()}`
  let parsed = parsedByBytes.get(name)
  if (parsed === undefined) {
    // Copied: the bytes may be a view of a buffer that lives on.
    parsed = createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' })
    // The algorithm is the one that the verifier expects, never the one that the key's bytes would like.
    if (!fitsAlgorithm(parsed, key.alg)) return null
    if (parsedByBytes.size >= KEPT_KEYS) parsedByBytes.delete(parsedByBytes.keys().next().value as string)
    parsedByBytes.set(name, parsed)
  }
  parsedByObject.set(key, parsed)
  return parsed
}

function stream(running: ReturnType<typeof createHash>): Sha256 {
  const self: Sha256 = {
    update: bytes => {
      running.update(bytes)
      return self
    },
    digest: () => plain(running.digest()),
  }
  return self
}

/** A Buffer encodes differently in CBOR and compares differently in tests: what leaves here is a plain Uint8Array. */
const plain = (bytes: Buffer): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
