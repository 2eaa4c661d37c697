import { type PlantView, plantView } from '../core/campaign/plant-view.ts'
import { readingsOf } from '../core/campaign/rules/readings.ts'
import { campaignOf } from '../core/campaign/site-work.ts'
import type { Instant } from '../core/encoding/units.ts'
import type { Point } from '../core/fleet/points.ts'
import { isRefusal, type Refusal } from '../core/refusal/refusal.ts'
import { plansHeld, termsAt } from './hold.ts'
import { lookOf } from './look.ts'
import type { FleetWorld, SiteWorld } from './ports.ts'
import { waitsOf } from './reason.ts'
import { workOf } from './relay.ts'
import { siteTime } from './time.ts'
import { wallTime } from './wall-time.ts'

/**
 * The plant as people see it who look at a site from the fleet: its permissives with their values, and the figures of who
 * waits. It is shown while somebody looks, and at no other time: the fleet says so in its answer to a check-in, and the
 * gateway then sends one view. It decides nothing, and is kept in memory alone (docs/adr/0046).
 */

// --- At the gateway ---

/** Between two looks at the plant for people, in milliseconds: whatever the fleet asks, a meter is not worn out by it. */
const APART = 10_000

/**
 * Shows the plant to the fleet, when somebody looks at it there, and not more often than every ten seconds. A plant that cannot
 * be read is shown as that. Changes nothing here. Refuses what the link refuses.
 */
export async function showPlant(world: SiteWorld): Promise<null | Refusal> {
  const known = lookOf(world)
  if (!known.wanted) return null
  const steady = world.steady()
  if (known.looked !== null && steady - known.looked < APART) return null
  known.wanted = false
  known.looked = steady
  return world.fleet.showPlant(await viewOf(world))
}

/** What was read last for people who look at the gateway's own page, and by which count of `steady`. */
const here = new WeakMap<SiteWorld, { readonly steady: number; readonly shown: Promise<ShownPlant> }>()

/**
 * The plant for people who look at the gateway's own page: read when somebody asks, and no more often than every ten seconds, however many
 * ask. Changes nothing.
 */
export async function plantHere(world: SiteWorld): Promise<ShownPlant> {
  const steady = world.steady()
  const before = here.get(world)
  if (before !== undefined && steady - before.steady < APART) return before.shown
  const shown = viewOf(world).then(view => ({ heardAt: world.clock.now(), view }))
  here.set(world, { steady, shown })
  // What failed is tried again by the next who asks.
  shown.catch(() => here.delete(world))
  return shown
}

async function viewOf(world: SiteWorld): Promise<PlantView> {
  const { site, conditions } = world
  const campaigns = new Set((await world.store.controllers()).flatMap(row => campaignOf(workOf(row)) ?? []))
  const terms = termsAt(await plansHeld(world, campaigns), await siteTime(world))
  const sets = [
    { by: 'limits of the site', rules: site.limits },
    ...[...terms].map(([id, { rules }]) => ({ by: `campaign ${id}`, rules })),
  ]
  const points = [
    ...new Set<Point>(sets.flatMap(({ rules }) => rules.permissives.map(({ point }) => point))),
  ].toSorted()
  const read = points.length === 0 || conditions === null ? [] : await conditions.read(points)
  // Read first, the clock after it: a reading that came meanwhile is not from the future.
  const { clock } = await wallTime(world)
  const readings = readingsOf(isRefusal(read) ? [] : read)
  return plantView(site, sets, readings, waitsOf(world), clock, isRefusal(read) ? read.code : null)
}

// --- At the fleet ---

/** So long after somebody looked at a site its gateway is asked for more, in milliseconds. */
const LOOKED = 60_000
/** Sites that are looked at, at once: what is kept of others is forgotten, the longest unseen first. */
const MOST_SITES = 500

/** What a site showed last, and when that came in, by the fleet's clock. */
export type ShownPlant = { readonly heardAt: Instant; readonly view: PlantView }

type Look = { at: Instant; shown: ShownPlant | null }
const looks = new WeakMap<FleetWorld, Map<string, Look>>()

/**
 * What a site last showed of its plant; null: nothing since this server started, or not for long. Whoever looks has the
 * gateway asked for a new view with its next check-in.
 */
export function lookAtPlant(world: FleetWorld, site: string): ShownPlant | null {
  const all = looks.get(world) ?? new Map<string, Look>()
  looks.set(world, all)
  const shown = all.get(site)?.shown ?? null
  // Behind all others again: the first one is the longest unseen.
  all.delete(site)
  all.set(site, { at: world.clock.now(), shown })
  const [oldest] = all.keys()
  if (all.size > MOST_SITES && oldest !== undefined) all.delete(oldest)
  return shown
}

/** Whether somebody looks at a site: its gateway is then told so. */
export const isLookedAt = (world: FleetWorld, site: string): boolean => within(world, site, LOOKED) !== null

/** Keeps what a gateway shows of its own site, when somebody looks at that; else it is dropped. Nothing of it is durable. */
export function takePlant(world: FleetWorld, site: string, view: PlantView): void {
  // It was asked for a moment ago: who looked may have gone meanwhile.
  const look = within(world, site, 2 * LOOKED)
  if (look !== null) look.shown = { heardAt: world.clock.now(), view }
}

function within(world: FleetWorld, site: string, millis: number): Look | null {
  const look = looks.get(world)?.get(site)
  // A clock that was set back looks as if somebody had looked in the future: that is not so for ever.
  return look !== undefined && Math.abs(world.clock.now() - look.at) < millis ? look : null
}
