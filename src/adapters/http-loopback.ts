import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, isIP } from 'node:net'
import type { Logger } from 'pino'
import { isRefusal, type Refusal, RefusalError, refuse } from '../core/refusal/refusal.ts'
import { PROBLEM_TYPE, problemOf } from '../wire/problem.ts'

/** What is answered with status 200. `kept`: the name holds a digest of the content, so a browser may keep it for ever. */
export type Shown = {
  readonly type: string
  readonly body: Uint8Array | string
  /** The body as gzip, when it was made beforehand. */
  readonly gzip?: Uint8Array
  readonly kept?: boolean
}

/** What a listener shows under a path that begins with a slash, decoded no further than the browser sent it. */
export type Show = (path: string, query: URLSearchParams) => Promise<Shown | Refusal>

export type LoopbackDoor = { readonly url: string; close(): Promise<void> }

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

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
}

/** True for an address of this machine that no network carries: 127.0.0.0/8 and ::1. A name is not an address. */
export function isLoopback(host: string): boolean {
  return (isIP(host) === 4 && host.startsWith('127.')) || host === '::1'
}

/** Refuses `console-not-loopback`. */
export function refuseNetwork(host: string): null | Refusal {
  return isLoopback(host) ? null : refuse('console-not-loopback', 'console.host', '127.0.0.1 or ::1', host)
}

/**
 * A plain HTTP listener for browsers on this machine: GET and HEAD, nothing else. It answers only under its own name
 * (a page elsewhere cannot reach it by pointing a DNS name of its own here), and its data only to its own pages. Refuses
 * `console-not-loopback`, `port-in-use`, `port-not-permitted`.
 */
export async function serveLoopback(
  listen: { readonly host: string; readonly port: number },
  show: Show,
  log: Logger,
): Promise<LoopbackDoor | Refusal> {
  const { host } = listen
  const network = refuseNetwork(host)
  if (network !== null) return network
  const server = createServer({ requestTimeout: 15_000, headersTimeout: 10_000, keepAliveTimeout: 30_000 })
  server.maxConnections = 256
  const refused = await new Promise<Refusal | null>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const fault = listenFault(error, `${host}:${listen.port}`)
      if (fault === null) reject(error)
      else resolve(fault)
    })
    server.listen({ ...listen, exclusive: true }, () => resolve(null))
  })
  if (refused !== null) return refused
  server.on('error', error => log.error({ err: error }, 'the console’s listener failed'))
  const { port } = server.address() as AddressInfo
  const names = namesOf(host, port)
  server.on('request', (request, reply) => {
    answer(request, names, show)
      .catch(error => {
        if (error instanceof RefusalError) return error.refusal
        log.error({ err: error }, 'a view failed')
        return refuse('internal-error', `${request.method} ${request.url}`, 'an answer', (error as Error).message)
      })
      .then(result => send(request, reply, result))
      .catch(error => log.error({ err: error }, 'an answer could not be sent'))
  })
  return {
    url: `http://${names[0]}/`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** The values of the Host header under which the listener answers. */
function namesOf(host: string, port: number): readonly string[] {
  const written = host === '::1' ? '[::1]' : host
  const hosts = host === '127.0.0.1' || host === '::1' ? [written, 'localhost'] : [written]
  return hosts.flatMap(name => (port === 80 ? [`${name}:80`, name] : [`${name}:${port}`]))
}

async function answer(request: IncomingMessage, names: readonly string[], show: Show): Promise<Shown | Refusal> {
  const { method = '', url = '', headers } = request
  const subject = `${method} ${url.slice(0, 200)}`
  if (!names.includes((headers.host ?? '').toLowerCase())) {
    return refuse('console-request-foreign', subject, `Host: ${names[0]}`, `Host: ${headers.host ?? 'none'}`)
  }
  if (method !== 'GET' && method !== 'HEAD') return refuse('console-read-only', subject, 'GET or HEAD', method)
  // A target may also be written as a whole address: nothing but a proxy does that.
  if (!url.startsWith('/') || url.startsWith('//'))
    return refuse('request-malformed', subject, 'a path', 'another target')
  const { pathname, searchParams } = new URL(url, 'http://console')
  const from = headers['sec-fetch-site']
  const opened =
    headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document' && pathname === '/'
  if (from !== undefined && from !== 'same-origin' && from !== 'none' && !opened) {
    return refuse('console-request-foreign', subject, 'a request of the console’s own page', `a ${from} request`)
  }
  return show(pathname, searchParams)
}

function send(request: IncomingMessage, reply: ServerResponse, result: Shown | Refusal): void {
  for (const [name, value] of Object.entries(HEADERS)) reply.setHeader(name, value)
  // What follows a refused request in the connection is not read as another one.
  if (isRefusal(result)) reply.setHeader('connection', 'close')
  const { status, type, body, gzip, cache } = isRefusal(result) ? problem(result) : page(result)
  if (status === 405) reply.setHeader('allow', 'GET, HEAD')
  const plain = typeof body === 'string' ? Buffer.from(body) : body
  const packed = gzip !== undefined && /(?:^|[\s,])gzip(?:[\s,]|$)/.test(`${request.headers['accept-encoding'] ?? ''}`)
  const bytes = packed ? gzip : plain
  reply.setHeader('content-type', type)
  reply.setHeader('cache-control', cache)
  if (gzip !== undefined) reply.setHeader('vary', 'accept-encoding')
  if (packed) reply.setHeader('content-encoding', 'gzip')
  const tag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
  if (status === 200) reply.setHeader('etag', tag)
  if (status === 200 && request.headers['if-none-match'] === tag) {
    reply.writeHead(304).end()
    return
  }
  reply.setHeader('content-length', bytes.length)
  reply.writeHead(status)
  reply.end(request.method === 'HEAD' ? undefined : bytes)
}

type Page = Shown & { readonly status: number; readonly cache: string }

const page = (shown: Shown): Page => ({
  ...shown,
  status: 200,
  cache: shown.kept === true ? 'private, max-age=31536000, immutable' : 'private, no-cache',
})

function problem(refusal: Refusal): Page {
  const body = problemOf(refusal)
  return { status: body.status, type: PROBLEM_TYPE, body: JSON.stringify(body), cache: 'no-store' }
}

function listenFault({ code }: NodeJS.ErrnoException, subject: string): Refusal | null {
  if (code === 'EADDRINUSE') return refuse('port-in-use', subject, 'a free port', 'another program that listens there')
  if (code === 'EACCES') return refuse('port-not-permitted', subject, 'a port that this user may open', 'no permission')
  if (code === 'EADDRNOTAVAIL') return refuse('port-not-permitted', subject, 'an address of this machine', 'none')
  return null
}
