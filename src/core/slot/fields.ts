import { fromHex, fromUtf8, toHex, utf8 } from '../encoding/bytes.ts'

/**
 * Reading and writing the fixed fields of records, history cells and slot headers. Everything is little-endian.
 * Readers answer null for bytes that no writer leaves, so that a damaged field is "not a record" and never a crash.
 */

export function putU64(view: DataView, at: number, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`not an unsigned integer: ${value}`)
  view.setUint32(at, value % 0x1_0000_0000, true)
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true)
}

export function getU64(view: DataView, at: number): number | null {
  const value = view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true)
  return Number.isSafeInteger(value) ? value : null
}

/** Text in a field of `length` bytes, zero-padded. A longer text is cut and ends in `~`. Only printable ASCII is kept. */
export function putText(target: Uint8Array, at: number, length: number, text: string): void {
  const plain = text.replaceAll(/[^\x20-\x7e]/g, '?')
  const kept = plain.length <= length ? plain : `${plain.slice(0, length - 1)}~`
  target.fill(0, at, at + length)
  target.set(utf8(kept), at)
}

export function getText(source: Uint8Array, at: number, length: number): string | null {
  const field = source.subarray(at, at + length)
  const end = field.indexOf(0)
  return fromUtf8(end < 0 ? field : field.subarray(0, end))
}

/** Hex of at most `length` bytes; a shorter value (or none) is zero-padded, and read back without the padding when empty. */
export function putHex(target: Uint8Array, at: number, length: number, hex: string): void {
  const value = fromHex(hex)
  if (value === null || (value.length !== 0 && value.length !== length)) throw new Error(`not ${length} bytes: ${hex}`)
  target.fill(0, at, at + length)
  target.set(value, at)
}

export function getHex(source: Uint8Array, at: number, length: number): string {
  const field = source.subarray(at, at + length)
  return field.every(byte => byte === 0) ? '' : toHex(field)
}

/** The index of a word in a closed list, as one byte. */
export function codeOf<Word extends string>(words: readonly Word[], word: Word): number {
  const index = words.indexOf(word)
  if (index < 0) throw new Error(`not in the list: ${word}`)
  return index
}

/** True when every byte reads 0xff. A loop on purpose: whole slots pass through it. */
export function isErased(bytes: Uint8Array): boolean {
  for (let index = 0; index < bytes.length; index += 1) if (bytes[index] !== 0xff) return false
  return true
}
