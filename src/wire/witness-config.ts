import { type Static, Type } from 'typebox'

const closed = { additionalProperties: false }

/** `config.yaml` of a witness: what `voltseal witness serve` runs from. Paths are relative to the file. */
export const WitnessConfig = Type.Object(
  {
    kind: Type.Literal('voltseal-witness'),
    /** The name of its key: a URL without its scheme that says whose it is, such as `witness.example/w1`. */
    name: Type.String({ minLength: 1, maxLength: 255 }),
    listen: Type.Object({ host: Type.String(), port: Type.Integer({ minimum: 1, maximum: 65_535 }) }, closed),
    /** What stands before `/add-checkpoint` in its address; absent: nothing. */
    prefix: Type.Optional(Type.String({ pattern: '^(?:/[A-Za-z0-9._~-]+){1,8}$', maxLength: 200 })),
    /** Certificate and key in PEM; absent: plain HTTP, on this machine alone, for a proxy that has them. */
    tls: Type.Optional(
      Type.Object({ cert: Type.String({ minLength: 1 }), key: Type.String({ minLength: 1 }) }, closed),
    ),
    /** The logs that it signs for, by their keys (C2SP signed-note verifier keys). */
    logs: Type.Array(Type.Object({ key: Type.String({ minLength: 1, maxLength: 400 }) }, closed), {
      minItems: 1,
      maxItems: 10_000,
    }),
    log: Type.Union(['trace', 'debug', 'info', 'warn', 'error'].map(level => Type.Literal(level))),
  },
  closed,
)
export type WitnessConfig = Static<typeof WitnessConfig>
