import { type Static, Type } from 'typebox'
import { Sha256Name } from './fleet-api.ts'
import { List } from './fleet-views.ts'

/** Patches that the fleet server makes: what is asked and answered. */

const closed = { additionalProperties: false }
const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) => Type.Union([type, Type.Null()])

/** POST /v1/patches: from which image to which, by the SHA-256 of what lies in flash. Nothing's as the base: the compressed image. */
export const MakePatch = Type.Object({ base: Sha256Name, target: Sha256Name }, { ...closed, title: 'MakePatch' })
export type MakePatch = Static<typeof MakePatch>

/** What the releases of an image say that it is; null where none is published. */
const Known = orNull(Type.Object({ class: Type.String(), version: Type.String() }, closed))

const STATES = [Type.Literal('wanted'), Type.Literal('made'), Type.Literal('none')] as const
const Made = Type.Object(
  {
    by: Type.Union([Type.Literal('fleet'), Type.Literal('publisher')]),
    sha256: Type.String(),
    bytes: Type.Integer(),
    memory: Type.Integer(),
    millis: Type.Integer(),
  },
  closed,
)
const Why = Type.Object({ code: Type.String(), expected: Type.String(), actual: Type.String() }, closed)

/**
 * GET /v1/patches: one patch, or why there is none. `since`: when it was wanted, or when that was settled. `full`: bytes of the images that it makes, null
 * where they are not published any more. `ahead`: of one that waits, how many are made before it; 0: it is its turn.
 */
export const PatchView = Type.Object(
  {
    base: Type.String(),
    target: Type.String(),
    from: Known,
    to: Known,
    /** True for the compressed image, which fits every controller. */
    fromNothing: Type.Boolean(),
    state: Type.Union([...STATES]),
    since: Type.Integer(),
    full: orNull(Type.Integer()),
    ahead: orNull(Type.Integer()),
    made: orNull(Made),
    /** Why there is none. */
    reason: orNull(Why),
  },
  { ...closed, title: 'PatchView' },
)
export type PatchView = Static<typeof PatchView>

/**
 * GET /v1/patches/to/RELEASE: from what the images of a release can be made, those that most controllers run first, and from nothing last.
 * `full`: bytes of the images. `encrypted`: its publisher alone can make its patches. `counted`: which controllers are: `all` of the fleet, `some`
 * (those that the caller may see), or `none`: the caller may see no controllers, and of images that run and no patch is of, nothing is said.
 * Of each base:
 * - `version`: what runs there; null: nobody whom the caller may see runs it, and no release has it.
 * - `controllers`: how many of its class attest to run it, among those that are counted; null: none are, or it is from nothing, which fits every one.
 * - `state`: as of a patch; `unasked`: nobody has asked for it yet.
 * - `refused`: why none can be had made now, where there is none; null: it can.
 */
export const ReleasePatches = Type.Object(
  {
    path: Type.String(),
    class: Type.String(),
    version: Type.String(),
    target: Type.String(),
    full: Type.Integer(),
    encrypted: Type.Boolean(),
    counted: Type.Union([Type.Literal('all'), Type.Literal('some'), Type.Literal('none')]),
    bases: List(
      Type.Object(
        {
          base: Type.String(),
          version: orNull(Type.String()),
          controllers: orNull(Type.Integer()),
          state: Type.Union([...STATES, Type.Literal('unasked')]),
          ahead: orNull(Type.Integer()),
          made: orNull(Made),
          reason: orNull(Why),
          refused: orNull(Why),
        },
        { ...closed, title: 'PatchBase' },
      ),
    ),
  },
  { ...closed, title: 'ReleasePatches' },
)
export type ReleasePatches = Static<typeof ReleasePatches>
