import { utf8 } from './bytes.ts'

/** A value of JSON. Numbers are safe integers: canonical JSON has no fractions (OLPC canonical JSON, as TUF uses it). */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

/** What the strict reader found wrong, as a phrase for the `actual` of a refusal. */
export class JsonFault extends Error {}

/**
 * OLPC canonical JSON: members in code-point order of their names, no white space, only `"` and `\` escaped, integers
 * only. Throws JsonFault for a fraction or an unsafe integer (a bug of the caller: parsed documents cannot hold one).
 */
export function canonicalJson(value: Json): Uint8Array {
  return utf8(canonicalText(value))
}

/** The same as text. */
export function canonicalText(value: Json): string {
  if (isInCanonicalOrder(value)) {
    const text = JSON.stringify(value)
    // Without an escape the engine writes what canonical JSON is. It knows escapes that canonical JSON does not.
    if (!text.includes('\\')) return text
  }
  return write(value)
}

/** The same value with the members of every object in canonical order: what is written so is read and verified faster. */
export function inCanonicalOrder(value: Json): Json {
  // What is in order already stays the same object.
  if (typeof value !== 'object' || value === null || isInCanonicalOrder(value)) return value
  if (Array.isArray(value)) return value.map(inCanonicalOrder)
  const object = value as JsonObject
  const names = sorted(Object.keys(object))
  return Object.fromEntries(names.map(name => [name, inCanonicalOrder(object[name] as Json)]))
}

/** Whether every object's members stand in canonical order, and every number is a safe integer. */
export function isInCanonicalOrder(value: Json): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value)
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isInCanonicalOrder)
  let last = ''
  for (const name of Object.keys(value)) {
    if (last !== '' && byCodePoint(last, name) > 0) return false
    if (!isInCanonicalOrder((value as JsonObject)[name] as Json)) return false
    last = name
  }
  return true
}

function write(value: Json): string {
  if (typeof value === 'string') return quote(value)
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new JsonFault(`the number ${value}, which is not a safe integer`)
    return String(value === 0 ? 0 : value)
  }
  if (value === null || typeof value === 'boolean') return String(value)
  let text = ''
  if (Array.isArray(value)) {
    for (const item of value) text += `${text === '' ? '' : ','}${write(item)}`
    return `[${text}]`
  }
  const object = value as JsonObject
  for (const name of sorted(Object.keys(object))) {
    text += `${text === '' ? '' : ','}${quote(name)}:${write(object[name] as Json)}`
  }
  return `{${text}}`
}

const ESCAPED = /["\\]/
const quote = (text: string): string =>
  ESCAPED.test(text) ? `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` : `"${text}"`

/** Names in code-point order. What was read from a canonical document is in order already. */
function sorted(names: string[]): readonly string[] {
  for (let at = 1; at < names.length; at += 1) {
    if (byCodePoint(names[at - 1] as string, names[at] as string) > 0) return names.sort(byCodePoint)
  }
  return names
}

/**
 * Code-point order, which is the one of the UTF-8 bytes. JavaScript's own compares units of UTF-16, in which the pairs that stand
 * for what is above U+FFFF begin below U+E000.
 */
export function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at += 1) {
    const left = a.charCodeAt(at)
    const right = b.charCodeAt(at)
    if (left !== right) return rank(left) - rank(right)
  }
  return a.length - b.length
}

const rank = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800)
