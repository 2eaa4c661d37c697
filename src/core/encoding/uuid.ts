import { concat, utf8 } from './bytes.ts'

/** The name space of DNS names (RFC 9562 §6.6). */
export const DNS_NAMESPACE = Uint8Array.fromHex('6ba7b8109dad11d180b400c04fd430c8')

/**
 * UUID version 5 of a name in a name space, 16 bytes (RFC 9562 §5.5). It identifies and protects nothing: the SHA-1
 * inside it is part of the identifier's definition, and the manifest that carries it is signed over SHA-256.
 */
export function uuid5(namespace: Uint8Array, name: string): Uint8Array {
  const uuid = sha1(concat(namespace, utf8(name))).slice(0, 16)
  uuid[6] = ((uuid[6] as number) & 0x0f) | 0x50
  uuid[8] = ((uuid[8] as number) & 0x3f) | 0x80
  return uuid
}

/** The usual spelling with hyphens. */
export function uuidText(uuid: Uint8Array): string {
  const hex = uuid.toHex()
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

const rotate = (word: number, by: number): number => (word << by) | (word >>> (32 - by))

/** SHA-1 (FIPS 180-4 §6.1), for identifiers only. */
function sha1(message: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.ceil((message.length + 9) / 64) * 64)
  padded.set(message)
  padded[message.length] = 0x80
  const view = new DataView(padded.buffer)
  view.setBigUint64(padded.length - 8, BigInt(message.length) * 8n)
  const state = Int32Array.of(0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476, 0xc3d2e1f0 | 0)
  const words = new Int32Array(80)
  for (let block = 0; block < padded.length; block += 64) {
    for (let t = 0; t < 16; t += 1) words[t] = view.getInt32(block + 4 * t)
    for (let t = 16; t < 80; t += 1) {
      words[t] = rotate(words[t - 3]! ^ words[t - 8]! ^ words[t - 14]! ^ words[t - 16]!, 1)
    }
    let [a, b, c, d, e] = state as unknown as [number, number, number, number, number]
    for (let t = 0; t < 80; t += 1) {
      const next = (rotate(a, 5) + round(t, b, c, d) + e + words[t]!) | 0
      e = d
      d = c
      c = rotate(b, 30)
      b = a
      a = next
    }
    state.set([state[0]! + a, state[1]! + b, state[2]! + c, state[3]! + d, state[4]! + e])
  }
  const out = new DataView(new ArrayBuffer(20))
  for (const [index, word] of state.entries()) out.setInt32(4 * index, word)
  return new Uint8Array(out.buffer)
}

/** The round's function and constant, summed. */
function round(t: number, b: number, c: number, d: number): number {
  if (t < 20) return ((b & c) | (~b & d)) + 0x5a827999
  if (t < 40) return (b ^ c ^ d) + 0x6ed9eba1
  if (t < 60) return ((b & c) | (b & d) | (c & d)) + (0x8f1bbcdc | 0)
  return (b ^ c ^ d) + (0xca62c1d6 | 0)
}
