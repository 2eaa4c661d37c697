import { concat, sameBytes, toHex, utf8 } from '../encoding/bytes.ts'
import { type Cbor, encodeCbor } from '../encoding/cbor.ts'
import { type Cipher, NONCE_BYTES, TAG_BYTES } from '../encoding/cipher.ts'
import { openWrap, recipientId, type Wrap } from '../encoding/cose-recipient.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'

/**
 * How a payload travels encrypted: AES-256-GCM under a content key that is the release's own, in segments that are each
 * encrypted by themselves, so that a controller decrypts with a buffer of one segment, and from any segment on (the STREAM
 * construction of Hoang, Reyhanitabar, Rogaway and Vizár, CRYPTO 2015 §7). The nonce of a segment says its place and
 * whether it is the last; the extra data, the same for all of them, says of which image they are.
 */

/** The COSE identifier of AES-256-GCM (RFC 9053 §4.1). */
export const A256GCM = 3
const ALG = 1

/** Bytes of plaintext in a segment: a power of two. Buffer and plaintext of one stay below 64 KiB together. */
export const SEGMENT_LIMITS = { minBytes: 1024, maxBytes: 16 * 1024, usualBytes: 16 * 1024 } as const

/**
 * What the signed manifest says of the encryption.
 * - `segmentBytes`: plaintext in each segment; the last may be shorter.
 * - `digest`: SHA-256 of the ciphertext, in lower-case hex. Its length follows from the image's.
 * - `keyCheck`: what tells the content key from every other (`keyCheckOf`), in lower-case hex.
 */
export type Encryption = { readonly segmentBytes: number; readonly digest: string; readonly keyCheck: string }

/** As much of the facts as says how the payload is cut and bound. */
export type SegmentFacts = {
  readonly imageSize: number
  readonly imageDigest: string
  readonly encryption: Pick<Encryption, 'segmentBytes'>
}

/** A segment: `at` and `length` in the plaintext, `sealedAt` in the ciphertext; there it is a tag longer. */
export type Segment = {
  readonly index: number
  readonly at: number
  readonly length: number
  readonly sealedAt: number
  readonly last: boolean
}

/** The segment that the plaintext's byte `at` is in. */
export function segmentAt({ imageSize, encryption: { segmentBytes } }: SegmentFacts, at: number): Segment {
  const index = Math.floor(at / segmentBytes)
  const start = index * segmentBytes
  const length = Math.min(segmentBytes, imageSize - start)
  const sealedAt = index * (segmentBytes + TAG_BYTES)
  return { index, at: start, length, sealedAt, last: start + length === imageSize }
}

/** Bytes of the ciphertext of a payload of `imageSize` bytes. */
export function sealedBytes(imageSize: number, segmentBytes: number): number {
  return imageSize + TAG_BYTES * Math.ceil(imageSize / segmentBytes)
}

/** The largest ciphertext there is of a payload of at most `imageBytes`. */
export const maxSealedBytes = (imageBytes: number): number => sealedBytes(imageBytes, SEGMENT_LIMITS.minBytes)

type CarriedFacts = Omit<SegmentFacts, 'encryption'> & { readonly encryption: Encryption | null }
/** A payload by its SHA-256 in lower-case hex, and its length in bytes. */
export type Carried = { readonly sha256: string; readonly length: number }

/** What travels of a release: the ciphertext when there is one, else the images themselves. */
export function carriedBy({ imageSize, imageDigest, encryption }: CarriedFacts): Carried {
  if (encryption === null) return { sha256: imageDigest, length: imageSize }
  return { sha256: encryption.digest, length: sealedBytes(imageSize, encryption.segmentBytes) }
}

/** The images of a payload, for who has no content key: the payload itself, or null when it is their ciphertext. */
export const imagesIn = (
  { encryption }: { readonly encryption: Encryption | null },
  payload: Uint8Array,
): Uint8Array | null => (encryption === null ? payload : null)

/** 7 zero bytes, the index in 32 bits big-endian, 1 for the last segment. Unique under a key that is one release's own. */
function nonceOf({ index, last }: Segment): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES)
  const view = new DataView(nonce.buffer)
  view.setUint32(7, index)
  view.setUint8(11, last ? 1 : 0)
  return nonce
}

/** The extra data of every segment: an Enc_structure (RFC 9052 §5.3) whose external data names the image. */
export function segmentContext({ imageSize, imageDigest, encryption }: SegmentFacts): Uint8Array {
  const header = encodeCbor(new Map<number, Cbor>([[ALG, A256GCM]]))
  const image = encodeCbor([Uint8Array.fromHex(imageDigest), imageSize, encryption.segmentBytes])
  return encodeCbor(['Encrypt', header, image])
}

/** The ciphertext of a segment, tag behind it. */
export function encryptSegment(
  cipher: Cipher,
  key: Uint8Array,
  context: Uint8Array,
  segment: Segment,
  plain: Uint8Array,
): Uint8Array {
  return cipher.encrypt(key, nonceOf(segment), context, plain)
}

/** The plaintext of a segment; null when it is not that segment of that image under that key. */
export function decryptSegment(
  cipher: Cipher,
  key: Uint8Array,
  context: Uint8Array,
  segment: Segment,
  sealed: Uint8Array,
): Uint8Array | null {
  return cipher.decrypt(key, nonceOf(segment), context, sealed)
}

const KEY_CHECK = utf8('voltseal content key check')

/**
 * What a content key is told by without being known: AES-GCM would decrypt, with some luck, under a key that somebody
 * has chosen for it. In lower-case hex.
 */
export function keyCheckOf(key: Uint8Array, crypto: Crypto): string {
  return toHex(crypto.hmacSha256(key, KEY_CHECK))
}

/** Whether a wrap says that it is for this key (SubjectPublicKeyInfo). Refuses `wrap-for-another-key`. */
export function refuseStranger({ recipient }: Wrap, spki: Uint8Array, crypto: Crypto, subject: string): Refusal | null {
  const own = recipientId(spki, crypto)
  if (sameBytes(recipient, own)) return null
  const short = (id: Uint8Array): string => `key ${toHex(id).slice(0, 16)}`
  return refuse('wrap-for-another-key', subject, short(own), short(recipient))
}

/**
 * The content key of a wrap, when it is the one of this release. `secret` is what the recipient's private key and the
 * wrap's point came to. Refuses `wrap-not-opened`, `content-key-mismatch`.
 */
export function openContentKey(
  wrap: Wrap,
  secret: Uint8Array,
  { keyCheck }: Encryption,
  ports: { readonly cipher: Cipher; readonly crypto: Crypto },
  subject: string,
): Uint8Array | Refusal {
  const key = openWrap(wrap, secret, ports, subject)
  if (isRefusal(key)) return key
  const found = keyCheckOf(key, ports.crypto)
  if (ports.crypto.equal(utf8(found), utf8(keyCheck))) return key
  return refuse(
    'content-key-mismatch',
    subject,
    `a key with the check ${keyCheck.slice(0, 16)}…`,
    `${found.slice(0, 16)}…`,
  )
}

/** The whole payload encrypted, for whoever makes the release; `encryption` is what the manifest then says. */
export function encryptPayload(
  payload: Uint8Array,
  imageDigest: string,
  segmentBytes: number,
  key: Uint8Array,
  { cipher, crypto }: { readonly cipher: Cipher; readonly crypto: Crypto },
): { readonly ciphertext: Uint8Array; readonly encryption: Encryption } {
  const facts = { imageSize: payload.length, imageDigest, encryption: { segmentBytes } }
  const context = segmentContext(facts)
  const parts: Uint8Array[] = []
  for (let at = 0; at < payload.length; at += segmentBytes) {
    const segment = segmentAt(facts, at)
    parts.push(encryptSegment(cipher, key, context, segment, payload.subarray(at, at + segment.length)))
  }
  const ciphertext = concat(...parts)
  const digest = toHex(crypto.sha256(ciphertext))
  return { ciphertext, encryption: { segmentBytes, digest, keyCheck: keyCheckOf(key, crypto) } }
}

const DIGEST = /^[0-9a-f]{64}$/

/** Reads it from untrusted fields. Null for none, undefined for one that cannot be read. */
export function parseEncryption(value: unknown): Encryption | null | undefined {
  if (value === null || value === undefined) return null
  const { segmentBytes, digest, keyCheck } = Object(value) as Partial<Record<string, unknown>>
  if (typeof segmentBytes !== 'number' || !isSegmentBytes(segmentBytes)) return undefined
  if (typeof digest !== 'string' || !DIGEST.test(digest)) return undefined
  if (typeof keyCheck !== 'string' || !DIGEST.test(keyCheck)) return undefined
  return { segmentBytes, digest, keyCheck }
}

export const isSegmentBytes = (bytes: number): boolean =>
  Number.isInteger(Math.log2(bytes)) && bytes >= SEGMENT_LIMITS.minBytes && bytes <= SEGMENT_LIMITS.maxBytes
