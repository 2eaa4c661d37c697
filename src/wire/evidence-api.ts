import { type Static, Type } from 'typebox'

/** Evidence packs: what is sealed, and what is answered. */

const closed = { additionalProperties: false }
const Time = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}Z$' })
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

/** What a pack is asked for: all that is named must hold. */
export const PackQuery = Type.Object(
  {
    sites: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 128 }), { minItems: 1, maxItems: 100 })),
    from: Type.Optional(Time),
    to: Type.Optional(Time),
    changeRequest: Type.Optional(Type.String({ minLength: 1, maxLength: 120 })),
    release: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
  },
  closed,
)

/** POST /v1/audit/packs: what the server makes a pack of. */
export const BeginPack = Type.Object({ query: PackQuery }, { ...closed, title: 'BeginPack' })

/** POST /v1/audit/evidence-packs: the SHA-256 of a pack's statement, and what that states. */
export const SealPack = Type.Object(
  {
    manifest: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    query: PackQuery,
    /** How many entries of the log were searched, and how many events are cited. */
    size: Count,
    events: Count,
  },
  { ...closed, title: 'SealPack' },
)
export type SealPack = Static<typeof SealPack>

/** Which entry of the log seals it. */
export const PackSealed = Type.Object({ index: Type.Integer() }, { ...closed, title: 'PackSealed' })
export type PackSealed = Static<typeof PackSealed>
