import type { JsonObject } from '../encoding/canonical-json.ts'
import { either, Misfit, object, type ShapeOf, text, then, truth, whole } from '../encoding/shape.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { digest, type FileRef, type PatchRef, patchMembers, WRAP } from './image-target.ts'
import type { Target, Targets } from './metadata.ts'
import { className, idName } from './names.ts'
import { map } from './open-shape.ts'
import type { CurrentSet } from './trusted-set.ts'

/**
 * The patch that the fleet server has made for a controller, from what it attests to run; or that it is being made, and may be waited for.
 * What it makes of the base is judged by the envelope, as ever: a director that lies here wastes a download.
 */
export type OrderedPatch = PatchRef | { readonly base: string; readonly coming: true }

/**
 * What the director says of one controller at a site: what it is, by which campaign it is updated, and the number of the
 * try (1 for the first): a try again is another assignment. The campaign stands at the controller and not at the
 * release, so that two campaigns may give the same release to different controllers of a site.
 */
export type Order = {
  readonly class: string
  readonly hardware: string
  readonly campaign: string
  readonly attempt: number
  /** The content key of an encrypted release, wrapped for this controller (encoding/cose-recipient.ts), in base64. */
  readonly wrap?: string
  readonly patch?: OrderedPatch
}

const coming = then(truth, (value, at) => (value ? (true as const) : new Misfit(at, 'true', 'false')))
const patch = either(object(patchMembers), object({ base: digest, coming }))
const order = object(
  { class: className, hardware: className, campaign: idName, attempt: whole(1, 1000) },
  { wrap: text('a wrap in base64', WRAP), patch },
)
const shape = object({ controllers: map(idName, () => order, 10_000) })

/** The target that assigns an envelope to controllers, by controller id, for the director's targets of a site. */
export function directorTarget(envelope: FileRef, controllers: ReadonlyMap<string, Order>): Target {
  const orders: JsonObject = Object.fromEntries(controllers)
  return { ...envelope, custom: { controllers: orders } }
}

/** A director's target as read: the envelope, and what is ordered for each controller by id. */
export type Directed = { readonly target: Target; readonly orders: ReadonlyMap<string, Order> }

/** Orders that were read, by the targets that they stand in, which never change: a site looks at them several times. */
const known = new WeakMap<Targets, readonly Directed[]>()

/**
 * The director's orders. The director does not delegate: it speaks for itself. Refuses `director-delegates`,
 * `assignment-malformed`.
 */
export function readDirector(director: CurrentSet): readonly Directed[] | Refusal {
  const before = known.get(director.targets.signed)
  if (before !== undefined) return before
  const { targets, delegations } = director.targets.signed
  if (delegations !== null) {
    return refuse('director-delegates', `${director.repo}: targets`, 'no delegations', `${delegations.roles.length}`)
  }
  const out: Directed[] = []
  for (const target of targets.values()) {
    const read: ShapeOf<typeof shape> | Misfit = shape(target.custom, 'custom')
    if (read instanceof Misfit) {
      const subject = `${director.repo}: ${target.path}`
      return refuse('assignment-malformed', subject, read.expected, `${read.actual} at ${read.at}`)
    }
    out.push({ target, orders: read.controllers })
  }
  known.set(director.targets.signed, out)
  return out
}
