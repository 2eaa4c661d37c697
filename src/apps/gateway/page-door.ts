import { join } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { type HttpsServer, sendRefusal } from '../../adapters/http-server.ts'
import { readPageFiles } from '../../adapters/page-files.ts'
import type { Instant } from '../../core/encoding/units.ts'
import { mayTable } from '../../core/fleet/roles.ts'
import { sitePersonHolder } from '../../core/fleet/site-people.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import { sayYes } from '../../flows/full-images.ts'
import { sitePseudonym } from '../../flows/site-people.ts'
import { type SiteReception, signInAtSite, signOutAtSite } from '../../flows/site-sign-in.ts'
import { STRANGERS } from '../../wire/access.ts'
import { SITE_SCREENS } from '../../wire/console-screens.ts'
import { CLOCK_HEADER } from '../../wire/fleet-api.ts'
import { SiteFullImage, SiteSignIn, type SiteWhoView } from '../../wire/site-page-api.ts'
import type { ConsolePlace } from '../process/console-place.ts'
import { consoleServer, servePage } from '../process/console-server.ts'
import { sessionCookie } from '../process/page-requests.ts'
import { guardPage, SITE_COOKIE, type SiteAccess, wasToldAtSite, whoAtSite } from './page-gate.ts'
import {
  MOST_ITEMS,
  ownController,
  ownControllers,
  ownHistory,
  ownItem,
  ownLink,
  ownPlant,
  ownSite,
  ownVersions,
} from './page-views.ts'

/** Where `npm run build:console` puts the gateway's page. */
export const SITE_PAGE_FILES = join(import.meta.dirname, '../../../dist/site-page')

/** What somebody may send who has not said who they are, in bytes. */
const STRANGERS_BODY = 16 * 1024

export type PageParts = {
  readonly reception: SiteReception
  /** Where the fleet server is, and since when this gateway runs. */
  readonly fleet: string
  readonly startedAt: Instant
}

/**
 * The gateway's own page, for people on the spot: its files for whoever asks, and what the gateway knows of its site for people with a
 * session. Nothing can be changed here but the session itself, and that a full image may come over the link; nothing of it needs the fleet.
 */
export function pageDoor(place: ConsolePlace, parts: PageParts, log: Logger, folder = SITE_PAGE_FILES): HttpsServer {
  const files = readPageFiles(folder)
  if (files === null) log.warn({ folder }, 'the page was not built: npm run build:console')
  const server = consoleServer(place, log)
  guardPage(server, parts.reception, place.origins)
  const { clock } = parts.reception.world
  // Whoever shows an age works it out by this clock: all times in the answers are of it.
  server.addHook('onSend', async (_, reply) => void reply.header(CLOCK_HEADER, String(clock.now())))
  servePage(server, files, SITE_SCREENS, { access: STRANGERS })
  sessionRoutes(server, parts)
  siteRoutes(server, parts)
  return server
}

function sessionRoutes(server: HttpsServer, { reception }: PageParts): void {
  const { world } = reception
  const { site } = world.site

  server.post('/v1/sign-in', {
    config: open('strangers'),
    bodyLimit: STRANGERS_BODY,
    schema: { body: SiteSignIn },
    handler: async (request, reply) => {
      const { proof } = request.body as SiteSignIn
      const begun = await signInAtSite(reception, proof, request.socket.remoteAddress ?? 'unknown')
      // The flow has told of it, without what was typed.
      wasToldAtSite(request)
      if (isRefusal(begun)) return sendRefusal(reply, begun)
      const { person, secret, expiresAt } = begun
      const seconds = Math.floor((expiresAt - world.clock.now()) / 1000)
      reply.header('set-cookie', sessionCookie(SITE_COOKIE, secret, seconds))
      return { account: person.name, expiresAt }
    },
  })

  server.post('/v1/sign-out', { config: open('people'), bodyLimit: STRANGERS_BODY }, async (request, reply) => {
    await signOutAtSite(reception, whoAtSite(request))
    return reply
      .header('set-cookie', sessionCookie(SITE_COOKIE, '', 0))
      .code(204)
      .send()
  })

  server.get('/v1/whoami', { config: open('people') }, (request): SiteWhoView => {
    const { person } = whoAtSite(request)
    const { name, role } = person
    return { account: name, name: '', site, role, may: { ...mayTable(sitePersonHolder(person, site)) } }
  })
}

type Params = Readonly<Record<string, string>>

function siteRoutes(server: HttpsServer, { reception, fleet, startedAt }: PageParts): void {
  const { world } = reception
  const shows = (
    path: string,
    answer: (params: Params, request: FastifyRequest) => Promise<object | Refusal>,
  ): void => {
    server.get(path, { config: open('read-inventory') }, async (request, reply): Promise<FastifyReply> => {
      const shown = await answer(request.params as Params, request)
      return isRefusal(shown) ? sendRefusal(reply, shown) : reply.send(shown)
    })
  }
  server.post('/v1/full-images', {
    config: open('carry-orders'),
    bodyLimit: STRANGERS_BODY,
    schema: { body: SiteFullImage },
    handler: async (request, reply) => {
      const { controller } = request.body as SiteFullImage
      const said = await sayYes(world, controller, sitePseudonym(world, whoAtSite(request).person))
      return isRefusal(said) ? sendRefusal(reply, said) : reply.code(204).send()
    },
  })
  shows('/v1/link', () => ownLink(world, fleet, startedAt))
  shows('/v1/sites/:site', ({ site = '' }) => ownSite(world, site))
  shows('/v1/sites/:site/controllers', ({ site = '' }) => ownControllers(world, site))
  shows('/v1/sites/:site/controllers/:id', ({ site = '', id = '' }) => ownController(world, site, id))
  shows('/v1/sites/:site/plant', ({ site = '' }) => ownPlant(world, site))
  shows('/v1/controllers/:site/:id/history', ({ site = '', id = '' }) => ownHistory(world, site, id, MOST_ITEMS))
  shows('/v1/controllers/:site/:id/versions', ({ site = '', id = '' }) => ownVersions(world, site, id))
  shows('/v1/items/:number', ({ number = '' }) => ownItem(world, /^[1-9]\d{0,14}$/.test(number) ? Number(number) : 0))
}

const open = (siteAccess: SiteAccess): { readonly siteAccess: SiteAccess } => ({ siteAccess })
