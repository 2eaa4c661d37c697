import { concat, sameBytes, toHex, utf8 } from '../encoding/bytes.ts'
import type { Cipher } from '../encoding/cipher.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { encryptPayload, isSegmentBytes, type SegmentFacts, sealedBytes } from './encryption.ts'

/**
 * How a patch of an encrypted release travels (docs/delta-format.md, "Encrypted"): a head that says of which patch it is, then the patch in
 * segments as a payload's are (encryption.ts), under a key of its own that follows from the release's content key. Whoever can decrypt
 * the release can decrypt its patches, and needs nothing more for it.
 */

const MAGIC = Uint8Array.of(0x56, 0x53, 0x44, 0x45) // VSDE
const VERSION = 1
/** Bytes before the first segment. */
export const SEALED_HEAD_BYTES = 44

/** The head of an encrypted patch. `size`, `digest` (SHA-256, lower-case hex): of the patch in the clear. */
export type SealedHead = { readonly size: number; readonly digest: string; readonly segmentBytes: number }

/** What a patch is between: SHA-256 of the images as they lie in flash, in lower-case hex. */
export type Between = { readonly base: string; readonly target: string }

/** How the patch behind a head is cut and bound, as `segmentAt` and `Decryption` want it; its segments begin behind the head. */
export const sealedFacts = ({ size, digest, segmentBytes }: SealedHead): SegmentFacts => ({
  imageSize: size,
  imageDigest: digest,
  encryption: { segmentBytes },
})

/**
 * The key of one patch: HMAC-SHA-256 by the content key of all that tells this patch from every other, how it is cut as well. Two
 * plaintexts so never meet under one key and nonce. Who is done with it fills it with zeros.
 */
export function patchKey(
  contentKey: Uint8Array,
  { base, target }: Between,
  head: SealedHead,
  crypto: Pick<Crypto, 'hmacSha256'>,
): Uint8Array {
  const between = [base, target].map(digest => Uint8Array.fromHex(digest))
  return crypto.hmacSha256(contentKey, concat(LABEL, ...between, writeHead(head)))
}

const LABEL = utf8('voltseal patch key\0')

/** A patch encrypted, for whoever makes the release: the head and the segments. `segmentBytes`: as the payload's. */
export function sealPatch(
  patch: Uint8Array,
  between: Between,
  segmentBytes: number,
  contentKey: Uint8Array,
  ports: { readonly cipher: Cipher; readonly crypto: Crypto },
): Uint8Array {
  const head = { size: patch.length, digest: toHex(ports.crypto.sha256(patch)), segmentBytes }
  const key = patchKey(contentKey, between, head, ports.crypto)
  const { ciphertext } = encryptPayload(patch, head.digest, segmentBytes, key, ports)
  key.fill(0)
  return concat(writeHead(head), ciphertext)
}

/** Bytes of an encrypted patch, head and tags with it. */
export const sealedPatchBytes = ({ size, segmentBytes }: Pick<SealedHead, 'size' | 'segmentBytes'>): number =>
  SEALED_HEAD_BYTES + sealedBytes(size, segmentBytes)

/**
 * Reads the head of an encrypted patch of `length` bytes from its first 44. Refuses `patch-malformed` (no such head, or of another
 * length) and `patch-newer`.
 */
export function readSealedHead(bytes: Uint8Array, length: number, subject: string): SealedHead | Refusal {
  const bad = (expected: string, actual: string) => refuse('patch-malformed', subject, expected, actual)
  if (bytes.length < SEALED_HEAD_BYTES) return bad(`a head of ${SEALED_HEAD_BYTES} bytes`, `${bytes.length} bytes`)
  if (!sameBytes(bytes.subarray(0, 4), MAGIC)) return bad('the letters VSDE', 'something else')
  if (bytes[4] !== VERSION) return refuse('patch-newer', subject, `version ${VERSION}`, `version ${bytes[4]}`)
  const segmentBytes = 2 ** (bytes[5] as number)
  if (!isSegmentBytes(segmentBytes)) return bad('segments of a known size', `2^${bytes[5]} bytes`)
  if (bytes[6] !== 0 || bytes[7] !== 0) return bad('zeros at bytes 6 and 7', 'something else')
  const size = new DataView(bytes.buffer, bytes.byteOffset, SEALED_HEAD_BYTES).getUint32(8, true)
  const head = { size, digest: toHex(bytes.subarray(12, SEALED_HEAD_BYTES)), segmentBytes }
  if (size === 0) return bad('a patch of at least one byte', 'none')
  if (length !== sealedPatchBytes(head)) return bad(`${sealedPatchBytes(head)} bytes`, `${length} bytes`)
  return head
}

function writeHead({ size, digest, segmentBytes }: SealedHead): Uint8Array {
  const bytes = new Uint8Array(SEALED_HEAD_BYTES)
  bytes.set(MAGIC)
  bytes.set([VERSION, Math.log2(segmentBytes)], 4)
  new DataView(bytes.buffer).setUint32(8, size, true)
  bytes.set(Uint8Array.fromHex(digest), 12)
  return bytes
}
