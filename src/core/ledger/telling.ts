import type { Json } from '../encoding/canonical-json.ts'
import type { PersonalKind } from './pseudonym.ts'

/** What happened, told with people in it, before it is written: none of them gets into an entry by name. */

/**
 * A text about a person, on its way into the log. `of`: whose salt it gets. `tried`: a name that somebody only tried to come in
 * by: if it is nobody's account, it is not remembered for long.
 */
export class Personal {
  readonly kind: PersonalKind
  readonly of: string
  readonly text: string
  readonly tried: boolean

  constructor(kind: PersonalKind, of: string, text: string, tried = false) {
    this.kind = kind
    this.of = of
    this.text = text
    this.tried = tried
  }
}

/** A line with people in it. */
export class Words {
  readonly parts: readonly (string | Personal)[]

  constructor(parts: readonly (string | Personal)[]) {
    this.parts = parts
  }
}

/** What an event says, before those whom it names have their pseudonyms. */
export type Telling = Json | Personal | Words | readonly Telling[] | { readonly [name: string]: Telling | undefined }

/** What an event says, by name. */
export type Said = { readonly [name: string]: Telling | undefined }

/** A person by their name. */
export const personal = (name: string): Personal => new Personal('person', name, name)

/** A name that somebody tried. */
export const tried = (name: string): Personal => new Personal('person', name, name, true)

/**
 * The address that somebody came from who said this name. It has its own pseudonym for each name: what was forgotten of
 * one says nothing of others.
 */
export const addressOf = (name: string, address: string): Personal => new Personal('address', name, address, true)

/**
 * A line in which each of these people, where their name stands there as a word, is spoken of by their pseudonym. A name is a
 * word as account names are written: `ada` is not in `ada-2`.
 */
export function wordsAbout(text: string, people: readonly Personal[]): string | Words {
  const known = new Map(people.filter(one => one.text !== '').map(one => [one.text, one]))
  if (known.size === 0) return text
  const names = [...known.keys()].sort((a, b) => b.length - a.length)
  const escaped = names.map(name => name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  const one = new RegExp(`(?<![\\p{L}\\p{N}._-])(${escaped.join('|')})(?![\\p{L}\\p{N}_-]|\\.[\\p{L}\\p{N}])`, 'u')
  const pieces = text.split(one)
  if (pieces.length === 1) return text
  return new Words(pieces.map((piece, at) => (at % 2 === 1 ? known.get(piece)! : piece)).filter(piece => piece !== ''))
}

/** Each person's text that an event holds, so that its pseudonym can be made before the event is written. */
export function personalIn(value: Telling | undefined): readonly Personal[] {
  if (value instanceof Personal) return [value]
  if (value instanceof Words) return value.parts.filter(part => part instanceof Personal)
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value as object).flatMap(member => personalIn(member as Telling))
}

/** The event as it is written: `tag` answers the pseudonym of each text. */
export function written(value: Telling | undefined, tag: (text: Personal) => string): Json {
  if (value instanceof Personal) return tag(value)
  if (value instanceof Words) return value.parts.map(part => (typeof part === 'string' ? part : tag(part))).join('')
  if (typeof value !== 'object' || value === null) return value ?? null
  if (Array.isArray(value)) return value.map(member => written(member as Telling, tag))
  const members = Object.entries(value as Readonly<Record<string, Telling | undefined>>)
  return Object.fromEntries(members.flatMap(([name, of]) => (of === undefined ? [] : [[name, written(of, tag)]])))
}
