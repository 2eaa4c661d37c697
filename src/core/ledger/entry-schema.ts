import { type JsonSchema, schemaOf } from '../encoding/shape.ts'
import { ENTRY_VERSION, entryShape } from './entry.ts'
import { entryForms } from './entry-details.ts'
import { entryKinds } from './entry-kinds.ts'

/**
 * The published schema of an entry (docs/audit-entry.schema.json), made of the shapes that the parser reads by: what it says of the
 * members is what `parseEntry` takes. Of the details it says by kind which there may be.
 */
export function entrySchema(): JsonSchema {
  const shape = schemaOf(entryShape)
  const members = shape.properties as Readonly<Record<string, unknown>>
  const kinds = Object.entries(entryForms).map(([kind, { says }]) => ({
    if: { properties: { kind: { const: kind } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: {
      properties: {
        detail: {
          type: 'object',
          properties: Object.fromEntries(Object.entries(says).map(([name, description]) => [name, { description }])),
          additionalProperties: false,
        },
      },
    },
  }))
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: `An entry of the audit log of Voltseal, version ${ENTRY_VERSION}`,
    ...shape,
    properties: { ...members, kind: { enum: Object.keys(entryKinds) } },
    allOf: kinds,
  }
}
