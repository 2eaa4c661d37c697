import type { HttpsServer } from '../../../adapters/http-server.ts'
import * as routes from '../../../wire/routes/sites.ts'
import * as views from '../site-views.ts'
import type { FleetDoor } from './parts.ts'
import { shows } from './serve-route.ts'

/** One site: how it is described, how its controllers stand, what its plant says while somebody looks. */
export function siteRoutes(server: HttpsServer, { world, metrics }: FleetDoor): void {
  shows(server, routes.readSite, ({ params: { site = '' } }) => {
    const silent = metrics.silentFor(site)
    return views.site(world, site, silent === null ? null : world.clock.now() - silent)
  })

  shows(server, routes.listSiteControllers, ({ params: { site = '' }, query }) =>
    views.siteControllers(world, site, query),
  )

  shows(server, routes.readSiteController, ({ params: { site = '', id = '' } }) =>
    views.siteController(world, site, id),
  )

  shows(server, routes.lookAtPlant, ({ params: { site = '' } }) => views.plant(world, site))
}
