import { type Addressed, BRANCH, THIRD as HALF, MARGIN, mark, POINTER, type Stretch } from './stretch.ts'

/**
 * References of RISC-V code (Unprivileged ISA, 20240411, 2.5 and 2.6): `JAL` that calls or jumps; `AUIPC` and the instruction behind it that
 * adds the lower twelve bits to its register; and aligned words of 32 bits that are an address in the image, or, where it is run from 0, of 64 bits. Those
 * out of the image stay as they are. An instruction stands at any even place: what looks like one in another one is none.
 */
export function riscv(original: Uint8Array, { at, by, bytes, kinds }: Stretch, { length, load, map }: Addressed): void {
  const code = new DataView(original.buffer, original.byteOffset, original.length)
  const out = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const begin = at - MARGIN
  const put = (k: number, word: number, kind: number): void => {
    out.setUint32(k, word, true)
    mark(kinds, k, kind)
  }
  const looksLike = (k: number): boolean => k >= 0 && (isJump(code, k) || isPair(code, k))
  for (let k = begin & 1; k + 4 <= original.length; k += 2) {
    const low = original[k]! & 0x7f
    if (low !== JAL && low !== AUIPC) continue
    const from = begin + k
    if (isJump(code, k)) {
      if (looksLike(k - 2) || (k >= 6 && isPair(code, k - 6))) continue
      const word = code.getUint32(k, true)
      const target = from + jumpOf(word)
      if (target >= 0 && target < length) put(k, withJump(word, map.to(target) - (from + by)), BRANCH)
    } else if (isPair(code, k) && !looksLike(k - 2)) {
      const [upper, lower] = [code.getUint32(k, true), code.getUint32(k + 4, true)]
      const target = from + (upper & 0xffff_f000) + lowerOf(lower)
      if (target < 0 || target >= length) continue
      const distance = map.to(target) - (from + by)
      const kind = (lower & 0x7f) === JALR ? BRANCH : HALF
      put(k, (upper & 0xfff) | ((distance + 0x800) & 0xffff_f000), kind)
      put(k + 4, withLower(lower, distance), kind)
    }
  }
  for (let k = (4 - ((load + begin) & 3)) & 3; k + 4 <= original.length; k += 4) {
    if (kinds[k] !== 0 || kinds[k + 2] !== 0) continue
    const word = code.getUint32(k, true)
    const offset = word - load
    if (offset < 0 || offset >= length || (load === 0 && !isLong(code, k, begin + k))) continue
    put(k, load + map.to(offset), POINTER)
  }
}

const JAL = 0x6f
const AUIPC = 0x17
const JALR = 0x67
/** What adds twelve bits to a register: `JALR`, `ADDI`, loads, stores; and of floating point. */
const LOWER = new Set([JALR, 0x13, 0x03, 0x23, 0x07, 0x27])
const isStore = (word: number): boolean => (word & 0x7b) === 0x23

/** `JAL` to the return address `ra`, or to nowhere. */
function isJump(code: DataView, at: number): boolean {
  const low = at + 4 <= code.byteLength ? code.getUint16(at, true) & 0xfff : 0
  return low === 0x0ef || low === 0x06f
}

/** `AUIPC`, and behind it what uses its register. */
function isPair(code: DataView, at: number): boolean {
  if (at + 8 > code.byteLength) return false
  const upper = code.getUint32(at, true)
  const lower = code.getUint32(at + 4, true)
  const register = (upper >>> 7) & 31
  if ((upper & 0x7f) !== AUIPC || register === 0 || ((lower >>> 15) & 31) !== register || !LOWER.has(lower & 0x7f))
    return false
  // Of what has this code, only additions (funct3 0) add an address.
  return (lower & 0x7f) !== 0x13 || ((lower >>> 12) & 7) === 0
}

/** Bytes that a `JAL` leads: 20 bits with a sign, in halfwords, in an order of their own. */
const jumpOf = (word: number): number =>
  ((word >> 31) << 20) | (word & 0xff000) | ((word >>> 9) & 0x800) | ((word >>> 20) & 0x7fe)
const withJump = (word: number, distance: number): number =>
  (word & 0xfff) |
  (((distance >> 20) & 1) << 31) |
  (distance & 0xff000) |
  (((distance >> 11) & 1) << 20) |
  (((distance >> 1) & 0x3ff) << 21)

/** The lower twelve bits, with a sign; in a store they stand in two places. */
const lowerOf = (word: number): number => (isStore(word) ? ((word >> 25) << 5) | ((word >>> 7) & 31) : word >> 20)
const withLower = (word: number, distance: number): number =>
  isStore(word)
    ? (word & 0x01ff_f07f) | (((distance >> 5) & 0x7f) << 25) | ((distance & 31) << 7)
    : (word & 0x000f_ffff) | ((distance & 0xfff) << 20)

/** Of an image that is run from 0, a small number is hardly an address, and a word of 64 bits stands at a multiple of 8. */
const isLong = (code: DataView, k: number, at: number): boolean =>
  at % 8 === 0 && k + 8 <= code.byteLength && code.getUint32(k + 4, true) === 0 && code.getUint32(k, true) >= 0x400
