import type { Server } from 'node:https'
import type { Logger } from 'pino'
import { BOUNDS, boundConnections } from '../../adapters/connection-bounds.ts'
import { type HttpsServer, httpsServer, type ServerTls } from '../../adapters/http-server.ts'
import { CLOCK_HEADER } from '../../wire/fleet-api.ts'
import { accountRoutes } from './api/accounts.ts'
import { attentionRoutes } from './api/attention.ts'
import { auditRoutes } from './api/audit.ts'
import { campaignRoutes } from './api/campaigns.ts'
import { ceremonyRoutes } from './api/ceremonies.ts'
import { eventRoutes } from './api/events.ts'
import { fleetRoutes } from './api/fleet.ts'
import { gatewayRoutes } from './api/gateways.ts'
import { inventoryRoutes } from './api/inventory.ts'
import { logRoutes } from './api/log.ts'
import type { FleetDoor } from './api/parts.ts'
import { patchRoutes } from './api/patches.ts'
import { releaseRoutes } from './api/releases.ts'
import { serverRoutes } from './api/server.ts'
import { siemRoutes } from './api/siem.ts'
import { siteRoutes } from './api/sites.ts'
import { webhookRoutes } from './api/webhooks.ts'
import { guard } from './gate.ts'

/** The fleet server's door: gateways check in, fetch and report; people publish, plan, approve and watch. */
export function fleetDoor(door: FleetDoor, tls: ServerTls, log: Logger): HttpsServer {
  const server = httpsServer(tls, log, door.signIn ? 'asked-for' : 'required')
  boundConnections(server.server as Server, log, BOUNDS)
  guard(server, door.reception, { origins: new Set([door.origin]), pagesOnly: false, bearers: true })
  openApi(server, door)
  return server
}

/** Every route of the API that whoever comes to this server may use. */
export function openApi(server: HttpsServer, door: FleetDoor): void {
  // Whoever shows an age works it out by this clock: all times in the answers are of it.
  server.addHook('onSend', async (_, reply) => {
    if (!reply.hasHeader(CLOCK_HEADER)) reply.header(CLOCK_HEADER, String(door.world.clock.now()))
  })
  for (const routes of [
    // First: it counts the requests of all the others.
    serverRoutes,
    accountRoutes,
    gatewayRoutes,
    releaseRoutes,
    patchRoutes,
    ceremonyRoutes,
    campaignRoutes,
    fleetRoutes,
    attentionRoutes,
    siteRoutes,
    inventoryRoutes,
    auditRoutes,
    logRoutes,
    eventRoutes,
    webhookRoutes,
    siemRoutes,
  ]) {
    routes(server, door)
  }
}
