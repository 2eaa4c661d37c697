import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { fromUtf8 } from '../core/encoding/bytes.ts'
import type { WitnessAnswer } from '../core/ledger/witness-answer.ts'
import { MAX_REQUEST_CHARACTERS } from '../core/ledger/witness-request.ts'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'
import { PROBLEM_TYPE, problemOf } from '../wire/problem.ts'

/** What is answered to the body of a request; a refusal goes with its status. */
export type Answered = { readonly answer: WitnessAnswer; readonly refusal: Refusal | null }
export type WitnessDoor = { readonly port: number; close(): Promise<void> }

export type DoorPlace = {
  readonly host: string
  readonly port: number
  /** What stands before `/add-checkpoint`: empty, or a path that begins with a slash. */
  readonly prefix: string
  /** Certificate and key in PEM; null: plain HTTP, which the caller has made sure that no network carries. */
  readonly tls: { readonly cert: string; readonly key: string } | null
  /** Bounds the connections of a server that speaks TLS. */
  readonly bound: (server: TlsServer) => void
}

/** Milliseconds: anybody may call, and nobody needs more. */
const PATIENCE = { headersTimeout: 10_000, requestTimeout: 20_000, keepAliveTimeout: 75_000 }
const CONNECTIONS = 512

/**
 * The door of a witness (C2SP tlog-witness): `POST PREFIX/add-checkpoint` and nothing else, for whoever reaches it. A body is read up to
 * 68 KiB. Refuses `port-in-use`, `port-not-permitted`.
 */
export async function serveWitnessDoor(
  { host, port, prefix, tls, bound }: DoorPlace,
  answer: (body: string) => Promise<Answered>,
  log: Logger,
): Promise<WitnessDoor | Refusal> {
  const server = tls === null ? createServer(PATIENCE) : createTlsServer({ ...tls, ...PATIENCE, minVersion: 'TLSv1.2' })
  server.maxConnections = CONNECTIONS
  if (tls !== null) bound(server as TlsServer)
  const path = `${prefix}/add-checkpoint`
  server.on('request', (request: IncomingMessage, reply: ServerResponse) => {
    handle(request, path, answer)
      .catch(error => {
        log.error({ err: error }, 'a request failed')
        return told(refuse('internal-error', 'add-checkpoint', 'an answer', 'a fault of the witness’s own'))
      })
      .then(answered => send(reply, answered))
      .catch(error => log.error({ err: error }, 'an answer could not be sent'))
  })
  const refused = await started(server, host, port)
  if (refused !== null) return refused
  server.on('error', error => log.error({ err: error }, 'the witness’s listener failed'))
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function handle(
  request: IncomingMessage,
  path: string,
  answer: (body: string) => Promise<Answered>,
): Promise<Answered> {
  const { method = '', url = '' } = request
  const subject = `${method} ${url.slice(0, 200)}`
  if (url !== path) return told(refuse('not-found', subject, `POST ${path}`, 'another address'))
  if (method !== 'POST') return told(refuse('not-found', subject, `POST ${path}`, method), 405)
  const tooLarge = (actual: string): Answered =>
    told(refuse('witness-request-malformed', subject, `at most ${MAX_REQUEST_CHARACTERS} bytes`, actual), 413)
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > MAX_REQUEST_CHARACTERS) return tooLarge(`${announced}`)
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of request as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > MAX_REQUEST_CHARACTERS) return tooLarge('more')
    parts.push(part)
  }
  const text = fromUtf8(new Uint8Array(Buffer.concat(parts)))
  return text === null ? told(refuse('witness-request-malformed', subject, 'UTF-8', 'other bytes')) : answer(text)
}

const told = (refusal: Refusal, status = problemOf(refusal).status): Answered => ({
  answer: { status, type: PROBLEM_TYPE, body: null },
  refusal,
})

function send(reply: ServerResponse, { answer: { status, type, body }, refusal }: Answered): void {
  const text = body ?? (refusal === null ? '' : JSON.stringify({ ...problemOf(refusal), status }))
  reply.setHeader('content-type', type)
  reply.setHeader('cache-control', 'no-store')
  reply.setHeader('x-content-type-options', 'nosniff')
  if (status === 405) reply.setHeader('allow', 'POST')
  // What was not read of a body that is too large is not taken for the next request.
  if (status === 413 || status === 405) reply.setHeader('connection', 'close')
  reply.writeHead(status)
  reply.end(text)
}

function started(server: Server | TlsServer, host: string, port: number): Promise<Refusal | null> {
  const subject = `${host}:${port}`
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const { code } = error
      if (code === 'EADDRINUSE') {
        resolve(refuse('port-in-use', subject, 'a free port', 'another program that listens there'))
      } else if (code === 'EACCES') {
        resolve(refuse('port-not-permitted', subject, 'a port that this user may open', 'no permission'))
      } else if (code === 'EADDRNOTAVAIL') {
        resolve(refuse('port-not-permitted', subject, 'an address of this machine', 'none'))
      } else reject(error)
    }
    server.once('error', failed)
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', failed)
      resolve(null)
    })
  })
}
