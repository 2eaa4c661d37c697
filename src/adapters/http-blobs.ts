import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RefusalError, refuse } from '../core/refusal/refusal.ts'
import type { BlobId, Blobs } from '../flows/ports.ts'

/**
 * Answers a blob, whole or from an offset on (RFC 9110 §14: one range of the form `bytes=FROM-` or `bytes=FROM-TO`).
 * The name is the digest of the content, so the answer may be kept for ever.
 */
export function sendBlob(request: FastifyRequest, reply: FastifyReply, blobs: Blobs, id: BlobId): FastifyReply {
  const range = request.headers.range
  const [start, end] = range === undefined ? [0, id.length] : parseRange(range, id)
  reply
    .code(range === undefined ? 200 : 206)
    .type('application/octet-stream')
    .header('content-length', end - start)
    .header('cache-control', 'public, max-age=31536000, immutable')
    .header('accept-ranges', 'bytes')
  if (range !== undefined) reply.header('content-range', `bytes ${start}-${end - 1}/${id.length}`)
  return reply.send(Readable.from(blobs.stream(id, start, end), { objectMode: false, highWaterMark: 1 << 20 }))
}

function parseRange(range: string, id: BlobId): [start: number, end: number] {
  const match = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(range)
  const start = Number(match?.[1])
  const end = match?.[2] === '' ? id.length : Number(match?.[2]) + 1
  if (match !== null && start < end && end <= id.length) return [start, end]
  throw new RefusalError(refuse('request-malformed', `blob ${id.sha256}`, `a range within ${id.length} bytes`, range))
}
