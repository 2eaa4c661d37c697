import { concat, utf8 } from '../../src/core/encoding/bytes.ts'
import type { Draw } from './draw.ts'

/**
 * CBOR by its structure: a tree that also holds what no reader should take (long lengths, indefinite ones, keys twice and
 * out of order, floats), and byte strings that hold CBOR themselves.
 */
export type Item =
  | { readonly at: 'number'; readonly major: 0 | 1; readonly value: bigint }
  | { readonly at: 'bytes'; readonly value: Uint8Array }
  | { readonly at: 'wrapped'; readonly value: Item }
  | { readonly at: 'text'; readonly value: string }
  | { readonly at: 'list'; readonly items: readonly Item[] }
  | { readonly at: 'map'; readonly members: readonly (readonly [Item, Item])[] }
  | { readonly at: 'tag'; readonly tag: bigint; readonly value: Item }
  | { readonly at: 'raw'; readonly bytes: Uint8Array }

const RAW = [
  'f4',
  'f5',
  'f6',
  'f7',
  'e0',
  'f800',
  'f820',
  'f90000',
  'fa7fc00000',
  'fb3ff0000000000000',
  'ff',
  '1c',
  'fc',
  '',
]
const NUMBERS = [
  0n,
  1n,
  23n,
  24n,
  255n,
  256n,
  65535n,
  65536n,
  4294967295n,
  4294967296n,
  9007199254740992n,
  18446744073709551615n,
]

const leaf = (draw: Draw): Item => {
  const way = draw.below(4)
  if (way === 0) return { at: 'number', major: draw.chance(0.7) ? 0 : 1, value: draw.pick(NUMBERS) }
  if (way === 1) return { at: 'bytes', value: draw.bytes(draw.pick([0, 1, 4, 16, 32, 64])) }
  if (way === 2) return { at: 'text', value: draw.pick(['', 'a', '1.0.0', 'app', 'é', 'x'.repeat(70)]) }
  return { at: 'raw', bytes: Uint8Array.fromHex(draw.pick(RAW)) }
}

/** A tree out of nothing. */
export function growItem(draw: Draw, depth = 4): Item {
  if (depth === 0 || draw.chance(0.3)) return leaf(draw)
  const way = draw.below(4)
  const count = draw.from(0, 4)
  const inner = (): Item => growItem(draw, depth - 1)
  if (way === 0) return { at: 'list', items: Array.from({ length: count }, inner) }
  if (way === 1) return { at: 'map', members: Array.from({ length: count }, () => [leaf(draw), inner()] as const) }
  if (way === 2) return { at: 'tag', tag: draw.pick([18n, 98n, 107n, ...NUMBERS]), value: inner() }
  return { at: 'wrapped', value: inner() }
}

/** The tree of well-formed, definite CBOR; null for anything else. Byte strings that hold such CBOR are looked into. */
export function itemOf(bytes: Uint8Array): Item | null {
  const read = readItem(bytes, 0, 12)
  return read !== null && read.end === bytes.length ? read.item : null
}

type Read = { readonly item: Item; readonly end: number } | null

function readItem(bytes: Uint8Array, at: number, depth: number): Read {
  const first = bytes[at]
  if (first === undefined || depth === 0) return null
  const [major, info] = [first >> 5, first & 31]
  if (major === 7) return { item: { at: 'raw', bytes: Uint8Array.of(first) }, end: at + 1 }
  const width = info < 24 ? 0 : info < 28 ? 1 << (info - 24) : -1
  if (width < 0 || at + 1 + width > bytes.length) return null
  let value = BigInt(info)
  if (width > 0) value = bytes.subarray(at + 1, at + 1 + width).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
  const start = at + 1 + width
  if (major < 2) return { item: { at: 'number', major: major as 0 | 1, value }, end: start }
  const length = Number(value)
  if (major < 4) {
    if (start + length > bytes.length) return null
    const content = bytes.slice(start, start + length)
    const inner = major === 2 && content.length > 1 ? itemOf(content) : null
    if (inner !== null) return { item: { at: 'wrapped', value: inner }, end: start + length }
    const item: Item =
      major === 2 ? { at: 'bytes', value: content } : { at: 'text', value: new TextDecoder().decode(content) }
    return { item, end: start + length }
  }
  if (major === 6) {
    const inner = readItem(bytes, start, depth - 1)
    return inner === null ? null : { item: { at: 'tag', tag: value, value: inner.item }, end: inner.end }
  }
  const items: Item[] = []
  let end = start
  for (let left = major === 4 ? length : 2 * length; left > 0; left -= 1) {
    const inner = readItem(bytes, end, depth - 1)
    if (inner === null) return null
    items.push(inner.item)
    end = inner.end
  }
  if (major === 4) return { item: { at: 'list', items }, end }
  const members = Array.from(
    { length },
    (_, index) => [items[2 * index] as Item, items[2 * index + 1] as Item] as const,
  )
  return { item: { at: 'map', members }, end }
}

/** One change somewhere in a tree. */
export function changeItem(item: Item, draw: Draw): Item {
  if (draw.chance(0.8)) {
    if (item.at === 'wrapped') return { at: 'wrapped', value: changeItem(item.value, draw) }
    if (item.at === 'tag') return { ...item, value: changeItem(item.value, draw) }
    if (item.at === 'list' && item.items.length > 0) {
      const chosen = draw.below(item.items.length)
      return { at: 'list', items: item.items.map((one, index) => (index === chosen ? changeItem(one, draw) : one)) }
    }
    if (item.at === 'map' && item.members.length > 0) {
      const chosen = draw.below(item.members.length)
      const key = draw.chance(0.2)
      const members = item.members.map(([name, value], index) => {
        if (index !== chosen) return [name, value] as const
        return key ? ([changeItem(name, draw), value] as const) : ([name, changeItem(value, draw)] as const)
      })
      return { at: 'map', members }
    }
  }
  return changeHere(item, draw)
}

/** Items so deep in each other that a reader which goes down with them has no stack left. */
const abyss = (draw: Draw): Item => {
  const levels = draw.pick([500, 5000, 50_000])
  const bytes = new Uint8Array(levels + 1).fill(draw.pick([0x81, 0xc1, 0x9f]))
  bytes[levels] = 0
  return { at: 'raw', bytes }
}

function changeHere(item: Item, draw: Draw): Item {
  if (draw.chance(0.1)) return growItem(draw, 3)
  if (draw.chance(0.01)) return abyss(draw)
  if (draw.chance(0.08)) {
    let out = item
    for (let left = draw.pick([1, 2, 7, 8, 9, 17, 200]); left > 0; left -= 1) out = { at: 'list', items: [out] }
    return out
  }
  if (item.at === 'list') return { at: 'list', items: changeItems(item.items, draw, () => growItem(draw, 2), isSmall) }
  if (item.at === 'map') {
    return {
      at: 'map',
      members: changeItems(
        item.members,
        draw,
        () => [leaf(draw), growItem(draw, 2)] as const,
        ([, value]) => isSmall(value),
      ),
    }
  }
  if (item.at === 'number') {
    const value = draw.chance(0.5)
      ? draw.pick(NUMBERS)
      : item.value + (draw.chance(0.5) ? 1n : item.value > 0n ? -1n : 0n)
    return { at: 'number', major: draw.chance(0.9) ? item.major : item.major === 0 ? 1 : 0, value }
  }
  if (item.at === 'bytes' && draw.chance(0.6)) {
    const bytes = item.value.slice(0, draw.chance(0.5) ? item.value.length : draw.below(item.value.length + 1))
    if (bytes.length > 0) bytes[draw.below(bytes.length)] = draw.below(256)
    return { at: 'bytes', value: draw.chance(0.2) ? concat(bytes, bytes) : bytes }
  }
  return leaf(draw)
}

/** Whether a tree may be repeated often: what was repeated often is not, or it would grow without end. */
function isSmall(item: Item): boolean {
  let left = 64
  const count = (one: Item): void => {
    left -= 1
    if (left < 0) return
    if (one.at === 'list') for (const inner of one.items) if (left >= 0) count(inner)
    if (one.at === 'map') for (const [, value] of one.members) if (left >= 0) count(value)
    if (one.at === 'wrapped' || one.at === 'tag') count(one.value)
    if (one.at === 'raw' && one.bytes.length > 1000) left = -1
  }
  count(item)
  return left >= 0
}

function changeItems<T>(items: readonly T[], draw: Draw, fresh: () => T, isSmall: (one: T) => boolean): readonly T[] {
  if (items.length === 0) return [fresh()]
  const at = draw.below(items.length)
  const one = items[at] as T
  const way = draw.below(6)
  if (way === 0) return items.toSpliced(at, 1)
  if (way === 1) return items.toSpliced(at, 0, one)
  if (way === 2) return items.toSpliced(at, 1, fresh())
  if (way === 3) return items.toReversed()
  if (way === 4) return [...items, ...Array.from({ length: isSmall(one) ? draw.pick([2, 9, 33, 300]) : 2 }, () => one)]
  return items.toSpliced(at, 0, fresh())
}

/** A list or a map somewhere in a tree with so many more of its own that it comes to about `size` bytes. */
export function swellItem(item: Item, size: number, draw: Draw): Item {
  if (item.at === 'wrapped' || item.at === 'tag') return { ...item, value: swellItem(item.value, size, draw) }
  const inner = item.at === 'list' ? item.items : item.at === 'map' ? item.members.map(([, value]) => value) : []
  const deeper = inner.flatMap((one, index) => (['list', 'map', 'wrapped', 'tag'].includes(one.at) ? [index] : []))
  if (deeper.length > 0 && draw.chance(0.7)) {
    const chosen = draw.pick(deeper)
    const swollen = swellItem(inner[chosen] as Item, size, draw)
    if (item.at === 'list') return { at: 'list', items: item.items.with(chosen, swollen) }
    if (item.at === 'map') {
      return {
        at: 'map',
        members: item.members.with(chosen, [(item.members[chosen] as readonly [Item, Item])[0], swollen]),
      }
    }
  }
  const one: Item = inner.length > 0 ? draw.pick(inner) : { at: 'number', major: 0, value: 1n }
  const times = Math.ceil(size / (encodeItem(one, draw).length + 3))
  const key = (index: number): Item => ({ at: 'number', major: 0, value: BigInt(1000 + index) })
  const many = Array.from({ length: times }, (_, index) => [key(index), one] as const)
  if (item.at === 'map') return { at: 'map', members: [...item.members, ...many] }
  return { at: 'list', items: [...(item.at === 'list' ? item.items : []), ...many.map(([, value]) => value)] }
}

/** The bytes of a tree; seldom with a length that is longer than it need be, or without one. */
export function encodeItem(item: Item, draw: Draw): Uint8Array {
  const odd = draw.chance(0.1)
  const encode = (one: Item): Uint8Array => {
    const long = odd && draw.chance(0.1)
    if (one.at === 'raw') return one.bytes
    if (one.at === 'number') return head(one.major, one.value, long)
    if (one.at === 'bytes') return concat(head(2, BigInt(one.value.length), long), one.value)
    if (one.at === 'text') {
      const bytes = utf8(one.value)
      return concat(head(3, BigInt(bytes.length), long), bytes)
    }
    if (one.at === 'tag') return concat(head(6, one.tag, long), encode(one.value))
    if (one.at === 'wrapped') {
      const inner = encode(one.value)
      return concat(head(2, BigInt(inner.length), long), inner)
    }
    const parts = one.at === 'list' ? one.items.map(encode) : one.members.flatMap(([a, b]) => [encode(a), encode(b)])
    const [major, count] = one.at === 'list' ? [4, one.items.length] : [5, one.members.length]
    if (long && draw.chance(0.5)) return joined([Uint8Array.of((major << 5) | 31), ...parts, Uint8Array.of(0xff)])
    return joined([head(major, BigInt(count), long), ...parts])
  }
  return encode(item)
}

/** As `concat`, for more parts than a call takes arguments. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

function head(major: number, value: bigint, long: boolean): Uint8Array {
  const width = [0, 1, 2, 4, 8].find(bytes => value < (bytes === 0 ? 24n : 1n << BigInt(8 * bytes))) ?? 8
  const wide = long ? Math.min(8, width === 0 ? 1 : 2 * width) : width
  if (wide === 0) return Uint8Array.of((major << 5) | Number(value))
  const out = new Uint8Array(1 + wide)
  out[0] = (major << 5) | (24 + Math.log2(wide))
  for (let index = 0; index < wide; index += 1) out[wide - index] = Number((value >> BigInt(8 * index)) & 0xffn)
  return out
}
