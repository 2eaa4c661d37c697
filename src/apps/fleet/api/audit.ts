import { type HttpsServer, requirePeer } from '../../../adapters/http-server.ts'
import * as views from '../views.ts'
import { answer, type FleetDoor } from './answer.ts'

/** The audit log, for who verifies it. */
export function auditRoutes(server: HttpsServer, { world }: FleetDoor): void {
  server.get('/v1/audit/checkpoint', async (request, reply) => {
    requirePeer(request, 'person')
    return answer(reply, await views.checkpoint(world))
  })

  server.get<{ Querystring: { from?: string; to?: string } }>('/v1/audit/entries', async (request, reply) => {
    requirePeer(request, 'person')
    return answer(reply, await views.entries(world, Number(request.query.from ?? 0), Number(request.query.to ?? 0)))
  })
}
