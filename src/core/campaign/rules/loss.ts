import { type WattHours, type Watts, wattHours, watts } from '../../encoding/units.ts'
import type { Site } from '../../fleet/topology.ts'

/**
 * Where the power of a site flows: of each controller the chain of those that it is behind (the nearest first), those that
 * are behind it near and far, and the feeder that it is on, by itself or by what it is behind.
 */
export type Flow = {
  readonly above: ReadonlyMap<string, readonly string[]>
  readonly below: ReadonlyMap<string, readonly string[]>
  readonly feeder: ReadonlyMap<string, string | null>
}

export function flowOf({ controllers }: Pick<Site, 'controllers'>): Flow {
  const of = new Map(controllers.map(controller => [controller.id, controller]))
  const above = new Map<string, readonly string[]>()
  const below = new Map<string, string[]>(controllers.map(({ id }) => [id, []]))
  const feeder = new Map<string, string | null>()
  for (const { id } of controllers) {
    const chain: string[] = []
    for (let next = of.get(id)?.behind; next !== undefined; next = of.get(next)?.behind) chain.push(next)
    above.set(id, chain)
    for (const one of chain) below.get(one)?.push(id)
    feeder.set(id, [id, ...chain].map(one => of.get(one)?.feeder).find(one => one !== undefined) ?? null)
  }
  return { above, below, feeder }
}

/**
 * What the plant misses while one controller is offline and nobody else is: what the site says that it costs; where the site
 * does not say, what those right behind it cost together, since their power has no other way. `counts`: whose own cost counts.
 */
export function costsOf(
  { controllers }: Pick<Site, 'controllers'>,
  amount: 'power' | 'energy',
  counts: (id: string) => boolean = () => true,
): (id: string) => number {
  const of = new Map(controllers.map(controller => [controller.id, controller]))
  const next = Map.groupBy(controllers, ({ behind }) => behind)
  const known = new Map<string, number>()
  return costs
  function costs(id: string): number {
    let cost = known.get(id)
    if (cost !== undefined) return cost
    cost = counts(id) ? of.get(id)?.[amount] : undefined
    cost ??= (next.get(id) ?? []).reduce((sum, one) => sum + costs(one.id), 0)
    known.set(id, cost)
    return cost
  }
}

/** The same in power and energy: what the fleet counts of an order. */
export function lossesOf(site: Pick<Site, 'controllers'>): (id: string) => { watts: Watts; wattHours: WattHours } {
  const [power, energy] = [costsOf(site, 'power'), costsOf(site, 'energy')]
  return id => ({ watts: watts(power(id)), wattHours: wattHours(energy(id)) })
}

/**
 * What is missing at most, at any moment from now on, while these controllers are offline. One that is behind another
 * costs nothing while that one is offline; but the other may come back first. So of each the greater counts: what it costs
 * itself, or what those behind it cost together.
 */
export class Loss {
  readonly #flow: Flow
  readonly #costs: (id: string) => number
  /** Of each one offline: what the nearest ones behind it, that are offline too, cost together. */
  readonly #behind = new Map<string, number>()
  #total = 0

  constructor(flow: Flow, costs: (id: string) => number) {
    this.#flow = flow
    this.#costs = costs
  }

  get total(): number {
    return this.#total
  }

  /** What one costs by itself. */
  cost(id: string): number {
    return this.#costs(id)
  }

  /** What it would be with one more. */
  with(id: string): number {
    return this.#total + this.#step(id, false)
  }

  add(id: string): void {
    if (!this.#behind.has(id)) this.#total += this.#step(id, true)
  }

  #step(id: string, keep: boolean): number {
    if (this.#behind.has(id)) return 0
    const moved = this.#nearestBelow(id).reduce((sum, one) => sum + this.#worst(one), 0)
    const over = (this.#flow.above.get(id) ?? []).filter(one => this.#behind.has(one))
    if (keep) this.#behind.set(id, moved)
    let more = Math.max(this.#costs(id), moved) - moved
    for (const one of over) {
      const behind = this.#behind.get(one)!
      const before = this.#worst(one)
      if (keep) this.#behind.set(one, behind + more)
      more = Math.max(this.#costs(one), behind + more) - before
    }
    return more
  }

  #worst(id: string): number {
    return Math.max(this.#costs(id), this.#behind.get(id) ?? 0)
  }

  /** Those behind it that are offline, with nobody offline between. */
  #nearestBelow(id: string): string[] {
    return (this.#flow.below.get(id) ?? []).filter(one => {
      if (!this.#behind.has(one)) return false
      const chain = this.#flow.above.get(one) ?? []
      return chain.slice(0, chain.indexOf(id)).every(between => !this.#behind.has(between))
    })
  }
}
