import { type Refusal, refuse } from '../core/refusal/refusal.ts'
import { note, record } from './audit.ts'
import { fleetActor } from './opened.ts'
import type { FleetWorld, News, SiteWorld } from './ports.ts'

/**
 * How far a gateway's outbox was handed over, by what each side knows of it. Both numbers only ever rise. One that falls behind the
 * other's is of a store that was set back to an older copy of itself, by whatever means: what it knew since is lost, and
 * whoever looks first says so.
 */

// --- At the fleet ---

/** Sites whose gateways were told to be further, and by how much: the same at every check-in is one event. */
const told = new WeakMap<FleetWorld, Map<string, number>>()

/**
 * Up to which number a site's outbox is durable here, for its gateway; null for a site that is not registered. `acknowledged`: up to
 * which number the gateway says that it is. One that says more was acknowledged by a later store than this one: that is an entry
 * of its own, once. It is an alarm and stops nobody: a gateway could lie. A restored store knows that it is one; a gateway that has
 * nothing further is then known again.
 */
export async function upstreamOf(
  world: FleetWorld,
  site: string,
  acknowledged: number | null,
): Promise<{ readonly taken: number; readonly restored: boolean } | null> {
  const known = await world.store.upstream(site)
  if (known === null) return null
  const { taken, behind } = known
  const ahead = acknowledged !== null && acknowledged > taken
  if (behind) {
    if (acknowledged === null || ahead) return { taken, restored: true }
    // If power fails before this commit, the next check-in says it again.
    await world.store.commit({ caughtUp: site })
  } else if (ahead && told.get(world)?.get(site) !== acknowledged) {
    const sites = told.get(world) ?? new Map<string, number>()
    told.set(world, sites.set(site, acknowledged))
    const { code, subject, expected, actual } = fleetBehind(site, acknowledged, taken)
    const event = { kind: 'intrusion-signal', actor: fleetActor(world), site, code } as const
    await world.store.exclusive(() => record(world, {}, [{ ...event, detail: { subject, expected, actual } }]))
  }
  return { taken, restored: false }
}

/** The sites whose gateways are further than this store, since it was started. */
export const aheadOf = (world: FleetWorld): ReadonlyMap<string, number> => told.get(world) ?? new Map()

const fleetBehind = (site: string, acknowledged: number, upstream: number): Refusal =>
  refuse('fleet-store-older', `outbox of ${site}`, `item ${acknowledged}, as was acknowledged`, `item ${upstream}`)

// --- At the gateway ---

/** What was told of last, and whether the fleet is to be told how far the outbox is though there is nothing in it. */
type Known = { told: string | null; tells: boolean }
const knownOf = new WeakMap<SiteWorld, Known>()

/** The number up to which the fleet has acknowledged the outbox. */
export async function acknowledgedUpTo(world: SiteWorld): Promise<number> {
  return (await world.store.ownLog()).acknowledged
}

/**
 * Holds what the fleet says of the outbox against what the gateway knows. `acknowledged`: what it knew before it asked. A fleet server
 * that knows less was set back, or another one has taken its place: the gateway says so in its own log, once. One that was restored and
 * says so is told how far the outbox is (flows/hand-over.ts). One that knows more has heard this gateway when its store was newer.
 */
export async function holdAgainst(world: SiteWorld, { upstream, restored }: News, acknowledged: number): Promise<void> {
  if (upstream === undefined) return
  const known = knownOf.get(world) ?? { told: null, tells: false }
  knownOf.set(world, known)
  const given = await world.store.lastGiven()
  known.tells = restored === true
  // It says so itself, and a person has confirmed it: that is no alarm.
  if (known.tells) return
  const finding =
    upstream < acknowledged
      ? fleetBehind(world.site.site, acknowledged, upstream)
      : upstream > given
        ? refuse(
            'gateway-store-older',
            `outbox of ${world.site.site}`,
            `item ${upstream}, as was handed over`,
            `item ${given}`,
          )
        : null
  const event = finding === null ? null : `${finding.code} ${upstream}`
  if (event === known.told) return
  known.told = event
  if (finding === null) return
  const { code, subject, expected, actual } = finding
  await note(world, { kind: 'intrusion-signal', code, detail: { subject, expected, actual } })
}

/** Whether the fleet is to be told how far the outbox is, though there is nothing in it. */
export const tellsStanding = (world: SiteWorld): boolean => knownOf.get(world)?.tells === true

/** It was told. */
export function toldStanding(world: SiteWorld): void {
  const known = knownOf.get(world)
  if (known !== undefined) known.tells = false
}
