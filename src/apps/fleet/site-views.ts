import { stateName } from '../../core/campaign/rollout-state.ts'
import { stepOf, type Turn } from '../../core/campaign/turn.ts'
import { lastReport, storedSite } from '../../core/fleet/attested.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { openCampaign } from '../../flows/opened.ts'
import type { ControllerRow, FleetWorld } from '../../flows/ports.ts'
import { type KeptReason, reasonsAt } from '../../flows/reason.ts'
import { lookAtPlant } from '../../flows/show-plant.ts'
import { turnOf } from '../../flows/turns.ts'
import type { PlantSeen } from '../../wire/plant-api.ts'
import type { PlannedTurn, SiteControllerView, SiteView } from '../../wire/site-views.ts'
import { breathe } from '../process/breathe.ts'
import { attestedView, siteView } from '../process/site-view.ts'
import { behindIn, byText, type Page, pageOf, type Wanted } from './api/page.ts'
import { detailOf } from './campaign-views.ts'
import { waitView } from './views.ts'

/** What the fleet server shows of one site: read from the store at each question, nothing kept. */

/** The site as it is described. `heardAt`: when its gateway last called. Refuses `site-unknown`. */
export async function site(world: FleetWorld, id: string, heardAt: number | null): Promise<SiteView | Refusal> {
  const row = await world.store.site(id)
  if (row === null) return unknown(id)
  const described = storedSite(row.site, `site ${id}`)
  if (isRefusal(described)) return described
  return siteView(described, heardAt, row.upstream, world.silence.gateways)
}

const unknown = (id: string): Refusal => refuse('site-unknown', `site ${id}`, 'a registered site', 'none of that name')

/** Reports that are verified between two turns of the others. */
const VERIFIED = 100

/** The controllers of a site by name. Refuses `site-unknown`, `cursor-invalid`. */
export async function siteControllers(
  world: FleetWorld,
  id: string,
  wantedPage: Wanted,
): Promise<Page<SiteControllerView> | Refusal> {
  if ((await world.store.site(id)) === null) return unknown(id)
  const rows = await world.store.controllers(id)
  const page = await pageOf(wantedPage, {
    name: `controllers of ${id}`,
    sorts: ['string'],
    keyOf: (row: ControllerRow) => [row.id] as const,
    behind: behindIn(
      rows.toSorted((a, b) => byText(a.id, b.id)),
      (row, [after]: readonly [string]) => byText(row.id, after) > 0,
    ),
  })
  if (isRefusal(page)) return page
  const waits = await reasonsAt(world, id)
  const seen = new Map((await world.store.inventory.rowsOf(id)).map(row => [row.id, row.seenAt]))
  const items: SiteControllerView[] = []
  for (const [index, row] of page.items.entries()) {
    if (index % VERIFIED === VERIFIED - 1) await breathe()
    items.push(await controllerOf(world, row, seen.get(row.id) ?? null, waits))
  }
  return { items, next: page.next }
}

/** One of them. Refuses `controller-unknown`. */
export async function siteController(
  world: FleetWorld,
  site: string,
  id: string,
): Promise<SiteControllerView | Refusal> {
  const row = await world.store.controller(site, id)
  if (row === null) return refuse('controller-unknown', `${site}/${id}`, 'a registered controller', 'none of that name')
  return controllerOf(world, row, row.seenAt ?? null, await reasonsAt(world, site))
}

async function controllerOf(
  world: FleetWorld,
  row: ControllerRow,
  seenAt: number | null,
  waits: ReadonlyMap<string, KeptReason>,
): Promise<SiteControllerView> {
  // One that does not verify is shown as that: of the others this says nothing.
  const report = lastReport(row, world.crypto)
  const held = isRefusal(report) ? null : report
  const turns: PlannedTurn[] = []
  for (const stored of await world.store.turns.of({ site: row.site, controller: row.id })) {
    const { plan, rollout } = orThrow(await openCampaign(world, stored.campaign))
    const turn = turnOf(stored)
    turns.push({
      campaign: plan.id,
      title: plan.title,
      campaignState: stateName(rollout.state),
      state: turn.at,
      stage: stageOf(turn),
      wave: turn.wave + 1,
      version: plan.releases[stepOf(turn).release]?.version ?? '',
      since: turn.since,
      detail: detailOf(turn),
    })
  }
  return {
    id: row.id,
    attested: held === null ? null : attestedView(held, seenAt),
    fault: isRefusal(report) ? report.code : null,
    turns,
    waits: waitView(row.id, waits.get(row.id)),
  }
}

const stageOf = (turn: Turn): string | null => ('stage' in turn ? turn.stage : null)

/** What a site last showed of its plant; asking has its gateway asked for more. Refuses `site-unknown`. */
export async function plant(world: FleetWorld, id: string): Promise<PlantSeen | Refusal> {
  // Of what is not registered nothing is kept, whatever is asked.
  if ((await world.store.site(id)) === null) return unknown(id)
  const shown = lookAtPlant(world, id)
  return shown === null ? { heardAt: null, plant: null } : { heardAt: shown.heardAt, plant: shown.view }
}
