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
  return utf8(write(value))
}

function write(value: Json): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new JsonFault(`the number ${value}, which is not a safe integer`)
    return String(value === 0 ? 0 : value)
  }
  if (typeof value === 'string') return quote(value)
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`
  const object = value as JsonObject
  const names = Object.keys(object).sort(byCodePoint)
  return `{${names.map(name => `${quote(name)}:${write(object[name] as Json)}`).join(',')}}`
}

const quote = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`

/** Code-point order: what UTF-8 bytes sort by, and what JavaScript's default (UTF-16) order is not. */
function byCodePoint(a: string, b: string): number {
  const left = [...a]
  const right = [...b]
  for (let index = 0; index < left.length && index < right.length; index += 1) {
    const difference = (left[index] as string).codePointAt(0)! - (right[index] as string).codePointAt(0)!
    if (difference !== 0) return difference
  }
  return left.length - right.length
}
