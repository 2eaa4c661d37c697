import { type HttpsServer, requirePeer } from '../../../adapters/http-server.ts'
import { EnrolSite } from '../../../wire/fleet-api.ts'
import { anchors } from '../anchors.ts'
import * as views from '../views.ts'
import { answer, audited, type FleetDoor } from './answer.ts'

/** Sites and their controllers: enrolled, and how they stand. */
export function fleetRoutes(server: HttpsServer, { world, enrolment }: FleetDoor): void {
  server.post<{ Body: EnrolSite }>('/v1/sites', { schema: { body: EnrolSite } }, async (request, reply) => {
    const person = requirePeer(request, 'person')
    return audited(reply, world, person.id, 'site enrol', await enrolment.enrol(person.id, request.body))
  })

  server.get('/v1/status', async (request, reply) => {
    requirePeer(request, 'person')
    return answer(reply, await views.status(world))
  })

  server.get('/v1/anchors', async (request, reply) => {
    requirePeer(request, 'person')
    return answer(reply, await anchors(world))
  })

  server.get('/v1/controllers', async (request, reply) => {
    requirePeer(request, 'person')
    return answer(reply, await views.controllers(world))
  })

  server.get<{ Params: { site: string; id: string } }>('/v1/controllers/:site/:id', async (request, reply) => {
    requirePeer(request, 'person')
    return answer(reply, await views.controller(world, request.params.site, request.params.id))
  })

  server.get<{ Params: { site: string; id: string } }>('/v1/controllers/:site/:id/history', async (request, reply) => {
    requirePeer(request, 'person')
    return answer(reply, await views.history(world, request.params.site, request.params.id))
  })
}
