import { type Static, Type } from 'typebox'

const closed = { additionalProperties: false }

/** `conditions` in `gateway.yaml`: who reads the plant. Files are relative to the gateway's folder. */
export const ConditionsConfig = Type.Object(
  {
    /** What is asked; the points are added as `?points=a,b`. */
    url: Type.String({ pattern: '^https://[^/?#@]+(?:/[^?#]*)?$' }),
    /** The authority of its certificate, in PEM: no other is believed. */
    ca: Type.String({ minLength: 1 }),
    /** How the gateway shows who it is, in PEM: both or neither. */
    cert: Type.Optional(Type.String({ minLength: 1 })),
    key: Type.Optional(Type.String({ minLength: 1 })),
    timeoutMillis: Type.Optional(Type.Integer({ minimum: 100, maximum: 60_000 })),
  },
  closed,
)
export type ConditionsConfig = Static<typeof ConditionsConfig>

/** The largest answer that is read, in bytes, and the most readings in it. */
export const MAX_CONDITIONS = 1024 * 1024
const MAX_READINGS = 20_000

/**
 * The answer: readings. `of` is a feeder or a controller of the site, null or left out for the site itself; `value` in the
 * unit of the point (docs/site.md); `at` when it was measured, in milliseconds since 1970. Other members are passed over.
 */
export const ConditionsAnswer = Type.Object({
  readings: Type.Array(
    Type.Object({
      point: Type.String({ maxLength: 64 }),
      of: Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Null()])),
      value: Type.Union([Type.Number(), Type.Boolean()]),
      at: Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 }),
    }),
    { maxItems: MAX_READINGS },
  ),
})
export type ConditionsAnswer = Static<typeof ConditionsAnswer>
