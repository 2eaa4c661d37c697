import { type Addressed, BRANCH, MARGIN, mark, type Stretch } from './stretch.ts'
import { words } from './words.ts'

/**
 * References of 32-bit Arm code (Armv7-A and Armv7-R Architecture Reference Manual, DDI 0406, A8.8): `B`, `BL` and `BLX`, `LDR` of what stands near by, and
 * aligned words that are an address in the image. Those out of the image, and what would not reach, stay as they are.
 */
export function arm(original: Uint8Array, stretch: Stretch, image: Addressed): void {
  const { at, by, bytes, kinds } = stretch
  const { length, map } = image
  const code = new DataView(original.buffer, original.byteOffset, original.length)
  const out = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const begin = at - MARGIN
  // Instructions are aligned in the image, whose load address is.
  for (let k = -begin & 3; k + 4 <= original.length; k += 4) {
    const word = code.getUint32(k, true)
    const from = begin + k + 8
    if ((word & 0x0e00_0000) === 0x0a00_0000) {
      // Of `BLX` a bit more says whether it reaches to the second halfword.
      const half = word >>> 28 === 15 ? (word >>> 23) & 2 : 0
      const target = from + ((word << 8) >> 6) + half
      if (target < 0 || target >= length) continue
      const distance = map.to(target) - (from + by)
      if ((distance & 3) !== half) continue
      out.setUint32(k, ((word & 0xff00_0000) | ((distance >> 2) & 0xff_ffff)) >>> 0, true)
      mark(kinds, k, BRANCH)
    } else if ((word & 0x0f7f_0000) === 0x051f_0000 && word >>> 28 !== 15) {
      const target = from + ((word & UP) !== 0 ? word & 0xfff : -(word & 0xfff))
      if (target < 0 || target >= length) continue
      const distance = map.to(target) - (from + by)
      if (Math.abs(distance) > 0xfff) continue
      out.setUint32(k, ((word & 0xff7f_f000) | (distance < 0 ? 0 : UP) | Math.abs(distance)) >>> 0, true)
    }
  }
  words(original, stretch, image)
}

/** Set where a distance is added and not taken away. */
const UP = 0x80_0000
