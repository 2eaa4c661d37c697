import { toHex } from '../../encoding/bytes.ts'
import type { Crypto, PublicKey } from '../../encoding/crypto.ts'
import { isRefusal, type Refusal, refuse } from '../../refusal/refusal.ts'
import {
  HEADER_BYTES,
  IMAGE_MAGIC,
  type McubootDependency,
  type McubootFacts,
  type McubootVersion,
  TLV,
  TLV_MAGIC,
} from './layout.ts'

/** Entries of one area, at most. */
const MAX_TLVS = 64

export type Tlv = { readonly type: number; readonly value: Uint8Array }

/** An image that has been read. `signed` is what the hash is over; `trailing`: bytes behind it, such as a slot's rest. */
export type McubootImage = {
  readonly facts: McubootFacts
  readonly image: Uint8Array
  readonly signed: Uint8Array
  readonly hashed: readonly Tlv[]
  readonly open: readonly Tlv[]
  readonly trailing: number
}

/**
 * Reads an image of MCUboot, bounds first; verifies nothing. Refuses `mcuboot-malformed`: another magic, a length that
 * does not fit, an entry that ends behind its area, two of a kind of which there is one, areas in another order.
 */
export function readMcuboot(bytes: Uint8Array, subject: string): McubootImage | Refusal {
  const wrong = (expected: string, actual: string): Refusal => refuse('mcuboot-malformed', subject, expected, actual)
  if (bytes.length < HEADER_BYTES) return wrong(`a header of ${HEADER_BYTES} bytes`, `${bytes.length} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const magic = view.getUint32(0, true)
  if (magic !== IMAGE_MAGIC) return wrong('the magic of an image', magic.toString(16).padStart(8, '0'))
  const headerBytes = view.getUint16(8, true)
  const hashedBytes = view.getUint16(10, true)
  const imageBytes = view.getUint32(12, true)
  if (headerBytes < HEADER_BYTES) return wrong(`a header of at least ${HEADER_BYTES} bytes`, String(headerBytes))
  const hashedAt = headerBytes + imageBytes
  const openAt = hashedAt + hashedBytes
  if (imageBytes === 0 || openAt > bytes.length) return wrong('an image that is all there', `${bytes.length} bytes`)
  const hashed = hashedBytes === 0 ? [] : readArea(bytes, hashedAt, TLV_MAGIC.hashed, hashedBytes, wrong)
  if (isRefusal(hashed)) return hashed
  const open = readArea(bytes, openAt, TLV_MAGIC.open, null, wrong)
  if (isRefusal(open)) return open
  const counters = hashed.filter(({ type }) => type === TLV.counter)
  const [counter] = counters
  if (counters.length > 1 || (counter !== undefined && counter.value.length !== 4)) {
    return wrong('at most one security counter of 4 bytes', `${counters.length}`)
  }
  const dependencies = hashed.filter(({ type }) => type === TLV.dependency).map(({ value }) => dependencyOf(value))
  if (dependencies.includes(null)) return wrong('dependencies of 12 bytes', 'another length')
  const facts: McubootFacts = {
    version: versionAt(view, 20),
    headerBytes,
    imageBytes,
    loadAddress: view.getUint32(4, true),
    flags: view.getUint32(16, true),
    counter: counter === undefined ? null : viewOf(counter.value).getUint32(0, true),
    dependencies: dependencies as McubootDependency[],
  }
  const end = openAt + sizeOf(open)
  const image = bytes.subarray(headerBytes, hashedAt)
  return { facts, image, signed: bytes.subarray(0, openAt), hashed, open, trailing: bytes.length - end }
}

/**
 * Verifies an image as MCUboot does: the hash over header, image and covered TLVs, then the signature by a key that is
 * named by its hash. Refuses `mcuboot-hash-mismatch`, `mcuboot-unsigned`, `mcuboot-signature-invalid`.
 */
export function verifyMcuboot(
  { signed, open }: McubootImage,
  key: PublicKey,
  subject: string,
  crypto: Crypto,
): null | Refusal {
  const altered = checkHash({ signed, open }, subject, crypto)
  if (altered !== null) return altered
  const [keyHash, signature] = [only(open, TLV.keyHash), only(open, TLV.ecdsa)]
  const wanted = crypto.sha256(key.spki)
  if (keyHash === null || signature === null || !crypto.equal(keyHash, wanted)) {
    const found = keyHash === null || signature === null ? 'none' : `one by ${toHex(keyHash)}`
    return refuse('mcuboot-unsigned', subject, `a signature by ${toHex(wanted)}`, found)
  }
  if (key.alg === 'ecdsa-p256' && crypto.verify(key, signed, signature, 'der')) return null
  return refuse('mcuboot-signature-invalid', subject, `a signature by ${toHex(wanted)}`, 'one that does not hold')
}

/** Whether an image has one SHA-256, and it is over header, image and covered TLVs. Refuses `mcuboot-hash-mismatch`. */
export function checkHash(
  { signed, open }: Pick<McubootImage, 'signed' | 'open'>,
  subject: string,
  crypto: Crypto,
): null | Refusal {
  const stated = only(open, TLV.sha256)
  const actual = crypto.sha256(signed)
  if (stated !== null && crypto.equal(stated, actual)) return null
  const found = stated === null ? 'none, or more than one' : toHex(stated)
  return refuse('mcuboot-hash-mismatch', subject, `SHA-256 ${toHex(actual)}`, found)
}

/** The value of the one TLV of a type; null when there is none, or more than one. */
function only(tlvs: readonly Tlv[], type: number): Uint8Array | null {
  const found = tlvs.filter(tlv => tlv.type === type)
  return found.length === 1 ? (found[0] as Tlv).value : null
}

function readArea(
  bytes: Uint8Array,
  start: number,
  magic: number,
  length: number | null,
  wrong: (expected: string, actual: string) => Refusal,
): Tlv[] | Refusal {
  const view = viewOf(bytes)
  if (start + 4 > bytes.length) return wrong('an area of TLVs behind the image', 'the end')
  const found = view.getUint16(start, true)
  if (found !== magic) return wrong(`TLVs of the kind ${magic.toString(16)}`, found.toString(16))
  const total = view.getUint16(start + 2, true)
  const end = start + total
  if (total < 4 || end > bytes.length || (length !== null && total !== length)) {
    return wrong(length === null ? 'an area that is all there' : `an area of ${length} bytes`, `${total} bytes`)
  }
  const tlvs: Tlv[] = []
  for (let at = start + 4; at < end; ) {
    if (at + 4 > end || tlvs.length === MAX_TLVS)
      return wrong(`at most ${MAX_TLVS} whole TLVs`, 'more, or a part of one')
    const type = view.getUint16(at, true)
    const next = at + 4 + view.getUint16(at + 2, true)
    if (next > end) return wrong('a TLV within its area', `one that ends ${next - end} bytes behind it`)
    tlvs.push({ type, value: bytes.subarray(at + 4, next) })
    at = next
  }
  return tlvs
}

const sizeOf = (tlvs: readonly Tlv[]): number => tlvs.reduce((sum, { value }) => sum + 4 + value.length, 4)
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function dependencyOf(value: Uint8Array): McubootDependency | null {
  return value.length === 12 ? { image: value[0] as number, atLeast: versionAt(viewOf(value), 4) } : null
}

const versionAt = (view: DataView, at: number): McubootVersion => ({
  major: view.getUint8(at),
  minor: view.getUint8(at + 1),
  revision: view.getUint16(at + 2, true),
  build: view.getUint32(at + 4, true),
})
