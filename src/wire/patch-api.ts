import { type Static, Type } from 'typebox'
import { Sha256Name } from './fleet-api.ts'

/** Patches that the fleet server makes: what is asked and answered. */

const closed = { additionalProperties: false }
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) => Type.Union([type, Type.Null()])

/** POST /v1/patches: from which image to which, by the SHA-256 of what lies in flash. Nothing's as the base: the compressed image. */
export const MakePatch = Type.Object({ base: Sha256Name, target: Sha256Name }, { ...closed, title: 'MakePatch' })
export type MakePatch = Static<typeof MakePatch>

/** What the releases of an image say that it is; null where none is published. */
const Known = orNull(Type.Object({ class: Type.String(), version: Type.String() }, closed))

/**
 * GET /v1/patches: one patch, or why there is none. `since`: when it was wanted, or when that was settled. `full`: bytes of the images that it makes, null
 * where they are not published any more.
 */
export const PatchView = Type.Object(
  {
    base: Type.String(),
    target: Type.String(),
    from: Known,
    to: Known,
    /** True for the compressed image, which fits every controller. */
    fromNothing: Type.Boolean(),
    state: Type.Union([Type.Literal('wanted'), Type.Literal('made'), Type.Literal('none')]),
    since: Type.Integer(),
    full: orNull(Type.Integer()),
    made: orNull(
      Type.Object(
        {
          by: Type.Union([Type.Literal('fleet'), Type.Literal('publisher')]),
          sha256: Type.String(),
          bytes: Type.Integer(),
          memory: Type.Integer(),
          millis: Type.Integer(),
        },
        closed,
      ),
    ),
    /** Why there is none. */
    reason: orNull(Type.Object({ code: Type.String(), expected: Type.String(), actual: Type.String() }, closed)),
  },
  { ...closed, title: 'PatchView' },
)
export type PatchView = Static<typeof PatchView>
