import { type Static, Type } from 'typebox'
import { MOST_PERMISSIVES, MOST_PLACES, MOST_WAITING, MOST_WAITS, MOST_WORDS } from '../core/campaign/plant-view.ts'
import { Name } from './fleet-api.ts'

/**
 * In the answer to GET /v1/check-in: `1` while somebody looks at the gateway's site. The gateway may then show its plant, once
 * (POST /v1/plant). One that does not know the header shows nothing, and is a gateway like any other.
 */
export const LOOK_HEADER = 'voltseal-look'

const closed = { additionalProperties: false }
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) => Type.Union([type, Type.Null()])
/** Text for people, from a gateway: one line of a bounded length, shown as text and never as anything else. */
const Words = Type.String({ maxLength: MOST_WORDS, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$' })
const Age = orNull(Type.Integer({ minimum: -8.64e15, maximum: 8.64e15 }))
const Count = Type.Integer({ minimum: 0, maximum: 1_000_000 })

const PlaceStanding = Type.Object(
  {
    /** A feeder or a controller; null: the site itself. */
    of: orNull(Type.String({ minLength: 1, maxLength: 64 })),
    stands: Type.Union([Type.Literal('permits'), Type.Literal('refuses'), Type.Literal('unknown')]),
    value: orNull(Words),
    ageMillis: Age,
    because: orNull(Words),
  },
  { ...closed, title: 'PlaceStanding' },
)

const PermissiveStanding = Type.Object(
  {
    by: Words,
    point: Type.String({ pattern: '^[a-z][a-z-]{0,63}$' }),
    threshold: Words,
    maxAgeMillis: Type.Integer({ minimum: 0, maximum: 86_400_000 }),
    classes: orNull(Type.Immutable(Type.Array(Name, { maxItems: 64 }))),
    permits: Count,
    refuses: Count,
    unknown: Count,
    worst: Type.Immutable(Type.Array(PlaceStanding, { maxItems: MOST_PLACES })),
  },
  { ...closed, title: 'PermissiveStanding' },
)

const WaitGroup = Type.Object(
  {
    rule: Type.String({ pattern: '^[a-z-]{1,32}$' }),
    because: Words,
    value: orNull(Words),
    threshold: orNull(Words),
    ageMillis: Age,
    nextPossible: orNull(Type.Integer({ minimum: 0, maximum: 8.64e15 })),
    controllers: Type.Immutable(Type.Array(Name, { maxItems: MOST_WAITING })),
  },
  { ...closed, title: 'WaitGroup' },
)

/** POST /v1/plant: what a gateway shows of its plant (core/campaign/plant-view.ts). Ages are of the moment of sending. */
export const PlantShown = Type.Object(
  {
    fault: orNull(Type.String({ pattern: '^[a-z][a-z0-9-]{0,63}$' })),
    permissives: Type.Immutable(Type.Array(PermissiveStanding, { maxItems: MOST_PERMISSIVES })),
    waits: Type.Immutable(Type.Array(WaitGroup, { maxItems: MOST_WAITS })),
    more: Count,
  },
  { ...closed, title: 'PlantShown' },
)
export type PlantShown = Static<typeof PlantShown>

/** The largest view, in bytes: 64 permissives at eight places each, in sentences that are not short. */
export const MAX_PLANT = 1024 * 1024

/**
 * GET /v1/sites/SITE/plant: what its gateway showed last, and when that came in. Both null: nothing yet; asking has the
 * gateway asked with its next check-in.
 */
export const PlantSeen = Type.Object(
  { heardAt: orNull(Type.Integer()), plant: orNull(PlantShown) },
  { ...closed, title: 'PlantSeen' },
)
export type PlantSeen = Static<typeof PlantSeen>
