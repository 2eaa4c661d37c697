import { campaignOf, mayStillBeOut } from '../core/campaign/site-work.ts'
import { plansHeld } from './hold.ts'
import type { SiteWorld } from './ports.ts'
import { workOf } from './relay.ts'
import { takenOrders } from './tell.ts'
import { wallTime } from './wall-time.ts'

/**
 * By which orders a site goes, as it tells the fleet: with its check-ins, and in its signed manifest. The fleet then gives away the
 * room of what was taken back up to this version. So nothing is said as long as a controller is away by a turn that it was
 * granted before its order was taken back: not before it has said that it is through, or its plan's `timeoutMillis` since
 * the turn are over, by every time that the clock may have. Nothing is said either before the site has heard of any orders
 * since its start, and while the plan of such a controller cannot be read: the fleet then waits for the expiry.
 */
export async function shownOrders(world: SiteWorld): Promise<{ readonly director?: number }> {
  const director = takenOrders(world)
  if (director === null) return {}
  const left = (await world.store.controllers()).map(workOf).filter(work => work.at === 'leaving')
  if (left.length === 0) return { director }
  const held = await plansHeld(world, new Set(left.flatMap(work => campaignOf(work) ?? [])))
  const timeouts = new Map(held.map(({ plan }) => [plan.id, plan.timeoutMillis]))
  const { clock, doubts } = await wallTime(world)
  const times = [clock, ...doubts.map(({ time }) => time)]
  return left.some(work => mayStillBeOut(work, timeouts, times)) ? {} : { director }
}
