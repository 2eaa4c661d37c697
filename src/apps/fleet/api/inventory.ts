import type { HttpsServer } from '../../../adapters/http-server.ts'
import { type Reach, reachOf } from '../../../core/fleet/roles.ts'
import { isRefusal } from '../../../core/refusal/refusal.ts'
import type { Who } from '../../../flows/admit.ts'
import { beginImport, bringIn, decideImport, stageLines } from '../../../flows/import.ts'
import * as routes from '../../../wire/routes/inventory.ts'
import * as compliance from '../compliance.ts'
import * as inventory from '../inventory.ts'
import { siteFilter } from '../places.ts'
import type { FleetDoor } from './parts.ts'
import { changes, shows } from './serve-route.ts'

/** The inventory: questions about the fleet's controllers, and what is known of their versions. */
export function inventoryRoutes(server: HttpsServer, door: FleetDoor): void {
  const { world } = door
  const seen = (who: Who): Reach => reachOf(who, 'read-inventory')
  shows(server, routes.listInventory, ({ peer, query }) => inventory.inventory(world, seen(peer), query))
  shows(server, routes.countInventory, ({ peer, query }) => inventory.count(world, seen(peer), query))
  shows(server, routes.listSiteCounts, ({ peer, query }) => inventory.sites(world, seen(peer), query))
  shows(server, routes.listVersions, ({ peer, query }) => inventory.versions(world, seen(peer), query))
  shows(server, routes.listVersionHistory, ({ params }) =>
    inventory.versionHistory(world, params.site ?? '', params.id ?? ''),
  )
  shows(server, routes.listIncidents, ({ query }) => inventory.incidents(world, query))
  shows(server, routes.listCompliance, ({ peer, query }) => compliance.bySite(world, seen(peer), query))
  shows(server, routes.listDeadlines, ({ peer, query }) =>
    compliance.deadlines(world, query, siteFilter(world, peer, 'read-campaigns')),
  )
  changes(server, door, routes.checkInventory, ({ body: { after } }) => {
    return { attempt: 'fleet check-store', run: () => inventory.check(world, after ?? null) }
  })
  changes(server, door, routes.beginImport, ({ peer, body: { name, columns } }) => {
    return { attempt: 'fleet import', run: () => beginImport(world, peer, name, columns) }
  })
  shows(server, routes.stageImport, async ({ params, body: { lines } }) => {
    const staged = await stageLines(world, Number(params.import), lines)
    if (isRefusal(staged)) return staged
    const faults = staged.faults.map(({ line, why: { code, expected, actual } }) => ({ line, code, expected, actual }))
    return { staged: staged.staged, faults }
  })
  changes(server, door, routes.endImport, ({ peer, params, body: { take, bad } }) => {
    const run = () => decideImport(world, peer, Number(params.import), take, bad)
    return { attempt: 'fleet import', run, follow: () => bringIn(world) }
  })
}
