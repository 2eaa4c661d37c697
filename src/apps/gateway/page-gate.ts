import type { FastifyRequest } from 'fastify'
import { type HttpsServer, refusalOf } from '../../adapters/http-server.ts'
import { mayDo, type SiteAction } from '../../core/fleet/roles.ts'
import { sitePersonHolder } from '../../core/fleet/site-people.ts'
import { isRefusal, type Refusal, RefusalError, refuse } from '../../core/refusal/refusal.ts'
import { isAttempt, noteRefusalAt } from '../../flows/refused.ts'
import { admitAtSite, PAGE_DOOR, type SiteReception, type SiteWho } from '../../flows/site-sign-in.ts'
import { cookiesOf, isKnock, isRead, refuseForged, WATCHING } from '../process/page-requests.ts'

/** Another name than the fleet's: a cookie knows no ports, and a gateway and a fleet server may be one machine. */
export const SITE_COOKIE = '__Host-voltseal-site'

/** Who may use a route of the page: anybody, whoever has signed in, or those whose role allows an action at this site. */
export type SiteAccess = 'strangers' | 'people' | SiteAction

declare module 'fastify' {
  interface FastifyContextConfig {
    siteAccess?: SiteAccess
  }
}

const admitted = new WeakMap<FastifyRequest, SiteWho>()
const told = new WeakSet<FastifyRequest>()

/** Who makes a request that came through the gate. */
export function whoAtSite(request: FastifyRequest): SiteWho {
  const who = admitted.get(request)
  if (who === undefined) throw new Error(`${request.routeOptions.url} is open to who has not signed in`)
  return who
}

/** The refusal of this request is in the log already, in the words of its own flow. */
export const wasToldAtSite = (request: FastifyRequest): void => void told.add(request)

/**
 * Puts the gate before the page's door: each request is judged by what its route says, before its body is read. Sessions alone, in their
 * cookie, from the page itself. Refused attempts are in the gateway's log before they are answered, but for what any page elsewhere can
 * make a browser send. Throws for a route that does not say who may use it.
 */
export function guardPage(server: HttpsServer, reception: SiteReception, origins: ReadonlySet<string>): void {
  const { world } = reception
  const { site, region } = world.site
  server.addHook('onRoute', route => {
    const open = route.config?.access?.for === 'strangers' || route.config?.siteAccess !== undefined
    if (!open) throw new Error(`${String(route.method)} ${route.url} does not say who may use it`)
  })
  server.addHook('onRequest', async request => {
    const { siteAccess } = request.routeOptions.config
    // The page's own files, and the answer to an address that is not there, tell nothing.
    if (siteAccess === undefined) return
    if (siteAccess === 'strangers') {
      // Whoever makes a browser sign in as somebody else watches what is done there.
      const forged = refuseForged(request, origins, true)
      if (forged !== null) throw new RefusalError(forged)
      return
    }
    const who = admit(reception, request, origins)
    if (isRefusal(who)) throw new RefusalError(who)
    const place = { at: 'site', site, region } as const
    const refusal = siteAccess === 'people' ? null : mayDo(sitePersonHolder(who.person, site), siteAccess, place)
    if (refusal !== null) throw new RefusalError(refusal)
    admitted.set(request, who)
  })
  // The one place for all of them: what is refused is in the outbox before it is answered.
  server.addHook('onSend', async (request, reply) => {
    const refusal = refusalOf(reply)
    if (refusal === null || told.has(request) || !isAttempt(request.method, refusal)) return
    if (isKnock(request, refusal, origins, SITE_COOKIE)) return
    told.add(request)
    const attempt = `${request.method} ${request.routeOptions.url ?? 'an unknown address'}`
    const { code, expected, actual } = refusal
    // Its subject may name a person.
    const nameless = refuse(code, 'the page of the gateway', expected, actual)
    try {
      await noteRefusalAt(world, { controller: null, attempt, at: PAGE_DOOR }, nameless)
    } catch (error) {
      request.log.error({ err: error }, 'a refused attempt could not be recorded')
    }
  })
}

function admit(reception: SiteReception, request: FastifyRequest, origins: ReadonlySet<string>): SiteWho | Refusal {
  const subject = `${request.method} ${request.routeOptions.url ?? ''}`
  const cookies = cookiesOf(request, SITE_COOKIE)
  if (cookies.length > 1) return refuse('credential-twice', subject, 'one session', `${cookies.length} of them`)
  const [secret] = cookies
  if (secret === undefined) return refuse('sign-in-required', subject, 'a session of the page, in its cookie', 'none')
  const watching = isRead(request) && request.headers[WATCHING] === '1'
  return refuseForged(request, origins, true) ?? admitAtSite(reception, secret, watching)
}
