import { type Addressed, BRANCH, THIRD as HALF, MARGIN, mark, POINTER, type Stretch } from './stretch.ts'

/** Instructions to either side of one that are looked at for the other half of an address: whole, for any byte of a stretch. */
const NEAR = MARGIN / 4 - 1
const PAGE = 4096

/**
 * References of AArch64 code (Arm Architecture Reference Manual, DDI 0487, C6.2): `B` and `BL`; `ADRP`, and the `ADD`, load or store beside it that
 * brings the lower twelve bits; and words of 64 bits that point to where the image is run from at the upper end of the addresses, where kernels
 * are. Of `load`, the lower 32 bits are what counts. Those out of the image stay as they are.
 */
export function aarch64(
  original: Uint8Array,
  { at, by, bytes, kinds }: Stretch,
  { length, load, map }: Addressed,
): void {
  const words = new DataView(original.buffer, original.byteOffset, original.length)
  const out = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const begin = at - MARGIN
  const within = load % PAGE
  const put = (k: number, word: number, kind: number): void => {
    out.setUint32(k, word, true)
    mark(kinds, k, kind)
  }
  const half = (k: number, word: number, target: number): void => {
    if (target < 0 || target >= length) return
    const moved = map.to(target) + within
    const scale = scaleOf(word)
    if (isPage(word)) {
      put(k, withPages(word, Math.floor(moved / PAGE) - Math.floor((begin + k + by + within) / PAGE)), HALF)
    } else if (moved % 2 ** scale === 0) {
      put(k, (word & 0xffc0_03ff) | (((moved & (PAGE - 1)) >> scale) << 10), HALF)
    }
  }
  const pageOf = (k: number, word: number): number =>
    (Math.floor((begin + k + within) / PAGE) + pagesOf(word)) * PAGE - within
  // Instructions are aligned in the image, whose load address is.
  for (let k = -begin & 3; k + 4 <= original.length; k += 4) {
    const word = words.getUint32(k, true)
    if (isBranch(word)) {
      const target = begin + k + ((word << 6) >> 4)
      if (target < 0 || target >= length) continue
      put(k, (word & 0xfc00_0000) | (((map.to(target) - (begin + k + by)) >> 2) & 0x03ff_ffff), BRANCH)
    } else if (isPage(word)) {
      let low = 0
      for (let other = k + 4; other <= k + 4 * NEAR && other + 4 <= original.length; other += 4) {
        const candidate = words.getUint32(other, true)
        if (!isLow(candidate) || baseOf(candidate) !== (word & 31)) continue
        low = lowOf(candidate)
        break
      }
      half(k, word, pageOf(k, word) + low)
    } else if (isLow(word)) {
      for (let other = k - 4; other >= k - 4 * NEAR && other >= 0; other -= 4) {
        const candidate = words.getUint32(other, true)
        if (!isPage(candidate) || (candidate & 31) !== baseOf(word)) continue
        half(k, word, pageOf(other, candidate) + lowOf(word))
        break
      }
    } else if (
      ((begin + k) & 7) === 0 &&
      k + 8 <= original.length &&
      isAddress(word >>> 0, words.getUint32(k + 4, true))
    ) {
      const offset = (word - load) | 0
      if (offset >= 0 && offset < length) put(k, (load + map.to(offset)) | 0, POINTER)
    }
  }
}

/** At the upper end of the addresses, where kernels are, or at the lower, where only small numbers are none. */
const isAddress = (lower: number, upper: number): boolean => upper >>> 16 === 0xffff || (upper === 0 && lower >= 0x400)

/** `B` and `BL`: 26 bits with a sign, in words. */
const isBranch = (word: number): boolean => (word & 0x7c00_0000) === 0x1400_0000

/** `ADRP`: 21 bits with a sign, in pages, the lowest two of them apart. */
const isPage = (word: number): boolean => (word & 0x9f00_0000) >>> 0 === 0x9000_0000
const pagesOf = (word: number): number => (((word << 8) >> 13) << 2) | ((word >>> 29) & 3)
const withPages = (word: number, pages: number): number =>
  (word & 0x9f00_001f) | ((pages & 3) << 29) | (((pages >> 2) & 0x7_ffff) << 5)

/** `ADD` of twelve bits to a register of 64, and loads and stores so far from one. */
const isAdd = (word: number): boolean => (word & 0xffc0_0000) >>> 0 === 0x9100_0000
const isAccess = (word: number): boolean => (word & 0x3b00_0000) === 0x3900_0000
const isLow = (word: number): boolean => isAdd(word) || isAccess(word)
const baseOf = (word: number): number => (word >> 5) & 31
const lowOf = (word: number): number => ((word >> 10) & 0xfff) << scaleOf(word)
/** Of an access, twelve bits count what is accessed: 2 to the power of so many bytes. Of a vector of 128 bits, the size is 0. */
const scaleOf = (word: number): number => (isAdd(word) ? 0 : (word & 0x0480_0000) === 0x0480_0000 ? 4 : word >>> 30)
