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
import { JsonFault } from '../../core/encoding/canonical-json.ts'
import { line, Misfit, object, text } from '../../core/encoding/shape.ts'
import { readJson } from '../../core/encoding/strict-json.ts'
import { isRefusal, type Refusal, RefusalError, refuse } from '../../core/refusal/refusal.ts'
import { MAX_HISTORY_BYTES } from '../../core/trust/device-history.ts'
import { acceptHistory, historyWanted } from '../../flows/fold.ts'
import { offerFor } from '../../flows/offer.ts'
import type { SiteWorld } from '../../flows/ports.ts'
import { waitOf } from '../../flows/reason.ts'
import { isAttempt, noteRefusalAt } from '../../flows/refused.ts'
import { assignmentOf } from '../../flows/relay.ts'
import { acceptControllerReport } from '../../flows/report.ts'
import { payloadOf } from '../../flows/stage.ts'
import { noteTaker, patchRefused } from '../../flows/way.ts'
import { MAX_PATCH_REFUSED, MAX_REPORT, type PatchRefused, type WaitAnswer } from '../../wire/gateway-api.ts'
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

  server.get<{ Querystring: { wait?: string; patches?: string } }>('/v1/offer', async (request, reply) => {
    const id = controllerOf(request)
    const asked = world.steady()
    await noteTaker(world, id, memoryIn(request.query.patches))
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

  server.post('/v1/patch-refused', { bodyLimit: MAX_PATCH_REFUSED }, async (request, reply) => {
    const id = controllerOf(request)
    const said = readPatchRefused(await wholeBody(request, `what ${id} says of a patch`, MAX_PATCH_REFUSED))
    const refused = said === null ? misread(id) : await patchRefused(world, await assignmentOf(world, id), said)
    return refused === null ? reply.code(204).send() : sendRefusal(reply, refused)
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

/** Bytes of memory that a controller says it has for a patch; null: it applies none. */
const memoryIn = (said: string | undefined): number | null =>
  said !== undefined && /^[1-9][0-9]{0,9}$/.test(said) ? Number(said) : null

const misread = (id: string): Refusal =>
  refuse('request-malformed', `what ${id} says of a patch`, 'assignment, sha256 and code', 'something else')

function readPatchRefused(body: Uint8Array): PatchRefused | null {
  const json = readJson(body, MAX_PATCH_REFUSED)
  const read = json instanceof JsonFault ? null : patchRefusedShape(json, '')
  return read === null || read instanceof Misfit ? null : read
}

const patchRefusedShape = object({
  assignment: line(512),
  sha256: text('a SHA-256 in lower-case hex', /^[0-9a-f]{64}$/),
  code: line(64),
})

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
