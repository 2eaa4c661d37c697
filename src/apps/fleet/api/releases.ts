import { sendBlob } from '../../../adapters/http-blobs.ts'
import { type HttpsServer, uploadOf } from '../../../adapters/http-server.ts'
import { isRefusal } from '../../../core/refusal/refusal.ts'
import { blobOf, publishRelease, storeBlob } from '../../../flows/publish.ts'
import * as routes from '../../../wire/routes/releases.ts'
import { policyJson } from '../publish-policy.ts'
import * as views from '../views.ts'
import { decoded, decodedBins, type FleetDoor } from './parts.ts'
import { changes, shows } from './serve-route.ts'

/** Releases: their payloads up and down, what is published, and what a release must carry for it. */
export function releaseRoutes(server: HttpsServer, door: FleetDoor): void {
  const { world, maxBlobBytes } = door

  shows(server, routes.readBlob, async ({ params, request, reply }) => {
    const blob = await blobOf(world, params.sha256 ?? '')
    return isRefusal(blob) ? blob : sendBlob(request, reply, world.blobs, blob)
  })

  // A blob has its name from its bytes: to bring it twice is to bring it once.
  shows(server, { ...routes.storeBlob, bodyLimit: maxBlobBytes }, ({ params, request }) => {
    const id = { sha256: params.sha256 ?? '', length: Number(request.headers['content-length']) }
    return storeBlob(world, id, maxBlobBytes, uploadOf(request))
  })

  shows(server, routes.listReleases, ({ query }) => views.releases(world, query))

  shows(server, routes.readPublishPolicy, () => policyJson(world.publishPolicy))

  changes(server, door, routes.publish, ({ peer, body }) => {
    const handed = { metadata: decoded(body.metadata, 'the targets metadata'), bins: decodedBins(body.bins) }
    return { attempt: 'publish', run: () => publishRelease(world, peer, handed) }
  })
}
