/** What is out of service at once, or may be before anybody hears of it: what is ordered. Whole watts and watt-hours. */
export type Load = { readonly controllers: number; readonly watts: number; readonly wattHours: number }

export const NO_LOAD: Load = { controllers: 0, watts: 0, wattHours: 0 }

/** As much of a plan's budget (core/fleet/site-rules.ts) as the fleet keeps; those of sites and feeders are the gateway's. */
export type FleetBudget = {
  readonly per: 'region' | 'fleet'
  readonly watts?: number
  readonly wattHours?: number
  readonly controllers?: number
}

/** What is ordered now, in the whole fleet and by region. */
export type FleetLoad = { readonly fleet: Load; readonly regions: ReadonlyMap<string, Load> }

export const plus = (a: Load, b: Load): Load => ({
  controllers: a.controllers + b.controllers,
  watts: a.watts + b.watts,
  wattHours: a.wattHours + b.wattHours,
})

const AMOUNTS = ['controllers', 'watts', 'wattHours'] as const

/** A budget that a load goes beyond, and by which amount; null: it is within all of them. */
export type Excess = { readonly budget: FleetBudget; readonly amount: (typeof AMOUNTS)[number]; readonly of: number }

/** Whether a load in one region keeps to some budgets: null when it does. */
export function beyond(budgets: readonly FleetBudget[], fleet: Load, region: Load): Excess | null {
  for (const budget of budgets) {
    const load = budget.per === 'fleet' ? fleet : region
    for (const amount of AMOUNTS) {
      const limit = budget[amount]
      if (limit !== undefined && load[amount] > limit) return { budget, amount, of: load[amount] }
    }
  }
  return null
}

/** Adds up orders one by one, and says before each whether there is room. */
export class Reckoning {
  #fleet: Load
  readonly #regions: Map<string, Load>
  readonly #budgets: readonly FleetBudget[]

  constructor({ fleet, regions }: FleetLoad, budgets: readonly FleetBudget[]) {
    this.#fleet = fleet
    this.#regions = new Map(regions)
    this.#budgets = budgets
  }

  /** Takes a load into the sum when it keeps to the budgets: null. Else says which one stands in the way. */
  take(region: string, more: Load): Excess | null {
    const fleet = plus(this.#fleet, more)
    const here = plus(this.#regions.get(region) ?? NO_LOAD, more)
    const excess = beyond(this.#budgets, fleet, here)
    if (excess !== null) return excess
    this.#fleet = fleet
    this.#regions.set(region, here)
    return null
  }
}
