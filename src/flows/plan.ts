import { refuseUngoverned } from '../core/campaign/change-request.ts'
import { buildPlan, canaryThenRest, type Draft, type PlanRequest, type PlanSources } from '../core/campaign/draft.ts'
import { planBytes } from '../core/campaign/plan.ts'
import { createRollout, isOpen, writeRollout } from '../core/campaign/rollout-state.ts'
import { rolloutTerms } from '../core/campaign/rollout-terms.ts'
import { sheetFile } from '../core/campaign/sheet.ts'
import type { Plan } from '../core/campaign/turns.ts'
import { sameBytes, toHex } from '../core/encoding/bytes.ts'
import { after, type Instant, millis } from '../core/encoding/units.ts'
import { attestedBy, lastReport, storedSite } from '../core/fleet/attested.ts'
import { type FleetController, fleetController, inventoryOf, refKey } from '../core/fleet/inventory.ts'
import { NO_RULES } from '../core/fleet/site-rules.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { record } from './audit.ts'
import { about, openRow, sheetsRepo } from './opened.ts'
import type { CampaignRow, FleetWorld } from './ports.ts'
import { publishedReleases, transitionReleases } from './publish.ts'
import { firstTurns } from './turns.ts'

/** What a person asks for when they plan a campaign. Durations in milliseconds; `validMillis` from now. */
export type CampaignRequest = {
  readonly id: string
  readonly title: string
  readonly changeRequest?: string
  readonly criticality: PlanRequest['criticality']
  readonly releases: readonly string[]
  readonly select: PlanRequest['select']
  readonly soakMillis: number
  readonly timeoutMillis: number
  readonly validMillis: number
  readonly retries: number
  readonly maxFailures: number
  readonly stepping?: boolean
}

export type Drafted = {
  readonly plan: Plan
  readonly passedOver: readonly { readonly controller: string; readonly why: Refusal }[]
}

/** Whether who plans may plan for these sites: which ones they are is known when the plan is drawn up. */
export type Permit = (sites: readonly string[]) => Promise<null | Refusal>

/**
 * Plans a campaign: one controller of each class as the canary, then the rest. Durable on return unless `dryRun`. The
 * same request again, before anybody has approved it, is answered as before: the first answer may have been lost.
 * Refuses `campaign-exists`, `change-request-missing`, what `permit` refuses, and what `buildPlan` refuses.
 */
export function createCampaign(
  world: FleetWorld,
  person: string,
  asked: CampaignRequest,
  dryRun: boolean,
  permit: Permit,
): Promise<Drafted | Refusal> {
  return world.store.exclusive(async () => {
    const taken = await world.store.campaign(asked.id)
    if (taken !== null) return createdBefore(world, taken, asked, dryRun)
    const drawn = await drawUp(world, person, asked, world.clock.now())
    if (isRefusal(drawn)) return drawn
    const { plan, sheets } = drawn
    const unfit = (await permit(sheets.map(({ sheet }) => sheet.site))) ?? refuseUngoverned(world.governance, plan)
    if (unfit !== null) return unfit
    if (dryRun) return drawn
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
    // If power fails before this commit, there is no campaign; behind it, all its sheets and turns are there too.
    await record(world, { campaigns: [row], files, turns }, [
      {
        ...about(plan),
        kind: 'campaign-created',
        actor: { kind: 'person', id: person },
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
    return drawn
  })
}

/** The plan that is there, when this very request made it and nobody has approved it since. */
async function createdBefore(
  world: FleetWorld,
  taken: CampaignRow,
  asked: CampaignRequest,
  dryRun: boolean,
): Promise<Drafted | Refusal> {
  const exists = refuse('campaign-exists', `campaign ${asked.id}`, 'a new name', 'one that is taken')
  const opened = openRow(taken)
  if (isRefusal(opened)) return opened
  if (dryRun || opened.rollout.state.at !== 'created') return exists
  const again = await drawUp(world, opened.plan.createdBy, asked, opened.plan.createdAt)
  return !isRefusal(again) && sameBytes(planBytes(again.plan), taken.plan) ? again : exists
}

/** What the request comes to, as the fleet is now. The same request at the same time gives the same plan. */
async function drawUp(
  world: FleetWorld,
  createdBy: string,
  asked: CampaignRequest,
  createdAt: Instant,
): Promise<(Drafted & Pick<Draft, 'sheets'>) | Refusal> {
  const sources = await sourcesOf(world, asked)
  if (isRefusal(sources)) return sources
  const { soakMillis, timeoutMillis, validMillis, maxFailures, retries, releases, ...rest } = asked
  const gate = { minSuccessPercent: maxFailures === 0 ? 100 : 0, maxFailures }
  const draft = buildPlan(
    {
      ...rest,
      createdAt,
      createdBy,
      priority: 50,
      releases: releases.map(path => ({ path })),
      notAfter: after(createdAt, millis(validMillis)),
      waves: canaryThenRest(millis(soakMillis), gate),
      timeoutMillis: millis(timeoutMillis),
      retry: { retries, backOffMillis: millis(0), maxBackOffMillis: millis(0) },
      abort: { maxFailures, maxFailurePercent: 100 },
      rules: NO_RULES,
    },
    sources,
    world.crypto,
  )
  if (isRefusal(draft)) return draft
  const passedOver = draft.passedOver.map(({ site, controller, why }) => ({
    controller: refKey({ site, controller }),
    why,
  }))
  return { plan: draft.plan, sheets: draft.sheets, passedOver }
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

/** The fleet, what is published of what is asked for, and who is taken by another campaign: what plans are made from. */
async function sourcesOf(world: FleetWorld, asked: CampaignRequest): Promise<PlanSources | Refusal> {
  const controllers: FleetController[] = []
  for (const row of await world.store.sites()) {
    const site = storedSite(row.site, `site ${row.id}`)
    if (isRefusal(site)) return site
    for (const stored of await world.store.controllers(row.id)) {
      const report = lastReport(stored, world.crypto)
      if (isRefusal(report)) return report
      const said = report === null ? null : attestedBy(report, `${row.id}/${stored.id}`)
      // A controller that attests nonsense is one that has attested nothing: it stops no campaign but its own.
      const attested = isRefusal(said) ? null : said
      const key = { alg: 'ecdsa-p256', spki: stored.reportKey } as const
      const known = fleetController(site, stored.id, key, attested, stored.decryptionKey !== null)
      if (known !== null) controllers.push(known)
    }
  }
  const inventory = inventoryOf(controllers)
  if (isRefusal(inventory)) return inventory
  const releases = await publishedReleases(world, asked.releases)
  if (isRefusal(releases)) return releases
  const stones = await transitionReleases(world)
  if (isRefusal(stones)) return stones
  return { inventory, releases, stones }
}
