import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type HttpsServer, sendRefusal } from '../../../adapters/http-server.ts'
import { CHECKPOINT_PATH, WITNESSED_PATH } from '../../../core/ledger/tiles.ts'
import { refuse } from '../../../core/refusal/refusal.ts'
import { cosignedFiles } from '../../../flows/cosigned.ts'
import * as routes from '../../../wire/routes/log.ts'
import type { FleetDoor } from './parts.ts'
import { shows } from './serve-route.ts'

/** A tile is the same for ever, also a partial one: a wider one has another name. Only who may read it keeps it. */
const FOR_EVER = 'private, max-age=31536000, immutable'
/** Whoever keeps it asks each time whether it is still the newest. */
const ASK_AGAIN = 'private, no-cache'

/** The log as files, read-only (C2SP tlog-tiles). */
export function logRoutes(server: HttpsServer, { gathering }: FleetDoor): void {
  const log = cosignedFiles(gathering)

  const note = async (request: FastifyRequest, reply: FastifyReply, path: string): Promise<FastifyReply> => {
    const bytes = await log.file(path)
    if (bytes === null) return missing(reply, path)
    const tag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"`
    reply.header('etag', tag).header('cache-control', ASK_AGAIN)
    if (request.headers['if-none-match'] === tag) return reply.code(304).send()
    return reply.type('text/plain; charset=utf-8').send(Buffer.from(bytes))
  }

  shows(server, routes.logCheckpoint, ({ request, reply }) => note(request, reply, CHECKPOINT_PATH))

  shows(server, routes.logWitnessed, ({ request, reply }) => note(request, reply, WITNESSED_PATH))

  const send = async (reply: FastifyReply, path: string): Promise<FastifyReply> => {
    const bytes = await log.file(path)
    if (bytes === null) return missing(reply, path)
    return reply.header('cache-control', FOR_EVER).type('application/octet-stream').send(Buffer.from(bytes))
  }

  shows(server, routes.logTile, ({ params, reply }) => send(reply, `tile/${params.level}/${params.path}`))

  shows(server, routes.logEntries, ({ params, reply }) => send(reply, `tile/entries/${params.path}`))
}

const missing = (reply: FastifyReply, path: string): FastifyReply =>
  sendRefusal(reply, refuse('not-found', path.slice(0, 80), 'a file of the log', 'none'))
