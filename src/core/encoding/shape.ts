import { byCodePoint } from './canonical-json.ts'

/**
 * Shapes: small readers of documents that are already parsed (JSON or YAML). A shape takes an unknown value and answers
 * a typed copy of it, or a misfit that names the path. Objects refuse unknown names: a misspelt setting is an error,
 * not a default.
 */

/** Where a document departs from its shape: the path in it, and two short phrases for a refusal. */
export class Misfit {
  readonly at: string
  readonly expected: string
  readonly actual: string

  constructor(at: string, expected: string, actual: string) {
    this.at = at
    this.expected = expected
    this.actual = actual
  }
}

export type Shape<T> = (value: unknown, at: string) => T | Misfit

type Shapes = Readonly<Record<string, Shape<unknown>>>
type Shaped<S extends Shapes> = { readonly [K in keyof S]: Exclude<ReturnType<S[K]>, Misfit> }
/** The type that a shape reads. */
export type ShapeOf<S extends Shape<unknown>> = Exclude<ReturnType<S>, Misfit>

/** A JSON Schema (2020-12): what a shape reads, in the words of other programs, as far as these words go. */
export type JsonSchema = { readonly [keyword: string]: unknown }

const schemas = new WeakMap<object, () => JsonSchema>()

/** A shape with the schema of what it reads. Only a shape that is written by hand needs this: the others know their own. */
export function described<T>(schema: JsonSchema | (() => JsonSchema), shape: Shape<T>): Shape<T> {
  schemas.set(shape, typeof schema === 'function' ? schema : () => schema)
  return shape
}

/** The schema of a shape. Throws for a shape that is written by hand and was not described. */
export function schemaOf(shape: Shape<unknown>): JsonSchema {
  const schema = schemas.get(shape)
  if (schema === undefined) throw new Error('a shape without a schema')
  return schema()
}

const SHOWN = 48

/** A value as people see it in a refusal: short, and in JSON's spelling. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') return `a ${typeof value}`
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? `a list of ${value.length}` : 'an object'
  const text = typeof value === 'string' ? JSON.stringify(value.slice(0, SHOWN + 1)) : String(value)
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text
}

/** A text that matches a pattern; `what` says in words what the pattern wants. */
export function text(what: string, pattern: RegExp): Shape<string> {
  return described({ type: 'string', pattern: pattern.source, description: what }, (value, at) =>
    typeof value === 'string' && pattern.test(value) ? value : new Misfit(at, what, shown(value)),
  )
}

/** A text for people: one line without control characters, from `min` to `max` characters. */
export function line(max: number, min = 1): Shape<string> {
  const what = `one line of ${min} to ${max} characters`
  return described({ type: 'string', minLength: min, maxLength: max, description: what }, (value, at) => {
    const fits = typeof value === 'string' && value.length >= min && value.length <= max && isLine(value)
    return fits ? value : new Misfit(at, what, shown(value))
  })
}

/** The first pattern finds most of them without looking anything up in Unicode's tables. */
const isLine = (value: string): boolean =>
  /^[ -~]*$/.test(value) || (value.isWellFormed() && !/\p{Cc}|[\u2028\u2029]/u.test(value))

/** A whole number from `min` to `max`, inclusive. */
export function whole(min: number, max: number): Shape<number> {
  const what = `a whole number from ${min} to ${max}`
  return described({ type: 'integer', minimum: min, maximum: max }, (value, at) => {
    const fits = typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max
    return fits ? value : new Misfit(at, what, shown(value))
  })
}

export const truth: Shape<boolean> = described({ type: 'boolean' }, (value, at) =>
  typeof value === 'boolean' ? value : new Misfit(at, 'true or false', shown(value)),
)

/** One of a few fixed words. */
export function word<const W extends string>(...words: readonly W[]): Shape<W> {
  return described({ enum: words }, (value, at) => {
    const found = words.find(candidate => candidate === value)
    return found ?? new Misfit(at, words.map(candidate => `"${candidate}"`).join(' or '), shown(value))
  })
}

/** Exactly this number. */
export function exactly<const N extends number>(number: N): Shape<N> {
  return described({ const: number }, (value, at) =>
    value === number ? number : new Misfit(at, String(number), shown(value)),
  )
}

/** A list of `min` to `max` items of one shape. */
export function list<T>(item: Shape<T>, min: number, max: number): Shape<readonly T[]> {
  const what = `a list of ${min} to ${max} items`
  const schema = () => ({ type: 'array', items: schemaOf(item), minItems: min, maxItems: max })
  return described(schema, (value, at) => {
    if (!Array.isArray(value) || value.length < min || value.length > max) return new Misfit(at, what, shown(value))
    const items: T[] = []
    for (const [index, member] of value.entries()) {
      const read = item(member, `${at}[${index}]`)
      if (read instanceof Misfit) return read
      items.push(read)
    }
    return items
  })
}

/**
 * An object with the required names, perhaps the optional ones, and no other. What is read has its members in canonical
 * order: it is written so, and that needs no sorting then.
 */
export function object<R extends Shapes, O extends Shapes = Record<never, never>>(
  required: R,
  optional?: O,
): Shape<Shaped<R> & Partial<Shaped<O>>> {
  const names = [...Object.keys(required), ...Object.keys(optional ?? {})]
  const members = names.map((name, place) => {
    const needed = Object.hasOwn(required, name)
    const shape = (needed ? required[name] : optional?.[name]) as Shape<unknown>
    return { name, place, needed, shape, top: join('', name), below: join('.', name).slice(1) }
  })
  const inOrder = members.toSorted((a, b) => byCodePoint(a.name, b.name))
  const known: ReadonlySet<string> = new Set(names)
  const schema = () => ({
    type: 'object',
    properties: Object.fromEntries(members.map(({ name, shape }) => [name, schemaOf(shape)])),
    required: Object.keys(required),
    additionalProperties: false,
  })
  return described(schema, (value, at) => {
    if (!isPlain(value)) return new Misfit(at, 'an object', shown(value))
    const stranger = Object.keys(value).find(name => !known.has(name))
    if (stranger !== undefined) return new Misfit(join(at, stranger), `one of ${names.join(', ')}`, 'an unknown name')
    // As they are declared: of several faults, the one is told that people would look for first.
    const found: unknown[] = []
    for (const { name, needed, shape, top, below } of members) {
      const present = Object.hasOwn(value, name) && value[name] !== undefined
      const read =
        present || needed ? shape(present ? value[name] : undefined, at === '' ? top : at + below) : undefined
      if (read instanceof Misfit) return read
      found.push(read)
    }
    const out: Record<string, unknown> = {}
    for (const { name, place } of inOrder) if (found[place] !== undefined) out[name] = found[place]
    return out as Shaped<R> & Partial<Shaped<O>>
  })
}

/** An object whose names are themselves data, at most `max` of them. Look members up with `Object.hasOwn`. */
export function dictionary<T>(name: Shape<string>, member: Shape<T>, max: number): Shape<Readonly<Record<string, T>>> {
  const schema = () => ({
    type: 'object',
    propertyNames: schemaOf(name),
    additionalProperties: schemaOf(member),
    maxProperties: max,
  })
  return described(schema, (value, at) => {
    if (!isPlain(value)) return new Misfit(at, 'an object', shown(value))
    const entries = Object.entries(value)
    if (entries.length > max) return new Misfit(at, `at most ${max} members`, `${entries.length}`)
    const out: [string, T][] = []
    for (const [key, inner] of entries) {
      const readName = name(key, join(at, key))
      if (readName instanceof Misfit) return readName
      const read = member(inner, join(at, key))
      if (read instanceof Misfit) return read
      out.push([readName, read])
    }
    return Object.fromEntries(out)
  })
}

/** A shape followed by a step that may turn the value into another type, or find a fault in it. */
export function then<A, B>(shape: Shape<A>, step: (value: A, at: string) => B | Misfit): Shape<B> {
  // What the step finds beyond the shape is more than its schema says.
  return described(
    () => schemaOf(shape),
    (value, at) => {
      const read = shape(value, at)
      return read instanceof Misfit ? read : step(read, at)
    },
  )
}

/** The first shape that fits; when none does, what all of them wanted. */
export function either<A, B>(first: Shape<A>, second: Shape<B>): Shape<A | B> {
  const schema = () => ({ anyOf: [schemaOf(first), schemaOf(second)] })
  return described<A | B>(schema, (value, at) => {
    const left = first(value, at)
    if (!(left instanceof Misfit)) return left
    const right = second(value, at)
    return right instanceof Misfit ? new Misfit(at, `${left.expected}, or ${right.expected}`, shown(value)) : right
  })
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** `controllers[3].class`, and `["odd name"]` for a name that would not read well. */
const join = (at: string, name: string): string => {
  const step = /^[A-Za-z0-9_-]{1,64}$/.test(name) ? `.${name}` : `[${shown(name)}]`
  return at === '' && step.startsWith('.') ? step.slice(1) : `${at}${step}`
}
