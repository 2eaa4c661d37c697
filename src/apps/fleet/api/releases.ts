import { sendBlob } from '../../../adapters/http-blobs.ts'
import { type HttpsServer, requirePeer, sendRefusal, streamOf } from '../../../adapters/http-server.ts'
import { isRefusal } from '../../../core/refusal/refusal.ts'
import { blobOf, publishRelease, storeBlob } from '../../../flows/publish.ts'
import { MAX_BINS_BODY, PublishRelease } from '../../../wire/fleet-api.ts'
import { policyJson } from '../publish-policy.ts'
import * as views from '../views.ts'
import { answer, audited, decoded, decodedBins, type FleetDoor } from './answer.ts'

/** Releases: their payloads up and down, what is published, and what a release must carry for it. */
export function releaseRoutes(server: HttpsServer, { world, maxBlobBytes }: FleetDoor): void {
  server.get<{ Params: { sha256: string } }>('/v1/blobs/:sha256', async (request, reply) => {
    const blob = await blobOf(world, request.params.sha256)
    return isRefusal(blob) ? sendRefusal(reply, blob) : sendBlob(request, reply, world.blobs, blob)
  })

  server.put<{ Params: { sha256: string } }>(
    '/v1/blobs/:sha256',
    { bodyLimit: maxBlobBytes },
    async (request, reply) => {
      requirePeer(request, 'person')
      const id = { sha256: request.params.sha256, length: Number(request.headers['content-length']) }
      const stored = await storeBlob(world, id, maxBlobBytes, streamOf(request))
      return stored === null ? reply.code(204).send() : sendRefusal(reply, stored)
    },
  )

  server.get('/v1/releases', async (request, reply) => {
    requirePeer(request, 'person')
    return answer(reply, await views.releases(world))
  })

  server.get('/v1/publish-policy', async (request, reply) => {
    requirePeer(request, 'person')
    return reply.send(policyJson(world.publishPolicy))
  })

  server.post<{ Body: PublishRelease }>(
    '/v1/releases',
    { schema: { body: PublishRelease }, bodyLimit: MAX_BINS_BODY },
    async (request, reply) => {
      const person = requirePeer(request, 'person')
      const metadata = decoded(request.body.metadata, 'the targets metadata')
      const handed = { metadata, bins: decodedBins(request.body.bins) }
      return audited(reply, world, person.id, 'publish', await publishRelease(world, person.id, handed))
    },
  )
}
