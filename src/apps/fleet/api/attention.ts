import type { HttpsServer } from '../../../adapters/http-server.ts'
import { witnessAlarms } from '../../../flows/cosigned.ts'
import * as routes from '../../../wire/routes/attention.ts'
import { attentionOf } from '../attention.ts'
import type { FleetDoor } from './parts.ts'
import { shows } from './serve-route.ts'

/** What needs somebody. */
export function attentionRoutes(server: HttpsServer, { world, siem, gathering }: FleetDoor): void {
  const attention = attentionOf(world, async () => [...(await siem.alarms()), ...(await witnessAlarms(gathering))])
  shows(server, routes.listAttention, ({ peer, query }) => attention.list(peer, query))
  shows(server, routes.readAttention, ({ peer }) => attention.summary(peer))
}
