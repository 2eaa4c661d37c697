import type { FastifyRequest } from 'fastify'
import { type Action, FLEET, mayDo, mayDoAll, type Place, reachOf, regionPlace } from '../../core/fleet/roles.ts'
import { parseSite } from '../../core/fleet/topology.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import type { Who } from '../../flows/admit.ts'
import { openCampaign, sitesOfPlan } from '../../flows/opened.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import { placeOf, placesOf } from '../../flows/vouch.ts'
import type { About } from '../../wire/access.ts'
import type { EnrolSite } from '../../wire/fleet-api.ts'

type Places = (request: FastifyRequest, world: FleetWorld) => Promise<readonly Place[]>

/** What each kind of request is about. What cannot be read, or is not there, lies nowhere: the handler says what is wrong. */
const PLACES: Readonly<Record<About, Places>> = {
  fleet: async () => [FLEET],
  site: async (request, world) => [await placeOf(world, parameter(request, 'site'))],
  campaign: async (request, world) => {
    const opened = await openCampaign(world, parameter(request, 'id'))
    return isRefusal(opened) ? [FLEET] : placesOf(world, await sitesOfPlan(world, opened.plan))
  },
  // Who may enrol in a region brings no site of another one into it. Who looks after a site alone does not move it either: the
  // people of the one region lose it, and those of the other, who may be the same, gain it.
  enrolment: async (request, world) => {
    const site = parseSite((request.body as EnrolSite).site, 'site.yaml')
    if (isRefusal(site)) return [FLEET]
    const wanted = { at: 'site', site: site.site, region: site.region } as const
    const known = await world.store.site(site.site)
    if (known === null) return [wanted]
    const place = await placeOf(world, site.site)
    if (place.at === 'fleet' || place.region === null) return [FLEET]
    return place.region === site.region ? [wanted] : [regionPlace(place.region), regionPlace(site.region)]
  },
}

export const placesAbout = (about: About, request: FastifyRequest, world: FleetWorld): Promise<readonly Place[]> =>
  PLACES[about](request, world)

const parameter = (request: FastifyRequest, name: string): string =>
  (request.params as Readonly<Record<string, string>>)[name] ?? ''

/** Whether somebody may do something at all of these sites; of none, nothing is judged. */
export async function mayAt(
  world: Pick<FleetWorld, 'store'>,
  who: Who,
  action: Action,
  sites: Iterable<string>,
): Promise<null | Refusal> {
  if (mayDo(who, action, FLEET) === null) return null
  const places = await placesOf(world, sites)
  return places.length === 0 ? null : refuseUnnamed(who, action, places)
}

/**
 * Whether somebody may do something at each of several sites that they have not named. A refusal names a site only to who may
 * know that it is there; to others it says no more than that their roles do not reach far enough.
 */
export function refuseUnnamed(who: Who, action: Action, places: readonly Place[]): null | Refusal {
  const beyond = places.filter(place => mayDo(who, action, place) !== null)
  if (places.length > 0 && beyond.length === 0) return null
  const known = beyond.find(place => mayDo(who, 'read-inventory', place) === null)
  return mayDoAll(who, action, known === undefined ? [] : [known])
}

/** Which sites somebody may see, of an action that shows many. */
export type Seen = { readonly all: boolean; readonly at: (site: string) => Promise<boolean> }

export const EVERYWHERE: Seen = { all: true, at: async () => true }

/** Each site is judged when it comes up, and once: a fleet has many. */
export function siteFilter(world: Pick<FleetWorld, 'store'>, who: Who, action: Action): Seen {
  if (reachOf(who, action) === 'all') return EVERYWHERE
  const known = new Map<string, boolean>()
  return {
    all: false,
    at: async site => {
      const before = known.get(site)
      if (before !== undefined) return before
      const seen = mayDo(who, action, await placeOf(world, site)) === null
      known.set(site, seen)
      return seen
    },
  }
}
