import { showEnergy, showPower } from '../encoding/quantity.ts'
import { refKey } from '../fleet/inventory.ts'
import { type Excess, type FleetBudget, type FleetLoad, Reckoning } from './load.ts'
import type { Turn } from './turn.ts'

/** A budget that keeps the next controller of a region from its order. */
export type Shortage = { readonly turn: Pick<Turn, 'site' | 'controller' | 'region'>; readonly excess: Excess }

/** Which budget keeps a controller from its order, beside what is out; null: there is room for it. */
export function shortageOf(turn: Turn, load: FleetLoad, budgets: readonly FleetBudget[]): Shortage | null {
  const { watts, wattHours } = turn
  const excess = new Reckoning(load, budgets).take(turn.region, { controllers: 1, watts, wattHours })
  return excess === null ? null : { turn, excess }
}

const SHOW = {
  controllers: (count: number) => `${count} controllers`,
  watts: showPower,
  wattHours: showEnergy,
} as const

/** `The budget of region north lets 2 MW be out at once, and with harbour/c1 it would be 2.5 MW.` */
export function shortageText({ turn, excess: { budget, amount, of } }: Shortage): string {
  const whose = budget.per === 'fleet' ? 'the fleet' : `region ${turn.region}`
  const [most, then] = [SHOW[amount](budget[amount] ?? 0), SHOW[amount](of)]
  return `The budget of ${whose} lets ${most} be out at once, and with ${refKey(turn)} it would be ${then}.`
}
