import { joins, type PlanHead } from '../core/campaign/plan.ts'
import { isOpen } from '../core/campaign/rollout-state.ts'
import type { Seat } from '../core/campaign/turn.ts'
import { acceptFor, dependenciesMet } from '../core/firmware/acceptance.ts'
import type { Version } from '../core/firmware/version.ts'
import { attestedBy, lastReport, storedSite } from '../core/fleet/attested.ts'
import { findController, type Site } from '../core/fleet/topology.ts'
import { isRefusal, type Refusal } from '../core/refusal/refusal.ts'
import type { Report } from '../core/trust/report.ts'
import { type Opened, openRow, sheetsRepo } from './opened.ts'
import type { ControllerRow, FleetWorld } from './ports.ts'
import { releaseAt } from './publish.ts'

/** A place that a controller gets in a campaign that it was not planned for. */
export type Joined = { readonly opened: Opened; readonly seat: Seat }

/**
 * The open campaigns with a dynamic membership that a controller joins, by what it has just reported: it matches the
 * selection that people approved, the campaign has a sheet for its site (so that the gateway knows of it), it has no turn
 * there yet, and one release of the plan fits it as it is. One that fits nothing, or needs others to be updated first, does not join, and is
 * looked at again with its next report. Refuses what `openRow` and `storedSite` refuse: the store is damaged.
 */
export async function joinedBy(world: FleetWorld, row: ControllerRow, report: Report): Promise<Joined[] | Refusal> {
  const joined: Joined[] = []
  let site: Site | null = null
  for (const campaign of await world.store.openCampaigns()) {
    const opened = openRow(campaign)
    if (isRefusal(opened)) return opened
    if (opened.plan.membership === 'fixed' || !isOpen(opened.rollout)) continue
    const ref = { site: row.site, controller: row.id }
    if ((await world.store.turns.turn(opened.plan.id, ref)) !== null) continue
    site ??= await siteOf(world, row.site)
    if (site === null) return joined
    const seat = await seatIn(world, opened.plan, site, row, report)
    if (seat !== null) joined.push({ opened, seat })
  }
  return joined
}

async function siteOf(world: FleetWorld, id: string): Promise<Site | null> {
  const row = await world.store.site(id)
  const site = row === null ? null : storedSite(row.site, `site ${id}`)
  return site === null || isRefusal(site) ? null : site
}

async function seatIn(
  world: FleetWorld,
  plan: PlanHead,
  site: Site,
  row: ControllerRow,
  report: Report,
): Promise<Seat | null> {
  const board = findController(site, row.id)
  if (board === null || plan.membership === 'fixed') return null
  const { class: of, labels = [], power = 0, energy = 0 } = board
  if (!joins(plan, { region: site.region, site: site.site, class: of, labels })) return null
  if ((await world.store.file(sheetsRepo(plan.id), `${site.site}.json`)) === null) return null
  const release = await fitting(world, plan, board, row, report)
  if (release === null) return null
  const seat = { site: site.site, controller: row.id, region: site.region, wave: plan.membership.wave }
  return { ...seat, steps: [{ release, order: 0 }], watts: power, wattHours: energy }
}

type Board = NonNullable<ReturnType<typeof findController>>

/** The release of a plan that a controller can take as it is; null: none. What only undoes another one is given to nobody. */
async function fitting(
  world: FleetWorld,
  plan: PlanHead,
  { class: of, hardware, of: { vendor, slot, bootloader } }: Board,
  row: ControllerRow,
  report: Report,
): Promise<number | null> {
  const attested = attestedBy(report, `${row.site}/${row.id}`)
  if (isRefusal(attested)) return null
  const { running: installed, counter, anchors } = attested
  const device = { vendor, class: of, hardware, slotBytes: slot, bootloader, counter, installed }
  const undoing = new Set((plan.back ?? []).map(({ to }) => to))
  for (const [index, envelope] of plan.releases.entries()) {
    if (envelope.class !== of || undoing.has(index)) continue
    const released = await releaseAt(world, envelope)
    if (isRefusal(released) || acceptFor(device, released.facts) !== null) continue
    const { facts, signers } = released
    if (!signers.some(kid => anchors.includes(kid))) continue
    if (facts.encryption !== null && row.decryptionKey === null) continue
    if (facts.dependencies.length > 0 && dependenciesMet(facts, await runningAt(world, row.site)) !== null) continue
    return index
  }
  return null
}

/** What the controllers of a site last attested that they run, by class. */
async function runningAt(world: FleetWorld, site: string): Promise<ReadonlyMap<string, readonly Version[]>> {
  const running = new Map<string, Version[]>()
  for (const row of await world.store.controllers(site)) {
    const report = lastReport(row, world.crypto)
    const attested = report === null || isRefusal(report) ? report : attestedBy(report, `${site}/${row.id}`)
    if (attested === null || isRefusal(attested)) continue
    running.set(row.class, [...(running.get(row.class) ?? []), attested.running.version])
  }
  return running
}
