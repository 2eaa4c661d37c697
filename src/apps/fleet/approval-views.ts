import { toHex } from '../../core/encoding/bytes.ts'
import { parseEntry } from '../../core/ledger/entry.ts'
import { isRefusal, type Refusal, sentence } from '../../core/refusal/refusal.ts'
import { readImageTarget } from '../../core/trust/image-target.ts'
import type { TrustedSet } from '../../core/trust/trusted-set.ts'
import { accountsOf, type Who } from '../../flows/admit.ts'
import { vouchedFor } from '../../flows/approve.ts'
import { openRepository, targetAt } from '../../flows/keep.ts'
import { type Opened, openRow, sitesOfPlan } from '../../flows/opened.ts'
import type { CampaignRow, FleetWorld } from '../../flows/ports.ts'
import { couldApprove } from '../../flows/vouch.ts'
import type { WaitingPlan } from '../../wire/plan-views.ts'
import { behindIn, byText, type Page, pageOf, shown, type Wanted } from './api/page.ts'
import { keptPreview, outlineOf } from './campaign-detail.ts'
import { isSeen } from './campaign-views.ts'
import { mayAt, type Seen } from './places.ts'

/** The plans that wait for approval at sites that somebody may see, in order of name. */
export async function waitingPlans(
  world: FleetWorld,
  who: Who,
  wanted: Wanted,
  seen: Seen,
): Promise<Page<WaitingPlan> | Refusal> {
  const rows: CampaignRow[] = []
  for (const row of await world.store.openCampaigns()) {
    const opened = openRow(row)
    if (isRefusal(opened)) return opened
    if (opened.rollout.state.at === 'created' && (seen.all || (await isSeen(world, row.id, seen)))) rows.push(row)
  }
  rows.sort((a, b) => byText(a.id, b.id))
  const images = await openRepository(world, 'image')
  if (isRefusal(images)) return images
  const page = await pageOf(wanted, {
    name: 'approvals',
    sorts: ['string'],
    keyOf: ({ id }: CampaignRow) => [id] as const,
    behind: behindIn(rows, ({ id }, [after]: readonly [string]) => byText(id, after) > 0),
  })
  return shown(page, row => {
    const opened = openRow(row)
    return isRefusal(opened) ? opened : waitingPlan(world, who, opened, images)
  })
}

async function waitingPlan(
  world: FleetWorld,
  who: Who,
  opened: Opened,
  images: TrustedSet,
): Promise<WaitingPlan | Refusal> {
  const { plan, row } = opened
  const vouched = await vouchedFor(world, opened)
  if (isRefusal(vouched)) return vouched
  const mine = await couldApprove(world, opened, who.id, vouched)
  if (isRefusal(mine)) return mine
  const sites = await sitesOfPlan(world, plan)
  const over = world.clock.now() >= plan.notAfter
  const [approve, reject] = [await mayAt(world, who, 'approve', sites), await mayAt(world, who, 'reject', sites)]
  const kept = await keptPreview(world, plan.id)
  const releases = await releasesOf(world, opened, images)
  if (isRefusal(releases)) return releases
  const signers = await signersOf(world, opened, vouched.standing.counting)
  if (isRefusal(signers)) return signers
  const judged = judgement(mine.why ?? approve)
  const late = {
    possible: false,
    code: 'campaign-expired',
    why: 'The time of the plan is over: reject it, and plan anew.',
  }
  return {
    id: plan.id,
    title: plan.title,
    criticality: plan.criticality,
    changeRequest: plan.changeRequest ?? null,
    createdAt: plan.createdAt,
    createdBy: plan.createdBy,
    notBefore: plan.notBefore ?? null,
    notAfter: plan.notAfter,
    controllers: plan.sheets.controllers,
    sites: plan.sheets.sites,
    digest: toHex(world.crypto.sha256(row.plan)),
    outline: kept === null ? null : outlineOf(kept),
    releases,
    need: vouched.need,
    counted: vouched.counted,
    signers,
    void: vouched.standing.void.map(({ code, subject, expected, actual }) => ({ code, subject, expected, actual })),
    mine: { approve: judged.possible && over ? late : judged, reject: judgement(reject), keys: mine.keys },
  }
}

const judgement = (why: Refusal | null): WaitingPlan['mine']['approve'] =>
  why === null ? { possible: true, code: null, why: null } : { possible: false, code: why.code, why: sentence(why) }

/** What is installed, what is published beside it, and what undoes it. */
async function releasesOf(
  world: FleetWorld,
  { plan }: Opened,
  images: TrustedSet,
): Promise<WaitingPlan['releases'] | Refusal> {
  const releases: WaitingPlan['releases'][number][] = []
  for (const [index, { path, class: of, version, counter, criticality, sha256 }] of plan.releases.entries()) {
    const target = await targetAt(world, images, path)
    const image = target === null || isRefusal(target) ? target : readImageTarget(target)
    if (isRefusal(image)) return image
    const to = plan.back?.find(way => way.of === index)?.to
    releases.push({
      path,
      class: of,
      version,
      counter,
      criticality,
      sha256,
      sbom: image?.sbom?.sha256 ?? null,
      provenance: image?.provenance?.sha256 ?? null,
      back: to === undefined ? null : (plan.releases[to]?.path ?? null),
    })
  }
  return releases
}

/** Entries of a campaign that are looked through for who signed: before it is approved, it has few others. */
const LOOKED_THROUGH = 200

/** Whose signatures count, and what the log has of when they gave them and what they said. */
async function signersOf(
  world: FleetWorld,
  { plan }: Opened,
  counting: readonly { readonly keyid: string }[],
): Promise<WaitingPlan['signers'] | Refusal> {
  if (counting.length === 0) return []
  const accounts = await accountsOf(world)
  if (isRefusal(accounts)) return accounts
  const told = new Map<string, { at: number; reason: string | null }>()
  for (const { index, bytes } of await world.store.entriesOf({ campaign: plan.id }, LOOKED_THROUGH)) {
    const entry = parseEntry(bytes, `entry ${index}`)
    if (isRefusal(entry) || entry.kind !== 'approval-signed' || entry.actor.key === undefined) continue
    const { reason } = entry.detail
    told.set(entry.actor.key, { at: entry.at, reason: typeof reason === 'string' ? reason : null })
  }
  return counting.map(({ keyid }) => ({
    account: accounts.find(({ keys }) => keys.includes(keyid))?.id ?? null,
    keyid,
    at: told.get(keyid)?.at ?? null,
    reason: told.get(keyid)?.reason ?? null,
  }))
}
