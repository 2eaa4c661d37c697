import type { FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { sendBlob } from '../../adapters/http-blobs.ts'
import {
  type HttpsServer,
  httpsServer,
  peer,
  refusalOf,
  requirePeer,
  type ServerTls,
  sendRefusal,
  streamOf,
} from '../../adapters/http-server.ts'
import { isRefusal, RefusalError, refuse } from '../../core/refusal/refusal.ts'
import { MAX_HISTORY_BYTES } from '../../core/trust/device-history.ts'
import { acceptHistory, historyWanted } from '../../flows/fold.ts'
import type { SiteWorld } from '../../flows/ports.ts'
import { waitOf } from '../../flows/reason.ts'
import { isAttempt, noteRefusalAt } from '../../flows/refused.ts'
import { offerFor } from '../../flows/relay.ts'
import { acceptControllerReport } from '../../flows/report.ts'
import { payloadOf } from '../../flows/stage.ts'
import { MAX_REPORT, type WaitAnswer } from '../../wire/gateway-api.ts'
import type { Bell } from './bell.ts'

/** The longest that an empty offer is held open for news, in milliseconds. */
const MAX_WAIT = 25_000

/** Who is woken: `reports` when a controller has reported, `work` (under its id) when there is news for a controller. */
export type Bells = { readonly reports: Bell; readonly work: Bell }

/** Requests whose refusal the flow has recorded. */
const told = new WeakSet<FastifyRequest>()

/** The gateway's door on the site's network: controllers of this site ask for work, fetch payloads and report. */
export function gatewayDoor(world: SiteWorld, tls: ServerTls, bells: Bells, log: Logger): HttpsServer {
  const server = httpsServer(tls, log)

  // The one place for all of them: what is refused is in the outbox before it is answered.
  server.addHook('onSend', async (request, reply) => {
    const refusal = refusalOf(reply)
    if (refusal === null || told.has(request) || !isAttempt(request.method, refusal)) return
    const identity = peer(request)
    const own = identity?.kind === 'controller' && identity.site === world.site.site ? identity.id : null
    const attempt = `${request.method} ${request.routeOptions.url ?? 'an unknown address'}`
    try {
      await noteRefusalAt(world, { controller: own, attempt }, refusal)
    } catch (error) {
      request.log.error({ err: error }, 'a refused attempt could not be recorded')
    }
  })

  /** Which controller asks. The authority is this site's alone, and its certificates name the site all the same. */
  const controllerOf = (request: FastifyRequest): string => {
    const { id, site } = requirePeer(request, 'controller')
    const own = world.site.site
    if (site === own) return id
    const subject = `${request.method} ${request.url}`
    throw new RefusalError(refuse('not-permitted', subject, `a controller of ${own}`, `${site}/${id}`))
  }

  server.get<{ Querystring: { wait?: string } }>('/v1/offer', async (request, reply) => {
    const id = controllerOf(request)
    const asked = world.steady()
    const wait = Math.min(Number(request.query.wait ?? 0) || 0, MAX_WAIT)
    const answered = new AbortController()
    const news = bells.work.next(wait, answered.signal, id)
    let offer = await offerFor(world, id)
    if (offer === null && wait > 0) {
      await news
      offer = await offerFor(world, id)
    }
    answered.abort()
    if (offer === null) return reply.code(204).send()
    if (isRefusal(offer)) return sendRefusal(reply, offer)
    // Counted from the question on, so that an answer that is long under way does not make the turn longer.
    return offer.within === undefined ? offer : { ...offer, within: offer.within + world.steady() - asked }
  })

  server.get('/v1/wait', async (request, reply) => {
    const wait = waitOf(world, controllerOf(request))
    if (wait === null) return reply.code(204).send()
    const { rule, sentence, value, threshold, ageMillis, nextPossible } = wait
    const answer: WaitAnswer = { rule, sentence, value, threshold, ageMillis, nextPossible }
    return answer
  })

  server.get<{ Params: { sha256: string } }>('/v1/blobs/:sha256', async (request, reply) => {
    const id = controllerOf(request)
    const blob = await payloadOf(world, id, request.params.sha256)
    return isRefusal(blob) ? sendRefusal(reply, blob) : sendBlob(request, reply, world.blobs, blob)
  })

  server.post('/v1/reports', { bodyLimit: MAX_REPORT }, async (request, reply) => {
    const id = controllerOf(request)
    const bytes = await wholeBody(request, `a report of ${id}`, MAX_REPORT)
    // What the flow refuses it has told of.
    told.add(request)
    const accepted = await acceptControllerReport(world, id, bytes)
    if (isRefusal(accepted)) return sendRefusal(reply, accepted)
    bells.reports.ring()
    return accepted
  })

  server.get('/v1/history', async (request, reply) => {
    const wanted = await historyWanted(world, controllerOf(request))
    return isRefusal(wanted) ? sendRefusal(reply, wanted) : wanted
  })

  server.post('/v1/history', { bodyLimit: MAX_HISTORY_BYTES }, async (request, reply) => {
    const id = controllerOf(request)
    const bytes = await wholeBody(request, `a history of ${id}`, MAX_HISTORY_BYTES)
    // As with a report: what the flow refuses it has told of.
    told.add(request)
    const accepted = await acceptHistory(world, id, bytes)
    if (isRefusal(accepted)) return sendRefusal(reply, accepted)
    bells.reports.ring()
    return accepted
  })

  return server
}

/** The body of a request, whole. Throws the refusal of one that is longer. */
async function wholeBody(request: FastifyRequest, subject: string, most: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of streamOf(request)) {
    length += part.length
    if (length > most) throw new RefusalError(refuse('request-malformed', subject, `at most ${most} bytes`, 'more'))
    parts.push(part)
  }
  return new Uint8Array(Buffer.concat(parts))
}
