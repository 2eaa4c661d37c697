import type { HttpsServer } from '../../../adapters/http-server.ts'
import { Misfit } from '../../../core/encoding/shape.ts'
import { queryShape } from '../../../core/ledger/pack/query.ts'
import { isRefusal, RefusalError, refuse } from '../../../core/refusal/refusal.ts'
import { sealPack } from '../../../flows/seal.ts'
import * as routes from '../../../wire/routes/audit.ts'
import { kinds, search } from '../log-search.ts'
import * as views from '../log-views.ts'
import { standards } from '../standards.ts'
import type { FleetDoor } from './parts.ts'
import { changes, linkTo, shows } from './serve-route.ts'

/** The audit log, for who verifies it. */
export function auditRoutes(server: HttpsServer, door: FleetDoor): void {
  const { world, gathering, packs } = door

  shows(server, routes.readCheckpoint, () => views.checkpoint(world))

  shows(server, routes.lookUpPeople, ({ query }) => views.people(world, query.of))

  shows(server, routes.listEntries, async ({ query: { from, to, ...wanted }, reply }) => {
    if (from !== undefined || to !== undefined) return views.entries(world, Number(from ?? 0), Number(to ?? 0))
    const page = await views.allEntries(world, wanted)
    if (isRefusal(page)) return page
    linkTo(reply, page.next)
    return { entries: page.items }
  })

  shows(server, routes.searchEntries, ({ query, peer }) => search(world, query, peer))

  shows(server, routes.countKinds, ({ query }) => kinds(world, query))

  shows(server, routes.readStandards, ({ query }) => standards(world, query))

  shows(server, routes.readPolicy, () => views.policy(world, gathering.policy))

  changes(server, door, routes.sealPack, ({ peer, body: { manifest, query: asked, size, events } }) => {
    const query = queryShape(asked, 'query')
    if (query instanceof Misfit) {
      throw new RefusalError(refuse('request-malformed', query.at, query.expected, query.actual))
    }
    return {
      attempt: 'evidence export',
      run: () => sealPack(world, peer, { manifest, query, size, events }),
    }
  })

  changes(server, door, routes.beginPack, ({ peer, body: { query } }) => ({
    attempt: 'evidence export',
    run: async () => packs.begin(peer, query),
  }))

  shows(server, routes.listPacks, ({ peer }) => packs.of(peer.id))

  changes(server, door, routes.cancelPack, ({ peer, params: { id = '' } }) => ({
    attempt: 'evidence cancel',
    run: () => packs.cancel(peer.id, id),
  }))

  shows(server, routes.fetchPack, ({ peer, params: { id = '' }, reply }) => {
    const zip = packs.file(peer.id, id)
    if (isRefusal(zip)) return zip
    // Whatever a browser makes of it, it is a file to be saved.
    reply.header('content-disposition', `attachment; filename="evidence-${id.slice(0, 8)}.zip"`)
    return reply.header('cache-control', 'private, no-store').type('application/zip').send(Buffer.from(zip))
  })
}
