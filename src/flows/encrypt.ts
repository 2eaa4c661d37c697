import { sameBytes } from '../core/encoding/bytes.ts'
import { type Cipher, KEY_BYTES } from '../core/encoding/cipher.ts'
import { readWrap, recipientId, wrapFor } from '../core/encoding/cose-recipient.ts'
import type { Crypto } from '../core/encoding/crypto.ts'
import {
  type Encryption,
  encryptPayload,
  isSegmentBytes,
  openContentKey,
  SEGMENT_LIMITS,
} from '../core/firmware/encryption.ts'
import { sealPatch } from '../core/firmware/patch-encryption.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { WrappingKey } from './ports.ts'

/** Whom a release is encrypted to: wrapping keys (SubjectPublicKeyInfo), and how it is cut. */
export type EncryptTo = {
  readonly keys: readonly Uint8Array[]
  readonly segmentBytes?: number
  readonly cipher: Cipher
}

/** An encrypted payload. `contentKeys`: its content key, wrapped for each of those whom the release is encrypted to. `patches`: in the order they came. */
export type Encrypted = {
  readonly ciphertext: Uint8Array
  readonly encryption: Encryption
  readonly contentKeys: readonly Uint8Array[]
  readonly patches: readonly Uint8Array[]
}

/**
 * Encrypts a payload, and the patches to it, under a new content key, which nobody keeps: from here on only the holders of `keys` can come by it.
 * The same payload gives other bytes each time. Nothing is durable on return. Refuses `release-fact-invalid`,
 * `decryption-key-malformed`.
 */
export function encryptFor(
  payload: Uint8Array,
  imageDigest: string,
  { keys, segmentBytes = SEGMENT_LIMITS.usualBytes, cipher }: EncryptTo,
  crypto: Crypto,
  patches: readonly { readonly base: string; readonly bytes: Uint8Array }[] = [],
): Encrypted | Refusal {
  if (!isSegmentBytes(segmentBytes)) {
    const expected = `a power of two from ${SEGMENT_LIMITS.minBytes} to ${SEGMENT_LIMITS.maxBytes}`
    return refuse('release-fact-invalid', 'release, segment', expected, String(segmentBytes))
  }
  const key = cipher.random(KEY_BYTES)
  try {
    const contentKeys: Uint8Array[] = []
    for (const [index, spki] of keys.entries()) {
      const wrap = wrapFor(spki, key, { cipher, crypto }, `wrapping key ${index + 1}`)
      if (isRefusal(wrap)) return wrap
      contentKeys.push(wrap)
    }
    const ports = { cipher, crypto }
    const sealed = patches.map(({ base, bytes }) =>
      sealPatch(bytes, { base, target: imageDigest }, segmentBytes, key, ports),
    )
    return { ...encryptPayload(payload, imageDigest, segmentBytes, key, ports), contentKeys, patches: sealed }
  } finally {
    key.fill(0)
  }
}

/** What wrapping is done with. */
export type Tools = { readonly cipher: Cipher; readonly crypto: Crypto }

/**
 * The content key of a release, for the holder of a wrapping key: who is done with it fills it with zeros. Refuses
 * `content-key-not-for-us`, `wrap-malformed`, `wrap-not-opened`, `content-key-mismatch`, and what the key refuses.
 */
export async function contentKeyWith(
  contentKeys: readonly Uint8Array[],
  encryption: Encryption,
  holder: WrappingKey,
  tools: Tools,
  subject: string,
): Promise<Uint8Array | Refusal> {
  const own = recipientId(holder.spki, tools.crypto)
  for (const bytes of contentKeys) {
    const wrap = readWrap(bytes, subject)
    if (isRefusal(wrap)) return wrap
    if (!sameBytes(wrap.recipient, own)) continue
    const secret = await holder.agree(wrap.point)
    if (isRefusal(secret)) return { ...secret, subject }
    const key = openContentKey(wrap, secret, encryption, tools, subject)
    secret.fill(0)
    return key
  }
  const expected = `a wrap for key ${own.toHex().slice(0, 16)}`
  return refuse('content-key-not-for-us', subject, expected, `${contentKeys.length} for others`)
}

/** What of a release wrapping needs: its content key, wrapped for holders of wrapping keys, and what tells it. */
export type EncryptedRelease = { readonly contentKeys: readonly Uint8Array[]; readonly encryption: Encryption }

/**
 * Wraps the content key of a release for a controller (SubjectPublicKeyInfo of its decryption key). Refuses what
 * `contentKeyWith` refuses, and `decryption-key-malformed`.
 */
export async function rewrap(
  release: EncryptedRelease,
  holder: WrappingKey,
  decryptionKey: Uint8Array,
  tools: Tools,
  subject: string,
): Promise<Uint8Array | Refusal> {
  const key = await contentKeyWith(release.contentKeys, release.encryption, holder, tools, subject)
  if (isRefusal(key)) return key
  const wrap = wrapFor(decryptionKey, key, tools, subject)
  key.fill(0)
  return wrap
}
