import { type Addressed, MARGIN, type Stretch } from './stretch.ts'

/** An instruction that says how far something near is. `distance`: in bytes; `with`: the instruction, by another distance, or null. */
type Near = {
  /** From the instruction and 4, or from the multiple of 4 that is not behind that. */
  readonly aligned: boolean
  readonly distance: number
  readonly with: (distance: number) => number | null
}

/**
 * What Thumb code has near by: branches within a function (`B` in encodings T1 to T3, `CBZ` and `CBNZ`), and what is loaded from behind
 * it (`LDR`, `VLDR`) or found there (`ADR`); Arm v7-M Architecture Reference Manual (DDI 0403), A7.7. They change where something was put between. One
 * that would not reach stays as it is.
 */
export function thumbNear(original: Uint8Array, { at, by, bytes, kinds }: Stretch, { length, map }: Addressed): void {
  const code = new DataView(original.buffer, original.byteOffset, original.length)
  const out = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let k = at % 2 === 0 ? 0 : 1; k + 2 <= original.length; k += 2) {
    if (kinds[k] !== 0 || isSecond(code, k)) continue
    const first = code.getUint16(k, true)
    const isLong = first >>> 11 > 28
    if (isLong && k + 4 > original.length) continue
    const near = isLong ? longOf(first, code.getUint16(k + 2, true)) : shortOf(first)
    if (near === null) continue
    const from = at - MARGIN + k + 4
    const target = (near.aligned ? from & ~3 : from) + near.distance
    if (target < 0 || target >= length) continue
    const moved = near.aligned ? (from + by) & ~3 : from + by
    const written = near.with(map.to(target) - moved)
    if (written === null) continue
    if (isLong) {
      out.setUint16(k, written >>> 16, true)
      out.setUint16(k + 2, written & 0xffff, true)
    } else out.setUint16(k, written, true)
  }
}

/** True for the second halfword of an instruction of two. */
const isSecond = (code: DataView, at: number): boolean =>
  at >= 2 && code.getUint16(at - 2, true) >>> 11 > 28 && !(at >= 4 && code.getUint16(at - 4, true) >>> 11 > 28)

const within = (distance: number, least: number, most: number, step: number): boolean =>
  distance >= least && distance <= most && distance % step === 0

function shortOf(first: number): Near | null {
  if (first >>> 12 === 13 && ((first >>> 8) & 15) < 14) {
    const to = (distance: number) =>
      within(distance, -256, 254, 2) ? (first & 0xff00) | ((distance >> 1) & 0xff) : null
    return { aligned: false, distance: (first << 24) >> 23, with: to }
  }
  if (first >>> 11 === 28) {
    const to = (distance: number) =>
      within(distance, -2048, 2046, 2) ? (first & 0xf800) | ((distance >> 1) & 0x7ff) : null
    return { aligned: false, distance: (first << 21) >> 20, with: to }
  }
  if ((first & 0xf500) === 0xb100) {
    const to = (distance: number) =>
      within(distance, 0, 126, 2) ? (first & 0xfd07) | ((distance & 64) << 3) | ((distance & 62) << 2) : null
    return { aligned: false, distance: ((first >>> 3) & 64) | ((first >>> 2) & 62), with: to }
  }
  // `LDR`, and `ADR`.
  if (first >>> 11 === 9 || first >>> 11 === 20) {
    const to = (distance: number) => (within(distance, 0, 1020, 4) ? (first & 0xff00) | (distance >> 2) : null)
    return { aligned: true, distance: (first & 0xff) * 4, with: to }
  }
  return null
}

function longOf(first: number, second: number): Near | null {
  // `B` on a condition.
  if (first >>> 11 === 30 && (second & 0xd000) === 0x8000 && (first & 0x380) !== 0x380) {
    const [sign, j1, j2] = [(first >>> 10) & 1, (second >>> 13) & 1, (second >>> 11) & 1]
    const bits = (sign << 20) | (j2 << 19) | (j1 << 18) | ((first & 63) << 12) | ((second & 0x7ff) << 1)
    const to = (distance: number) => {
      if (!within(distance, -(1 << 20), (1 << 20) - 2, 2)) return null
      const upper = (first & 0xfbc0) | (((distance >> 20) & 1) << 10) | ((distance >> 12) & 63)
      const js = (((distance >> 18) & 1) << 13) | (((distance >> 19) & 1) << 11)
      return ((upper << 16) | (second & 0xd000) | js | ((distance >> 1) & 0x7ff)) >>> 0
    }
    return { aligned: false, distance: (bits << 11) >> 11, with: to }
  }
  // `LDR`, and `VLDR`, forwards.
  if (first === 0xf8df) {
    const to = (distance: number) =>
      within(distance, 0, 4095, 1) ? ((first << 16) | (second & 0xf000) | distance) >>> 0 : null
    return { aligned: true, distance: second & 0xfff, with: to }
  }
  if ((first & 0xffbf) === 0xed9f && (second & 0x0e00) === 0x0a00) {
    const to = (distance: number) =>
      within(distance, 0, 1020, 4) ? ((first << 16) | (second & 0xff00) | (distance >> 2)) >>> 0 : null
    return { aligned: true, distance: (second & 0xff) * 4, with: to }
  }
  return null
}
