import { fromUtf8, sameBytes, utf8 } from './bytes.ts'
import { canonicalJson, isInCanonicalOrder, type Json, JsonFault } from './canonical-json.ts'

/** Objects and lists inside one another: more than any document of ours, less than any stack. */
export const MAX_DEPTH = 32

/**
 * Reads a JSON document (RFC 8259) that two readers cannot read differently: at most `maxBytes` bytes, well-formed
 * UTF-8 without a byte order mark, no member name twice, at most 32 levels, safe integers only and each in one spelling
 * (no fraction, exponent or -0), no lone surrogates, no member named `__proto__`. Answers the fault as a value; its
 * message is a phrase for the `actual` of a refusal. Look members of unknown names up with `Object.hasOwn`.
 */
export function readJson(bytes: Uint8Array, maxBytes: number): Json | JsonFault {
  return read(bytes, maxBytes, WHOLE)
}

/**
 * Reads a document as `readJson` does, and says whether it is in the one spelling of canonical JSON: what is written so is
 * judged without being written again.
 */
export function readSpelledJson(
  bytes: Uint8Array,
  maxBytes: number,
): { readonly value: Json; readonly canonical: boolean } | JsonFault {
  const text = bytes.length > Math.min(maxBytes, MAX_PLAIN) ? null : fromUtf8(bytes)
  const plain = text === null ? undefined : readPlain(text)
  // The engine's own spelling, without an escape, with every name in its place, is the canonical one.
  if (plain !== undefined && text !== null && !text.includes('\\')) {
    return { value: plain, canonical: isInCanonicalOrder(plain) }
  }
  const value = readJson(bytes, maxBytes)
  return value instanceof JsonFault ? value : { value, canonical: sameBytes(canonicalJson(value), bytes) }
}

/**
 * The same for documents of others, which may hold fractions: any number that is finite. What it answers cannot be
 * written as canonical JSON, so its type does not let it.
 */
export function readForeignJson(bytes: Uint8Array, maxBytes: number): unknown {
  return read(bytes, maxBytes, ANY)
}

function read(bytes: Uint8Array, maxBytes: number, numbers: Numbers): Json | JsonFault {
  if (bytes.length > maxBytes) return new JsonFault(`${bytes.length} bytes`)
  const text = fromUtf8(bytes)
  if (text === null) return new JsonFault('bytes that are not UTF-8')
  const plain = numbers === WHOLE && bytes.length <= MAX_PLAIN ? readPlain(text) : undefined
  if (plain !== undefined) return plain
  try {
    return new Reader(text, numbers).document()
  } catch (error) {
    if (error instanceof JsonFault) return error
    throw error
  }
}

/**
 * The largest document that is tried as a plain one, in bytes. Little: the engine's reader knows no limit of depth, and
 * what it makes of a hostile document is some dozen times as large.
 */
const MAX_PLAIN = 128 * 1024

/**
 * A document in the one spelling that the engine itself writes, which is how all of ours are written: what the engine
 * reads from it and writes again is the same text, so no name stands in it twice, nothing was reordered or left out, and
 * every number and every character has its one spelling. What remains is checked below. Undefined for any other document:
 * the strict reader judges those, and says what is wrong.
 */
function readPlain(text: string): Json | undefined {
  // Halves of surrogate pairs are spelled so; and a member of that name would be no member to everybody.
  if (text.includes('\\u') || text.includes('"__proto__"')) return undefined
  try {
    const value = JSON.parse(text) as Json
    return JSON.stringify(value) === text && isPlain(value, 0) ? value : undefined
  } catch {
    return undefined
  }
}

/** Whole safe numbers, and no more levels than are allowed. */
function isPlain(value: Json, depth: number): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value)
  if (typeof value !== 'object' || value === null) return true
  if (depth >= MAX_DEPTH) return false
  if (Array.isArray(value)) return value.every(item => isPlain(item, depth + 1))
  return Object.values(value).every(item => isPlain(item, depth + 1))
}

/** JSON that any reader takes (control characters escaped), for documents whose signed part is canonical JSON. */
export function writeJson(value: Json): Uint8Array {
  return utf8(JSON.stringify(value))
}

const SPACE = /[ \t\n\r]*/y

/** How a number is spelled, and which of them are taken. */
type Numbers = {
  readonly pattern: RegExp
  readonly takes: (value: number, literal: string) => boolean
  readonly which: string
}
const WHOLE: Numbers = {
  pattern: /-?(?:0|[1-9][0-9]*)(?![0-9.eE])/y,
  takes: (value, literal) => literal !== '-0' && Number.isSafeInteger(value),
  which: 'the safe integers',
}
const ANY: Numbers = {
  pattern: /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![0-9.eE])/y,
  takes: value => Number.isFinite(value),
  which: 'what is finite',
}

const WORD = /true|false|null/y
class Reader {
  readonly #text: string
  readonly #numbers: Numbers
  #at = 0

  constructor(text: string, numbers: Numbers) {
    this.#text = text
    this.#numbers = numbers
  }

  document(): Json {
    const value = this.#value(0)
    this.#match(SPACE)
    if (this.#at < this.#text.length) throw this.#fault('something after the end of the document')
    return value
  }

  #value(depth: number): Json {
    this.#match(SPACE)
    const next = this.#text[this.#at]
    if (depth >= MAX_DEPTH && (next === '{' || next === '[')) throw this.#fault(`more than ${MAX_DEPTH} levels`)
    if (next === '{') return this.#object(depth)
    if (next === '[') return this.#list(depth)
    if (next === '"') return this.#string()
    const word = this.#match(WORD)
    if (word !== null) return word === 'null' ? null : word === 'true'
    return this.#number()
  }

  #object(depth: number): Json {
    const members: Record<string, Json> = {}
    this.#at += 1
    if (this.#skip('}')) return members
    do {
      this.#match(SPACE)
      const name = this.#string()
      if (Object.hasOwn(members, name)) throw this.#fault(`the member ${brief(name)} twice`)
      if (name === '__proto__') throw this.#fault('a member named "__proto__"')
      if (!this.#skip(':')) throw this.#fault('no colon after a member name')
      members[name] = this.#value(depth + 1)
    } while (this.#skip(','))
    if (!this.#skip('}')) throw this.#fault('an object that does not end')
    return members
  }

  #list(depth: number): Json {
    const items: Json[] = []
    this.#at += 1
    if (this.#skip(']')) return items
    do items.push(this.#value(depth + 1))
    while (this.#skip(','))
    if (!this.#skip(']')) throw this.#fault('a list that does not end')
    return items
  }

  #string(): string {
    const start = this.#at
    if (this.#text[start] !== '"') throw this.#fault('something that is not JSON')
    let escaped = false
    let end = start + 1
    for (; this.#text[end] !== '"'; end += 1) {
      const unit = this.#text.charCodeAt(end)
      if (!(unit >= 0x20)) throw this.#fault('a string with a control character, or without an end')
      if (unit !== 0x5c) continue
      escaped = true
      end += 1
    }
    this.#at = end + 1
    const value = escaped ? this.#unescape(this.#text.slice(start, end + 1)) : this.#text.slice(start + 1, end)
    if (!value.isWellFormed()) throw this.#fault('half of a surrogate pair')
    return value
  }

  #unescape(literal: string): string {
    try {
      return JSON.parse(literal) as string
    } catch {
      throw this.#fault('an unknown escape')
    }
  }

  #number(): number {
    const literal = this.#match(this.#numbers.pattern)
    if (literal === null) {
      throw this.#fault(
        /[-0-9]/.test(this.#text[this.#at] ?? '') ? 'a number that is not whole' : 'something that is not JSON',
      )
    }
    const value = Number(literal)
    if (!this.#numbers.takes(value, literal)) throw this.#fault(`a number outside ${this.#numbers.which}`)
    return value
  }

  /** Skips white space and then the character, if it is there. */
  #skip(character: string): boolean {
    this.#match(SPACE)
    if (this.#text[this.#at] !== character) return false
    this.#at += 1
    return true
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found === null) return null
    this.#at += found[0].length
    return found[0]
  }

  #fault(what: string): JsonFault {
    return new JsonFault(`${what} at character ${this.#at}`)
  }
}

const brief = (name: string): string => JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}…` : name)
