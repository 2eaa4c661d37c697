import { concat } from '../../encoding/bytes.ts'
import type { Crypto, PublicKey } from '../../encoding/crypto.ts'
import { type Refusal, refuse } from '../../refusal/refusal.ts'
import {
  HEADER_BYTES,
  IMAGE_MAGIC,
  type McubootDependency,
  type McubootVersion,
  TLV,
  TLV_MAGIC,
  TRAILER_ALIGN,
  TRAILER_MAGIC,
} from './layout.ts'

/** What an image is made of. `headerBytes`: 32 or more, a multiple of 4, as the vector table of the image asks for. */
export type McubootInput = {
  readonly image: Uint8Array
  readonly version: McubootVersion
  readonly headerBytes: number
  readonly counter: number
  readonly dependencies: readonly McubootDependency[]
}

/** Everything that the hash covers: header, image, and the TLVs in front. What a signer signs, with SHA-256. */
export function mcubootSigned(input: McubootInput): Uint8Array | Refusal {
  const { image, headerBytes, counter, dependencies } = input
  if (headerBytes < HEADER_BYTES || headerBytes > 0x8000 || headerBytes % 4 !== 0) {
    return refuse(
      'mcuboot-fact-invalid',
      'header',
      `${HEADER_BYTES} to 32768 bytes, a multiple of 4`,
      String(headerBytes),
    )
  }
  const hashed = area(TLV_MAGIC.hashed, [
    tlv(TLV.counter, u32(counter)),
    ...dependencies.map(({ image: number, atLeast }) =>
      tlv(TLV.dependency, concat(Uint8Array.of(number, 0, 0, 0), version(atLeast))),
    ),
  ])
  const header = new Uint8Array(headerBytes)
  const view = new DataView(header.buffer)
  view.setUint32(0, IMAGE_MAGIC, true)
  view.setUint16(8, headerBytes, true)
  view.setUint16(10, hashed.length, true)
  view.setUint32(12, image.length, true)
  header.set(version(input.version), 20)
  return concat(header, image, hashed)
}

/**
 * The whole image: what was signed, its hash, which key signed (the SHA-256 of the key as SubjectPublicKeyInfo), and the
 * signature, ECDSA P-256 with SHA-256 in DER.
 */
export function mcubootImage(signed: Uint8Array, key: PublicKey, signature: Uint8Array, crypto: Crypto): Uint8Array {
  return concat(
    signed,
    area(TLV_MAGIC.open, [
      tlv(TLV.sha256, crypto.sha256(signed)),
      tlv(TLV.keyHash, crypto.sha256(key.spki)),
      tlv(TLV.ecdsa, signature),
    ]),
  )
}

/**
 * An image as a whole slot, for a programmer: erased bytes up to the trailer, whose mark has it tried at the next boot,
 * for good when `confirmed`. Refuses `image-too-large`.
 */
export function mcubootSlot(image: Uint8Array, slotBytes: number, confirmed: boolean): Uint8Array | Refusal {
  const trailer = TRAILER_MAGIC.length + 2 * TRAILER_ALIGN
  if (image.length + trailer > slotBytes) {
    return refuse(
      'image-too-large',
      'image',
      `at most ${slotBytes - trailer} bytes in this slot`,
      `${image.length} bytes`,
    )
  }
  const slot = new Uint8Array(slotBytes).fill(0xff)
  slot.set(image)
  slot.set(TRAILER_MAGIC, slotBytes - TRAILER_MAGIC.length)
  if (confirmed) slot[slotBytes - TRAILER_MAGIC.length - TRAILER_ALIGN] = 1
  return slot
}

function area(magic: number, tlvs: readonly Uint8Array[]): Uint8Array {
  const body = concat(...tlvs)
  return concat(u16(magic), u16(body.length + 4), body)
}

const tlv = (type: number, value: Uint8Array): Uint8Array => concat(u16(type), u16(value.length), value)
const u16 = (value: number): Uint8Array => Uint8Array.of(value & 0xff, value >>> 8)
const u32 = (value: number): Uint8Array => concat(u16(value & 0xffff), u16(value >>> 16))
const version = ({ major, minor, revision, build }: McubootVersion): Uint8Array =>
  concat(Uint8Array.of(major, minor), u16(revision), u32(build))
