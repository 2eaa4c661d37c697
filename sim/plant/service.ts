import { type Instant, type Watts, watts } from '../../src/core/encoding/units.ts'
import type { Span } from './quantities.ts'
import type { Group, PlantSpec, Unit } from './unit.ts'

/** Why a unit is away: an update took it, or it broke by itself. */
export type AwayBecause = 'update' | 'failure'
/** `back` is when it comes back by itself; null: somebody gives it back. */
export type Away = { readonly because: AwayBecause; readonly since: Instant; readonly back: Instant | null }
/** What the plant lacks at an instant: power and energy counted once for each chain, and controllers. */
export type Offline = { readonly watts: number; readonly wattHours: number; readonly controllers: number }
/** A time that a unit was away. */
export type Absence = Span & { readonly unit: string; readonly because: AwayBecause }

/** Who of a plant is in service, and who is away since when and why. */
export class Service {
  readonly #units: ReadonlyMap<string, Unit>
  readonly #spec: PlantSpec
  readonly #chains = new Map<string, readonly Unit[]>()
  readonly #away = new Map<string, Away>()
  /** Every absence that is over. */
  readonly over: Absence[] = []

  constructor(spec: PlantSpec) {
    this.#spec = spec
    this.#units = new Map(spec.units.map(unit => [unit.id, unit]))
    for (const unit of spec.units) this.#chains.set(unit.id, this.#chain(unit))
  }

  unit(id: string): Unit {
    const unit = this.#units.get(id)
    if (unit === undefined) throw new Error(`the plant of ${this.#spec.site} has no ${id}`)
    return unit
  }

  away(id: string): Away | null {
    return this.#away.get(id) ?? null
  }

  /** Who is away, in the order in which they went. */
  awayNow(because?: AwayBecause): string[] {
    return [...this.#away].filter(([, away]) => because === undefined || away.because === because).map(([id]) => id)
  }

  take(id: string, because: AwayBecause, since: Instant, back: Instant | null): void {
    this.give(id, since)
    this.unit(id)
    this.#away.set(id, { because, since, back })
  }

  give(id: string, at: Instant): void {
    const away = this.#away.get(id)
    if (away === undefined) return
    this.#away.delete(id)
    this.over.push({ unit: id, because: away.because, from: away.since, to: at })
  }

  /** The next instant at which somebody comes back by itself; infinity when nobody does. */
  nextBack(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { back } of this.#away.values()) if (back !== null && back < next) next = back
    return next
  }

  /** Gives back whoever's time has come. */
  returned(now: Instant): void {
    for (const [id, { back }] of [...this.#away]) if (back !== null && back <= now) this.give(id, back)
  }

  /** True when the unit and everything that its power flows through is there. `blind` units are taken as there. */
  inService(id: string, blind: (away: Away) => boolean = () => false): boolean {
    for (const link of this.#chains.get(this.unit(id).id) ?? []) {
      const away = this.#away.get(link.id)
      if (away !== undefined && !blind(away)) return false
    }
    return true
  }

  /** Members of a group that are in service. */
  inGroup(group: Group, blind?: (away: Away) => boolean): number {
    return group.members.filter(id => this.inService(id, blind)).length
  }

  /** What updates have taken offline: all of it, or on one feeder. What stands behind an offline unit costs nothing more. */
  offline(feeder?: string): Offline {
    let power = 0
    let energy = 0
    let controllers = 0
    for (const [id, away] of this.#away) {
      const unit = this.unit(id)
      if (away.because !== 'update' || (feeder !== undefined && unit.feeder !== feeder)) continue
      controllers += 1
      const [, ...through] = this.#chains.get(id) ?? []
      if (through.some(link => this.#away.get(link.id)?.because === 'update')) continue
      power += unit.power
      energy += unit.energy
    }
    return { watts: power, wattHours: energy, controllers }
  }

  /** The power that units of a kind can carry now. */
  capacity(kind: Unit['kind'], blind?: (away: Away) => boolean): Watts {
    let sum = 0
    for (const unit of this.#spec.units) if (unit.kind === kind && this.inService(unit.id, blind)) sum += unit.power
    return watts(sum)
  }

  /** The unit, and what its power flows through, the nearest first. Throws for a circle. */
  #chain(unit: Unit): Unit[] {
    const chain = [unit]
    for (let at = unit; at.behind !== null; ) {
      at = this.unit(at.behind)
      if (chain.includes(at)) throw new Error(`${unit.id} stands behind itself`)
      chain.push(at)
    }
    return chain
  }
}

/** As if no update were under way: what the plant could have done. */
export const withoutUpdates = (away: Away): boolean => away.because === 'update'
