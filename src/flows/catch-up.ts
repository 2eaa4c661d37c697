import type { Instant } from '../core/encoding/units.ts'
import { formatUtc } from '../core/encoding/utc-time.ts'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'
import { boxed } from './audit.ts'
import { continueCopy } from './go-back.ts'
import type { GatewayStore, SiteWorld } from './ports.ts'
import { takenOrders } from './tell.ts'

/**
 * A gateway whose store was restored from a backup knows its controllers as they stood then. One that got its turn since may be
 * restarting now, and an order that was taken back since is still in force in the copy. So it gives no turn before it has taken
 * the fleet's orders, and has heard every controller of the site, since it was started. Everything else goes on: payloads are
 * fetched, controllers stage and report.
 */

/** Who was heard since the start of this process, and when last. */
const heardOf = new WeakMap<SiteWorld, Map<string, Instant>>()

/** Takes down that a controller has reported, with a report that was verified. */
export function heard(world: SiteWorld, id: string): void {
  const known = heardOf.get(world) ?? new Map<string, Instant>()
  heardOf.set(world, known)
  known.set(id, world.clock.now())
}

/** When a controller reported last, by the gateway's clock; null: not since this process began. */
export const heardAt = (world: SiteWorld, id: string): Instant | null => heardOf.get(world)?.get(id) ?? null

/** Stores that are none, or have caught up: nobody asks them again. */
const through = new WeakSet<GatewayStore>()

/**
 * Null when the gateway may give turns. A restored one that has heard everybody is no copy any more: that, and the entry which says
 * so, are durable then. Refuses `gateway-restored`.
 */
export async function refuseUntilCaughtUp(world: SiteWorld): Promise<Refusal | null> {
  const { store } = world
  if (through.has(store)) return null
  const mark = await store.copied()
  if (mark === null) {
    through.add(store)
    return null
  }
  const subject = `a store of ${formatUtc(mark.made)}`
  if (takenOrders(world) === null) return refuse('gateway-restored', subject, 'the orders of the fleet', 'none yet')
  const known = heardOf.get(world)
  const silent = (await store.controllers()).filter(({ id }) => known?.has(id) !== true)
  if (silent.length > 0) {
    const names = silent.slice(0, 5).map(({ id }) => id)
    const rest = silent.length > names.length ? ` and ${silent.length - names.length} more` : ''
    return refuse('gateway-restored', subject, 'a report of every controller', `none of ${names.join(', ')}${rest}`)
  }
  // Its own log first: as long as it is a copy, it may go on behind what the fleet has of it.
  const unreached = await continueCopy(world)
  if (unreached !== null) return unreached
  await goOn(world, { copied: mark.made, heard: known?.size ?? 0 })
  return null
}

/**
 * Lets a restored gateway give turns though not everybody was heard: a person on the spot has seen to those that are silent. Durable on
 * return, with an entry. Refuses `store-not-restored`.
 */
export async function confirmCaughtUp(
  world: Pick<SiteWorld, 'site' | 'clock' | 'crypto' | 'signer' | 'store'>,
): Promise<{ readonly copied: Instant } | Refusal> {
  const mark = await world.store.copied()
  if (mark === null) return refuse('store-not-restored', 'the store', 'one that was restored', 'one that was not')
  await goOn(world, { copied: mark.made, confirmed: 'by a person' })
  return { copied: mark.made }
}

/** If power fails before this commit, the next start catches up again. */
async function goOn(
  world: Pick<SiteWorld, 'site' | 'clock' | 'crypto' | 'signer' | 'store'>,
  detail: { readonly [name: string]: string | number },
): Promise<void> {
  await world.store.commit({ copied: null, outbox: [boxed(world, { kind: 'store-restored', detail })] })
  through.add(world.store)
}
