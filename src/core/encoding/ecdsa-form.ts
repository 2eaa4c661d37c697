import { concat, fromHex, toHex } from './bytes.ts'

/**
 * The two spellings of an ECDSA signature: `der` (SEQUENCE of two INTEGERs, RFC 3279 §2.2.3: TUF, X.509) and `p1363`
 * (r then s, each of the field's width: COSE, RFC 9053 §2.1, and PKCS#11).
 */

/** Width in bytes of r and of s on P-256. */
export const P256_WIDTH = 32
/** Width in bytes of r and of s on P-384. */
export const P384_WIDTH = 48

const SEQUENCE = 0x30
const INTEGER = 0x02

/** r ‖ s of a strict DER signature, or null when the bytes are anything but the one DER form of two such integers. */
export function derToP1363(der: Uint8Array, width: number): Uint8Array | null {
  // Both widths keep the body at 2 × (2 + 1 + 48) = 102 bytes at most: a length above 127 is never right.
  if (der[0] !== SEQUENCE || der[1] !== der.length - 2 || der.length - 2 > 127) return null
  const r = readInteger(der, 2, width)
  if (r === null) return null
  const s = readInteger(der, r.end, width)
  if (s === null || s.end !== der.length) return null
  return concat(r.padded, s.padded)
}

/** The DER signature of r ‖ s. Throws a RangeError for an odd length: a caller's bug. */
export function p1363ToDer(raw: Uint8Array): Uint8Array {
  if (raw.length === 0 || raw.length % 2 !== 0) throw new RangeError(`a signature of ${raw.length} bytes has no halves`)
  const half = raw.length / 2
  const body = concat(writeInteger(raw.subarray(0, half)), writeInteger(raw.subarray(half)))
  return concat(Uint8Array.of(SEQUENCE, body.length), body)
}

/** The order of P-256 (FIPS 186-5, SP 800-186 §3.2.1.3). */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

const sOf = (raw: Uint8Array): bigint => BigInt(`0x${toHex(raw.subarray(P256_WIDTH))}`)

/**
 * Whether s of a P-256 signature r ‖ s is in the lower half. With every signature, the one with the order less s holds too:
 * where one signature shall have one spelling, it is this one.
 */
export function isLowP256(raw: Uint8Array): boolean {
  return sOf(raw) <= P256_ORDER >> 1n
}

/** The same signature with the lower s. What is no signature stays as it is. */
export function lowP256(raw: Uint8Array): Uint8Array {
  const s = sOf(raw)
  if (isLowP256(raw) || s >= P256_ORDER) return raw
  const low = (P256_ORDER - s).toString(16).padStart(2 * P256_WIDTH, '0')
  return concat(raw.subarray(0, P256_WIDTH), fromHex(low) as Uint8Array)
}

function readInteger(der: Uint8Array, at: number, width: number): { padded: Uint8Array; end: number } | null {
  const length = der[at + 1] ?? 0
  const end = at + 2 + length
  if (der[at] !== INTEGER || length === 0 || end > der.length) return null
  const first = der[at + 2] as number
  if (first > 0x7f) return null // negative
  if (first === 0 && length > 1 && (der[at + 3] as number) <= 0x7f) return null // a zero too many
  const magnitude = der.subarray(first === 0 ? at + 3 : at + 2, end)
  if (magnitude.length > width) return null
  const padded = new Uint8Array(width)
  padded.set(magnitude, width - magnitude.length)
  return { padded, end }
}

function writeInteger(half: Uint8Array): Uint8Array {
  let from = 0
  while (from < half.length - 1 && half[from] === 0) from += 1
  const magnitude = half.subarray(from)
  const sign = (magnitude[0] as number) > 0x7f ? Uint8Array.of(0) : new Uint8Array(0)
  return concat(Uint8Array.of(INTEGER, magnitude.length + sign.length), sign, magnitude)
}
