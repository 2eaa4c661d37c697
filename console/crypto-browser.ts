import { ed25519 } from '@noble/curves/ed25519.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import type { Crypto, Sha256 } from '../src/core/encoding/crypto.ts'
import { rawEd25519 } from '../src/core/ledger/signed-note.ts'

/**
 * The core's mathematics in a browser: synchronous, as the core wants it, which WebCrypto is not. Of the signature
 * algorithms it knows Ed25519 alone, the one of checkpoints; a signature by a key of another kind does not hold.
 */
export const browserCrypto: Crypto = {
  sha256: bytes => sha256(bytes),
  sha512: bytes => sha512(bytes),
  sha256Stream: () => stream(sha256.create()),
  hmacSha256: (key, message) => hmac(sha256, key, message),
  verify: (key, message, signature) => {
    const raw = rawEd25519(key)
    if (raw === null || signature.length !== 64) return false
    try {
      // RFC 8032 to the letter: no other spelling of a point, no key of small order.
      return ed25519.verify(signature, message, raw, { zip215: false })
    } catch {
      return false // a key that is not a point
    }
  },
  equal: (a, b) => {
    if (a.length !== b.length) return false
    let difference = 0
    for (const [at, byte] of a.entries()) difference |= byte ^ (b[at] as number)
    return difference === 0
  },
}

function stream(running: ReturnType<typeof sha256.create>): Sha256 {
  const self: Sha256 = {
    update: bytes => {
      running.update(bytes)
      return self
    },
    digest: () => running.digest(),
  }
  return self
}
