import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { sendBlob } from '../../adapters/http-blobs.ts'
import {
  type HttpsServer,
  httpsServer,
  peer,
  requirePeer,
  type ServerTls,
  sendRefusal,
  streamOf,
} from '../../adapters/http-server.ts'
import { planBytes } from '../../core/campaign/plan.ts'
import { fromBase64, fromUtf8 } from '../../core/encoding/bytes.ts'
import { isRefusal, type Refusal, RefusalError, refuse, sentence } from '../../core/refusal/refusal.ts'
import { REPOSITORIES } from '../../core/trust/ceremony-note.ts'
import { approve, draftOf } from '../../flows/approve.ts'
import { recordRefusal } from '../../flows/audit.ts'
import { command, createCampaign, openCampaign, wantedOf } from '../../flows/campaign.ts'
import { closeCeremony } from '../../flows/close.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import { blobOf, publishRelease, storeBlob } from '../../flows/publish.ts'
import { acceptUpstream } from '../../flows/report.ts'
import { encrypted, takeWraps, unwrapped, type Wanted } from '../../flows/wrap.ts'
import {
  Approve,
  BringWraps,
  type CampaignDraft,
  CloseCeremony,
  Command,
  CreateCampaign,
  EnrolSite,
  MAX_BINS_BODY,
  PublishRelease,
  UpstreamBatch,
  type WrapsView,
} from '../../wire/fleet-api.ts'
import { anchors } from './anchors.ts'
import type { Enrolment } from './enrolment.ts'
import { policyJson } from './publish-policy.ts'
import * as views from './views.ts'

/** Where a door needs more than the flows: who may be enrolled, and how often rollouts are looked at. */
export type FleetDoor = { readonly world: FleetWorld; readonly enrolment: Enrolment; readonly maxBlobBytes: number }

/** The fleet server's door: gateways check in, fetch and report; people publish, plan, approve and watch. */
export function fleetDoor(door: FleetDoor, tls: ServerTls, log: Logger): HttpsServer {
  const server = httpsServer(tls, log)
  gatewayRoutes(server, door)
  releaseRoutes(server, door)
  ceremonyRoutes(server, door)
  campaignRoutes(server, door)
  fleetRoutes(server, door)
  return server
}

function gatewayRoutes(server: HttpsServer, { world }: FleetDoor): void {
  server.get('/v1/check-in', async (request, reply) => {
    const { site } = requirePeer(request, 'gateway')
    const tag = await siteTag(world, site)
    reply.header('etag', tag)
    return reply.code(request.headers['if-none-match'] === tag ? 304 : 200).send()
  })

  server.post<{ Body: UpstreamBatch }>('/v1/upstream', { schema: { body: UpstreamBatch } }, async (request, reply) => {
    const { site } = requirePeer(request, 'gateway')
    const { manifest, items } = request.body
    const batch = items.map(item => ({ ...item, bytes: decoded(item.bytes, 'an outbox item') }))
    const taken = await acceptUpstream(world, site, batch, decoded(manifest, 'the site manifest'))
    // A gateway whose manifest does not hold is broken or not the gateway: both are for the log.
    if (isRefusal(taken)) await recordRefusal(world, { kind: 'gateway', id: site }, 'upstream', taken)
    return answer(reply, taken)
  })

  server.get<{ Params: { repo: string; path: string } }>('/v1/repos/:repo/:path', (request, reply) =>
    sendFile(request, reply, world, repoFor(request, request.params.repo), request.params.path),
  )

  // What a gateway is ordered is for itself and for people: who carries it there on a stick reads it here.
  server.get<{ Params: { site: string; path: string } }>('/v1/sites/:site/director/:path', (request, reply) => {
    requirePeer(request, 'person')
    return sendFile(request, reply, world, `director/${request.params.site}`, request.params.path)
  })
}

async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  world: FleetWorld,
  repo: string,
  path: string,
): Promise<FastifyReply> {
  const bytes = await world.store.file(repo, path)
  if (bytes === null)
    return sendRefusal(reply, refuse('not-found', `${repo}/${path}`, 'a file of the repository', 'none'))
  reply.type('application/json').header('vary', 'accept-encoding')
  // Metadata repeats itself, the director's most of all; it is public to whoever may ask, so its length tells nothing.
  const packed = bytes.length > 1024 && request.headers['accept-encoding'] === 'gzip'
  return packed ? reply.header('content-encoding', 'gzip').send(gzipSync(bytes)) : reply.send(Buffer.from(bytes))
}

function releaseRoutes(server: HttpsServer, { world, maxBlobBytes }: FleetDoor): void {
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

function ceremonyRoutes(server: HttpsServer, { world }: FleetDoor): void {
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

const decodedBins = (bins: Readonly<Record<string, string>> = {}): ReadonlyMap<string, Uint8Array> =>
  new Map(Object.entries(bins).map(([name, base64]) => [name, decoded(base64, name)]))

function campaignRoutes(server: HttpsServer, { world }: FleetDoor): void {
  type Id = { Params: { id: string } }

  server.get('/v1/campaigns', async (request, reply) => {
    requirePeer(request, 'person')
    return answer(reply, await views.campaigns(world))
  })

  server.get<Id>('/v1/campaigns/:id', async (request, reply) => {
    requirePeer(request, 'person')
    return answer(reply, await views.campaign(world, request.params.id))
  })

  server.post<{ Body: CreateCampaign }>(
    '/v1/campaigns',
    { schema: { body: CreateCampaign } },
    async (request, reply) => {
      const person = requirePeer(request, 'person')
      const result = await plan(world, person.id, request.body)
      return audited(reply, world, person.id, 'campaign create', result)
    },
  )

  server.get<Id>('/v1/campaigns/:id/draft', async (request, reply) => {
    requirePeer(request, 'person')
    return answer(reply, await draftOf(world, request.params.id))
  })

  server.get<Id>('/v1/campaigns/:id/plan', async (request, reply) => {
    requirePeer(request, 'person')
    const row = await world.store.campaign(request.params.id)
    if (row === null)
      return sendRefusal(reply, refuse('not-found', `campaign ${request.params.id}`, 'a campaign', 'none'))
    return reply.type('application/json').send(Buffer.from(row.plan))
  })

  server.post<Id & { Body: Approve }>(
    '/v1/campaigns/:id/approvals',
    { schema: { body: Approve } },
    async (request, reply) => {
      const person = requirePeer(request, 'person')
      const result = await approve(world, person.id, request.params.id, request.body)
      return audited(reply, world, person.id, 'campaign approve', result)
    },
  )

  server.get<Id & { Querystring: { again?: string } }>('/v1/campaigns/:id/wraps', async (request, reply) => {
    requirePeer(request, 'person')
    // A wrap that stands may be one of nothing, and the server cannot tell: all of them, for who wraps again.
    const asked = request.query.again === 'true' ? encrypted : unwrapped
    const opened = await openCampaign(world, request.params.id)
    const missing = isRefusal(opened) ? opened : await asked(world, wantedOf(opened.plan))
    return answer(reply, isRefusal(missing) ? missing : missing.map(wrapView))
  })

  server.post<Id & { Body: BringWraps }>(
    '/v1/campaigns/:id/wraps',
    { schema: { body: BringWraps } },
    async (request, reply) => {
      const person = requirePeer(request, 'person')
      const { id } = request.params
      const wraps = request.body.wraps.map(one => ({
        ...one,
        wrap: decoded(one.wrap, `${one.site}/${one.controller}`),
      }))
      const result = await world.store.exclusive(async () => {
        const opened = await openCampaign(world, id)
        return isRefusal(opened) ? opened : takeWraps(world, person.id, id, wantedOf(opened.plan), wraps)
      })
      return audited(reply, world, person.id, 'campaign wrap', result)
    },
  )

  server.post<Id & { Body: Command }>(
    '/v1/campaigns/:id/commands',
    { schema: { body: Command } },
    async (request, reply) => {
      const person = requirePeer(request, 'person')
      const { command: verb, reason } = request.body
      const { id } = request.params
      const refusal = await command(world, person.id, id, verb, reason ?? null)
      return audited(reply, world, person.id, `campaign ${verb}`, refusal ?? (await views.campaign(world, id)))
    },
  )
}

const wrapView = ({ site, controller, envelope }: Wanted): WrapsView[number] => {
  return { site, controller, path: envelope.path, envelope: envelope.sha256 }
}

async function plan(world: FleetWorld, person: string, body: CreateCampaign): Promise<CampaignDraft | Refusal> {
  const { sites, classes, controllers, dryRun, ...asked } = body
  const select = {
    ...(sites === undefined ? {} : { sites }),
    ...(classes === undefined ? {} : { classes }),
    ...(controllers === undefined ? {} : { controllers }),
  }
  const drafted = await createCampaign(world, person, { ...asked, select }, dryRun)
  if (isRefusal(drafted)) return drafted
  const passedOver = drafted.passedOver.map(({ controller, why }) => ({
    controller,
    code: why.code,
    why: sentence(why),
  }))
  return { id: body.id, kept: !dryRun, plan: fromUtf8(planBytes(drafted.plan)) ?? '', passedOver }
}

function fleetRoutes(server: HttpsServer, { world, enrolment }: FleetDoor): void {
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

  server.get('/v1/audit/checkpoint', async (request, reply) => {
    requirePeer(request, 'person')
    return answer(reply, await views.checkpoint(world))
  })

  server.get<{ Querystring: { from?: string; to?: string } }>('/v1/audit/entries', async (request, reply) => {
    requirePeer(request, 'person')
    return answer(reply, await views.entries(world, Number(request.query.from ?? 0), Number(request.query.to ?? 0)))
  })
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
function repoFor(request: FastifyRequest, repo: string): string {
  if (repo === 'image' || repo === 'approval') return repo
  const identity = peer(request)
  if (repo === 'director' && identity?.kind === 'gateway') return `director/${identity.site}`
  if (repo === 'director' && identity?.kind === 'person') return repo
  throw new RefusalError(refuse('not-found', repo, 'image, approval or director', 'another repository'))
}

function decoded(base64: string, subject: string): Uint8Array {
  const bytes = fromBase64(base64)
  if (bytes !== null) return bytes
  throw new RefusalError(refuse('request-malformed', subject, 'canonical base64', 'something else'))
}

function answer<T>(reply: FastifyReply, result: T | Refusal): FastifyReply {
  return isRefusal(result) ? sendRefusal(reply, result) : reply.send(result)
}

/** A person's refused attempt is an event of its own: it is in the log before it is answered. */
async function audited<T>(
  reply: FastifyReply,
  world: FleetWorld,
  person: string,
  attempt: string,
  result: T | Refusal,
): Promise<FastifyReply> {
  if (isRefusal(result)) await recordRefusal(world, { kind: 'person', id: person }, attempt, result)
  return answer(reply, result)
}
