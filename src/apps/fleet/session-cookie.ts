import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Instant } from '../../core/encoding/units.ts'
import type { Begun } from '../../flows/sign-in.ts'
import { COOKIE } from './gate.ts'

/** What a browser is told to keep: for this host alone, over TLS alone, out of the reach of scripts and of other pages. */
export const sessionCookie = (value: string, maxAge: number): string =>
  `${COOKIE}=${value}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=${maxAge}`

/** Gives a session to the browser that asks; its secret is nowhere else in the answer. */
export function giveSession(reply: FastifyReply, { secret, expiresAt }: Begun, now: Instant): void {
  reply.header('cache-control', 'no-store')
  reply.header('set-cookie', sessionCookie(secret, Math.floor((expiresAt - now) / 1000)))
}

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
export function awayOf({ headers }: FastifyRequest): string {
  const found = (headers.cookie ?? '')
    .split(';')
    .map(pair => pair.trim())
    .filter(pair => pair.startsWith(`${AWAY}=`))
  return found.length === 1 ? (found[0] as string).slice(AWAY.length + 1, 200) : ''
}
