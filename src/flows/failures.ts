import { outcomeOf } from '../core/campaign/outcome.ts'
import { campaignOf, type FailedTry, releaseOf, type WorkResult } from '../core/campaign/site-work.ts'
import { fromUtf8 } from '../core/encoding/bytes.ts'
import { canonicalJson } from '../core/encoding/canonical-json.ts'
import type { Instant } from '../core/encoding/units.ts'
import { openEnvelope } from '../core/firmware/suit-open.ts'
import { isRefusal } from '../core/refusal/refusal.ts'
import type { Report } from '../core/trust/report.ts'
import { type Held, plansHeld } from './hold.ts'
import type { GatewayChange, GatewayControllerRow, SiteWorld } from './ports.ts'
import { recognisedAt } from './recognise.ts'
import { workOf } from './relay.ts'
import { siteTime } from './time.ts'

/**
 * Which tries failed at a site, by campaign: under which plan (SHA-256 of its head), until when that may be carried out, and
 * of each controller the assignments that it did not confirm. The work of a controller forgets them as soon as its order is
 * taken back, and whoever owns the fleet server takes orders back as they like: by this a failing release stops all the same.
 */
const FAILURES = 'failures'

type Kept = {
  readonly plan: string
  readonly notAfter: Instant
  readonly failed: Readonly<Record<string, readonly string[]>>
}

const read = (bytes: Uint8Array): Kept => JSON.parse(fromUtf8(bytes)!) as Kept

/** What failed here under these very plans, and was not confirmed since. */
export async function failuresAt(world: SiteWorld, held: readonly Held[]): Promise<FailedTry[]> {
  const files = await world.store.files(FAILURES)
  return held.flatMap(({ plan: { id: campaign }, sha256 }) => {
    const bytes = files.get(`${campaign}.json`)
    const kept = bytes === undefined ? null : read(bytes)
    if (kept === null || kept.plan !== sha256) return []
    return Object.entries(kept.failed).flatMap(([controller, tries]) =>
      tries.map(assignment => ({ campaign, controller, assignment })),
    )
  })
}

/**
 * What a report changes of this: to be committed together with the report, or a failure that the fleet hears of would not
 * count here after a loss of power. What plans left behind that are over is forgotten.
 */
export async function failuresAfter(
  world: SiteWorld,
  before: GatewayControllerRow,
  after: GatewayControllerRow,
  report: Report,
): Promise<Pick<GatewayChange, 'files' | 'forgotten'>> {
  const ended = endedBy(before, after) ?? (await leftBehind(world, before, report))
  if (ended === null) return {}
  const { campaign, assignment, result } = ended
  const [held] = await plansHeld(world, new Set([campaign]))
  if (held === undefined) return {}
  const files = await world.store.files(FAILURES)
  const path = `${campaign}.json`
  const stored = files.get(path)
  const known = stored === undefined ? null : read(stored)
  const { [before.id]: own = [], ...others } = known?.plan === held.sha256 ? known.failed : {}
  const tries = result === 'confirmed' ? [] : [...new Set([...own, assignment])]
  if (tries.length === own.length) return {}
  const failed = tries.length === 0 ? others : { ...others, [before.id]: tries }
  const bytes = canonicalJson({ plan: held.sha256, notAfter: held.plan.notAfter, failed })
  const now = await siteTime(world)
  const over = [...files].filter(([other, written]) => other !== path && now >= read(written).notAfter)
  return {
    files: [{ repo: FAILURES, path, bytes }],
    forgotten: over.map(([other]) => ({ repo: FAILURES, path: other })),
  }
}

type Ended = { readonly campaign: string; readonly assignment: string; readonly result: WorkResult }

/** An assignment that ended with this report. */
function endedBy(before: GatewayControllerRow, after: GatewayControllerRow): Ended | null {
  const work = workOf(after)
  const campaign = campaignOf(work)
  if (before.work === after.work || work.at !== 'done' || campaign === null) return null
  return { campaign, assignment: work.assignment, result: work.result }
}

/** An order that was taken back while its controller restarted: how that ended counts as if it had stayed. */
async function leftBehind(world: SiteWorld, before: GatewayControllerRow, report: Report): Promise<Ended | null> {
  const work = workOf(before)
  const campaign = campaignOf(work)
  if (work.at !== 'leaving' || campaign === null) return null
  const [held] = await plansHeld(world, new Set([campaign]))
  const envelope = held?.plan.releases.find(({ sha256 }) => sha256.startsWith(releaseOf(work)))
  const bytes = envelope === undefined ? null : await world.blobs.read(envelope)
  if (bytes === null || isRefusal(bytes)) return null
  const opened = openEnvelope(bytes, await recognisedAt(world), world.crypto)
  if (isRefusal(opened)) return null
  const { imageDigest: image, sequence } = opened.facts
  const outcome = outcomeOf(report, { assignment: work.left, image, sequence })
  return outcome === null ? null : { campaign, assignment: work.left, result: outcome.result }
}
