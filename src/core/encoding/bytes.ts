/** Bytes, hex, base64 and UTF-8 without a runtime's help: the same code runs in the browser. */

const HEX = /^(?:[0-9a-f]{2})*$/

/** Lower-case hex of bytes. */
export function toHex(bytes: Uint8Array): string {
  return bytes.toHex()
}

/** Bytes of lower-case hex, or null when the text is not exactly that. */
export function fromHex(text: string): Uint8Array | null {
  return HEX.test(text) ? Uint8Array.fromHex(text) : null
}

/** Standard base64 with padding (RFC 4648 section 4). */
export function toBase64(bytes: Uint8Array): string {
  return bytes.toBase64()
}

/** Bytes of canonical padded base64, or null when the text is not exactly that. */
export function fromBase64(text: string): Uint8Array | null {
  try {
    const bytes = Uint8Array.fromBase64(text, { lastChunkHandling: 'strict' })
    return bytes.toBase64() === text ? bytes : null
  } catch {
    return null
  }
}

/** Base64url without padding (RFC 4648 section 5). */
export const toBase64Url = (bytes: Uint8Array): string => bytes.toBase64({ alphabet: 'base64url', omitPadding: true })

/** Bytes of canonical base64url without padding, or null when the text is not exactly that. */
export function fromBase64Url(text: string): Uint8Array | null {
  try {
    const bytes = Uint8Array.fromBase64(text, { alphabet: 'base64url' })
    return toBase64Url(bytes) === text ? bytes : null
  } catch {
    return null
  }
}

const encoder = new TextEncoder()

/** UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** Text of well-formed UTF-8, or null. Keeps a byte order mark: what was signed is what is read. */
export function fromUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Equality of public bytes. For secrets use `Crypto.equal`, which takes constant time. A loop: every record is read back. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  // Two views of the same memory, as two readings of a flash that nothing struck.
  if (a.buffer === b.buffer && a.byteOffset === b.byteOffset) return true
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false
  return true
}
