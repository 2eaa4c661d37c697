import { type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { Assignment } from '../core/trust/mapping.ts'
import { note } from './audit.ts'
import type { BlobId, SiteWorld } from './ports.ts'
import { assignmentOf } from './relay.ts'

/** The pieces of work that controllers have begun to fetch for since this process began. */
const fetching = new WeakMap<SiteWorld, Map<string, string>>()

/**
 * A controller fetches the first bytes of a payload: told once for each piece of work, and again by a gateway that was started anew.
 * If power fails before the commit, it is told when the controller goes on.
 */
async function begins(world: SiteWorld, { controller, id, campaign, envelope, payload }: Assignment): Promise<void> {
  const begun = fetching.get(world) ?? new Map<string, string>()
  fetching.set(world, begun)
  if (begun.get(controller) === id) return
  begun.set(controller, id)
  const detail = { assignment: id, sha256: payload.sha256, length: payload.length }
  await note(world, { kind: 'stage-begun', controller, campaign, release: envelope.sha256, detail })
}

/** A payload that this controller is to install: the log tells that it fetches it. Refuses `controller-unknown`, `not-found` for any other blob. */
export async function payloadOf(world: SiteWorld, id: string, sha256: string): Promise<BlobId | Refusal> {
  const assignment = await assignmentOf(world, id)
  if (assignment?.payload.sha256 === sha256) {
    await begins(world, assignment)
    return { sha256, length: assignment.payload.length }
  }
  return refuse('not-found', `blob ${sha256}`, `the payload that ${id} is to install`, 'another blob')
}
