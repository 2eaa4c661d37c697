import type { HttpsServer } from '../../../adapters/http-server.ts'
import { isRefusal } from '../../../core/refusal/refusal.ts'
import * as routes from '../../../wire/routes/audit.ts'
import * as views from '../log-views.ts'
import type { FleetDoor } from './parts.ts'
import { linkTo, shows } from './serve-route.ts'

/** The audit log, for who verifies it. */
export function auditRoutes(server: HttpsServer, { world }: FleetDoor): void {
  shows(server, routes.readCheckpoint, () => views.checkpoint(world))

  shows(server, routes.listEntries, async ({ query: { from, to, ...wanted }, reply }) => {
    if (from !== undefined || to !== undefined) return views.entries(world, Number(from ?? 0), Number(to ?? 0))
    const page = await views.allEntries(world, wanted)
    if (isRefusal(page)) return page
    linkTo(reply, page.next)
    return { entries: page.items }
  })
}
