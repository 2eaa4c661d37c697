import type { HttpsServer } from '../../../adapters/http-server.ts'
import { RefusalError, refuse } from '../../../core/refusal/refusal.ts'
import { REPOSITORIES } from '../../../core/trust/ceremony-note.ts'
import { closeCeremony } from '../../../flows/close.ts'
import * as routes from '../../../wire/routes/ceremonies.ts'
import { decoded, decodedBins, type FleetDoor } from './parts.ts'
import { changes } from './serve-route.ts'

/** What was signed at a ceremony comes back. */
export function ceremonyRoutes(server: HttpsServer, door: FleetDoor): void {
  changes(server, door, routes.closeCeremony, ({ params, peer, body: { root, targets, bins } }) => {
    const repo = REPOSITORIES.find(name => name === params.repo)
    if (repo === undefined) {
      throw new RefusalError(refuse('not-found', params.repo ?? '', REPOSITORIES.join(', '), 'another repository'))
    }
    const files = {
      bins: decodedBins(bins),
      root: root === undefined ? null : decoded(root, 'the root'),
      targets: targets === undefined ? null : decoded(targets, 'the targets metadata'),
    }
    return { attempt: `ceremony of ${repo}`, run: () => closeCeremony(door.world, peer, repo, files) }
  })
}
