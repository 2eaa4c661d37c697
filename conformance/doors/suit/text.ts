import { decode } from 'cbor2'
import { sortCoreDeterministic } from 'cbor2/sorts'
import { refuse } from '../../../src/core/refusal/refusal.ts'
import { COMPONENT_TEXT, TEXT } from './labels.ts'
import { type ComponentId, keyOf } from './manifest.ts'
import type { Refused } from './refusal.ts'

/** The text element for people: by language, by component ("manifest" is the whole of it), by name. */
export type Texts = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>>

const STRICT = {
  maxDepth: 8,
  preferMap: true,
  ignoreGlobalTags: true,
  rejectFloats: true,
  rejectUndefined: true,
  rejectSimple: true,
  requirePreferred: true,
  rejectStreaming: true,
  rejectDuplicateKeys: true,
  sortKeys: sortCoreDeterministic,
} as const

const LANGUAGE = /^[a-zA-Z]{1,8}(?:-[a-zA-Z0-9]{1,8})*$/

/**
 * Reads the text element (draft-ietf-suit-manifest-34 §8.4.4). Its maps have arrays for keys, which the product's reader does
 * not take: nothing that a machine acts on is spelt that way. Refuses `manifest-malformed`.
 */
export function readTexts(bytes: Uint8Array): Texts | Refused {
  let languages: unknown
  try {
    languages = decode(new Uint8Array(bytes), STRICT)
  } catch (cause) {
    return wrong(cause instanceof Error ? cause.message.slice(0, 80) : 'bytes')
  }
  const out: Record<string, Record<string, Record<string, string>>> = Object.create(null)
  if (!(languages instanceof Map)) return wrong('no map of languages')
  for (const [language, entries] of languages as ReadonlyMap<unknown, unknown>) {
    if (typeof language !== 'string' || !LANGUAGE.test(language) || !(entries instanceof Map)) {
      return wrong('a member that is no language')
    }
    const parts: Record<string, Record<string, string>> = Object.create(null)
    for (const [key, value] of entries as ReadonlyMap<unknown, unknown>) {
      const inner = value instanceof Map ? (value as ReadonlyMap<unknown, unknown>) : new Map([[key, value]])
      const component = value instanceof Map ? componentOf(key) : 'manifest'
      if (component === null) return wrong('a key that names no component')
      const texts = parts[component] ?? {}
      parts[component] = texts
      if (!addNamed(texts, inner, value instanceof Map ? COMPONENT_TEXT : TEXT)) return wrong('a text that is none')
    }
    out[language] = parts
  }
  return out
}

function componentOf(key: unknown): string | null {
  const parts = Array.isArray(key) ? (key as readonly unknown[]) : []
  if (parts.length === 0 || !parts.every(part => part instanceof Uint8Array)) return null
  return keyOf(parts as ComponentId)
}

function addNamed(
  into: Record<string, string>,
  texts: ReadonlyMap<unknown, unknown>,
  names: ReadonlyMap<number, string>,
): boolean {
  for (const [label, text] of texts) {
    if (typeof label !== 'number' || typeof text !== 'string') return false
    into[names.get(label) ?? String(label)] = text
  }
  return true
}

const wrong = (actual: string): Refused =>
  refuse('manifest-malformed', 'text', 'texts by language and component', actual, 'draft-ietf-suit-manifest-34 §8.4.4')
