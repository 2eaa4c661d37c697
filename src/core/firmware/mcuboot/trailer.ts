import { type Refusal, refuse } from '../../refusal/refusal.ts'

/**
 * The end of a slot (docs/design.md of mcu-tools/mcuboot, "Image Trailer"; bootutil_public.c), from the back: the mark that
 * an image is there to be tried, then whether it stays, whether it was copied, what kind of swap is under way, how much of it,
 * and the progress of the swap sector by sector. Each of the flags takes a unit of `BOOT_MAX_ALIGN` bytes.
 */

/**
 * How a boot loader was built. `writeBytes`: the write unit of its flash, 1 to 32. `sectors`: the sectors of a slot that it can
 * swap at most (BOOT_MAX_IMG_SECTORS); null when it overwrites.
 */
export type SlotBuild = { readonly slotBytes: number; readonly writeBytes: number; readonly sectors: number | null }

/** What boot loaders are built with unless somebody changes it. */
export const USUAL_BUILD = { writeBytes: 8, sectors: 128 } as const

const WRITE_UNITS: readonly number[] = [1, 2, 4, 8, 16, 32]
const MAX_SECTORS = 0xffff
const MAGIC_BYTES = 16
/** The mark where flags take 8 bytes, and what follows the size of a flag, little-endian, where they take more. */
const MAGIC = Uint8Array.fromHex('77c295f360d2ef7f3552500f2cb67980')
const MAGIC_TAIL = Uint8Array.fromHex('2de15d29410b8d77679c110f1f8a')

const flagBytes = ({ writeBytes }: SlotBuild): number => Math.max(8, writeBytes)
const upTo = (value: number, unit: number): number => Math.ceil(value / unit) * unit

/** Bytes at the end of a slot that no image may reach into. */
export function trailerBytes(build: SlotBuild): number {
  const unit = flagBytes(build)
  const mark = upTo(MAGIC_BYTES, unit)
  return build.sectors === null ? mark + 2 * unit : mark + 4 * unit + 3 * build.sectors * build.writeBytes
}

/**
 * An image as a whole slot, for a programmer: erased bytes up to the mark, which has the boot loader try it at the next start;
 * `confirmed`: for good, as the image of a factory is. Refuses `mcuboot-fact-invalid` for a build that there is not, and
 * `image-too-large`.
 */
export function mcubootSlot(image: Uint8Array, build: SlotBuild, confirmed: boolean): Uint8Array | Refusal {
  const { slotBytes, writeBytes, sectors } = build
  const wrong = (what: string, expected: string, actual: number): Refusal =>
    refuse('mcuboot-fact-invalid', what, expected, String(actual))
  if (!WRITE_UNITS.includes(writeBytes)) return wrong('write unit', WRITE_UNITS.join(', '), writeBytes)
  if (sectors !== null && (sectors < 1 || sectors > MAX_SECTORS))
    return wrong('sectors', `1 to ${MAX_SECTORS}`, sectors)
  const unit = flagBytes(build)
  if (slotBytes % unit !== 0) return wrong('slot', `a multiple of ${unit} bytes`, slotBytes)
  const room = slotBytes - trailerBytes(build)
  if (image.length > room) {
    return refuse(
      'image-too-large',
      'image',
      `at most ${Math.max(0, room)} bytes in this slot`,
      `${image.length} bytes`,
    )
  }
  const slot = new Uint8Array(slotBytes).fill(0xff)
  slot.set(image)
  const mark = unit === 8 ? MAGIC : Uint8Array.of(unit & 0xff, unit >> 8, ...MAGIC_TAIL)
  slot.set(mark, slotBytes - MAGIC_BYTES)
  // An overwriting boot loader has nothing to go back to: it asks for no confirmation, and nobody else writes one.
  if (confirmed && sectors !== null) slot[slotBytes - upTo(MAGIC_BYTES, unit) - unit] = 1
  return slot
}
