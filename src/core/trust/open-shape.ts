import { Misfit, type Shape, shown } from '../encoding/shape.ts'

/**
 * Shapes of documents that later versions may add to: unknown members are passed over (and stay in the raw document,
 * over which signatures are verified), where the closed shapes of encoding/shape.ts refuse them.
 */

type Shapes = Readonly<Record<string, Shape<unknown>>>
type Shaped<S extends Shapes> = { readonly [K in keyof S]: Exclude<ReturnType<S[K]>, Misfit> }

/** An object with at least the required members; the optional ones must fit when they are there. */
export function open<R extends Shapes, O extends Shapes = Record<never, never>>(
  required: R,
  optional?: O,
): Shape<Shaped<R> & Partial<Shaped<O>>> {
  const members = Object.entries({ ...optional, ...required }).map(([name, shape]) => {
    return { name, shape, needed: Object.hasOwn(required, name) }
  })
  return (value, at) => {
    if (!isObject(value)) return new Misfit(at, 'an object', shown(value))
    const out: Record<string, unknown> = {}
    for (const { name, shape, needed } of members) {
      const present = Object.hasOwn(value, name)
      if (!present && !needed) continue
      const read = shape(present ? value[name] : undefined, at === '' ? name : `${at}.${name}`)
      if (read instanceof Misfit) return read
      out[name] = read
    }
    return out as Shaped<R> & Partial<Shaped<O>>
  }
}

/** An object whose names are data, as a Map: no name is special, whatever it is. At most `max` members. */
export function map<T>(
  name: Shape<string>,
  member: (name: string) => Shape<T>,
  max: number,
): Shape<ReadonlyMap<string, T>> {
  return (value, at) => {
    if (!isObject(value)) return new Misfit(at, 'an object', shown(value))
    const entries = Object.entries(value)
    if (entries.length > max) return new Misfit(at, `at most ${max} members`, String(entries.length))
    const out = new Map<string, T>()
    for (const [key, inner] of entries) {
      const readName = name(key, '')
      const read = readName instanceof Misfit ? readName : member(key)(inner, '')
      if (read instanceof Misfit) {
        // Read once more, to say where: a place for each of a thousand names that fit would cost more than to read them.
        const place = `${at}[${shown(key)}]`
        const again = name(key, place)
        return again instanceof Misfit ? again : (member(key)(inner, place) as Misfit)
      }
      out.set(readName as string, read)
    }
    return out
  }
}

/** Any object, kept as it is. */
export const anyObject: Shape<{ readonly [name: string]: unknown }> = (value, at) =>
  isObject(value) ? value : new Misfit(at, 'an object', shown(value))

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
