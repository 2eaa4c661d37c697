import type { HttpsServer } from '../../../adapters/http-server.ts'
import * as routes from '../../../wire/routes/fleet.ts'
import { anchors } from '../anchors.ts'
import { history } from '../log-views.ts'
import { shownOf, siteFilter } from '../places.ts'
import * as views from '../views.ts'
import type { FleetDoor } from './parts.ts'
import { changes, shows } from './serve-route.ts'

/** Sites and their controllers: enrolled, and how they stand. */
export function fleetRoutes(server: HttpsServer, door: FleetDoor): void {
  const { world, enrolment } = door

  changes(server, door, routes.enrolSite, ({ peer, body }) => {
    return { attempt: 'site enrol', run: () => enrolment.enrol(peer.id, body) }
  })

  shows(server, routes.readStatus, () => views.status(world))

  shows(server, routes.readAnchors, () => anchors(world))

  shows(server, routes.listControllers, async ({ peer, query }) => {
    const seen = await siteFilter(world, peer, 'read-inventory')
    return shownOf(await views.controllers(world, query), one => (seen(one.site) ? one : null))
  })

  shows(server, routes.readController, ({ params }) => views.controller(world, params.site ?? '', params.id ?? ''))

  shows(server, routes.readHistory, ({ params, query }) => history(world, params.site ?? '', params.id ?? '', query))
}
