import { concat } from '../../encoding/bytes.ts'
import type { Crypto, PublicKey } from '../../encoding/crypto.ts'
import { type Refusal, refuse } from '../../refusal/refusal.ts'
import { HEADER_BYTES, IMAGE_MAGIC, type McubootDependency, type McubootVersion, TLV, TLV_MAGIC } from './layout.ts'

/** What an image is made of. `headerBytes`: 32 or more, a multiple of 4, as the vector table of the image asks for. */
export type McubootInput = {
  readonly image: Uint8Array
  readonly version: McubootVersion
  readonly headerBytes: number
  readonly counter: number
  readonly dependencies: readonly McubootDependency[]
}

/** Dependencies of an image, at most. */
const MAX_DEPENDENCIES = 16

/**
 * Everything that the hash covers: header, image, and the TLVs in front. What a signer signs, with SHA-256. Refuses
 * `image-empty`, and `mcuboot-fact-invalid` for what has no place in these bytes.
 */
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
  if (image.length === 0) return refuse('image-empty', 'image for MCUboot', 'at least one byte', 'none')
  if (!Number.isSafeInteger(counter) || counter < 0 || counter > 0xffffffff) {
    return refuse('mcuboot-fact-invalid', 'security counter', 'a whole number from 0 to 2^32-1', String(counter))
  }
  const numbers = dependencies.map(dependency => dependency.image)
  if (numbers.length > MAX_DEPENDENCIES || numbers.some(number => number > 0xff)) {
    const expected = `at most ${MAX_DEPENDENCIES} images, numbered 0 to 255`
    return refuse('mcuboot-fact-invalid', 'dependencies', expected, numbers.join(', ').slice(0, 80))
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

function area(magic: number, tlvs: readonly Uint8Array[]): Uint8Array {
  const body = concat(...tlvs)
  return concat(u16(magic), u16(body.length + 4), body)
}

const tlv = (type: number, value: Uint8Array): Uint8Array => concat(u16(type), u16(value.length), value)
const u16 = (value: number): Uint8Array => Uint8Array.of(value & 0xff, value >>> 8)
const u32 = (value: number): Uint8Array => concat(u16(value & 0xffff), u16(value >>> 16))
const version = ({ major, minor, revision, build }: McubootVersion): Uint8Array =>
  concat(Uint8Array.of(major, minor), u16(revision), u32(build))
