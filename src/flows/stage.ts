import { type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { Assignment } from '../core/trust/mapping.ts'
import { note } from './audit.ts'
import type { BlobId, SiteWorld } from './ports.ts'
import { assignmentOf } from './relay.ts'
import { wayOf } from './way.ts'

/** The pieces of work that controllers have begun to fetch for since this process began. */
const fetching = new WeakMap<SiteWorld, Map<string, string>>()

/**
 * A controller fetches the first bytes of a payload: told once for each piece of work, and again by a gateway that was started anew.
 * If power fails before the commit, it is told when the controller goes on.
 */
async function begins(
  world: SiteWorld,
  { controller, id, campaign, envelope }: Assignment,
  { sha256, length }: BlobId,
): Promise<void> {
  const begun = fetching.get(world) ?? new Map<string, string>()
  fetching.set(world, begun)
  const what = `${id} ${sha256}`
  if (begun.get(controller) === what) return
  begun.set(controller, what)
  const detail = { assignment: id, sha256, length }
  await note(world, { kind: 'stage-begun', controller, campaign, release: envelope.sha256, detail })
}

/** The payload that this controller is to install, or the patch that it is offered for it: the log tells that it fetches it. Refuses `controller-unknown`, `not-found` for any other blob. */
export async function payloadOf(world: SiteWorld, id: string, sha256: string): Promise<BlobId | Refusal> {
  const assignment = await assignmentOf(world, id)
  if (assignment !== undefined) {
    const blob = assignment.payload.sha256 === sha256 ? assignment.payload : await patchFor(world, assignment, sha256)
    if (blob !== null) {
      await begins(world, assignment, blob)
      return { sha256, length: blob.length }
    }
  }
  return refuse('not-found', `blob ${sha256}`, `the payload that ${id} is to install`, 'another blob')
}

/** A patch is given to nobody but the controller that it is offered to. */
async function patchFor(world: SiteWorld, assignment: Assignment, sha256: string): Promise<BlobId | null> {
  const way = await wayOf(world, assignment)
  return way.at === 'patch' && way.patch.sha256 === sha256 ? way.patch : null
}
