import { already, commandsOf, REASONED } from '../../core/campaign/commands.ts'
import type { TimedSite } from '../../core/campaign/draft-times.ts'
import { forecast, type PlannedWave } from '../../core/campaign/forecast.ts'
import { type KeptPreview, readKeptPreview } from '../../core/campaign/kept-preview.ts'
import { NO_LOAD, plus } from '../../core/campaign/load.ts'
import { judgeWave } from '../../core/campaign/rollout-moves.ts'
import { fromUtf8 } from '../../core/encoding/bytes.ts'
import { type Instant, instant } from '../../core/encoding/units.ts'
import { storedSite } from '../../core/fleet/attested.ts'
import { FLEET, mayDo, type Place } from '../../core/fleet/roles.ts'
import { isRefusal, type Refusal, sentence } from '../../core/refusal/refusal.ts'
import type { Who } from '../../flows/admit.ts'
import { type Opened, openCampaign, previewFile, sitesOfPlan } from '../../flows/opened.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import { placesOf } from '../../flows/vouch.ts'
import type { CampaignDetail } from '../../wire/plan-views.ts'
import { summaryOf } from './campaign-views.ts'
import { refuseUnnamed } from './places.ts'

/** One campaign with its course against its plan, what it takes of the budgets, and what its reader may tell it. */

export async function campaignDetail(world: FleetWorld, id: string, who: Who): Promise<CampaignDetail | Refusal> {
  const opened = await openCampaign(world, id)
  if (isRefusal(opened)) return opened
  const summary = await summaryOf(world, opened)
  if (isRefusal(summary)) return summary
  const { plan, terms, rollout } = opened
  const { state, course } = rollout
  const kept = await keptPreview(world, id)
  return {
    ...summary,
    createdAt: plan.createdAt,
    createdBy: plan.createdBy,
    notBefore: plan.notBefore ?? null,
    notAfter: plan.notAfter,
    deadline: plan.deadline?.at ?? null,
    changeRequest: plan.changeRequest ?? null,
    criticality: plan.criticality,
    since: 'since' in state ? state.since : null,
    course: course.map(({ at, wave, since }) => ({ at, wave: wave === null ? null : wave + 1, since })),
    planned: kept === null ? null : await plannedOf(world, opened, kept),
    outline: kept === null ? null : outlineOf(kept),
    gates: plan.waves.map((_, wave) => judgeWave(terms, rollout, wave).findings),
    ...(await budgetsOf(world, opened)),
    commands: await commands(world, opened, who),
  }
}

/** What the dry run said, as it was kept; null: an older server kept nothing, or what is there cannot be read. */
export async function keptPreview(world: Pick<FleetWorld, 'store'>, id: string): Promise<KeptPreview | null> {
  const { repo, path } = previewFile(id)
  const bytes = await world.store.file(repo, path)
  const read = bytes === null ? null : readKeptPreview(fromUtf8(bytes) ?? '', `campaign ${id}`)
  // It decides nothing: a campaign is shown without it.
  return isRefusal(read) ? null : read
}

export const outlineOf = ({ stretches: _, ...outline }: KeptPreview): Omit<KeptPreview, 'stretches'> => outline

/** How long a forecast is given again before it is worked out anew: sites may have other rules by then. */
const KEPT_MILLIS = 60_000

type Forecast = { readonly begin: number; readonly at: number; readonly waves: readonly PlannedWave[] }
const forecasts = new WeakMap<Uint8Array, Forecast>()

/** When the waves would be, from when the first one opened; of a campaign that has not started, from now on. */
async function plannedOf(
  world: FleetWorld,
  { row, plan, rollout }: Opened,
  { stretches }: KeptPreview,
): Promise<readonly PlannedWave[]> {
  const now = world.clock.now()
  const opened = rollout.course.find(({ at, wave }) => at === 'running' && wave === 0)?.since
  const early = Math.max(now - (now % KEPT_MILLIS), plan.notBefore ?? 0)
  const begin: Instant = opened ?? instant(early)
  const known = forecasts.get(row.plan)
  if (known !== undefined && known.begin === begin && now - known.at < KEPT_MILLIS) return known.waves
  const places = new Map<string, TimedSite>()
  for (const { site } of stretches) {
    const row = await world.store.site(site)
    const stored = row === null ? null : storedSite(row.site, `site ${site}`)
    if (stored !== null && !isRefusal(stored)) places.set(site, stored)
  }
  const waves = forecast(plan, stretches, places, begin)
  forecasts.set(row.plan, { begin, at: now, waves })
  return waves
}

/** What the campaign has out, and how full those budgets of its plan are that the fleet keeps. */
async function budgetsOf(world: FleetWorld, { plan, terms }: Opened): Promise<Pick<CampaignDetail, 'out' | 'budgets'>> {
  const load = await world.store.turns.load()
  const own = load.filter(({ campaign }) => campaign === plan.id)
  const fleet = load.reduce(plus, NO_LOAD)
  const regions = Map.groupBy(load, ({ region }) => region)
  const budgets: CampaignDetail['budgets'][number][] = []
  for (const budget of terms.budgets) {
    const wheres = budget.per === 'fleet' ? [null] : own.map(({ region }) => region)
    for (const region of wheres) {
      const used = region === null ? fleet : (regions.get(region) ?? []).reduce(plus, NO_LOAD)
      for (const amount of ['watts', 'wattHours', 'controllers'] as const) {
        const most = budget[amount]
        if (most !== undefined) budgets.push({ per: budget.per, region, amount, used: used[amount], most })
      }
    }
  }
  const { controllers, watts, wattHours } = own.reduce(plus, NO_LOAD)
  return { out: { controllers, watts, wattHours }, budgets }
}

/** What the caller may tell the campaign now. What their roles do not allow is refused for that, whatever the machine would say. */
async function commands(world: FleetWorld, opened: Opened, who: Who): Promise<CampaignDetail['commands']> {
  const { terms, rollout } = opened
  let places: readonly Place[] | null = null
  const answers: CampaignDetail['commands'][number][] = []
  for (const { command, possible, partly, why } of commandsOf(terms, rollout, world.clock.now())) {
    let refusal = mayDo(who, command, FLEET)
    if (refusal !== null) {
      places ??= await placesOf(world, await sitesOfPlan(world, opened.plan))
      refusal = refuseUnnamed(who, command, places)
    }
    const said = refusal ?? why
    const reason = REASONED.includes(command)
    if (said !== null) answers.push({ command, possible: false, reason, partly, code: said.code, why: sentence(said) })
    else if (possible) answers.push({ command, possible, reason, partly, code: null, why: null })
    else answers.push({ command, possible, reason, partly, code: null, why: already(rollout.state.at) })
  }
  return answers
}
