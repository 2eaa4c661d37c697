import { complianceOf } from '../core/campaign/compliance.ts'
import { type PlanHead, parsePlan } from '../core/campaign/plan.ts'
import { openSheet, type Sheet } from '../core/campaign/sheet.ts'
import type { Turn } from '../core/campaign/turn.ts'
import type { Instant } from '../core/encoding/units.ts'
import type { InventoryRow } from '../core/fleet/inventory-row.ts'
import type { ComplianceState } from '../core/fleet/query.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { sheetsRepo } from './opened.ts'
import type { FleetWorld } from './ports.ts'
import { turnOf } from './turns.ts'
import { refuseRejected } from './vouch.ts'

/** How many controllers of a site have what a campaign brings, how many have not, and how many of those are late. */
export type SiteCompliance = {
  readonly site: string
  readonly region: string
  readonly done: number
  readonly left: number
  readonly late: number
}

/** A controller of a campaign and where it stands. `row` null: nobody knows of it any more. */
export type Standing = {
  readonly controller: string
  readonly is: ComplianceState
  readonly row: InventoryRow | null
}

/** The head of a campaign's plan. Refuses `campaign-unknown`, and what `parsePlan` refuses. */
export async function headOfPlan(world: FleetWorld, id: string): Promise<PlanHead | Refusal> {
  const row = await world.store.campaign(id)
  if (row === null) return refuse('campaign-unknown', `campaign ${id}`, 'a campaign', 'none of that name')
  return parsePlan(row.plan, `campaign ${id}`)
}

/** Campaigns that have a deadline up to an instant, the first one first; none that was rejected. Refuses as `parsePlan`. */
export async function dueBy(world: FleetWorld, by: Instant): Promise<PlanHead[] | Refusal> {
  const due: PlanHead[] = []
  for (const { id } of await world.store.campaigns()) {
    if ((await refuseRejected(world, id)) !== null) continue
    const head = await headOfPlan(world, id)
    if (isRefusal(head)) return head
    if (head.deadline !== undefined && head.deadline.at <= by) due.push(head)
  }
  return due.sort((a, b) => (a.deadline?.at ?? 0) - (b.deadline?.at ?? 0) || (a.id < b.id ? -1 : 1))
}

/** Where the sheets behind a site begin, and where those from a site on do: in the order of their files. */
export const behindSite = (site: string): string => `${site}.json`
/** No file's name lies between this and the site's own. */
export const fromSite = (site: string): string => `${site}.jsom\uffff`

/**
 * The sheets of a campaign from a place on (`behindSite`, `fromSite`, or empty), at most so many: each is opened under the head
 * that people approved. Refuses as `openSheet`.
 */
export async function sitesOf(
  world: FleetWorld,
  head: PlanHead,
  place: string,
  limit: number,
): Promise<Sheet[] | Refusal> {
  const files = await world.store.filesAfter(sheetsRepo(head.id), place, limit)
  const sheets: Sheet[] = []
  for (const { path, bytes } of files) {
    const proven = openSheet(bytes, head, path.replace(/\.json$/, ''), world.crypto)
    if (isRefusal(proven)) return proven
    sheets.push(proven.sheet)
  }
  return sheets
}

/**
 * Where the controllers of a campaign stand at the site of a sheet: those of the sheet in its order, then those that joined.
 * Whoever was taken out of the site since is nobody's task any more.
 */
export async function standingsAt(world: FleetWorld, head: PlanHead, { site, turns }: Sheet): Promise<Standing[]> {
  const now = world.clock.now()
  const rows = new Map((await world.store.inventory.rowsOf(site)).map(row => [row.id, row]))
  const planned = new Set(turns.map(({ controller }) => controller))
  const all = [...turns, ...(await turnsAt(world, head, site)).filter(({ controller }) => !planned.has(controller))]
  return all.flatMap(turn => {
    const row = rows.get(turn.controller) ?? null
    if (row?.standing === 'removed') return []
    return [{ controller: turn.controller, is: complianceOf(head, turn, row?.attested ?? null, now), row }]
  })
}

/** Controllers of a site at most (core/fleet/topology.ts). */
const CONTROLLERS = 4096

/** The turns at a site that a campaign has by now, where others may have joined those of its sheets. */
async function turnsAt(world: FleetWorld, head: PlanHead, site: string): Promise<Turn[]> {
  if (head.membership === 'fixed') return []
  const rows = await world.store.turns.page(head.id, { site, controller: '' }, CONTROLLERS)
  return rows.filter(row => row.site === site).map(turnOf)
}

/** How a site stands with a campaign. */
export async function complianceAt(world: FleetWorld, head: PlanHead, sheet: Sheet): Promise<SiteCompliance> {
  const standings = await standingsAt(world, head, sheet)
  const count = (is: ComplianceState): number => standings.filter(one => one.is === is).length
  const region = standings.find(({ row }) => row !== null)?.row?.region ?? ''
  return { site: sheet.site, region, done: count('done'), left: count('left'), late: count('late') }
}
