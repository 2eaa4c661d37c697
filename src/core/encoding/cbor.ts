import { decode, encode, Tag } from 'cbor2'
import { sortCoreDeterministic } from 'cbor2/sorts'

/**
 * Deterministic CBOR (RFC 8949 §4.2.1) and nothing else: one value has one encoding, so that two readers cannot
 * disagree on what was signed. Integers are safe integers; there are no floats, no `undefined`, no other simple values.
 */

/** A tagged value. */
export class Tagged {
  readonly tag: number
  readonly value: Cbor

  constructor(tag: number, value: Cbor) {
    this.tag = tag
    this.value = value
  }
}

export type CborKey = number | string
export type CborMap = ReadonlyMap<CborKey, Cbor>
export type Cbor = number | string | boolean | null | Uint8Array | Tagged | CborMap | readonly Cbor[]

/**
 * What the reader found wrong. `ambiguous` is CBOR that has another, shorter or ordered, spelling (repeated or unordered
 * map keys, long integers, indefinite lengths); `too-large` and `too-deep` are limits; all else is `malformed`.
 */
export class CborFault extends Error {
  readonly kind: 'too-large' | 'too-deep' | 'ambiguous' | 'malformed'

  constructor(kind: CborFault['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

/** Arrays, maps and tags inside each other. The release format needs 4. */
export const MAX_CBOR_DEPTH = 8
/** The library counts an array twice and a map once: this is its bound against a deep stack, ours is counted after. */
const LIBRARY_DEPTH = 2 * MAX_CBOR_DEPTH + 2

const STRICT = {
  requirePreferred: true,
  rejectStreaming: true,
  rejectDuplicateKeys: true,
  sortKeys: sortCoreDeterministic,
} as const

const NARROW = {
  maxDepth: LIBRARY_DEPTH,
  preferMap: true,
  ignoreGlobalTags: true,
  rejectFloats: true,
  rejectUndefined: true,
  rejectSimple: true,
} as const

/**
 * Reads exactly one item of deterministic CBOR. Size first. Byte strings in the answer are views of `bytes`. Returns a
 * CborFault (and never throws) for anything else; its message is a short phrase for the `actual` of a refusal.
 */
export function decodeCbor(bytes: Uint8Array, maxBytes: number): Cbor | CborFault {
  if (bytes.length > maxBytes) return new CborFault('too-large', `${bytes.length} bytes`)
  // A Buffer's slices are Buffers, which the encoder would write as maps: read through a plain view of the same memory.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let item: unknown
  try {
    item = decode(plain, { ...NARROW, ...STRICT })
  } catch (cause) {
    return faultOf(plain, cause)
  }
  return narrow(item, 1)
}

function faultOf(bytes: Uint8Array, cause: unknown): CborFault {
  const message = cause instanceof Error ? cause.message.slice(0, 80) : 'unknown'
  try {
    decode(bytes, NARROW)
  } catch {
    return new CborFault('malformed', `bytes that are not the CBOR of this format (${message})`)
  }
  return new CborFault('ambiguous', `CBOR with a second spelling (${message})`)
}

function narrow(item: unknown, depth: number): Cbor | CborFault {
  if (item === null || typeof item === 'string' || typeof item === 'boolean' || item instanceof Uint8Array) return item
  if (typeof item === 'number' && Number.isSafeInteger(item)) return item
  if (depth > MAX_CBOR_DEPTH) return new CborFault('too-deep', `nesting deeper than ${MAX_CBOR_DEPTH}`)
  if (Array.isArray(item)) return narrowArray(item, depth)
  if (item instanceof Map) return narrowMap(item, depth)
  if (item instanceof Tag) {
    // A tag above 2^53 would lose its last digits here: two documents would read as one.
    if (!Number.isSafeInteger(Number(item.tag))) return new CborFault('malformed', `the tag ${item.tag}`)
    const value = narrow(item.contents, depth + 1)
    return value instanceof CborFault ? value : new Tagged(Number(item.tag), value)
  }
  return new CborFault('malformed', `a CBOR item of type ${typeof item}`)
}

function narrowArray(items: readonly unknown[], depth: number): Cbor | CborFault {
  const out: Cbor[] = []
  for (const item of items) {
    const value = narrow(item, depth + 1)
    if (value instanceof CborFault) return value
    out.push(value)
  }
  return out
}

function narrowMap(items: ReadonlyMap<unknown, unknown>, depth: number): Cbor | CborFault {
  const out = new Map<CborKey, Cbor>()
  for (const [key, item] of items) {
    const isKey = typeof key === 'string' || (typeof key === 'number' && Number.isSafeInteger(key))
    if (!isKey) return new CborFault('malformed', 'a map key that is neither a text nor an integer')
    const value = narrow(item, depth + 1)
    if (value instanceof CborFault) return value
    out.set(key, value)
  }
  return out
}

/** Writes a value as deterministic CBOR. Throws a TypeError for a number that is not a safe integer: a caller's bug. */
export function encodeCbor(value: Cbor): Uint8Array {
  return new Uint8Array(encode(widen(value), { cde: true }))
}

function widen(value: Cbor): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new TypeError(`${value} is not a safe integer`)
    return value === 0 ? 0 : value
  }
  if (value instanceof Uint8Array) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  if (value instanceof Tagged) return new Tag(value.tag, widen(value.value))
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, widen(item)]))
  return (value as readonly Cbor[]).map(widen)
}

/** What an item is, in a word or two, for the `actual` of a refusal. */
export function describe(item: Cbor | CborFault | undefined): string {
  if (item === undefined) return 'nothing'
  if (item === null) return 'null'
  if (item instanceof CborFault) return item.message
  if (item instanceof Uint8Array) return `${item.length} bytes`
  if (item instanceof Tagged) return `tag ${item.tag}`
  if (item instanceof Map) return `a map of ${item.size}`
  if (Array.isArray(item)) return `an array of ${item.length}`
  return typeof item === 'string' ? JSON.stringify(item.slice(0, 40)) : String(item)
}
