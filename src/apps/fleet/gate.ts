import type { FastifyRequest } from 'fastify'
import { type HttpsServer, peer, peerKey, refusalOf, requirePeer } from '../../adapters/http-server.ts'
import {
  type Action,
  actingRoles,
  FLEET,
  mayDo,
  mayDoAll,
  mayDoSomewhere,
  type SiteAction,
} from '../../core/fleet/roles.ts'
import type { Actor } from '../../core/ledger/entry.ts'
import { tried } from '../../core/ledger/telling.ts'
import { isRefusal, type Refusal, RefusalError, refuse } from '../../core/refusal/refusal.ts'
import { admit, type Presented, type Who } from '../../flows/admit.ts'
import { person } from '../../flows/persons.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import { type AboutAttempt, isAttempt, NOBODY, noteRefusal } from '../../flows/refused.ts'
import type { Reception } from '../../flows/sign-in.ts'
import type { About, Access } from '../../wire/access.ts'
import type { Command } from '../../wire/fleet-api.ts'
import { followEvents } from '../../wire/routes/events.ts'
import { cookiesOf, isKnock, isRead, refuseForged, WATCHING } from '../process/page-requests.ts'
import { placesAbout, refuseUnnamed } from './places.ts'
import { COOKIE } from './session-cookie.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
  }
}

const admitted = new WeakMap<FastifyRequest, Who>()

/** Who makes a request that came through the gate. */
export function whoOf(request: FastifyRequest): Who {
  const who = admitted.get(request)
  if (who === undefined) throw new Error(`${request.routeOptions.url} is open to who has no account`)
  return who
}

/**
 * What a gate goes by. `origins`: whose pages may send a cookie along. `pagesOnly`: nobody else signs in here: the door is a
 * console's. `bearers`: whether the secret of a token or session is taken from a header.
 */
export type GateRules = {
  readonly origins: ReadonlySet<string>
  readonly pagesOnly: boolean
  readonly bearers: boolean
}

/**
 * Puts the gate before a door: each request is admitted and judged by what its route says, before its body is read where
 * that can be told, and in any case before its handler runs. Refused attempts of accounts are in the log before they are
 * answered. Throws for a route that does not say who may use it.
 */
export function guard(server: HttpsServer, reception: Reception, rules: GateRules): void {
  const { world } = reception
  server.addHook('onRoute', route => {
    if (route.config?.access !== undefined) return
    throw new Error(`${String(route.method)} ${route.url} does not say who may use it`)
  })
  server.addHook('onRequest', async request => {
    const { access } = request.routeOptions.config
    // The answer to an address that is not there tells nothing.
    if (access === undefined) return
    if (access.for === 'strangers') {
      // Whoever makes a browser sign in as somebody else watches what is done there.
      const forged = isRead(request) ? null : refuseForged(request, rules.origins, rules.pagesOnly)
      if (forged !== null) throw new RefusalError(forged)
      return
    }
    if (access.for === 'gateways') return void requirePeer(request, 'gateway')
    if (access.for === 'gateways-or' && peer(request)?.kind === 'gateway') return
    const who = await admittedOf(reception, request, rules)
    admitted.set(request, who)
    // Before the body: who may do it nowhere uploads nothing.
    const refusal = access.for === 'roles' ? mayDoSomewhere(who, access.action) : null
    if (refusal !== null) throw new RefusalError(refusal)
  })
  server.addHook('preHandler', async request => {
    const { access } = request.routeOptions.config
    const who = admitted.get(request)
    if (access === undefined || who === undefined) return
    const refusal = await refusalAt(world, request, access, who)
    if (refusal !== null) throw new RefusalError(refusal)
    admitted.set(request, { ...who, acting: await actingAt(world, request, access, who) })
  })
  // The one place for all of them: whatever is refused, wherever it was found out, is in the log before it is answered.
  server.addHook('onSend', async (request, reply) => {
    const refusal = refusalOf(reply)
    if (refusal === null || told.has(request) || !isAttempt(request.method, refusal)) return
    if (rules.pagesOnly && isKnock(request, refusal, rules.origins, COOKIE)) return
    told.add(request)
    const actor = actorOf(request, refusal)
    // What was asked at an address that is not there is no attempt at anything: whoever looks for doors is counted as nobody.
    const about = peopleAbout(request)
    try {
      await noteRefusal(reception, actor, attemptOf(request), refusal, about)
    } catch (error) {
      // Nothing was done, and that is answered; that the log cannot be written stops whatever would change something.
      request.log.error({ err: error }, 'a refused attempt could not be recorded')
    }
  })
}

/** Attempts that their own flow has recorded, or that are no event of their own. */
const told = new WeakSet<FastifyRequest>()
const attempts = new WeakMap<FastifyRequest, string>()

/** Names what a request attempts, for the log; without it, method and path do. */
export const attempting = (request: FastifyRequest, attempt: string): void => void attempts.set(request, attempt)

/** The refusal of this request is in the log already, in the words of its own flow. */
export const wasTold = (request: FastifyRequest): void => void told.add(request)

const attemptOf = (request: FastifyRequest): string =>
  attempts.get(request) ?? `${request.method} ${request.routeOptions.url ?? 'an unknown address'}`

/** Who made the request, as far as it was proved. */
function actorOf(request: FastifyRequest, refusal: Refusal): Actor {
  const who = admitted.get(request)
  if (who !== undefined) return person(who)
  const identity = peer(request)
  const key = peerKey(request)
  const proved = key === null ? {} : { key }
  if (identity?.kind === 'gateway') return { kind: 'gateway', id: identity.site, ...proved }
  if (identity?.kind === 'controller') return { kind: 'controller', id: `${identity.site}/${identity.id}`, ...proved }
  // Only who has proved to be an account is one in the log.
  if (refusal.code === 'account-disabled') return { kind: 'person', id: refusal.subject, ...proved }
  return { ...NOBODY, ...proved }
}

/** The account that a request is about, and who brings a certificate of an account that is not there. */
function peopleAbout(request: FastifyRequest): AboutAttempt {
  const identity = peer(request)
  const claimed = identity?.kind === 'person' ? [tried(identity.id)] : []
  const { id } = (request.params ?? {}) as { id?: string }
  const named = request.routeOptions.url?.startsWith('/v1/accounts/') === true && id !== undefined ? [tried(id)] : []
  const asked = (request.body ?? {}) as { id?: unknown }
  const made = request.routeOptions.url === '/v1/accounts' && typeof asked.id === 'string' ? [tried(asked.id)] : []
  return { people: [...claimed, ...named, ...made] }
}

/** The roles by which somebody may do what they ask for. */
async function actingAt(
  world: FleetWorld,
  request: FastifyRequest,
  access: Access,
  who: Who,
): Promise<readonly string[]> {
  if (access.for === 'gateways-or' || access.for === 'own-or') return actingRoles(who, access.action, [FLEET])
  if (access.for === 'command') return actingAbout(world, request, who, commandOf(request), 'campaign')
  if (access.for !== 'roles') return []
  const { action, at } = access
  if (at === 'fleet' || at === 'anywhere') return actingRoles(who, action, at === 'fleet' ? [FLEET] : [])
  return actingAbout(world, request, who, action, 'every' in at ? at.every : at.some)
}

/** As above: the sites of a large campaign are many, and who may do it everywhere is not asked where. */
async function actingAbout(
  world: FleetWorld,
  request: FastifyRequest,
  who: Who,
  action: Action,
  about: About,
): Promise<readonly string[]> {
  const everywhere = actingRoles(who, action, [FLEET])
  return everywhere.length > 0 ? everywhere : actingRoles(who, action, await placesAbout(about, request, world))
}

async function refusalAt(
  world: FleetWorld,
  request: FastifyRequest,
  access: Access,
  who: Who,
): Promise<null | Refusal> {
  if (access.for === 'gateways-or') return mayDo(who, access.action, FLEET)
  if (access.for === 'own-or') {
    const { id } = request.params as { id?: string }
    return id === who.id ? null : mayDo(who, access.action, FLEET)
  }
  if (access.for === 'command') return refusalAbout(world, request, who, commandOf(request), { every: 'campaign' })
  if (access.for !== 'roles') return null
  const { action, at } = access
  if (at === 'fleet') return mayDo(who, action, FLEET)
  return at === 'anywhere' ? mayDoSomewhere(who, action) : refusalAbout(world, request, who, action, at)
}

async function refusalAbout(
  world: FleetWorld,
  request: FastifyRequest,
  who: Who,
  action: Action,
  at: { readonly every: About } | { readonly some: About },
): Promise<null | Refusal> {
  // Who may do it everywhere is not asked where: the sites of a large campaign are many.
  if (mayDo(who, action, FLEET) === null) return null
  const about = 'every' in at ? at.every : at.some
  const places = await placesAbout(about, request, world)
  const enough = 'some' in at && places.some(place => mayDo(who, action, place) === null)
  if (enough) return null
  // Who names a campaign has named none of its sites.
  return about === 'campaign' ? refuseUnnamed(who, action, places) : mayDoAll(who, action, places)
}

/** What one must be allowed to do for each command. */
const COMMANDS: Readonly<Record<Command['command'], SiteAction>> = {
  start: 'start',
  pause: 'pause',
  resume: 'resume',
  retry: 'retry',
  halt: 'halt',
  'roll-back': 'roll-back',
}

const commandOf = (request: FastifyRequest): SiteAction => COMMANDS[(request.body as Command).command]

/** A browser opens a stream again by itself, and can send no header with it. */
const isStream = (request: FastifyRequest): boolean => request.routeOptions.url === followEvents.path

/** Who makes the request. Throws the refusal. */
async function admittedOf(reception: Reception, request: FastifyRequest, rules: GateRules): Promise<Who> {
  const presented = presentedBy(request, rules.bearers)
  if (isRefusal(presented)) throw new RefusalError(presented)
  const forged = presented.by === 'cookie' ? refuseForged(request, rules.origins, true) : null
  const watching = isRead(request) && (request.headers[WATCHING] === '1' || isStream(request))
  const who = forged ?? (await admit(reception.world, presented, { watching }))
  if (!isRefusal(who)) return who
  throw new RefusalError(who)
}

/** What a request says of its maker: one thing, and not two. */
export function presentedBy(request: FastifyRequest, bearers: boolean): Presented | Refusal {
  const subject = `${request.method} ${request.routeOptions.url ?? ''}`
  const identity = peer(request)
  const { authorization } = request.headers
  const cookies = cookiesOf(request, COOKIE)
  const count = (identity === null ? 0 : 1) + (authorization === undefined ? 0 : 1) + cookies.length
  if (count > 1) return refuse('credential-twice', subject, 'one credential', `${count} of them`)
  if (identity !== null) {
    if (identity.kind === 'person') return certified(identity.id, peerKey(request))
    // Throws: a gateway or a server is no person.
    requirePeer(request, 'person')
  }
  if (authorization !== undefined) {
    if (!bearers)
      return refuse('sign-in-required', subject, 'a session of the console, in its cookie', 'another header')
    const [, secret] = /^Bearer ([\x21-\x7e]{1,200})$/.exec(authorization) ?? []
    if (secret !== undefined) return { by: 'bearer', secret }
    return refuse('credential-unknown', subject, 'Authorization: Bearer and a token', 'something else')
  }
  const [cookie] = cookies
  if (cookie !== undefined) return { by: 'cookie', secret: cookie }
  return refuse('sign-in-required', subject, 'a certificate, a token or a session', 'none')
}

const certified = (person: string, key: string | null): Presented =>
  key === null ? { by: 'certificate', person } : { by: 'certificate', person, key }
