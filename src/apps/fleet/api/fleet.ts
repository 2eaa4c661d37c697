import type { HttpsServer } from '../../../adapters/http-server.ts'
import { signedBy, witnessAlarms } from '../../../flows/cosigned.ts'
import * as routes from '../../../wire/routes/fleet.ts'
import { anchors } from '../anchors.ts'
import { breaks } from '../breaks.ts'
import { history } from '../log-views.ts'
import { siteFilter } from '../places.ts'
import { shared } from '../shared.ts'
import * as views from '../views.ts'
import type { FleetDoor } from './parts.ts'
import { changes, shows } from './serve-route.ts'

/** Sites and their controllers: enrolled, and how they stand. */
export function fleetRoutes(server: HttpsServer, door: FleetDoor): void {
  const { world, enrolment, siem, gathering } = door

  changes(server, door, routes.enrolSite, ({ peer, body }) => {
    return { attempt: 'site enrol', run: () => enrolment.enrol(peer, body) }
  })

  // What concerns all is everybody's; which sites there are, only those may know who may see them.
  shows(server, routes.readStatus, async ({ peer }) => {
    const more = [...(await siem.alarms()), ...(await witnessAlarms(gathering))]
    const stands = await views.status(world, siteFilter(world, peer, 'read-inventory'), more)
    return { ...stands, log: await signedBy(gathering) }
  })

  shows(server, routes.listBreaks, ({ peer, query }) => breaks(world, query, siteFilter(world, peer, 'read-inventory')))

  const look = shared(() => anchors(world))
  shows(server, routes.readAnchors, look)

  shows(server, routes.listControllers, ({ peer, query }) =>
    views.controllers(world, query, siteFilter(world, peer, 'read-inventory')),
  )

  shows(server, routes.readController, ({ params }) => views.controller(world, params.site ?? '', params.id ?? ''))

  shows(server, routes.readHistory, ({ peer, params, query }) =>
    history(world, params.site ?? '', params.id ?? '', query, peer),
  )
}
