import { refuseUngoverned } from '../core/campaign/change-request.ts'
import { beginPlan, type Draft, type PlanSources } from '../core/campaign/draft.ts'
import { sitesOfSelection } from '../core/campaign/draft-select.ts'
import type { KnownController, SourceSite } from '../core/campaign/draft-site.ts'
import { keptPreviewOf, writeKeptPreview } from '../core/campaign/kept-preview.ts'
import { planBytes } from '../core/campaign/plan.ts'
import type { PlanRequest } from '../core/campaign/plan-request.ts'
import { createRollout, isOpen, writeRollout } from '../core/campaign/rollout-state.ts'
import { rolloutTerms } from '../core/campaign/rollout-terms.ts'
import { sheetFile } from '../core/campaign/sheet.ts'
import { sameBytes, toHex, utf8 } from '../core/encoding/bytes.ts'
import type { Instant } from '../core/encoding/units.ts'
import { storedSite } from '../core/fleet/attested.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { record } from './audit.ts'
import { about, openRow, previewFile, sheetsRepo } from './opened.ts'
import { type By, nameOf, person } from './persons.ts'
import type { CampaignRow, FleetWorld, SiteRow } from './ports.ts'
import { publishedReleases } from './publish.ts'
import { firstTurns } from './turns.ts'

/** Whether who plans may plan for these sites: which ones they are is known when the plan is drawn up. */
export type Permit = (sites: readonly string[]) => Promise<null | Refusal>

/**
 * Plans a campaign. Durable on return unless `dryRun`. The same request again, before anybody has approved it, is answered as
 * before: the first answer may have been lost. Refuses `campaign-exists`, `change-request-missing`, what `permit` refuses, and what `beginPlan`
 * refuses.
 */
export function createCampaign(
  world: FleetWorld,
  by: By,
  asked: PlanRequest,
  dryRun: boolean,
  permit: Permit,
): Promise<Draft | Refusal> {
  return world.store.exclusive(async () => {
    const taken = await world.store.campaign(asked.id)
    if (taken !== null) return createdBefore(world, taken, asked, dryRun, permit)
    const { draft, touched } = await drawUp(world, nameOf(by), asked, world.clock.now())
    // Also why there is no plan, and who is passed over, is told of sites that somebody may plan for, and of no others.
    const beyond = await permit(touched)
    if (beyond !== null || isRefusal(draft)) return beyond ?? draft
    const { plan, sheets } = draft
    const unfit = refuseUngoverned(world.governance, plan)
    if (unfit !== null) return unfit
    if (dryRun) return draft
    const bytes = planBytes(plan)
    const stored = await storePlan(world, bytes)
    if (stored !== null) return stored
    const rollout = createRollout(rolloutTerms(plan))
    const row = { id: plan.id, plan: bytes, state: writeRollout(rollout), open: isOpen(rollout) }
    const turns = await firstTurns(world, plan)
    if (isRefusal(turns)) return turns
    const files = sheets.map(one => ({
      repo: sheetsRepo(plan.id),
      path: `${one.sheet.site}.json`,
      bytes: sheetFile(one),
    }))
    const preview = { ...previewFile(plan.id), bytes: utf8(writeKeptPreview(keptPreviewOf(draft))) }
    // If power fails before this commit, there is no campaign; behind it, all its sheets and turns are there too, and what its dry
    // run said.
    await record(world, { campaigns: [row], files: [...files, preview], turns }, [
      {
        ...about(plan),
        kind: 'campaign-created',
        actor: person(by),
        detail: {
          title: plan.title,
          criticality: plan.criticality,
          sha256: toHex(world.crypto.sha256(bytes)),
          releases: plan.releases.map(({ path, sha256 }) => ({ path, sha256 })),
          // Who is in them is in the sheets, whose root is in the plan, whose digest stands above.
          waves: plan.waves.map(({ name, controllers }) => ({ name, controllers })),
        },
      },
    ])
    return draft
  })
}

/** The plan that is there, when this very request made it and nobody has approved it since. */
async function createdBefore(
  world: FleetWorld,
  taken: CampaignRow,
  asked: PlanRequest,
  dryRun: boolean,
  permit: Permit,
): Promise<Draft | Refusal> {
  const exists = refuse('campaign-exists', `campaign ${asked.id}`, 'a new name', 'one that is taken at id')
  const opened = openRow(taken)
  if (isRefusal(opened)) return opened
  if (dryRun || opened.rollout.state.at !== 'created') return exists
  const { draft: again, touched } = await drawUp(world, opened.plan.createdBy, asked, opened.plan.createdAt)
  if (isRefusal(again) || !sameBytes(planBytes(again.plan), taken.plan)) return exists
  // Who may not plan there is not told either what somebody else has planned.
  return (await permit(touched)) ?? again
}

/** A plan, or why there is none; and the sites that what is said of it is about. */
type Drawn = { readonly draft: Draft | Refusal; readonly touched: readonly string[] }

/** What the request comes to, as the fleet is now. The same request at the same time gives the same plan. */
async function drawUp(world: FleetWorld, createdBy: string, asked: PlanRequest, createdAt: Instant): Promise<Drawn> {
  const wanted = sitesOfSelection(asked.select)
  // Sites that are named are asked about whether they are known or not, and whoever is known there: the answer to who may
  // not plan there would tell which controllers there are.
  const named = [...(wanted ?? [])]
  // What is asked for is refused for its own reason; any other release may be running, or a stone on somebody's way.
  const known = await publishedReleases(
    world,
    asked.releases.map(({ path }) => path),
  )
  if (isRefusal(known)) return { draft: known, touched: named }
  const releases = await publishedReleases(world)
  if (isRefusal(releases)) return { draft: releases, touched: named }
  const sources: PlanSources = { createdAt, createdBy, releases }
  const drafting = beginPlan(asked, sources)
  if (isRefusal(drafting)) return { draft: drafting, touched: named }
  for (const row of await world.store.sites()) {
    if (wanted !== null && !wanted.has(row.id)) continue
    const source = await sourceOf(world, row)
    if (isRefusal(source)) return { draft: source, touched: [...named, row.id] }
    const refused = drafting.site(source)
    if (refused !== null) return { draft: refused, touched: [...named, ...drafting.touched()] }
  }
  const draft = drafting.finish(world.crypto)
  // One that others join has sheets of sites where nobody is selected yet.
  const joined = isRefusal(draft) ? [] : draft.sheets.map(({ sheet }) => sheet.site)
  return { draft, touched: [...named, ...drafting.touched(), ...joined] }
}

/** Controllers that one look at the inventory reads. */
const CONTROLLERS = 5000

/**
 * A site with what its controllers attested. The inventory was verified as it came in; what is planned by it is judged again
 * at each step on its way, last by the controller itself.
 */
async function sourceOf(world: FleetWorld, row: SiteRow): Promise<SourceSite | Refusal> {
  const site = storedSite(row.site, `site ${row.id}`)
  if (isRefusal(site)) return site
  const rows = await world.store.inventory.page({ sites: [row.id] }, null, CONTROLLERS)
  const known = new Map<string, KnownController>()
  for (const { id, standing, attested, decrypts } of rows) {
    // What a list alone knows of has no gateway yet: nobody can give it anything.
    if (standing === 'enrolled') known.set(id, { attested, decrypts })
  }
  return { site, known }
}

/** The plan is fetched by gateways like any other blob. If power fails behind it, nothing speaks of it. */
async function storePlan(world: FleetWorld, bytes: Uint8Array): Promise<null | Refusal> {
  const id = { sha256: toHex(world.crypto.sha256(bytes)), length: bytes.length }
  if (await world.blobs.has(id)) return null
  return world.blobs.append(
    id,
    0,
    (async function* () {
      yield bytes
    })(),
  )
}
