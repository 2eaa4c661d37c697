import type { FastifyRequest } from 'fastify'
import { type Refusal, refuse } from '../../core/refusal/refusal.ts'

/** What browsers say of the pages that send requests, and what keeps other pages out: the same at every door that browsers come to. */

/** The header that a page of ours sends along: a page elsewhere cannot, without asking the browser first. */
export const PAGE_HEADER = 'x-voltseal-request'
/** The header by which a page says that nobody did anything: it asks by itself for what has changed. */
export const WATCHING = 'x-voltseal-watching'

/**
 * A cookie goes along with whatever a browser sends, whoever told it to: so with one, a request must come from the server's
 * own page. SameSite=Strict says so to the browser; this does not rely on it. `fromPage`: it is a page that sends it, and to
 * change something it sends the header that pages elsewhere cannot. Refuses `request-forged`.
 */
export function refuseForged(request: FastifyRequest, origins: ReadonlySet<string>, fromPage: boolean): null | Refusal {
  const { headers, method } = request
  const bad = (expected: string, actual: string): Refusal =>
    refuse('request-forged', `${method} ${request.routeOptions.url ?? ''}`, expected, actual.slice(0, 120))
  const foreign = foreignPart(request, origins)
  if (foreign !== null) return bad(`a page of ${[...origins].join(' or ')}`, foreign)
  if (isRead(request) || !fromPage) return null
  return headers[PAGE_HEADER] === '1' ? null : bad(`the header ${PAGE_HEADER}: 1`, 'none')
}

/** What a browser says of the page that sends a request, where that is none of ours; null: it says nothing of the kind. */
function foreignPart({ headers }: FastifyRequest, origins: ReadonlySet<string>): string | null {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return `a ${site} one`
  return headers.origin !== undefined && !origins.has(headers.origin) ? headers.origin : null
}

/**
 * What any page can make a browser do that it is opened in, without a session: it would fill the log, and cover up what others
 * try. And a page of ours asks who has signed in: where nobody has, nobody tried anything. `cookie`: the name of the session's.
 */
export function isKnock(
  request: FastifyRequest,
  { code }: Refusal,
  origins: ReadonlySet<string>,
  cookie: string,
): boolean {
  if (code === 'console-request-foreign') return true
  if (cookiesOf(request, cookie).length > 0) return false
  return isRead(request) ? code === 'sign-in-required' : foreignPart(request, origins) !== null
}

/** The values of all cookies of a name: whoever sends two says two things. */
export function cookiesOf({ headers }: FastifyRequest, name: string): string[] {
  return (headers.cookie ?? '')
    .split(';')
    .map(pair => pair.trim())
    .filter(pair => pair.startsWith(`${name}=`))
    .map(pair => pair.slice(name.length + 1))
}

/** What a browser is told to keep as a session: for this host alone, over TLS alone, out of the reach of scripts and of other pages. */
export const sessionCookie = (name: string, value: string, maxAge: number): string =>
  `${name}=${value}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=${maxAge}`

export const isRead = ({ method }: FastifyRequest): boolean => method === 'GET' || method === 'HEAD'
