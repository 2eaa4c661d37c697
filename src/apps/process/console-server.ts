import { createHash } from 'node:crypto'
import type { Server as PlainServer } from 'node:http'
import type { Server } from 'node:https'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { type Bounds, boundConnections } from '../../adapters/connection-bounds.ts'
import { browserServer, type HttpsServer } from '../../adapters/http-server.ts'
import type { PageFile } from '../../adapters/page-files.ts'
import { RefusalError, refuse } from '../../core/refusal/refusal.ts'
import type { ConsolePlace } from './console-place.ts'

/** No script but the page's own files, no inline script or style, no other host, no frame, no form. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  // What is given out to somebody who has signed in is kept by nobody, unless an answer says otherwise.
  'cache-control': 'no-store',
} as const

/** A year, of this host alone (RFC 6797 §6.1). Browsers take no notice of it over plain HTTP. */
const STRICT_TRANSPORT = 'max-age=31536000'

/** Offices have many people behind one address, each browser holds some connections, and one of them is a stream of events. */
const BOUNDS: Bounds = { handshakes: 256, strangers: 512, perAddress: 256 }

/**
 * A server for browsers, with no route yet. Every answer has the headers that keep a page to itself, whoever is answered and
 * whatever went wrong. It answers under its own names only: a page elsewhere cannot reach it by pointing a name of its own here.
 * Refuses requests with `console-request-foreign`.
 */
export function consoleServer(place: ConsolePlace, log: Logger): HttpsServer {
  const headers: Readonly<Record<string, string>> = place.url.startsWith('https:')
    ? { ...HEADERS, 'strict-transport-security': STRICT_TRANSPORT }
    : HEADERS
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const server = browserServer(place.tls, log, lines.join(''))
  if (place.tls === null) (server.server as PlainServer).maxConnections = BOUNDS.strangers
  else boundConnections(server.server as Server, log, BOUNDS)
  // Before any of the framework: what it answers by itself has them too.
  server.server.prependListener('request', (_request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  })
  const [own = ''] = place.names
  server.addHook('onRequest', async request => {
    const { host } = request.raw.headers
    // A target may also be written as a whole address, with another name in it: nothing but a proxy does that.
    if (!request.originalUrl.startsWith('/')) throw foreign(request, 'a path', 'another target')
    if (place.names.has((host ?? '').toLowerCase())) return
    throw foreign(request, `Host: ${own}`, `Host: ${host ?? 'none'}`)
  })
  return server
}

const foreign = ({ method, url }: FastifyRequest, expected: string, actual: string): RefusalError =>
  new RefusalError(refuse('console-request-foreign', `${method} ${url.slice(0, 200)}`, expected, actual.slice(0, 120)))

/** What a route for files says of who may use it. */
type OpenToAll = { readonly access: { readonly for: 'strangers' } }

/**
 * Serves a built page: its one document at every address of a screen (names in braces), its other files under their own names.
 * They hold no data, and are given to whoever asks; to pages elsewhere only where a person follows a link. `files` null: it was
 * not built, which is what its screens answer (`console-not-built`).
 */
export function servePage(
  server: HttpsServer,
  files: ReadonlyMap<string, PageFile> | null,
  screens: readonly string[],
  config: OpenToAll,
): void {
  const open = (path: string, file: PageFile | undefined, isScreen: boolean): void => {
    server.get(path, { config }, (request, reply) => {
      refuseElsewhere(request, isScreen)
      if (file !== undefined) return send(request, reply, file)
      throw new RefusalError(refuse('console-not-built', 'the console', 'console/dist/index.html', 'no such file'))
    })
  }
  for (const screen of screens) open(screen.replaceAll(/\{(\w+)\}/g, ':$1'), files?.get('/index.html'), true)
  const named = [...(files ?? [])].filter(([path]) => path !== '/' && path !== '/index.html')
  for (const [path, file] of named) open(path, file, false)
}

/** A link may lead here from anywhere. What is not opened as a page of its own is for the console's own page. */
function refuseElsewhere(request: FastifyRequest, isScreen: boolean): void {
  const { headers } = request.raw
  const from = headers['sec-fetch-site']
  const opened = isScreen && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
  if (from === undefined || from === 'same-origin' || from === 'none' || opened) return
  throw foreign(request, 'a request of the console’s own page', `a ${String(from)} request`)
}

function send(request: FastifyRequest, reply: FastifyReply, { type, body, gzip, kept }: PageFile): FastifyReply {
  const packed = /(?:^|[\s,])gzip(?:[\s,]|$)/.test(`${request.raw.headers['accept-encoding'] ?? ''}`)
  const bytes = packed ? gzip : body
  const tag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
  reply
    .type(type)
    .header('cache-control', kept ? 'public, max-age=31536000, immutable' : 'no-cache')
    .header('vary', 'accept-encoding')
    .header('etag', tag)
  if (packed) reply.header('content-encoding', 'gzip')
  if (request.raw.headers['if-none-match'] === tag) return reply.code(304).send()
  return reply.send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
}
