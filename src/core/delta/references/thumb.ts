import { type Addressed, BRANCH, MARGIN, mark, type Stretch } from './stretch.ts'

/**
 * Long branches of Thumb-2: `BL` (encoding T1) and `B.W` (T4), Arm v7-M Architecture Reference Manual (DDI 0403), A7.7.12 and A7.7.18.
 * One is expected to reach where its target has moved, from where it has moved itself. Branches out of the image stay as they are.
 */
export function thumb(original: Uint8Array, { at, by, bytes, kinds }: Stretch, { length, map }: Addressed): void {
  const code = new DataView(original.buffer, original.byteOffset, original.length)
  // Halfwords are aligned in the image, whose load address is.
  for (let k = at % 2 === 0 ? 0 : 1; k + 4 <= original.length; k += 2) {
    const branch = code.getInt32(k, true)
    if (!isBranch(branch) || (k >= 2 && isBranch(code.getInt32(k - 2, true)))) continue
    const from = at - MARGIN + k + 4
    const target = from + distanceOf(branch)
    if (target < 0 || target >= length) continue
    writeDistance(bytes, k, map.to(target) - (from + by))
    mark(kinds, k, BRANCH)
  }
}

/**
 * True for what may be a long branch, its first halfword lowest: 11110… and 1xx1…, where of the second halfword's bits 15, 14 and 12 the middle one
 * tells BL from B.W. It is none where it begins in another one.
 */
const isBranch = (code: number): boolean => (code & 0x9000_f800) === (0x9000_f000 | 0)

/** Bytes from behind the branch to its target: 25 bits with a sign, of which the last is 0. */
function distanceOf(code: number): number {
  const sign = (code >> 10) & 1
  const i1 = ((code >> 29) & 1) ^ sign ^ 1
  const i2 = ((code >> 27) & 1) ^ sign ^ 1
  const bits = (sign << 24) | (i1 << 23) | (i2 << 22) | ((code & 0x3ff) << 12) | (((code >> 16) & 0x7ff) << 1)
  return (bits << 7) >> 7
}

function writeDistance(bytes: Uint8Array, at: number, distance: number): void {
  const sign = (distance >> 24) & 1
  const j1 = ((distance >> 23) & 1) ^ sign ^ 1
  const j2 = ((distance >> 22) & 1) ^ sign ^ 1
  const first = 0xf000 | (sign << 10) | ((distance >> 12) & 0x3ff)
  const second = ((bytes[at + 3]! << 8) & 0xd000) | (j1 << 13) | (j2 << 11) | ((distance >> 1) & 0x7ff)
  bytes[at] = first & 0xff
  bytes[at + 1] = first >> 8
  bytes[at + 2] = second & 0xff
  bytes[at + 3] = second >> 8
}
