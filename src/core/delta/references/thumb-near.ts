import { type Addressed, MARGIN, type Stretch } from './stretch.ts'

/**
 * What Thumb code has near by: branches within a function (`B` in encodings T1 to T3, `CBZ` and `CBNZ`), and what is loaded from behind
 * it (`LDR`, `VLDR`) or found there (`ADR`); Arm v7-M Architecture Reference Manual (DDI 0403), A7.7. They change where something was put between. One
 * that would not reach stays as it is.
 */
export function thumbNear(original: Uint8Array, { at, by, bytes, kinds }: Stretch, { length, map }: Addressed): void {
  const code = new DataView(original.buffer, original.byteOffset, original.length)
  const out = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let k = at % 2 === 0 ? 0 : 1; k + 2 <= original.length; k += 2) {
    let form = FORMS[original[k + 1]!]!
    if (form === NONE || kinds[k] !== 0 || isSecond(original, k)) continue
    let instruction = code.getUint16(k, true)
    if (form === LONG) {
      if (k + 4 > original.length) continue
      form = longForm(instruction, code.getUint16(k + 2, true))
      if (form === NONE) continue
      instruction = (instruction << 16) | code.getUint16(k + 2, true)
    }
    // From the instruction and 4, or from the multiple of 4 that is not behind that.
    const isAligned = form >= LOAD
    const from = isAligned ? (at - MARGIN + k + 4) & ~3 : at - MARGIN + k + 4
    const to = isAligned ? (at - MARGIN + k + 4 + by) & ~3 : from + by
    const distance = distanceIn(form, instruction)
    const target = from + distance
    if (target < 0 || target >= length) continue
    const moved = map.to(target) - to
    if (!reaches(form, moved)) continue
    const written = withDistance(form, instruction, moved)
    if (form === COND_WIDE || form > LOAD) {
      out.setUint16(k, written >>> 16, true)
      out.setUint16(k + 2, written & 0xffff, true)
    } else out.setUint16(k, written, true)
  }
}

/** True for the second halfword of an instruction of two. */
const isSecond = (code: Uint8Array, at: number): boolean =>
  at >= 2 && code[at - 1]! >= 0xe8 && !(at >= 4 && code[at - 3]! >= 0xe8)

/** What an instruction is, as far as its distance goes. From `LOAD` on, the distance is from a multiple of 4. */
const [NONE, COND, PLAIN, ZERO, COND_WIDE, LOAD, LOAD_WIDE, LOAD_VECTOR, LONG] = [0, 1, 2, 3, 4, 5, 6, 7, 8]

/** The form of an instruction by the upper byte of its first halfword; `LONG` where the whole of both must be looked at. */
const FORMS = Uint8Array.from({ length: 256 }, (_, upper) => {
  if (upper >> 4 === 13 && (upper & 15) < 14) return COND
  if (upper >> 3 === 28) return PLAIN
  if ((upper & 0xf5) === 0xb1) return ZERO
  // `LDR`, and `ADR`.
  if (upper >> 3 === 9 || upper >> 3 === 20) return LOAD
  return upper >> 3 === 30 || upper === 0xf8 || upper === 0xed ? LONG : NONE
})

function longForm(first: number, second: number): number {
  if (first >>> 11 === 30) return (second & 0xd000) === 0x8000 && (first & 0x380) !== 0x380 ? COND_WIDE : NONE
  // `LDR`, and `VLDR`, forwards.
  if (first === 0xf8df) return LOAD_WIDE
  return (first & 0xffbf) === 0xed9f && (second & 0x0e00) === 0x0a00 ? LOAD_VECTOR : NONE
}

/** Whether an instruction can say a distance, in bytes: how far it reaches backwards and forwards, and by which steps. */
function reaches(form: number, distance: number): boolean {
  if (form === COND) return within(distance, -256, 254, 2)
  if (form === PLAIN) return within(distance, -2048, 2046, 2)
  if (form === ZERO) return within(distance, 0, 126, 2)
  if (form === COND_WIDE) return within(distance, -(1 << 20), (1 << 20) - 2, 2)
  return form === LOAD_WIDE ? within(distance, 0, 4095, 1) : within(distance, 0, 1020, 4)
}

const within = (distance: number, least: number, most: number, step: number): boolean =>
  distance >= least && distance <= most && (distance & (step - 1)) === 0

/** The distance that an instruction says, in bytes. */
function distanceIn(form: number, code: number): number {
  switch (form) {
    case COND:
      return (code << 24) >> 23
    case PLAIN:
      return (code << 21) >> 20
    case ZERO:
      return ((code >> 3) & 64) | ((code >> 2) & 62)
    case COND_WIDE: {
      const bits =
        (((code >> 26) & 1) << 20) |
        (((code >> 11) & 1) << 19) |
        (((code >> 13) & 1) << 18) |
        (((code >> 16) & 63) << 12)
      return ((bits | ((code & 0x7ff) << 1)) << 11) >> 11
    }
    case LOAD_WIDE:
      return code & 0xfff
    default:
      return (code & 0xff) * 4
  }
}

/** An instruction by another distance, which it reaches. */
function withDistance(form: number, code: number, distance: number): number {
  switch (form) {
    case COND:
      return (code & 0xff00) | ((distance >> 1) & 0xff)
    case PLAIN:
      return (code & 0xf800) | ((distance >> 1) & 0x7ff)
    case ZERO:
      return (code & 0xfd07) | ((distance & 64) << 3) | ((distance & 62) << 2)
    case COND_WIDE: {
      const first = (((distance >> 20) & 1) << 26) | (((distance >> 12) & 63) << 16)
      const second = (((distance >> 18) & 1) << 13) | (((distance >> 19) & 1) << 11) | ((distance >> 1) & 0x7ff)
      return (code & 0xfbc0_d000) | first | second
    }
    case LOAD_WIDE:
      return (code & 0xffff_f000) | distance
    default:
      return (code & 0xffff_ff00) | (distance >> 2)
  }
}
