/**
 * The image format of MCUboot (docs/design.md of mcu-tools/mcuboot, boot/bootutil/include/bootutil/image.h): a header, the
 * image, an area of type-length-values that the hash covers, one that it does not. All little-endian.
 */

/** What the first four bytes of a header are. */
export const IMAGE_MAGIC = 0x96f3b83d
export const MAGIC_BYTES = 4
/** Bytes of the header's fields; a header may be longer, filled with zeros, so that the image is aligned. */
export const HEADER_BYTES = 32
/** What the two areas of TLVs begin with. */
export const TLV_MAGIC = { hashed: 0x6908, open: 0x6907 } as const

/** The TLVs that are written or read. Others are listed by number. */
export const TLV = {
  keyHash: 0x01,
  sha256: 0x10,
  ecdsa: 0x22,
  dependency: 0x40,
  counter: 0x50,
} as const

/** Header flags of images that this does not read: encrypted ones, whose hash is over what they decrypt to. */
export const ENCRYPTED_FLAGS = 0x04 | 0x08

/** A version as MCUboot compares it: `major.minor.revision`, and a build number that a dependency may ask for. */
export type McubootVersion = {
  readonly major: number
  readonly minor: number
  readonly revision: number
  readonly build: number
}

/** That another image of the device is of this version or a later one. */
export type McubootDependency = { readonly image: number; readonly atLeast: McubootVersion }

/** What the header says, and what the TLVs that the hash covers say. */
export type McubootFacts = {
  readonly version: McubootVersion
  /** Bytes from the start to the image. */
  readonly headerBytes: number
  readonly imageBytes: number
  readonly loadAddress: number
  readonly flags: number
  readonly counter: number | null
  readonly dependencies: readonly McubootDependency[]
}
