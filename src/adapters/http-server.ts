import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import type { Logger } from 'pino'
import { type Identity, identityName, parseIdentity } from '../core/fleet/identity.ts'
import { type Refusal, RefusalError, refuse } from '../core/refusal/refusal.ts'
import { PROBLEM_TYPE, problemOf } from '../wire/problem.ts'

/** What a TLS door is made of, in PEM. `ca` is the only authority whose certificates may come in. */
export type ServerTls = { readonly ca: string; readonly cert: string; readonly key: string }

export type HttpsServer = FastifyInstance

/** The largest JSON or metadata body that a request may carry, in bytes. Blobs are streams with a limit of their own. */
export const MAX_BODY = 4 * 1024 * 1024

/**
 * How long a handshake, the head of a request and its body may be under way, and how long a body that may take its time may
 * stand still, in milliseconds.
 */
export type Patience = {
  readonly handshake: number
  readonly headers: number
  readonly body: number
  readonly silence: number
}

const PATIENCE: Patience = { handshake: 30_000, headers: 30_000, body: 120_000, silence: 60_000 }

/** What ends a request whose body does not come to its end in time. */
const deadlines = new WeakMap<FastifyRequest, { readonly late: NodeJS.Timeout; readonly silence: number }>()

/**
 * A server that speaks TLS 1.3 to peers with a certificate of its authority, and, unless `certificate` is `required`, to those
 * who bring none: what they may do is the door's to judge. Who brings another authority's is never spoken to. Bodies of type
 * `application/octet-stream` reach the handler as a stream. Every refusal answers as an RFC 9457 problem.
 */
export function httpsServer(
  tls: ServerTls,
  log: Logger,
  certificate: 'required' | 'asked-for' = 'required',
  patience: Patience = PATIENCE,
): HttpsServer {
  const server = Fastify({
    https: {
      ...tls,
      ...NEWEST,
      requestCert: true,
      rejectUnauthorized: certificate === 'required',
      ...patienceOf(patience),
      handshakeTimeout: patience.handshake,
    },
    ...common(log),
  }) as unknown as HttpsServer
  server.server.prependListener('secureConnection', (socket: TLSSocket) => {
    // Whoever brings a certificate means it: one that does not hold is no reason to be taken for somebody without one. (A
    // resumed session without a certificate counts as authorised, and has none all the same.)
    if (socket.getPeerX509Certificate() !== undefined && !socket.authorized) socket.destroy()
  })
  return answering(server, patience)
}

/** Servers that ask nobody for a certificate. */
const forBrowsers = new WeakSet<HttpsServer>()

/** Whether a server asks nobody for a certificate: nobody who comes there is a gateway. */
export const isForBrowsers = (server: HttpsServer): boolean => forBrowsers.has(server)

/**
 * A server as above for browsers: TLS 1.3 with a certificate and key that the operator brought, or without them plain HTTP. It
 * asks for no certificate, so that whoever comes has shown nothing. `headers`: lines that also the answer to what is no HTTP has.
 */
export function browserServer(
  tls: { readonly cert: string; readonly key: string } | null,
  log: Logger,
  headers: string,
  patience: Patience = PATIENCE,
): HttpsServer {
  const clientErrorHandler = (error: { code: string }, socket: Socket): void => {
    const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request'
    if (socket.writable) socket.write(`HTTP/1.1 ${status}\r\n${headers}connection: close\r\ncontent-length: 0\r\n\r\n`)
    socket.destroy()
  }
  const options = { ...common(log), clientErrorHandler }
  const times = patienceOf(patience)
  const server = (tls === null
    ? Fastify({ http: times, ...options })
    : Fastify({
        https: { ...tls, ...NEWEST, ...times, handshakeTimeout: patience.handshake },
        ...options,
      })) as unknown as HttpsServer
  forBrowsers.add(server)
  return answering(server, patience)
}

const NEWEST = { minVersion: 'TLSv1.3' } as const

// Slow links need some seconds for either; nobody needs more.
const patienceOf = ({ headers }: Patience) => ({
  headersTimeout: headers,
  connectionsCheckingInterval: Math.min(headers, 5000),
})

const common = (log: Logger) => ({
  loggerInstance: log,
  logController: new LogController({ disableRequestLogging: true }),
  bodyLimit: MAX_BODY,
  // Node.js knows one time for all: a large upload over a slow link would never be through. Below, each has its own.
  requestTimeout: 0,
  connectionTimeout: 0,
  keepAliveTimeout: 75_000,
  forceCloseConnections: true,
  // What the API does not describe is refused: never left out, never turned into another type.
  ajv: { customOptions: { removeAdditional: false, coerceTypes: false } as const },
})

/** What both have in common: how long a body may take, and that every refusal answers as a problem. */
function answering(server: HttpsServer, { body, silence }: Patience): HttpsServer {
  server.addHook('onRequest', async request => {
    const { raw } = request
    // A body that is given up takes the socket of its request with it: whose it was is asked for behind that, too.
    sockets.set(request, raw.socket)
    const late = setTimeout(() => raw.complete || raw.destroy(), body)
    raw.once('close', () => clearTimeout(late))
    deadlines.set(request, { late, silence })
  })
  server.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload))
  server.setErrorHandler((error: Error & { statusCode?: number; validation?: unknown }, request, reply) => {
    if (error instanceof RefusalError) return sendRefusal(reply, error.refusal)
    const subject = `${request.method} ${request.url}`
    if (error.statusCode !== undefined && error.statusCode < 500) {
      return sendRefusal(
        reply,
        refuse('request-malformed', subject, 'a request as the API describes it', error.message),
      )
    }
    request.log.error({ err: error }, 'a request failed')
    // What failed is in the log. A caller, who may be anybody, is not told of our paths, statements and versions.
    return sendRefusal(reply, refuse('internal-error', subject, 'an answer', 'a fault of the server’s own'))
  })
  server.setNotFoundHandler((request, reply) =>
    sendRefusal(reply, refuse('not-found', `${request.method} ${request.url}`, 'a known address', 'none of that name')),
  )
  return server
}

const refusals = new WeakMap<FastifyReply, Refusal>()

/** What a reply refuses, for who keeps account of it before it is sent; null: nothing. */
export const refusalOf = (reply: FastifyReply): Refusal | null => refusals.get(reply) ?? null

export function sendRefusal(reply: FastifyReply, refusal: Refusal): FastifyReply {
  refusals.set(reply, refusal)
  const body = problemOf(refusal)
  return reply.code(body.status).type(PROBLEM_TYPE).send(JSON.stringify(body))
}

/** The body of a request as a stream; throws `request-malformed` for one that is not `application/octet-stream`. */
export function streamOf(request: FastifyRequest): AsyncIterable<Uint8Array> {
  if (request.body instanceof Readable) return request.body
  const actual = request.headers['content-type'] ?? 'no body'
  const subject = `${request.method} ${request.url}`
  throw new RefusalError(refuse('request-malformed', subject, 'a body of type application/octet-stream', actual))
}

/**
 * The same for an upload that may take as long as its link needs, while bytes come: for who has been admitted, and may bring
 * that much.
 */
export function uploadOf(request: FastifyRequest): AsyncIterable<Uint8Array> {
  const stream = streamOf(request)
  const { raw } = request
  const { late, silence } = deadlines.get(request)!
  clearTimeout(late)
  // A line that stands still is closed; once the body is there, the answer may take its time.
  raw.socket.setTimeout(silence)
  raw.once('end', () => raw.socket.setTimeout(0))
  return stream
}

const sockets = new WeakMap<FastifyRequest, Socket>()
const socketOf = (request: FastifyRequest): Socket => sockets.get(request) ?? request.raw.socket

const isTls = (socket: Socket): socket is TLSSocket => 'encrypted' in socket && socket.encrypted === true

const identities = new WeakMap<object, Identity | null>()

/** The peer's identity, read from its certificate once per connection; null when the certificate carries none. */
export function peer(request: FastifyRequest): Identity | null {
  const socket = socketOf(request)
  const known = identities.get(socket)
  if (known !== undefined) return known
  // Over plain HTTP nobody has shown anything.
  const names = (isTls(socket) ? socket.getPeerCertificate().subjectaltname : undefined) ?? ''
  const uris = names.split(', ').filter(name => name.startsWith('URI:'))
  // One certificate, one identity: a certificate with two is not ours.
  const identity = uris.length === 1 ? parseIdentity(uris[0]!.slice('URI:'.length)) : null
  identities.set(socket, identity)
  return identity
}

const keys = new WeakMap<object, string | null>()

/** The SHA-256 (hex) of the public key in the peer's certificate; null when it brought none. */
export function peerKey(request: FastifyRequest): string | null {
  const socket = socketOf(request)
  const known = keys.get(socket)
  if (known !== undefined) return known
  const certificate = isTls(socket) ? socket.getPeerX509Certificate() : undefined
  const spki = certificate?.publicKey.export({ type: 'spki', format: 'der' })
  const key = spki === undefined ? null : createHash('sha256').update(spki).digest('hex')
  keys.set(socket, key)
  return key
}

/** The peer's identity when it is of the wanted kind; throws the refusal `not-permitted` for the error handler. */
export function requirePeer<K extends Identity['kind']>(request: FastifyRequest, kind: K): Identity & { kind: K } {
  const identity = peer(request)
  if (identity?.kind === kind) return identity as Identity & { kind: K }
  const actual = identity === null ? 'a certificate without an identity' : identityName(identity)
  throw new RefusalError(refuse('not-permitted', `${request.method} ${request.url}`, `a ${kind}'s certificate`, actual))
}

/** Starts to listen. Refuses `port-in-use` and `port-not-permitted`; answers the port (of use when 0 was asked for). */
export async function listen(server: HttpsServer, host: string, port: number): Promise<number | Refusal> {
  try {
    await server.listen({ host, port })
    const address = server.server.address()
    return typeof address === 'object' && address !== null ? address.port : port
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    const subject = `${host}:${port}`
    if (code === 'EADDRINUSE')
      return refuse('port-in-use', subject, 'a free port', 'another program that listens there')
    if (code === 'EACCES')
      return refuse('port-not-permitted', subject, 'a port that this user may open', 'no permission')
    if (code === 'EADDRNOTAVAIL') return refuse('port-not-permitted', subject, 'an address of this machine', 'none')
    throw error
  }
}
