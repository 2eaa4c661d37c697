import type { PublishedRelease } from '../core/campaign/draft-fit.ts'
import { findPath } from '../core/campaign/path.ts'
import { isStuck, type PathController } from '../core/campaign/path-cohorts.ts'
import { shelfOf } from '../core/campaign/path-shelf.ts'
import { joins, type PlanHead } from '../core/campaign/plan.ts'
import { isOpen } from '../core/campaign/rollout-state.ts'
import { lossesOf } from '../core/campaign/rules/loss.ts'
import type { Seat } from '../core/campaign/turn.ts'
import { compareVersions } from '../core/firmware/version.ts'
import { attestedBy, lastReport, storedSite } from '../core/fleet/attested.ts'
import { fleetController } from '../core/fleet/inventory.ts'
import { findController, type Site } from '../core/fleet/topology.ts'
import { isRefusal, type Refusal } from '../core/refusal/refusal.ts'
import type { Report } from '../core/trust/report.ts'
import { type Opened, openRow, sheetsRepo } from './opened.ts'
import type { ControllerRow, FleetWorld } from './ports.ts'
import { publishedReleases } from './publish.ts'

/** A place that a controller gets in a campaign that it was not planned for. */
export type Joined = { readonly opened: Opened; readonly seat: Seat }

/**
 * The open campaigns with a dynamic membership that a controller joins, by what it has just reported: it matches the
 * selection that people approved, the campaign has a sheet for its site (so that the gateway knows of it), it has no turn
 * there yet, and a way leads it to the plan's release for its class, over releases of the plan alone and beside what its
 * neighbours run (core/campaign/path.ts). Whom no way leads there does not join, and is looked at again with its next
 * report. Refuses what `openRow` refuses: the store is damaged.
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
  const { class: of, labels = [] } = board
  if (!joins(plan, { region: site.region, site: site.site, class: of, labels })) return null
  if ((await world.store.file(sheetsRepo(plan.id), `${site.site}.json`)) === null) return null
  const steps = await wayOf(world, plan, site, row, report)
  if (steps === null) return null
  const seat = { site: site.site, controller: row.id, region: site.region, wave: plan.membership.wave }
  return { ...seat, steps, ...lossesOf(site)(row.id) }
}

/** The steps of a controller to the plan's release for it; null: there is none, or it runs that or something newer. */
async function wayOf(
  world: FleetWorld,
  plan: PlanHead,
  site: Site,
  row: ControllerRow,
  report: Report,
): Promise<Seat['steps'] | null> {
  const boards: PathController<PublishedRelease>[] = []
  const reports = new Map<string, Report | null>([[row.id, report]])
  for (const other of await world.store.controllers(site.site)) {
    if (other.id !== row.id) reports.set(other.id, heard(world, other))
  }
  const attested = attestedBy(report, `${row.site}/${row.id}`)
  if (isRefusal(attested)) return null
  // What is looked for costs much more than a look at the versions, which answers for most of those that report.
  const undoing = new Set((plan.back ?? []).map(({ to }) => to))
  const own = plan.releases.filter(({ class: of }, index) => of === row.class && !undoing.has(index))
  if (!own.some(({ version }) => compareVersions(version, attested.running.version) > 0)) return null
  const published = await publishedReleases(world)
  if (isRefusal(published)) return null
  const fitting = own.flatMap(({ path }) => published.get(path) ?? [])
  const goal = fitting
    .filter(({ facts }) => facts.hardware.includes(row.hardware))
    .reduce<PublishedRelease | null>((best, one) => {
      return best === null || compareVersions(one.facts.version, best.facts.version) > 0 ? one : best
    }, null)
  if (goal === null) return null
  for (const { id, circle } of site.controllers) {
    const said = reports.get(id) ?? null
    const known = said === null ? null : attestedBy(said, `${site.site}/${id}`)
    const decrypts = id === row.id && row.decryptionKey !== null
    const of = fleetController(site, id, isRefusal(known) ? null : known, decrypts)
    if (of !== null) boards.push({ of, circle: circle ?? null, goal: id === row.id ? goal : null })
  }
  const path = findPath(site.site, boards, shelfOf([...published.values()]))
  const way = isStuck(path) ? null : (path.steps.get(row.id) ?? null)
  if (way === null || way.length === 0) return null
  const steps = way.map(({ release, order }) => {
    return { release: plan.releases.findIndex(({ path: name }) => name === release.path), order }
  })
  return steps.every(({ release }) => release >= 0) ? steps : null
}

/** What a controller last reported; null: nothing, or nothing that holds. */
function heard(world: FleetWorld, row: ControllerRow): Report | null {
  const report = lastReport(row, world.crypto)
  return isRefusal(report) ? null : report
}
