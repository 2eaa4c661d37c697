import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Instant } from '../../core/encoding/units.ts'
import type { Begun } from '../../flows/sign-in.ts'
import { cookiesOf, sessionCookie } from '../process/page-requests.ts'

/** `__Host-`: set by this host over TLS, for all of its paths, and for no other host (RFC 6265bis §4.1.3.2). */
export const COOKIE = '__Host-voltseal'

/** Gives a session to the browser that asks; its secret is nowhere else in the answer. */
export function giveSession(reply: FastifyReply, { secret, expiresAt }: Begun, now: Instant): void {
  reply.header('cache-control', 'no-store')
  reply.header('set-cookie', sessionCookie(COOKIE, secret, Math.floor((expiresAt - now) / 1000)))
}

/** Takes it from the browser again. */
export const takeSession = (reply: FastifyReply): void => void reply.header('set-cookie', sessionCookie(COOKIE, '', 0))

/**
 * What ties a sign-in at another party's page to the browser in which it began. `Lax`: the other party's page sends the browser
 * back, and a `Strict` cookie would stay behind; for the session itself it may, the console asks with it from its own page.
 */
const AWAY = '__Host-voltseal-away'
/** As long as somebody may be away, in seconds. */
const AWAY_SECONDS = 600

export const awayCookie = (value: string): string =>
  `${AWAY}=${value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${value === '' ? 0 : AWAY_SECONDS}`

/** What this browser was given; empty: nothing, or more than one thing. */
export function awayOf(request: FastifyRequest): string {
  const found = cookiesOf(request, AWAY)
  return found.length === 1 ? (found[0] as string).slice(0, 200) : ''
}
