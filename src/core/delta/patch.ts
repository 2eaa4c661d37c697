import { concat, sameBytes } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { PARTS_BYTES } from './address-map.ts'
import { modelBytes, SLOT_BITS } from './byte-model.ts'
import { STEP_BYTES } from './image-walk.ts'
import { ARCHITECTURES, type Architecture } from './references.ts'

/**
 * A patch as bytes (docs/delta-format.md): a header of 108 bytes, blocks of covers, blocks of bytes. The header holds the digest of
 * the first block, each block that of the next: who trusts the header knows of each block whether it is the patch's before it is read.
 */

export const MAGIC = Uint8Array.of(0x56, 0x53, 0x44, 0x50) // VSDP
/** The version of format and algorithm: the same images make the same patch by it. */
export const PATCH_VERSION = 1
export const HEADER_BYTES = 108
/** Bytes of a block before its payload, and of the digest in it. */
export const BLOCK_HEAD_BYTES = 24
export const CHAIN_BYTES = 16
/** An image is at most so long, in bytes. */
export const MOST_IMAGE_BYTES = 2 ** 31 - 1
/** What covers take in memory: as a list, and as a map of addresses. */
const COVER_BYTES = 24
export type PatchHeader = {
  readonly architecture: Architecture
  readonly slotBits: number
  /** Where the image is run from, an address: its references are found by it. */
  readonly load: number
  readonly base: { readonly length: number; readonly digest: Uint8Array }
  readonly target: { readonly length: number; readonly digest: Uint8Array }
  readonly covers: number
  /** Bytes of the longest payload. */
  readonly longest: number
  /** The first 16 bytes of the SHA-256 of the first block. */
  readonly first: Uint8Array
}

/** Bytes of memory that whoever applies a patch needs, beside what the reading and writing of slots take. */
export const memoryOf = ({ slotBits, covers, longest }: Pick<PatchHeader, 'slotBits' | 'covers' | 'longest'>): number =>
  modelBytes(slotBits) + COVER_BYTES * covers + PARTS_BYTES + BLOCK_HEAD_BYTES + longest + STEP_BYTES

export function writeHeader(header: PatchHeader): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  bytes.set(MAGIC)
  bytes.set([PATCH_VERSION, ARCHITECTURES.indexOf(header.architecture), header.slotBits, 0], 4)
  view.setUint32(8, header.load, true)
  view.setUint32(12, header.base.length, true)
  view.setUint32(16, header.target.length, true)
  view.setUint32(20, header.covers, true)
  view.setUint32(24, header.longest, true)
  bytes.set(header.base.digest, 28)
  bytes.set(header.target.digest, 60)
  bytes.set(header.first, 92)
  return bytes
}

/**
 * Reads the header of a patch from its first 108 bytes. Refuses `patch-malformed` (too short, not a patch, or numbers that no patch
 * has) and `patch-newer` (a version or an architecture that is not known here).
 */
export function parseHeader(bytes: Uint8Array, subject: string): PatchHeader | Refusal {
  const bad = (expected: string, actual: string) => refuse('patch-malformed', subject, expected, actual)
  if (bytes.length < HEADER_BYTES) return bad(`a header of ${HEADER_BYTES} bytes`, `${bytes.length} bytes`)
  if (!sameBytes(bytes.subarray(0, 4), MAGIC)) return bad('the letters VSDP', 'something else')
  const [version, which, slotBits, reserved] = bytes.subarray(4, 8) as unknown as [number, number, number, number]
  const architecture = ARCHITECTURES[which]
  if (version !== PATCH_VERSION) return refuse('patch-newer', subject, `version ${PATCH_VERSION}`, `version ${version}`)
  if (architecture === undefined)
    return refuse('patch-newer', subject, 'an architecture that is known', `number ${which}`)
  if (reserved !== 0) return bad('a 0 at byte 7', `${reserved}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES)
  const [load, old, now, covers, longest] = [8, 12, 16, 20, 24].map(at => view.getUint32(at, true)) as [
    number,
    number,
    number,
    number,
    number,
  ]
  if (slotBits < SLOT_BITS.least || slotBits > SLOT_BITS.most) {
    return bad(`${SLOT_BITS.least} to ${SLOT_BITS.most} bits of slots`, `${slotBits}`)
  }
  if (old > MOST_IMAGE_BYTES || now > MOST_IMAGE_BYTES)
    return bad(`images of at most ${MOST_IMAGE_BYTES} bytes`, 'more')
  // A cover has a byte at least, and covers do not overlap in the new image.
  if (covers > now) return bad(`at most ${now} covers`, `${covers}`)
  if (load % 4 !== 0) return bad('a load address that is a multiple of 4', `${load}`)
  return {
    architecture,
    slotBits,
    load,
    base: { length: old, digest: bytes.slice(28, 60) },
    target: { length: now, digest: bytes.slice(60, 92) },
    covers,
    longest,
    first: bytes.slice(92, 108),
  }
}

/** `count`: how many covers the block has, or how many bytes of the new image. `next`: of the block behind it; of the last one, zeros. */
export type Block = { readonly count: number; readonly payload: Uint8Array; readonly next: Uint8Array }

export function writeBlock({ count, payload, next }: Block): Uint8Array {
  const head = new Uint8Array(8)
  const view = new DataView(head.buffer)
  view.setUint32(0, payload.length, true)
  view.setUint32(4, count, true)
  return concat(head, next, payload)
}

/** Bytes of a block whose first four are these. */
export const blockLength = (head: Uint8Array): number =>
  BLOCK_HEAD_BYTES + new DataView(head.buffer, head.byteOffset, 4).getUint32(0, true)

/** The blocks of a whole patch, one behind the other. The last may be cut: it is refused when it is read. */
export function* blocksOf(patch: Uint8Array): Generator<Uint8Array, void> {
  for (let at = HEADER_BYTES; at < patch.length; ) {
    const length = patch.length - at < 4 ? BLOCK_HEAD_BYTES : blockLength(patch.subarray(at))
    yield patch.subarray(at, at + length)
    at += length
  }
}

/**
 * Reads a block that must have a digest. Refuses `patch-altered` (not the patch's block) and `patch-malformed` (longer than the
 * header says, or of nothing).
 */
export function parseBlock(
  crypto: Pick<Crypto, 'sha256'>,
  bytes: Uint8Array,
  { digest, longest, subject }: { readonly digest: Uint8Array; readonly longest: number; readonly subject: string },
): Block | Refusal {
  const bad = (expected: string, actual: string) => refuse('patch-malformed', subject, expected, actual)
  if (bytes.length < BLOCK_HEAD_BYTES || bytes.length !== blockLength(bytes))
    return bad('a whole block', `${bytes.length} bytes`)
  if (!sameBytes(chainDigest(crypto, bytes), digest)) {
    return refuse('patch-altered', subject, 'the block that the one before names', 'another one')
  }
  const count = new DataView(bytes.buffer, bytes.byteOffset, 8).getUint32(4, true)
  const payload = bytes.subarray(BLOCK_HEAD_BYTES)
  if (payload.length > longest) return bad(`at most ${longest} bytes`, `${payload.length}`)
  if (count === 0) return bad('a block of something', 'one of nothing')
  return { count, payload, next: bytes.slice(8, 8 + CHAIN_BYTES) }
}

export const chainDigest = (crypto: Pick<Crypto, 'sha256'>, block: Uint8Array): Uint8Array =>
  crypto.sha256(block).slice(0, CHAIN_BYTES)
