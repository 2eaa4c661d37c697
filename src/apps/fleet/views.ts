import type { PublishedRelease } from '../../core/campaign/draft-fit.ts'
import { formatUtc } from '../../core/encoding/utc-time.ts'
import { lastReport } from '../../core/fleet/attested.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { daysLeft } from '../../core/trust/expiry.ts'
import type { Report } from '../../core/trust/report.ts'
import type { ControllerRow, FleetWorld } from '../../flows/ports.ts'
import { publishedReleases } from '../../flows/publish.ts'
import { type KeptReason, reasonsAt } from '../../flows/reason.ts'
import { endOf } from '../../flows/renew.ts'
import { aheadOf } from '../../flows/upstream.ts'
import { alarmOf, standing } from '../../flows/warn.ts'
import type { ControllerView, ReleaseView, StatusView } from '../../wire/fleet-views.ts'
import { breathe } from '../process/breathe.ts'
import { behindIn, byText, type Page, pageOf, shown, type Wanted } from './api/page.ts'
import { breakAlarms } from './breaks.ts'
import { EVERYWHERE, type Seen } from './places.ts'

/** What the fleet server shows of itself: read from the store at each question, nothing kept. */

/** All but the log. `more`: what is to be told that the store does not know. */
export async function status(
  world: FleetWorld,
  seen: Seen = EVERYWHERE,
  more: readonly Refusal[] = [],
): Promise<Omit<StatusView, 'log'>> {
  const now = world.clock.now()
  const { kept, refused } = await standing(world)
  const ends: number[] = []
  const alarms = [...more, ...refused, ...kept.flatMap(one => alarmOf(world, one, now) ?? [])]
  // What they did since the backup is not known: their orders may still be carried out.
  for (const id of await world.store.behind()) {
    if (await seen.at(id))
      alarms.push(refuse('site-not-heard', `site ${id}`, 'what it did since the backup', 'nothing yet'))
  }
  for (const [id, item] of aheadOf(world)) {
    if (!(await seen.at(id))) continue
    const { upstream = 0 } = (await world.store.site(id)) ?? {}
    alarms.push(refuse('fleet-store-older', `outbox of ${id}`, `item ${item}, as was acknowledged`, `item ${upstream}`))
  }
  alarms.push(...(await breakAlarms(world, seen)))
  const sites: string[] = []
  for (const { id } of await world.store.sites()) if (await seen.at(id)) sites.push(id)
  for (const repo of ['image', 'approval', ...sites.map(id => `director/${id}`)]) {
    const end = await endOf(world, repo)
    if (end === null) alarms.push(refuse('metadata-missing', `${repo}: timestamp`, 'one that can be read', 'none'))
    else {
      if (repo.startsWith('director/')) ends.push(end)
      // The server renews it at half of its life: one that is nearly over was not renewed.
      if (end - now < world.metadataLife / 4) {
        alarms.push(
          refuse('metadata-expires-soon', `${repo}: timestamp`, 'one that the server renewed', formatUtc(end)),
        )
      }
    }
  }
  return {
    name: world.name,
    metadata: kept.map(one => ({ ...one, daysLeft: daysLeft(one.expires, now) })),
    sites: { count: sites.length, firstExpires: ends.length === 0 ? null : ends.reduce((a, b) => Math.min(a, b)) },
    alarms: alarms.map(({ code, subject, expected, actual }) => ({ code, subject, expected, actual })),
  }
}

export async function releases(world: FleetWorld, wanted: Wanted): Promise<Page<ReleaseView> | Refusal> {
  const published = await publishedReleases(world)
  if (isRefusal(published)) return published
  const ordered = [...published.values()].sort((a, b) => byText(a.path, b.path))
  const page = await pageOf(wanted, {
    name: 'releases',
    sorts: ['string'],
    keyOf: ({ path }: PublishedRelease) => [path] as const,
    behind: behindIn(ordered, ({ path }, [after]: readonly [string]) => byText(path, after) > 0),
  })
  return shown(page, releaseView)
}

const releaseView = ({ path, sha256, length, facts }: PublishedRelease): ReleaseView => ({
  path,
  class: facts.class,
  version: facts.version,
  sequence: facts.sequence,
  counter: facts.counter,
  hardware: facts.hardware,
  sha256,
  length,
})

export async function controllers(
  world: FleetWorld,
  wanted: Wanted,
  seen: Seen = EVERYWHERE,
): Promise<Page<ControllerView> | Refusal> {
  const page = await pageOf(wanted, {
    name: 'controllers',
    sorts: ['string', 'string'],
    keyOf: ({ site, id }: ControllerRow) => [site, id] as const,
    behind: (after, count) =>
      seen.all ? world.store.controllersBehind(after, count) : controllersSeen(world, seen, after, count),
  })
  const waits = new Map<string, ReadonlyMap<string, KeptReason>>()
  return shown(page, async row => {
    const here = waits.get(row.site) ?? (await reasonsAt(world, row.site))
    waits.set(row.site, here)
    return controllerView(row, orThrow(lastReport(row, world.crypto)), here)
  })
}

/** Sites that are looked at between two turns of the others. */
const SITES = 500

/** The controllers behind one, at the sites that somebody may see: those of other sites are not read, nor named by a cursor. */
async function controllersSeen(
  { store }: FleetWorld,
  seen: Seen,
  after: readonly [string, string] | null,
  count: number,
): Promise<readonly ControllerRow[]> {
  const rows: ControllerRow[] = []
  const [from = '', id = ''] = after ?? []
  if (await seen.at(from)) rows.push(...(await store.controllers(from)).filter(row => row.id > id))
  for (let at = from; rows.length < count; await breathe()) {
    const names = await store.siteNames(at, SITES)
    for (const name of names) {
      if (rows.length >= count) break
      if (await seen.at(name)) rows.push(...(await store.controllers(name)))
    }
    if (names.length < SITES) break
    at = names.at(-1) as string
  }
  return rows.slice(0, count)
}

/** All controllers of a site. */
export async function controllersAt(world: FleetWorld, site: string): Promise<ControllerView[]> {
  const rows = await world.store.controllers(site)
  const waits = await reasonsAt(world, site)
  return rows.map(row => controllerView(row, orThrow(lastReport(row, world.crypto)), waits))
}

export async function controller(world: FleetWorld, site: string, id: string): Promise<ControllerView | Refusal> {
  const row = await world.store.controller(site, id)
  if (row === null) return refuse('controller-unknown', `${site}/${id}`, 'a registered controller', 'none of that name')
  const report = lastReport(row, world.crypto)
  return isRefusal(report) ? report : controllerView(row, report, await reasonsAt(world, site))
}

const controllerView = (
  row: ControllerRow,
  report: Report | null,
  waits: ReadonlyMap<string, KeptReason>,
): ControllerView => ({
  site: row.site,
  id: row.id,
  class: row.class,
  hardware: row.hardware,
  version: report?.running.version ?? null,
  slot: report?.running.slot ?? null,
  counter: report?.counter ?? null,
  anchors: report?.anchors ?? null,
  state: report?.state ?? null,
  reportedAt: report?.at ?? null,
  sequence: row.sequence,
  waits: waitView(row.id, waits.get(row.id)),
})

export function waitView(id: string, kept: KeptReason | undefined): ControllerView['waits'] {
  if (kept === undefined) return null
  const { because, ...rest } = kept
  return { ...rest, sentence: `${id} waits: ${because}.` }
}
