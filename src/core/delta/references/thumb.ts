import { type Addressed, BRANCH, MARGIN, mark, type Stretch } from './stretch.ts'

/**
 * Long branches of Thumb-2: `BL` (encoding T1) and `B.W` (T4), Arm v7-M Architecture Reference Manual (DDI 0403), A7.7.12 and A7.7.18.
 * One is expected to reach where its target has moved, from where it has moved itself. Branches out of the image stay as they are.
 */
export function thumb(original: Uint8Array, { at, by, bytes, kinds }: Stretch, { length, map }: Addressed): void {
  // Halfwords are aligned in the image, whose load address is.
  for (let k = at % 2 === 0 ? 0 : 1; k + 4 <= original.length; k += 2) {
    if (!isBranch(original, k)) continue
    const from = at - MARGIN + k + 4
    const target = from + distanceOf(original, k)
    if (target < 0 || target >= length) continue
    writeDistance(bytes, k, map.to(target) - (from + by))
    mark(kinds, k, BRANCH)
  }
}

/** True for the first halfword of a long branch that is not the second one of another. */
function isBranch(bytes: Uint8Array, at: number): boolean {
  return looksLikeBranch(bytes, at) && !(at >= 2 && looksLikeBranch(bytes, at - 2))
}

function looksLikeBranch(bytes: Uint8Array, at: number): boolean {
  // 11110… and 1xx1…: of the second halfword's bits 15, 14 and 12, the middle one tells BL from B.W.
  return (bytes[at + 1]! & 0xf8) === 0xf0 && (bytes[at + 3]! & 0x90) === 0x90
}

/** Bytes from behind the branch to its target: 25 bits with a sign, of which the last is 0. */
function distanceOf(bytes: Uint8Array, at: number): number {
  const first = bytes[at]! | (bytes[at + 1]! << 8)
  const second = bytes[at + 2]! | (bytes[at + 3]! << 8)
  const sign = (first >> 10) & 1
  const i1 = ((second >> 13) & 1) ^ sign ^ 1
  const i2 = ((second >> 11) & 1) ^ sign ^ 1
  const bits = (sign << 24) | (i1 << 23) | (i2 << 22) | ((first & 0x3ff) << 12) | ((second & 0x7ff) << 1)
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
