import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type HttpsServer, sendRefusal } from '../../../adapters/http-server.ts'
import type { PlantView } from '../../../core/campaign/plant-view.ts'
import type { Identity } from '../../../core/fleet/identity.ts'
import { isRefusal, RefusalError, refuse } from '../../../core/refusal/refusal.ts'
import type { Who } from '../../../flows/admit.ts'
import { siteShows } from '../../../flows/campaign.ts'
import { refusedUpstream, upstreamEnd } from '../../../flows/fold.ts'
import { fileFor } from '../../../flows/keep.ts'
import { offerCheckpoint, takeWitnessing } from '../../../flows/offer-checkpoint.ts'
import type { FleetWorld } from '../../../flows/ports.ts'
import { acceptUpstream } from '../../../flows/report.ts'
import { isLookedAt, takePlant } from '../../../flows/show-plant.ts'
import { upstreamOf } from '../../../flows/upstream.ts'
import { CLOCK_HEADER, ORDERS_HEADER, UPSTREAM_HEADER } from '../../../wire/fleet-api.ts'
import { LOOK_HEADER } from '../../../wire/plant-api.ts'
import * as routes from '../../../wire/routes/gateways.ts'
import { attempting, wasTold } from '../gate.ts'
import { decoded, type FleetDoor } from './parts.ts'
import { shows } from './serve-route.ts'

/** What gateways come for: news, their outbox's way up, the repositories. */
export function gatewayRoutes(server: HttpsServer, { world, metrics, gathering }: FleetDoor): void {
  shows(server, routes.checkIn, async ({ peer, request, reply }) => {
    metrics.hear(peer.site)
    const tag = await siteTag(world, peer.site)
    reply.header('etag', tag)
    reply.header(CLOCK_HEADER, String(world.clock.now()))
    if (isLookedAt(world, peer.site)) reply.header(LOOK_HEADER, '1')
    const upstream = await upstreamOf(world, peer.site, numberIn(request.headers[UPSTREAM_HEADER]))
    if (upstream !== null) {
      reply.header(UPSTREAM_HEADER, `${upstream.taken}${upstream.restored ? ' restored' : ''}`)
    }
    const same = request.headers['if-none-match'] === tag
    // The tag says what the gateway has taken, and not what is over at its site: a turn that was granted goes on.
    const goesBy = request.headers[ORDERS_HEADER]
    const version = numberIn(goesBy)
    if (version !== null && version > 0) await siteShows(world, peer.site, version)
    return reply.code(same ? 304 : 200).send()
  })

  shows(server, routes.sendUpstream, async ({ peer: { site }, body: { manifest, items }, request }) => {
    attempting(request, 'upstream')
    const batch = items.map(item => ({ ...item, bytes: decoded(item.bytes, 'an outbox item') }))
    const taken = await acceptUpstream(world, site, batch, decoded(manifest, 'the site manifest'))
    // A gateway whose manifest does not hold is broken or not the gateway: the gate has both in the log.
    if (isRefusal(taken)) await refusedUpstream(world, site, taken)
    else metrics.take(batch)
    return taken
  })

  shows(server, routes.offeredCheckpoint, async ({ query: { old }, reply }) => {
    const offered = await offerCheckpoint(gathering, Number(old))
    return isRefusal(offered) ? offered : reply.type('text/plain; charset=utf-8').send(offered)
  })

  shows(server, routes.sendWitnessing, async ({ peer: { site }, body, request, reply }) => {
    attempting(request, 'witness')
    const taken = await takeWitnessing(gathering, site, body)
    if (taken === null) return reply.code(204).send()
    // A gateway whose signature does not hold is broken or not the gateway: the gate has both in the log, once, however often it comes.
    const told = `${site} ${taken.code}`
    if (gathering.memory.told.has(told)) wasTold(request)
    gathering.memory.told.add(told)
    return taken
  })

  // What it shows is of its own site, whatever it says: its certificate names the site.
  shows(server, routes.showPlant, ({ peer: { site }, body, request, reply }) => {
    attempting(request, 'plant')
    takePlant(world, site, body as PlantView)
    return reply.code(204).send()
  })

  shows(server, routes.upstreamEnd, ({ peer: { site } }) => upstreamEnd(world, site))

  // A gateway reads its own site's sheets, whatever it asks for; people read all of a campaign's.
  shows(server, routes.repositoryFile, async ({ peer, params: { repo = '', path = '' }, request, reply }) => {
    if (repo === 'sheets' && 'kind' in peer) {
      return sendBytes(request, reply, `sheets/${path}`, await fileFor(world, peer.site, repo, path))
    }
    return sendFile(request, reply, world, repoFor(peer, repo), path)
  })

  // What a gateway is ordered is for itself and for people: who carries it there on a stick reads it here.
  shows(server, routes.siteOrders, ({ params, request, reply }) =>
    sendFile(request, reply, world, `director/${params.site}`, params.path ?? ''),
  )

  shows(server, routes.siteSheet, async ({ params: { site = '', path = '' }, request, reply }) =>
    sendBytes(request, reply, `sheets/${path}`, await fileFor(world, site, 'sheets', path)),
  )
}

const numberIn = (said: string | string[] | undefined): number | null =>
  typeof said === 'string' && /^[0-9]{1,15}$/.test(said) ? Number(said) : null

async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  world: FleetWorld,
  repo: string,
  path: string,
): Promise<FastifyReply> {
  return sendBytes(request, reply, `${repo}/${path}`, await world.store.file(repo, path))
}

function sendBytes(request: FastifyRequest, reply: FastifyReply, name: string, bytes: Uint8Array | null): FastifyReply {
  if (bytes === null) return sendRefusal(reply, refuse('not-found', name, 'a file of the repository', 'none'))
  reply.type('application/json').header('vary', 'accept-encoding')
  // Metadata repeats itself, the director's most of all; it is public to whoever may ask, so its length tells nothing.
  const packed = bytes.length > 1024 && request.headers['accept-encoding'] === 'gzip'
  return packed ? reply.header('content-encoding', 'gzip').send(gzipSync(bytes)) : reply.send(Buffer.from(bytes))
}

/** A site's tag, kept with its director's timestamp while the other two are the ones that it was made of. */
const tags = new WeakMap<Uint8Array, { readonly others: readonly (Uint8Array | null)[]; readonly tag: string }>()

/**
 * What a gateway compares to know that nothing is new: the three timestamps that stand over everything else. The store
 * answers the same bytes object until a commit replaces them, so an idle check-in computes nothing.
 */
async function siteTag({ store }: FleetWorld, site: string): Promise<string> {
  const [director, image, approval] = [
    await store.file(`director/${site}`, 'timestamp.json'),
    await store.file('image', 'timestamp.json'),
    await store.file('approval', 'timestamp.json'),
  ]
  const known = director === null ? undefined : tags.get(director)
  if (known?.others[0] === image && known.others[1] === approval) return known.tag
  const hash = createHash('sha256')
  for (const file of [image, approval, director]) hash.update(file ?? '').update('\0')
  const tag = `"${hash.digest('hex').slice(0, 32)}"`
  if (director !== null) tags.set(director, { others: [image, approval], tag })
  return tag
}

/**
 * The repository that a path means: `director` is the asking gateway's own. To a person it is what all sites have in
 * common: the director's roots.
 */
function repoFor(caller: Identity | Who, repo: string): string {
  if (repo === 'image' || repo === 'approval') return repo
  if (repo === 'director') return 'kind' in caller && caller.kind === 'gateway' ? `director/${caller.site}` : repo
  throw new RefusalError(refuse('not-found', repo, 'image, approval or director', 'another repository'))
}
