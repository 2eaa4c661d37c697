import { Value } from 'typebox/value'

/** The parts of a JSON schema that configs use. */
type Schema = {
  readonly type?: string
  readonly anyOf?: readonly Schema[]
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: unknown
}

/** What is wrong with a config, in the words of somebody who edits it. */
export type ConfigFault = { readonly expected: string; readonly actual: string }

/**
 * The first fault of a config; null when there is none. Fields that are unknown or missing come first: that is what a
 * slip of the pen leaves. Of alternatives that differ by their `kind`, the one that the value names is looked at.
 */
export function configFault(schema: object, value: unknown, where = ''): ConfigFault | null {
  const checked = schema as Parameters<typeof Value.Check>[0]
  if (Value.Check(checked, value)) return null
  const fields = fieldsOf(value)
  const fault = fields === null ? null : faultOfFields(schema as Schema, fields, where)
  if (fault !== null) return fault
  const [first] = Value.Errors(checked, value)
  const place = `${where}${first?.instancePath ?? ''}`.replace(/^\//, '')
  const constant = first?.keyword === 'const' ? ` (${first.params.allowedValue})` : ''
  return {
    expected: `${place === '' ? 'the file' : place} ${first?.message.replace(/^must /, 'to ') ?? 'as documented'}${constant}`,
    actual: sortOf(valueAt(value, first?.instancePath ?? '')),
  }
}

function faultOfFields(schema: Schema, fields: Readonly<Record<string, unknown>>, where: string): ConfigFault | null {
  const { anyOf, properties, patternProperties, required = [], additionalProperties } = schema
  if (anyOf !== undefined) return faultOfAlternatives(anyOf, fields, where)
  const missing = required.find(name => fields[name] === undefined)
  if (properties !== undefined && additionalProperties === false) {
    const known = Object.keys(properties)
    const unknown = Object.keys(fields).find(name => !known.includes(name))
    const wanted = missing ?? `only ${known.join(', ')}`
    const place = where === '' ? 'the file' : where.slice(1)
    if (unknown !== undefined) return { expected: `${wanted} in ${place}`, actual: `a field ${unknown}` }
  }
  if (missing !== undefined) return { expected: `a field ${`${where}/${missing}`.slice(1)}`, actual: 'none' }
  for (const [name, part] of Object.entries(fields)) {
    const of = properties?.[name] ?? Object.values(patternProperties ?? {})[0]
    const fault = of === undefined ? null : configFault(of, part, `${where}/${name}`)
    if (fault !== null) return fault
  }
  return null
}

function faultOfAlternatives(
  schemas: readonly Schema[],
  fields: Readonly<Record<string, unknown>>,
  where: string,
): ConfigFault | null {
  const kinds = schemas.map(({ properties }) => properties?.kind?.const)
  if (kinds.some(kind => typeof kind !== 'string')) return null
  const own = schemas[kinds.indexOf(fields.kind)]
  if (own !== undefined) return configFault(own, fields, where)
  return { expected: `${where.slice(1)}/kind to be ${kinds.join(', ')}`, actual: sortOf(fields.kind, true) }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | null {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as Record<string, unknown>) : null
}

function valueAt(value: unknown, path: string): unknown {
  const names = path.split('/').slice(1)
  return names.reduce<unknown>((part, name) => Object(part)[name.replaceAll('~1', '/').replaceAll('~0', '~')], value)
}

/** What stands there. The text itself only of a `kind`: an environment may hold what nobody else should read. */
function sortOf(value: unknown, shown = false): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return shown ? value : 'a text'
  return typeof value === 'object' ? 'fields' : String(value)
}
