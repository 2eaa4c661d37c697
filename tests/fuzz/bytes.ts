import { concat } from '../../src/core/encoding/bytes.ts'
import type { Draw } from './draw.ts'

/** Changes of bytes that know nothing of what they mean. */

const EDGES = [
  0x00, 0x01, 0x7f, 0x80, 0xff, 0x20, 0x22, 0x2c, 0x3a, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0x17, 0x18, 0x1b, 0x1f,
]
/** Lengths and counts at the edges of their fields, big-endian and little-endian. */
const NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff]

type Change = (bytes: Uint8Array, draw: Draw, words: readonly Uint8Array[]) => Uint8Array

const insert = (bytes: Uint8Array, at: number, more: Uint8Array): Uint8Array =>
  concat(bytes.subarray(0, at), more, bytes.subarray(at))
const place = (bytes: Uint8Array, draw: Draw): number => draw.below(bytes.length + 1)

function over(bytes: Uint8Array, at: number, more: Uint8Array): Uint8Array {
  const out = bytes.slice()
  out.set(more.subarray(0, Math.max(0, out.length - at)), at)
  return out
}

function number(draw: Draw): Uint8Array {
  const width = draw.pick([1, 2, 4, 8])
  const view = new DataView(new ArrayBuffer(8))
  const value = BigInt(draw.chance(0.7) ? draw.pick(NUMBERS) : draw.below(0xffffffff))
  view.setBigUint64(0, value, draw.chance(0.5))
  const whole = new Uint8Array(view.buffer)
  return view.getUint8(0) === 0 && value !== 0n ? whole.slice(8 - width) : whole.slice(0, width)
}

const CHANGES: readonly Change[] = [
  (bytes, draw) => over(bytes, place(bytes, draw), Uint8Array.of(draw.below(256))),
  (bytes, draw) => over(bytes, place(bytes, draw), Uint8Array.of(draw.pick(EDGES))),
  (bytes, draw) => {
    if (bytes.length === 0) return bytes
    const out = bytes.slice()
    const at = draw.below(out.length)
    out[at] = (out[at] as number) ^ (1 << draw.below(8))
    return out
  },
  (bytes, draw) => over(bytes, place(bytes, draw), number(draw)),
  (bytes, draw) => insert(bytes, place(bytes, draw), draw.bytes(draw.from(1, 8))),
  (bytes, draw, words) => insert(bytes, place(bytes, draw), draw.pick(words)),
  (bytes, draw, words) => over(bytes, place(bytes, draw), draw.pick(words)),
  (bytes, draw) => {
    const at = place(bytes, draw)
    return concat(bytes.subarray(0, at), bytes.subarray(at + draw.from(1, 16)))
  },
  (bytes, draw) => {
    const at = place(bytes, draw)
    const part = bytes.subarray(at, at + draw.from(1, 64))
    return insert(bytes, place(bytes, draw), part)
  },
  (bytes, draw) => bytes.slice(0, place(bytes, draw)),
  (bytes, draw) => {
    const byte = Uint8Array.of(draw.chance(0.5) ? draw.pick(EDGES) : draw.below(256))
    return insert(bytes, place(bytes, draw), new Uint8Array(draw.from(2, 200)).fill(byte[0] as number))
  },
]

/** Some changes, one behind the other. */
export function changeBytes(bytes: Uint8Array, draw: Draw, words: readonly Uint8Array[]): Uint8Array {
  let out = bytes
  for (let left = draw.few(); left > 0; left -= 1) out = draw.pick(CHANGES)(out, draw, words)
  return out
}

/** The beginning of one and the end of another. */
export function spliced(a: Uint8Array, b: Uint8Array, draw: Draw): Uint8Array {
  return concat(a.subarray(0, place(a, draw)), b.subarray(place(b, draw)))
}

/** A part of a document so often that it comes to about `size` bytes: work and memory that grow too fast show here. */
export function inflated(bytes: Uint8Array, size: number, draw: Draw): Uint8Array {
  const at = place(bytes, draw)
  const part = bytes.subarray(at, at + draw.pick([1, 2, 3, 5, 8, 32, 200]))
  if (part.length === 0) return bytes
  const times = Math.max(1, Math.floor(size / part.length))
  const middle = new Uint8Array(times * part.length)
  for (let index = 0; index < times; index += 1) middle.set(part, index * part.length)
  return concat(bytes.subarray(0, at), middle, bytes.subarray(at + part.length))
}
