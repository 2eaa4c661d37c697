import { type HttpsServer, requirePeer, sendRefusal } from '../../../adapters/http-server.ts'
import { refuse } from '../../../core/refusal/refusal.ts'
import { REPOSITORIES } from '../../../core/trust/ceremony-note.ts'
import { closeCeremony } from '../../../flows/close.ts'
import { CloseCeremony, MAX_BINS_BODY } from '../../../wire/fleet-api.ts'
import { audited, decoded, decodedBins, type FleetDoor } from './answer.ts'

/** What was signed at a ceremony comes back. */
export function ceremonyRoutes(server: HttpsServer, { world }: FleetDoor): void {
  type Repo = { Params: { repo: string } }
  server.post<Repo & { Body: CloseCeremony }>(
    '/v1/ceremonies/:repo',
    { schema: { body: CloseCeremony }, bodyLimit: MAX_BINS_BODY },
    async (request, reply) => {
      const person = requirePeer(request, 'person')
      const repo = REPOSITORIES.find(name => name === request.params.repo)
      if (repo === undefined) {
        return sendRefusal(
          reply,
          refuse('not-found', request.params.repo, REPOSITORIES.join(', '), 'another repository'),
        )
      }
      const { root, targets, bins } = request.body
      const files = {
        bins: decodedBins(bins),
        root: root === undefined ? null : decoded(root, 'the root'),
        targets: targets === undefined ? null : decoded(targets, 'the targets metadata'),
      }
      const closed = await closeCeremony(world, person.id, repo, files)
      return audited(reply, world, person.id, `ceremony of ${repo}`, closed)
    },
  )
}
