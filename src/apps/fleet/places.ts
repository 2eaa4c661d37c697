import type { FastifyRequest } from 'fastify'
import { type Action, FLEET, mayDo, mayDoAll, type Place, reachOf } from '../../core/fleet/roles.ts'
import { parseSite } from '../../core/fleet/topology.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import type { Who } from '../../flows/admit.ts'
import { openCampaign, sitesOfPlan } from '../../flows/opened.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import { placeOf, placesOf } from '../../flows/vouch.ts'
import type { About } from '../../wire/access.ts'
import type { EnrolSite } from '../../wire/fleet-api.ts'
import type { Page } from './api/page.ts'

type Places = (request: FastifyRequest, world: FleetWorld) => Promise<readonly Place[]>

/** What each kind of request is about. What cannot be read, or is not there, lies nowhere: the handler says what is wrong. */
const PLACES: Readonly<Record<About, Places>> = {
  fleet: async () => [FLEET],
  site: async (request, world) => [await placeOf(world, parameter(request, 'site'))],
  campaign: async (request, world) => {
    const opened = await openCampaign(world, parameter(request, 'id'))
    return isRefusal(opened) ? [FLEET] : placesOf(world, await sitesOfPlan(world, opened.plan))
  },
  // Where the site is to lie, and where it lies now: who may enrol in a region brings no site of another one into it.
  enrolment: async (request, world) => {
    const site = parseSite((request.body as EnrolSite).site, 'site.yaml')
    if (isRefusal(site)) return [FLEET]
    const wanted = { at: 'site', site: site.site, region: site.region } as const
    const known = await world.store.site(site.site)
    return known === null ? [wanted] : [wanted, await placeOf(world, site.site)]
  },
}

export const placesAbout = (about: About, request: FastifyRequest, world: FleetWorld): Promise<readonly Place[]> =>
  PLACES[about](request, world)

const parameter = (request: FastifyRequest, name: string): string =>
  (request.params as Readonly<Record<string, string>>)[name] ?? ''

/** Whether somebody may do something at all of these sites. */
export async function mayAt(
  world: Pick<FleetWorld, 'store'>,
  who: Who,
  action: Action,
  sites: Iterable<string>,
): Promise<null | Refusal> {
  if (mayDo(who, action, FLEET) === null) return null
  return mayDoAll(who, action, await placesOf(world, sites))
}

/** Which sites somebody may see, of an action that shows many. */
export async function siteFilter(
  world: Pick<FleetWorld, 'store'>,
  who: Who,
  action: Action,
): Promise<(site: string) => boolean> {
  if (reachOf(who, action) === 'all') return () => true
  const seen = new Set<string>()
  for (const { id } of await world.store.sites()) {
    if (mayDo(who, action, await placeOf(world, id)) === null) seen.add(id)
  }
  return site => seen.has(site)
}

/** What of a page somebody may see. A page may be shorter for it, or empty: the next one is asked for all the same. */
export function shownOf<T>(page: Page<T> | Refusal, shown: (item: T) => T | null): Page<T> | Refusal {
  return isRefusal(page) ? page : { ...page, items: page.items.flatMap(item => shown(item) ?? []) }
}
