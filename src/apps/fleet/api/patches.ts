import type { HttpsServer } from '../../../adapters/http-server.ts'
import { reachOf } from '../../../core/fleet/roles.ts'
import * as routes from '../../../wire/routes/patches.ts'
import * as views from '../patch-views.ts'
import type { FleetDoor } from './parts.ts'
import { changes, shows } from './serve-route.ts'

/** Patches between images: which there are, and having one made. */
export function patchRoutes(server: HttpsServer, door: FleetDoor): void {
  const { world } = door

  shows(server, routes.listPatches, ({ query }) => views.patches(world, query))

  // What is published everybody may see; who runs what of it, only where they may see controllers.
  shows(server, routes.readReleasePatches, ({ peer, params }) =>
    views.patchesTo(world, params.release ?? '', reachOf(peer, 'read-inventory')),
  )

  changes(server, door, routes.makePatch, ({ peer, body }) => ({
    attempt: 'patch',
    run: () => views.wanted(world, peer, body),
  }))
}
