import type { Transition } from '../../core/firmware/release-facts.ts'
import { lastReport } from '../../core/fleet/attested.ts'
import { refKey } from '../../core/fleet/inventory.ts'
import { keyShares } from '../../core/fleet/key-share.ts'
import { isRefusal, orThrow, type Refusal } from '../../core/refusal/refusal.ts'
import { readMetadata } from '../../core/trust/read-metadata.ts'
import type { Report } from '../../core/trust/report.ts'
import type { ControllerRow, FleetWorld } from '../../flows/ports.ts'
import { transitionReleases } from '../../flows/publish.ts'
import { recognised } from '../../flows/recognise.ts'
import { rootsAt } from '../../flows/tell.ts'
import type { AnchorsView, RootsView } from '../../wire/fleet-views.ts'
import { breathe } from '../process/breathe.ts'

/** Reports that are verified between two turns of the others: 50 milliseconds of one core. */
const ROWS = 500

/**
 * The share of the fleet that has each key and each root, from what controllers and gateways have signed: so that somebody
 * sees when an old key may go. Read from the store at each question, and each report is verified: whoever asks shares the
 * answer (shared.ts). Refuses what `recognised` refuses.
 */
export async function anchors(world: FleetWorld): Promise<AnchorsView | Refusal> {
  const ours = await recognised(world)
  if (isRefusal(ours)) return ours
  const stones = await transitionReleases(world)
  if (isRefusal(stones)) return stones
  const heard: { readonly name: string; readonly report: Report | null }[] = []
  for (let after: readonly [string, string] | null = null; ; await breathe()) {
    const rows: readonly ControllerRow[] = await world.store.controllersBehind(after, ROWS)
    for (const row of rows) {
      const name = refKey({ site: row.site, controller: row.id })
      heard.push({ name, report: orThrow(lastReport(row, world.crypto)) })
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < ROWS) break
    after = [last.site, last.id]
  }
  const known = new Set(ours.map(({ kid }) => kid))
  const changes = new Map<string, Transition>()
  for (const { facts } of stones) if (facts.transition !== null) changes.set(facts.imageDigest, facts.transition)
  const { shares, unknown, undone } = keyShares(heard, [...known], changes)
  return {
    controllers: heard.length,
    anchors: shares.map(share => ({ ...share, recognised: known.has(share.kid) })),
    unknown,
    undone,
    roots: await rootsView(world),
  }
}

async function rootsView(world: FleetWorld): Promise<RootsView[]> {
  const sites = await world.store.sites()
  const views: RootsView[] = []
  for (const repository of ['image', 'approval', 'director'] as const) {
    const rows: RootsView['sites'][number][] = []
    for (const row of sites) {
      const repo = repository === 'director' ? `director/${row.id}` : repository
      const trusted = (await rootsAt(world, row))?.[repository] ?? null
      rows.push({ site: row.id, newest: await newestRoot(world, repo), trusted })
    }
    views.push({ repository, sites: rows })
  }
  return views
}

/** The version of the root that a repository serves. */
async function newestRoot(world: FleetWorld, repo: string): Promise<number> {
  const own = await world.store.file(repo, 'root.json')
  // A site's director repository has the root of all of them where it has none of its own.
  const bytes = own ?? (await world.store.file('director', 'root.json'))
  if (bytes === null) throw new Error(`${repo}: no root`)
  return orThrow(readMetadata('root', bytes, `${repo}: root`)).signed.version
}
