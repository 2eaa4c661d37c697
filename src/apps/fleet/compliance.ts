import type { PlanHead } from '../../core/campaign/plan.ts'
import { instant } from '../../core/encoding/units.ts'
import type { InventoryRow } from '../../core/fleet/inventory-row.ts'
import type { ControllerQuery, Position } from '../../core/fleet/query.ts'
import type { Reach } from '../../core/fleet/roles.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import {
  behindSite,
  complianceAt,
  dueBy,
  fromSite,
  headOfPlan,
  type SiteCompliance,
  sitesOf,
  standingsAt,
} from '../../flows/comply.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import type { DeadlineView } from '../../wire/inventory-views.ts'
import { breathe } from '../process/breathe.ts'
import { type Page, pageOf, seenOnly, type Wanted } from './api/page.ts'
import { isSeen } from './campaign-views.ts'
import type { Seen } from './places.ts'

/** How the fleet stands with its campaigns, by what controllers attested. */

export async function bySite(
  world: FleetWorld,
  reach: Reach,
  { campaign, ...wanted }: Wanted & { readonly campaign: string },
): Promise<Page<SiteCompliance> | Refusal> {
  const head = await headOfPlan(world, campaign)
  if (isRefusal(head)) return head
  const keyOf = ({ site }: SiteCompliance) => [site] as const
  const all = async (after: readonly [string] | null, limit: number): Promise<SiteCompliance[] | Refusal> => {
    const sheets = await sitesOf(world, head, after === null ? '' : behindSite(after[0]), limit)
    if (isRefusal(sheets)) return sheets
    const sites: SiteCompliance[] = []
    for (const sheet of sheets) sites.push(await complianceAt(world, head, sheet))
    return sites
  }
  const behind =
    reach === 'all'
      ? all
      : seenOnly(all, keyOf, async ({ site, region }) => reach.regions.has(region) || reach.sites.has(site))
  return pageOf(wanted, { name: `compliance ${campaign}`, sorts: ['string'], keyOf, behind })
}

/** The campaigns that are due, as far as somebody may see a site of them. */
export async function deadlines(
  world: FleetWorld,
  { by }: { readonly by: string },
  seen: Seen,
): Promise<DeadlineView[] | Refusal> {
  const due = await dueBy(world, instant(Number(by)))
  if (isRefusal(due)) return due
  const shown: DeadlineView[] = []
  for (const { id, title, deadline } of due) {
    if (!seen.all && !(await isSeen(world, id, seen))) continue
    shown.push({ campaign: id, title, deadline: deadline?.at ?? 0 })
  }
  return shown
}

/** Sheets that one look reads. */
const SHEETS = 50

/** The controllers of a campaign that match the rest of a question, from behind a position on. */
export async function ofCampaign(
  world: FleetWorld,
  head: PlanHead,
  { campaign, ...rest }: ControllerQuery,
  after: Position | null,
  limit: number,
): Promise<InventoryRow[] | Refusal> {
  const found: InventoryRow[] = []
  // The site of the position itself may have more controllers behind it.
  let place = after === null ? '' : fromSite(after.site)
  for (;;) {
    const sheets = await sitesOf(world, head, place, SHEETS)
    if (isRefusal(sheets)) return sheets
    for (const sheet of sheets) {
      place = behindSite(sheet.site)
      if (rest.sites !== undefined && !rest.sites.includes(sheet.site)) continue
      const wanted = new Set<string>()
      for (const { controller, is } of await standingsAt(world, head, sheet)) {
        if (campaign?.is === undefined || campaign.is === is) wanted.add(controller)
      }
      const from = after?.site === sheet.site ? after : null
      const rows = await world.store.inventory.page({ ...rest, sites: [sheet.site] }, from, MAX_ROWS)
      found.push(...rows.filter(({ id }) => wanted.has(id)))
      if (found.length >= limit) return found.slice(0, limit)
    }
    if (sheets.length < SHEETS) return found
    await breathe()
  }
}

/** Controllers of a site at most (core/fleet/topology.ts). */
const MAX_ROWS = 4096
