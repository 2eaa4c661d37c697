import { type Static, Type } from 'typebox'

/** Where a console listens, in `fleet.yaml` and in `gateway.yaml`. What fits together of it, apps/process/console-place.ts says. */
export const ConsoleConfig = Type.Object(
  {
    host: Type.String(),
    port: Type.Integer({ minimum: 1, maximum: 65_535 }),
    /** What people type: `https://HOST` or `https://HOST:PORT`, or of this machine alone `http://localhost:PORT`. */
    url: Type.Optional(Type.String({ pattern: '^https?://[^/?#@]+$', maxLength: 300 })),
    /** A certificate that browsers trust, with those above it, and its key: files in PEM. Absent: this machine alone. */
    cert: Type.Optional(Type.String({ minLength: 1 })),
    key: Type.Optional(Type.String({ minLength: 1 })),
  },
  { additionalProperties: false },
)
export type ConsoleConfig = Static<typeof ConsoleConfig>
