import type { Instant, WattHours } from '../../src/core/encoding/units.ts'
import { energyOf } from './quantities.ts'

/** Who is to blame: the updates of these controllers, or the plant and the weather. */
export type Cause = { readonly by: 'update'; readonly controllers: readonly string[] } | { readonly by: 'nature' }

/** What something cost. Times are instants; what goes on is one item from its beginning to its end. */
export type Item =
  | {
      readonly kind: 'energy-not-delivered'
      readonly from: Instant
      readonly to: Instant
      readonly commitment: string
      readonly energy: WattHours
      /** In the currency of the commitment. */
      readonly penalty: number
      readonly cause: Cause
    }
  | { readonly kind: 'commitment-broken'; readonly at: Instant; readonly commitment: string; readonly cause: Cause }
  /** The UPS in service could not carry the critical load, had the grid gone. */
  | { readonly kind: 'load-unprotected'; readonly from: Instant; readonly to: Instant; readonly cause: Cause }
  /** The critical load, or a part of it, was without power. */
  | { readonly kind: 'load-dark'; readonly from: Instant; readonly to: Instant; readonly cause: Cause }
  | {
      readonly kind: 'redundancy-lost'
      readonly group: string
      readonly from: Instant
      readonly to: Instant
      readonly inService: number
      readonly needed: number
      readonly cause: Cause
    }
  | {
      readonly kind: 'session-cut'
      readonly at: Instant
      readonly charger: string
      readonly missing: WattHours
      readonly cause: Cause
    }

type Lasting = Exclude<Item, { at: Instant }>

/** What a plant's time came to. Seconds of two groups at once count twice. */
export type Totals = {
  readonly megawattHoursNotDelivered: number
  readonly penalty: number
  readonly commitmentsBroken: number
  readonly secondsUnprotected: number
  readonly secondsDark: number
  readonly secondsWithoutRedundancy: number
  readonly sessionsCut: number
}

/** The bill of a plant: every item with its time and its cause. */
export class Bill {
  readonly #items: Item[] = []
  /** Where each item that may go on is. */
  readonly #open = new Map<string, number>()

  get items(): readonly Item[] {
    return this.#items
  }

  add(item: Exclude<Item, Lasting>): void {
    this.#items.push(item)
  }

  /** Adds what went on for a time; an item of the same kind and cause that ended just now goes on. */
  extend(item: Lasting): void {
    const { from: _from, to: _to, ...same } = item
    const key = JSON.stringify('energy' in same ? { ...same, energy: 0, penalty: 0 } : same)
    const index = this.#open.get(key)
    const before = index === undefined ? undefined : (this.#items[index] as Lasting)
    if (index === undefined || before === undefined || before.to !== item.from) {
      this.#open.set(key, this.#items.push(item) - 1)
    } else if (before.kind === 'energy-not-delivered' && item.kind === 'energy-not-delivered') {
      const energy = (before.energy + item.energy) as WattHours
      this.#items[index] = { ...before, to: item.to, energy, penalty: before.penalty + item.penalty }
    } else this.#items[index] = { ...before, to: item.to }
  }

  /** The sums, of everything or of what updates did. */
  totals(by?: Cause['by']): Totals {
    const items = by === undefined ? this.#items : this.#items.filter(item => item.cause.by === by)
    const count = (kind: Item['kind']): number => items.filter(item => item.kind === kind).length
    const seconds = (kind: Lasting['kind']): number =>
      items.reduce((all, item) => (item.kind === kind && 'from' in item ? all + (item.to - item.from) / 1000 : all), 0)
    const undelivered = items.filter(item => item.kind === 'energy-not-delivered')
    return {
      megawattHoursNotDelivered: undelivered.reduce((all, item) => all + item.energy, 0) / 1e6,
      penalty: undelivered.reduce((all, item) => all + item.penalty, 0),
      commitmentsBroken: count('commitment-broken'),
      secondsUnprotected: seconds('load-unprotected'),
      secondsDark: seconds('load-dark'),
      secondsWithoutRedundancy: seconds('redundancy-lost'),
      sessionsCut: count('session-cut'),
    }
  }
}

/** A bill of nothing at all. */
export const FREE: Totals = {
  megawattHoursNotDelivered: 0,
  penalty: 0,
  commitmentsBroken: 0,
  secondsUnprotected: 0,
  secondsDark: 0,
  secondsWithoutRedundancy: 0,
  sessionsCut: 0,
}

/** What a power that was missing for a time costs. */
export function shortfall(power: number, span: { from: Instant; to: Instant }, perMegawattHour: number) {
  const energy = energyOf(power, span.to - span.from)
  return { energy, penalty: (energy / 1e6) * perMegawattHour }
}
