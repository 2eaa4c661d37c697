/**
 * The image format of MCUboot (docs/design.md of mcu-tools/mcuboot, boot/bootutil/include/bootutil/image.h): a header, the
 * image, an area of type-length-values that the hash covers, one that it does not. All little-endian.
 */

/** What the first four bytes of a header are. */
export const IMAGE_MAGIC = 0x96f3b83d
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

/** At the end of a slot: the mark that an image is there to be tried, and the flag that it stays. */
export const TRAILER_MAGIC = Uint8Array.of(
  ...[0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f, 0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80],
)
/** Bytes that a flag of the trailer takes: the write unit of the flash, 8 unless it is larger. */
export const TRAILER_ALIGN = 8

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
