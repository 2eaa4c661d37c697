import { lastReport } from '../../core/fleet/attested.ts'
import { refKey } from '../../core/fleet/inventory.ts'
import { isRefusal, orThrow, type Refusal } from '../../core/refusal/refusal.ts'
import { readMetadata } from '../../core/trust/read-metadata.ts'
import type { Report } from '../../core/trust/report.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import { transitionReleases } from '../../flows/publish.ts'
import { recognised } from '../../flows/recognise.ts'
import { rootsAt } from '../../flows/tell.ts'
import type { AnchorsView, AnchorView, RootsView } from '../../wire/fleet-api.ts'

/**
 * The share of the fleet that has each key and each root, from what controllers and gateways have signed: so that somebody
 * sees when an old key may go. Read from the store at each question. Refuses what `recognised` refuses.
 */
export async function anchors(world: FleetWorld): Promise<AnchorsView | Refusal> {
  const ours = await recognised(world)
  if (isRefusal(ours)) return ours
  const stones = await transitionReleases(world)
  if (isRefusal(stones)) return stones
  const said: { name: string; report: Report }[] = []
  const unknown: string[] = []
  const rows = await world.store.controllers()
  for (const row of rows) {
    const name = refKey({ site: row.site, controller: row.id })
    const report = orThrow(lastReport(row, world.crypto))
    if (report === null) unknown.push(name)
    else said.push({ name, report })
  }
  const known = new Set(ours.map(({ kid }) => kid))
  const kids = new Set([...known, ...said.flatMap(({ report }) => report.anchors)])
  const changes = new Map(stones.map(({ facts }) => [facts.imageDigest, facts.transition]))
  return {
    controllers: rows.length,
    anchors: [...kids].map(kid => anchorView(kid, known.has(kid), said)),
    unknown,
    undone: said.flatMap(({ name, report }) => {
      const change = changes.get(report.running.digest) ?? null
      const done = change === null || report.anchors.includes(change.kid) === (change.kind === 'add')
      return done || report.state !== 'stable' ? [] : [{ controller: name, kind: change.kind, kid: change.kid }]
    }),
    roots: await rootsView(world),
  }
}

function anchorView(
  kid: string,
  isRecognised: boolean,
  said: readonly { readonly name: string; readonly report: Report }[],
): AnchorView {
  const having = said.filter(({ report }) => report.anchors.includes(kid))
  return {
    kid,
    recognised: isRecognised,
    acceptedBy: having.length,
    only: having.filter(({ report }) => report.anchors.length === 1).map(({ name }) => name),
    lacking: said.filter(({ report }) => !report.anchors.includes(kid)).map(({ name }) => name),
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
