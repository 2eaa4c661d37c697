import { fromHex, sameBytes } from '../encoding/bytes.ts'

/** AlgorithmIdentifier of an RSA key (RFC 3279 §2.3.1): rsaEncryption with NULL. */
const RSA_ENCRYPTION = fromHex('300d06092a864886f70d0101010500') as Uint8Array
const [SEQUENCE, INTEGER, BIT_STRING] = [0x30, 0x02, 0x03]
/** Bytes of a modulus: 2048 to 8192 bits (NIST SP 800-131A Rev. 2 §3; a longer one only keeps a verifier busy). */
const MODULUS = { min: 256, max: 1024 } as const
/** Bytes of an exponent: up to 2^32. */
const LONGEST_EXPONENT = 4

/**
 * Whether bytes are the one DER encoding of an RSA public key (SubjectPublicKeyInfo, RFC 8017 §A.1.1): no length and no
 * number can be written in two ways, so that a key cannot count as two.
 */
export function isRsaKey(spki: Uint8Array): boolean {
  const outer = only(spki, SEQUENCE)
  if (outer === null || !sameBytes(outer.subarray(0, RSA_ENCRYPTION.length), RSA_ENCRYPTION)) return false
  const bits = only(outer.subarray(RSA_ENCRYPTION.length), BIT_STRING)
  if (bits === null || bits[0] !== 0) return false
  const key = only(bits.subarray(1), SEQUENCE)
  const modulus = key === null ? null : element(key, INTEGER)
  if (key === null || modulus === null) return false
  const exponent = only(key.subarray(modulus.end), INTEGER)
  if (exponent === null || !isPositive(modulus.content) || !isPositive(exponent)) return false
  const bytes = modulus.content.length - (modulus.content[0] === 0 ? 1 : 0)
  const isOdd = ((exponent.at(-1) as number) & 1) === 1 && ((modulus.content.at(-1) as number) & 1) === 1
  return bytes >= MODULUS.min && bytes <= MODULUS.max && exponent.length <= LONGEST_EXPONENT && isOdd
}

/** A positive integer without a byte too many. */
function isPositive(content: Uint8Array): boolean {
  const [first, second] = content
  if (first === undefined || first >= 0x80) return false
  return first !== 0 || (second !== undefined && second >= 0x80)
}

/** The content of an element that is all of the bytes. */
function only(bytes: Uint8Array, tag: number): Uint8Array | null {
  const found = element(bytes, tag)
  return found?.end === bytes.length ? found.content : null
}

/** An element at the start of the bytes, its length in the shortest form (X.690 §10.1); at most 64 KiB. */
function element(bytes: Uint8Array, tag: number): { readonly content: Uint8Array; readonly end: number } | null {
  const [first, length] = bytes
  if (first !== tag || length === undefined) return null
  if (length < 0x80) return part(bytes, 2, length)
  const [high, low] = [bytes[2], bytes[3]]
  if (length === 0x81 && high !== undefined) return high < 0x80 ? null : part(bytes, 3, high)
  if (length !== 0x82 || high === undefined || low === undefined || high === 0) return null
  return part(bytes, 4, high * 256 + low)
}

function part(bytes: Uint8Array, start: number, length: number) {
  const end = start + length
  return end > bytes.length ? null : { content: bytes.subarray(start, end), end }
}
