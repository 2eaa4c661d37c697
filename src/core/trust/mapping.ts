import { toHex } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import type { Instant } from '../encoding/units.ts'
import { formatUtc } from '../encoding/utc-time.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { type Directed, type Order, type OrderedPatch, readDirector } from './director-target.ts'
import { describe, type FileRef, type ImageTarget, readImageTarget, sameFile } from './image-target.ts'
import type { Target } from './metadata.ts'
import { type CurrentSet, stillCurrent } from './trusted-set.ts'

/** What a controller calls the work of somebody who updates it on the spot: no assignment of a director begins so. */
export const ON_THE_SPOT = 'on the spot '

/** What a site knows of a controller of its own. */
export type KnownController = { readonly class: string; readonly hardware: string }

/** As much of the head of an approved plan as the mapping needs; a PlanHead (core/campaign/plan.ts) is one. Times are instants. */
export type ApprovedPlan = { readonly id: string; readonly notBefore?: Instant; readonly notAfter: Instant }

/** What a plan gives to a site: the envelopes that each controller may get by it. */
export type PlannedReleases = ReadonlyMap<string, readonly FileRef[]>

/**
 * What the three repositories say, verified, and what the site knows itself.
 * - `imageTargets`: targets of the image repository as `findTarget` found them, by path: the envelopes that `wantedBy`
 *   names, and the payload of each (`readImageTarget`). A path that no role speaks of is left out.
 * - `plans`: the bytes of the plans' heads by campaign, as far as they could be fetched; `planTarget` says which those are.
 * - `sheets`: what the fleet served as this site's sheet of each of those plans, with its proof.
 * - `readPlan`: `parsePlan` of core/campaign/plan.ts. `readSheet`: `releasesAt` of core/campaign/site-plan.ts, which believes
 *   nothing in a sheet before the approved head vouches for it.
 */
export type MappingInput<Plan extends ApprovedPlan = ApprovedPlan> = {
  readonly site: string
  readonly controllers: ReadonlyMap<string, KnownController>
  readonly director: CurrentSet
  readonly image: CurrentSet
  readonly imageTargets: ReadonlyMap<string, Target>
  readonly approval: CurrentSet
  readonly plans: ReadonlyMap<string, Uint8Array>
  readonly sheets: ReadonlyMap<string, Uint8Array>
  readonly readPlan: (bytes: Uint8Array, subject: string) => Plan | Refusal
  readonly readSheet: (bytes: Uint8Array, plan: Plan) => PlannedReleases | Refusal
}

/**
 * What a controller is to install: all three repositories agree about it. `id` is the same for the same campaign,
 * envelope and attempt. `wrap`: the content key of an encrypted release, wrapped for the controller. `patch`: what the director names;
 * those of the publisher are in `release`. Plain JSON throughout.
 */
export type Assignment = {
  readonly id: string
  readonly controller: string
  readonly campaign: string
  readonly attempt: number
  readonly class: string
  readonly hardware: string
  readonly envelope: FileRef
  readonly payload: FileRef
  readonly release: ImageTarget
  readonly wrap?: string
  readonly patch?: OrderedPatch
}

/** What a mapping needs beside the director: the image targets' paths, and the campaigns whose plans it compares. */
export type Wanted = { readonly envelopes: readonly string[]; readonly campaigns: readonly string[] }

/** What is to be looked up before `assignmentsOf`. Refuses as `readDirector` does. */
export function wantedBy(director: CurrentSet): Wanted | Refusal {
  const directed = readDirector(director)
  if (isRefusal(directed)) return directed
  const campaigns = new Set(directed.flatMap(({ orders }) => [...orders.values()].map(order => order.campaign)))
  return { envelopes: directed.map(({ target }) => target.path), campaigns: [...campaigns].sort() }
}

/** The path of a campaign's approval in the approval repository. */
export const planPath = (campaign: string): string => `campaigns/${campaign}.json`

/** The approval of a campaign: the target that pins the plan's length and digest; null when there is none. */
export function planTarget(approval: CurrentSet, campaign: string): Target | null {
  return approval.targets.signed.targets.get(planPath(campaign)) ?? null
}

/**
 * The consensus of the three repositories for a site (Uptane 2.1.0 §5.4.4, with the approvers as third repository): all
 * its assignments, in order of controller id, or a refusal of all of them: one order that does not hold means that
 * somebody's word is not to be relied on. The OEM says that the release is authentic and for which hardware, the
 * approvers that this controller gets it in this period, the director that it is to be now. Refuses `metadata-expired`,
 * `metadata-wrong-site`, `director-delegates`, `image-target-malformed`, the `assignment-…` and `plan-…` codes,
 * `sheet-missing`, `campaign-too-early`, `campaign-expired`, and what `readPlan` and `readSheet` refuse.
 */
export function assignmentsOf<Plan extends ApprovedPlan>(
  input: MappingInput<Plan>,
  now: Instant,
  crypto: Crypto,
): readonly Assignment[] | Refusal {
  const { director, image, approval, site } = input
  const stale = stillCurrent(director, now) ?? stillCurrent(image, now) ?? stillCurrent(approval, now)
  if (stale !== null) return stale
  if (director.site !== site) {
    return refuse('metadata-wrong-site', director.repo, `site ${site}`, `site ${director.site}`, 'Uptane 2.1.0 §5.4')
  }
  const directed = readDirector(director)
  if (isRefusal(directed)) return directed
  const twice = orderedTwice(input, directed)
  if (twice !== null) return twice
  const plans = new Map<string, PlannedReleases>()
  const assignments = new Map<string, Assignment>()
  for (const { target, orders } of directed) {
    const release = releaseOf(input, target)
    if (isRefusal(release)) return release
    for (const [controller, order] of orders) {
      const subject = `${site}/${controller}: ${target.path}`
      const plan = plans.get(order.campaign) ?? approvedPlan(input, order.campaign, now, crypto)
      if (isRefusal(plan)) return plan
      plans.set(order.campaign, plan)
      const fault =
        fitsController(input, controller, order, release, subject) ??
        isPlanned(plan, order.campaign, controller, target, subject)
      if (fault !== null) return fault
      assignments.set(controller, assignment(controller, order, target, release))
    }
  }
  return [...assignments.values()].sort((a, b) => (a.controller < b.controller ? -1 : 1))
}

/** Whether a controller is ordered two releases: judged before what they are, so that it is said whatever comes first. */
function orderedTwice({ site }: Pick<MappingInput, 'site'>, directed: readonly Directed[]): Refusal | null {
  const seen = new Set<string>()
  for (const { target, orders } of directed) {
    for (const controller of orders.keys()) {
      if (seen.has(controller)) {
        const subject = `${site}/${controller}: ${target.path}`
        return refuse('assignment-controller-twice', subject, 'one release', 'two', 'Uptane 2.1.0 §5.4.4')
      }
      seen.add(controller)
    }
  }
  return null
}

/** What the image repository says of the envelope that the director names, when the two agree about every byte of it. */
function releaseOf(
  { director, imageTargets }: Pick<MappingInput, 'director' | 'imageTargets'>,
  directed: Target,
): ImageTarget | Refusal {
  const subject = `${director.repo}: ${directed.path}`
  const envelope = imageTargets.get(directed.path)
  if (envelope === undefined) return missing(subject, directed.path)
  if (!sameFile(envelope, directed)) return disagrees(subject, envelope, directed)
  const release = readImageTarget(envelope)
  if (isRefusal(release)) return release
  const payload = imageTargets.get(release.payload.path)
  if (payload === undefined) return missing(subject, release.payload.path)
  return sameFile(payload, release.payload) ? release : disagrees(subject, payload, release.payload)
}

/** What an approved plan gives to this site: the head by the approval that pins it, the sheet by the head. */
function approvedPlan<Plan extends ApprovedPlan>(
  { approval, plans, sheets, readPlan, readSheet, site }: MappingInput<Plan>,
  campaign: string,
  now: Instant,
  crypto: Crypto,
): PlannedReleases | Refusal {
  const subject = `campaign ${campaign}`
  const pinned = planTarget(approval, campaign)
  if (pinned === null) return refuse('assignment-not-approved', subject, `the approval of ${campaign}`, 'none')
  const bytes = plans.get(campaign)
  if (bytes === undefined) return refuse('plan-missing', subject, describe(pinned), 'nothing')
  const actual = { path: pinned.path, length: bytes.length, sha256: toHex(crypto.sha256(bytes)) }
  if (!sameFile(pinned, actual)) return refuse('plan-altered', subject, describe(pinned), describe(actual))
  const plan = readPlan(bytes, subject)
  if (isRefusal(plan)) return plan
  // An approval is for one campaign: a plan approved under one name does not speak under another.
  if (plan.id !== campaign) return refuse('plan-altered', subject, `the plan of ${campaign}`, `that of ${plan.id}`)
  if (plan.notBefore !== undefined && now < plan.notBefore) {
    return refuse('campaign-too-early', subject, `a time from ${formatUtc(plan.notBefore)} on`, formatUtc(now))
  }
  if (now >= plan.notAfter) {
    return refuse('campaign-expired', subject, `a time before ${formatUtc(plan.notAfter)}`, formatUtc(now))
  }
  const sheet = sheets.get(campaign)
  if (sheet === undefined) return refuse('sheet-missing', subject, `the sheet of ${site}`, 'none')
  return readSheet(sheet, plan)
}

function isPlanned(
  plan: PlannedReleases,
  campaign: string,
  controller: string,
  target: Target,
  subject: string,
): Refusal | null {
  const planned = plan.get(controller) ?? []
  if (planned.some(one => one.path === target.path && sameFile(one, target))) return null
  const listed = planned.map(one => `${one.path}, ${describe(one)}`).join(', then ')
  const expected = listed === '' ? `no release by plan ${campaign}` : listed
  return refuse('assignment-not-planned', subject, expected, `${target.path}, ${describe(target)}`)
}

/** Whether the site, the director and the OEM speak of the same kind of board. */
function fitsController(
  { controllers }: Pick<MappingInput, 'controllers'>,
  controller: string,
  order: Order,
  release: ImageTarget,
  subject: string,
): Refusal | null {
  const known = controllers.get(controller)
  if (known === undefined)
    return refuse('assignment-controller-unknown', subject, 'a controller of the site', controller)
  for (const claimed of [order.class, release.class]) {
    if (claimed !== known.class) return refuse('assignment-wrong-class', subject, known.class, claimed)
  }
  if (release.encrypted !== undefined && order.wrap === undefined) {
    return refuse('assignment-wrap-missing', subject, 'a wrap of the content key', 'none')
  }
  if (order.hardware !== known.hardware) {
    return refuse('assignment-wrong-hardware', subject, known.hardware, order.hardware)
  }
  if (release.hardware.includes(known.hardware)) return null
  return refuse('assignment-wrong-hardware', subject, known.hardware, release.hardware.join(', ').slice(0, 80))
}

/** The name of a piece of work: the same for the same campaign, envelope and attempt. */
export function assignmentId(
  { campaign, attempt }: Pick<Order, 'campaign' | 'attempt'>,
  { sha256 }: Pick<Target, 'sha256'>,
): string {
  return `${campaign}/${sha256.slice(0, 16)}/${attempt}`
}

function assignment(controller: string, order: Order, target: Target, release: ImageTarget): Assignment {
  const { campaign, attempt, wrap, patch } = order
  const { path, length, sha256 } = target
  return {
    id: assignmentId(order, target),
    controller,
    campaign,
    attempt,
    class: order.class,
    hardware: order.hardware,
    envelope: { path, length, sha256 },
    payload: release.payload,
    release,
    ...(wrap === undefined ? {} : { wrap }),
    ...(patch === undefined ? {} : { patch }),
  }
}

const missing = (subject: string, path: string): Refusal =>
  refuse('assignment-target-missing', subject, `${path} in the image repository`, 'nothing', 'Uptane 2.1.0 §5.4.4')

const disagrees = (subject: string, image: FileRef, other: FileRef): Refusal =>
  refuse('assignment-target-disagrees', subject, describe(image), describe(other), 'Uptane 2.1.0 §5.4.4')
