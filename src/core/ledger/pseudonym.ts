import { concat, toHex, utf8 } from '../encoding/bytes.ts'
import type { Json, JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'

/**
 * How the log speaks of people. An entry lasts for ever and goes to strangers, so it holds no name of a person and no address:
 * it holds `person:` or `address:` and the SHA-256 (hex) of a salt and the text. Each person has a salt of their own, in the
 * store and nowhere else. Without it nobody can try names until one fits; when it is forgotten, nobody can at all, and
 * the log verifies as before. (GDPR Art. 4(5) calls such a text a pseudonym.)
 */
export type PersonalKind = 'person' | 'address'

/** A salt: as many random bytes as the digest has, so that it is never the weaker half. */
export const SALT_BYTES = 32

const ONE = /^(?:person|address):[0-9a-f]{64}$/
const SOME = /(?<![a-z0-9])(?:person|address):[0-9a-f]{64}(?![0-9a-f])/g

export const isPseudonym = (text: string): boolean => ONE.test(text)

/** The pseudonym of a text. Throws for a salt of another length: it would be no salt. */
export function pseudonymOf(crypto: Crypto, salt: Uint8Array, kind: PersonalKind, text: string): string {
  if (salt.length !== SALT_BYTES) throw new Error(`a salt has ${SALT_BYTES} bytes`)
  return `${kind}:${toHex(crypto.sha256(concat(utf8(`voltseal ${kind}\n`), salt, utf8(text))))}`
}

/** The pseudonyms in a text, in their order. */
export const pseudonymsIn = (text: string): readonly string[] => text.match(SOME) ?? []

/** What of an entry can speak of people. */
type Speaking = { readonly actor: { readonly id: string }; readonly detail: JsonObject }

/** The pseudonyms of an entry: of who did it, and in what it says. */
export function pseudonymsOf(entry: Speaking): ReadonlySet<string> {
  const found = new Set(pseudonymsIn(entry.actor.id))
  const walk = (value: Json | undefined): void => {
    if (typeof value === 'string') for (const one of pseudonymsIn(value)) found.add(one)
    else if (typeof value === 'object' && value !== null) for (const member of Object.values(value)) walk(member)
  }
  walk(entry.detail)
  return found
}

/** What a pseudonym stands for, as far as it is known. */
export type Names = ReadonlyMap<string, string>

/** A text with the names in the places of the pseudonyms that are known. */
export const named = (text: string, names: Names): string => text.replaceAll(SOME, one => names.get(one) ?? one)

/**
 * An entry as who may read people is shown it. It is for reading only: its bytes are no longer those that are in the log.
 */
export function withNames<E extends Speaking>(entry: E, names: Names): E {
  if (names.size === 0) return entry
  const walk = (value: Json | undefined): Json => {
    if (typeof value === 'string') return named(value, names)
    if (typeof value !== 'object' || value === null) return value ?? null
    if (Array.isArray(value)) return value.map(walk)
    return Object.fromEntries(Object.entries(value as JsonObject).map(([name, member]) => [name, walk(member)]))
  }
  const actor = { ...entry.actor, id: named(entry.actor.id, names) }
  return { ...entry, actor, detail: walk(entry.detail) as JsonObject }
}

/** A pseudonym for a line of text: its kind and the first digits; nothing can be looked up by it. */
export const shortened = (text: string): string =>
  text.replaceAll(SOME, one => `${one.slice(0, one.indexOf(':') + 9)}…`)
