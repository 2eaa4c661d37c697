import { USUAL_CORRECTION } from '../core/campaign/clock-line.ts'
import { isSettled } from '../core/campaign/outcome.ts'
import type { SiteWork } from '../core/campaign/site-work.ts'
import type { Way } from '../core/campaign/way.ts'
import { toBase64 } from '../core/encoding/bytes.ts'
import type { Instant } from '../core/encoding/units.ts'
import { lastReport } from '../core/fleet/attested.ts'
import { isRefusal, type Refusal } from '../core/refusal/refusal.ts'
import type { PatchRef } from '../core/trust/image-target.ts'
import type { Assignment } from '../core/trust/mapping.ts'
import { sound } from './fetch.ts'
import type { BlobId, GatewayControllerRow, SiteWorld } from './ports.ts'
import { type Agreed, assignmentOf, step, unknown, workOf } from './relay.ts'
import { siteTime } from './time.ts'
import { refuseImage, wayOf } from './way.ts'

/** An offer to a controller: what `src/wire/gateway-api.ts` says. */
export type Offered = {
  readonly assignment: string
  readonly envelope: string
  readonly payload: BlobId
  readonly activate: boolean
  /** With `activate`: milliseconds that are left of the turn. */
  readonly within?: number
  readonly wrap?: string
  readonly patch?: PatchRef
}

/**
 * What a controller is to do now; null when nothing. The cached blobs are read and compared with their digests before
 * they are offered: one that was changed on the disk is set aside and recorded, and comes again from the fleet. Refuses
 * `controller-unknown`, and what `Blobs` refuses.
 */
export async function offerFor(world: SiteWorld, id: string): Promise<Offered | null | Refusal> {
  const found = await world.store.controller(id)
  if (found === null) return unknown(world, id)
  const row = isOver(workOf(found), world.clock.now()) ? await askAlive(world, id) : found
  const work = workOf(row)
  if (work.at !== 'staging' && work.at !== 'granted') return null
  const assignment = await inForce(world, id, work.assignment)
  if (assignment === null) return null
  const activate = work.at === 'granted'
  const way = activate ? null : await wayOf(world, assignment)
  const image = way === null ? [] : await blobsFor(world, assignment, way)
  if (image === null) return null
  for (const blob of [assignment.envelope, ...image]) {
    const fault = await sound(world, blob, { campaign: assignment.campaign, controller: id })
    if (fault !== null) return fault
  }
  const envelope = await world.blobs.read(assignment.envelope)
  if (isRefusal(envelope)) return envelope
  // Reading may have waited for a download, and a halt may have come in between.
  if ((await inForce(world, id, work.assignment)) === null) return null
  const { sha256, length } = assignment.payload
  const wrapped = assignment.wrap === undefined ? {} : { wrap: assignment.wrap }
  const turn = work.at === 'granted' ? { within: Math.max(0, work.latest - world.clock.now()) } : {}
  const offer = { assignment: assignment.id, envelope: toBase64(envelope), payload: { sha256, length } }
  return { ...offer, activate, ...turn, ...wrapped, ...(way?.at === 'patch' ? { patch: way.patch } : {}) }
}

/**
 * What has to be here before a controller is offered its image. Null: it waits, for a patch that is being made, or for a whole image that may
 * not come over this link.
 */
async function blobsFor(world: SiteWorld, { payload }: Assignment, way: Way): Promise<readonly BlobId[] | null> {
  if (way.at === 'patch') return [way.patch]
  return way.at === 'coming' || (await refuseImage(world, payload)) !== null ? null : [payload]
}

/** An assignment that is still agreed, and rests on nothing that has expired: without news from the fleet it ends. */
async function inForce(world: SiteWorld, controller: string, assignment: string): Promise<Agreed | null> {
  const agreed = await assignmentOf(world, controller)
  return agreed?.id === assignment && (await siteTime(world)) < agreed.until ? agreed : null
}

/**
 * A turn that was taken back, or that was not taken up in its time: what held when it was given need not hold now. A clock
 * that shows a time from before the turn was given is no reason to believe in it for longer.
 */
function isOver(work: SiteWork, clock: Instant): boolean {
  if (work.at === 'granted') return clock > work.latest || clock < work.since - USUAL_CORRECTION
  return work.at === 'leaving'
}

/**
 * A controller that asks for work is not restarting: one whose turn is over, and whose last report tells of no trial, is
 * through, or waits for another turn. Durable on return.
 */
function askAlive(world: SiteWorld, id: string): Promise<GatewayControllerRow> {
  return world.store.exclusive(async () => {
    const row = (await world.store.controller(id))!
    const report = lastReport({ site: world.site.site, ...row }, world.crypto)
    if (report === null || isRefusal(report) || !isSettled(report)) return row
    const clock = world.clock.now()
    if (!isOver(workOf(row), clock)) return row
    const next = step(step(row, { kind: 'through' }), { kind: 'lapsed', at: clock })
    // If power fails before this commit, it goes on counting as away, and is asked again.
    if (next !== row) await world.store.commit({ controllers: [next] })
    return next
  })
}
