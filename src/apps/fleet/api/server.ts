import type { HttpsServer } from '../../../adapters/http-server.ts'
import { ROUTES } from '../../../wire/fleet-routes.ts'
import { METRICS_TYPE } from '../../../wire/metrics-text.ts'
import { openApi } from '../../../wire/openapi.ts'
import * as routes from '../../../wire/routes/server.ts'
import type { FleetDoor } from './parts.ts'
import { shows } from './serve-route.ts'

/** The server itself: its figures, counted here for every route of the door, and its description. */
export function serverRoutes(server: HttpsServer, { metrics }: FleetDoor): void {
  server.addHook('onResponse', async (request, reply) => {
    // The route as it is written: an address that somebody makes up is no label.
    const route = request.routeOptions.url ?? 'none'
    metrics.requests.observe(reply.elapsedTime / 1000, { route, method: request.method, status: `${reply.statusCode}` })
  })

  shows(server, routes.readMetrics, async ({ reply }) => reply.type(METRICS_TYPE).send(await metrics.text()))

  shows(server, routes.readOpenApi, () => openApi(ROUTES))
}
