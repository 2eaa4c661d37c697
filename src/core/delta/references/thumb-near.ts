import type { AddressMap } from '../address-map.ts'
import { type Addressed, MARGIN, type Stretch } from './stretch.ts'

/**
 * What Thumb code has near by: branches within a function (`B` in encodings T1 to T3, `CBZ` and `CBNZ`), and what is loaded from behind
 * it (`LDR`, `VLDR`) or found there (`ADR`); Arm v7-M Architecture Reference Manual (DDI 0403), A7.7. They change where something was put between. One
 * that would not reach stays as it is.
 */
export function thumbNear(original: Uint8Array, { at, by, bytes, kinds }: Stretch, { length, map }: Addressed): void {
  const code = new DataView(original.buffer, original.byteOffset, original.length)
  const out = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let forms = changingForms(at - MARGIN, original.length, by, map)
  for (let k = at % 2 === 0 ? 0 : 1; k + 2 <= original.length; k += 2) {
    let form = FORMS[original[k + 1]!]!
    if (((forms >> form) & 1) === 0 || kinds[k] !== 0 || isSecond(original, k)) continue
    let instruction = code.getUint16(k, true)
    if (form === LONG) {
      if (k + 4 > original.length) continue
      form = longForm(instruction, code.getUint16(k + 2, true))
      if (form === NONE) continue
      instruction = (instruction << 16) | code.getUint16(k + 2, true)
    }
    const back = BACK[form]!
    const unit = UNIT[form]!
    // From the instruction and 4, or from the multiple of 4 that is not behind that.
    const isAligned = form >= LOAD && form < COND_WIDE
    const from = isAligned ? (at - MARGIN + k + 4) & ~3 : at - MARGIN + k + 4
    const to = isAligned ? (at - MARGIN + k + 4 + by) & ~3 : from + by
    const target = from + ((numberIn(form, instruction) ^ back) - back) * unit
    if (target < 0 || target >= length) continue
    const distance = map.to(target) - to
    if ((distance & (unit - 1)) !== 0) continue
    const number = distance / unit + back
    if (number < 0 || number >= 1 << BITS[form]!) continue
    const written = withNumber(form, instruction, number ^ back)
    if (form > LOAD) {
      out.setUint16(k, written >>> 16, true)
      out.setUint16(k + 2, written & 0xffff, true)
      // What seems to begin in an instruction that changed puts its own bytes back, though they do not change.
      if (written !== instruction) forms = ALL
    } else out.setUint16(k, written, true)
  }
}

/** True for the second halfword of an instruction of two. */
const isSecond = (code: Uint8Array, at: number): boolean =>
  at >= 2 && code[at - 1]! >= 0xe8 && !(at >= 4 && code[at - 3]! >= 0xe8)

/**
 * What an instruction is, as far as its distance goes. Up to `LOAD` it is of one halfword; `LONG`: both must be looked at. From `LOAD` until `COND_WIDE`,
 * the distance is from a multiple of 4.
 */
const [NONE, COND, PLAIN, ZERO, LOAD, LOAD_WIDE, LOAD_VECTOR, COND_WIDE, LONG] = [0, 1, 2, 3, 4, 5, 6, 7, 8]

/** How each form says a distance: as a number of so many bits, in units of so many bytes. `BACK`: the highest bit, where that is a sign. */
const BITS = [0, 8, 11, 6, 8, 12, 8, 20]
const BACK = [0, 0x80, 0x400, 0, 0, 0, 0, 0x8_0000]
const UNIT = [1, 2, 2, 2, 4, 1, 4, 2]

/** A bit for each form, but for `NONE`. */
const ALL = ~1

/**
 * Forms, a bit each, that may change among some bytes: `LONG`, and those that reach further than what moves together with them. Of the others, the distance
 * stays; or, where loads move by no multiple of 4, there is no place for it.
 */
function changingForms(first: number, length: number, by: number, map: AddressMap): number {
  let forms = 1 << LONG
  for (let form = COND; form <= LOAD; form += 1) {
    const back = BACK[form]! * UNIT[form]!
    const ahead = (1 << BITS[form]!) * UNIT[form]! - back
    if (!map.moves(first - back, first + length + 4 + ahead, by)) forms |= 1 << form
  }
  return forms
}

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

/** The number that an instruction says. */
function numberIn(form: number, code: number): number {
  if (form === ZERO) return ((code >> 4) & 32) | ((code >> 3) & 31)
  if (form === COND_WIDE) {
    const upper = (((code >> 26) & 1) << 19) | (((code >> 11) & 1) << 18) | (((code >> 13) & 1) << 17)
    return upper | (((code >> 16) & 63) << 11) | (code & 0x7ff)
  }
  return code & ((1 << BITS[form]!) - 1)
}

/** An instruction with another number. */
function withNumber(form: number, code: number, number: number): number {
  if (form === ZERO) return (code & 0xfd07) | ((number & 32) << 4) | ((number & 31) << 3)
  if (form === COND_WIDE) {
    const first = (((number >> 19) & 1) << 26) | (((number >> 11) & 63) << 16)
    const second = (((number >> 17) & 1) << 13) | (((number >> 18) & 1) << 11) | (number & 0x7ff)
    return (code & 0xfbc0_d000) | first | second
  }
  return (code & (-1 << BITS[form]!)) | number
}
