import { type Instant, instant } from '../../src/core/encoding/units.ts'
import type { Plant } from './plant.ts'
import type { Span } from './quantities.ts'

/** What a meter shows: one live value of the plant. `of` is a controller or a feeder; null: the site. */
export type Reading = {
  readonly point: string
  readonly of: string | null
  readonly value: number | boolean
  readonly at: Instant
}

/**
 * What is wrong with a meter for a time: it answers nothing (`gone`), it goes on showing what it showed when the time began
 * (`stuck`: the time that it gives does not move either), it shows something else (`lying`), or it gives a time of its own
 * (`clock`, off by `by` milliseconds). Without a point, all of them.
 */
export type MeterFault = Span & { readonly point?: string } & (
    | { readonly is: 'gone' | 'stuck' }
    | { readonly is: 'lying'; readonly shows: number | boolean }
    | { readonly is: 'clock'; readonly by: number }
  )

/** How often a meter measures, in milliseconds: an honest reading is up to that old. */
const EVERY = 2_000

type Meter = {
  readonly of: 'site' | 'feeder' | 'controller'
  readonly show: (plant: Plant, of: string) => number | boolean | null
}

const percent = (share: number): number => Math.round(share * 1000) / 10

/** A meter for each live value that a rule may ask for. Null: there is no such meter at this place. */
const METERS: Readonly<Record<string, Meter>> = {
  'state-of-charge': { of: 'site', show: plant => percent(plant.stateOfCharge()) },
  'rack-state-of-charge': {
    of: 'controller',
    show: (plant, id) => (plant.service.unit(id).kind === 'rack' ? percent(plant.stateOfCharge(id)) : null),
  },
  'power-flow': { of: 'site', show: plant => Math.round(plant.flow().grid) },
  'feeder-power': {
    of: 'feeder',
    show: (plant, feeder) => {
      const { stores } = plant.flow()
      const on = plant.spec.units.filter(unit => unit.feeder === feeder)
      return Math.round(on.reduce((all, { id }) => all + (stores.get(id) ?? 0), 0))
    },
  },
  power: { of: 'controller', show: (plant, id) => Math.round(plant.powerOf(id)) },
  dispatch: { of: 'site', show: plant => plant.commitment() !== null },
  'dispatch-in': { of: 'site', show: plant => Math.min(1e9, Math.floor(plant.untilCommitment() / 1000)) },
  islanded: { of: 'site', show: plant => plant.flow().islanded },
  'grid-event': { of: 'site', show: plant => plant.gridEvent() },
  'on-backup': { of: 'site', show: plant => plant.flow().onBackup },
  'active-alarms': { of: 'site', show: plant => plant.alarms().length },
  'controller-alarms': { of: 'controller', show: (plant, id) => plant.alarms(id).length },
  'contactors-closed': {
    of: 'controller',
    show: (plant, id) => (plant.service.unit(id).kind === 'rack' ? plant.powerOf(id) !== 0 : null),
  },
  'charging-session': {
    of: 'controller',
    show: (plant, id) => (plant.service.unit(id).kind === 'charger' ? plant.session(id) !== null : null),
  },
  'in-service': { of: 'controller', show: (plant, id) => plant.service.inService(id) },
  temperature: {
    of: 'controller',
    show: (plant, id) => {
      const { power } = plant.service.unit(id)
      const load = power === 0 ? 0 : Math.abs(plant.powerOf(id)) / power
      return Math.round((plant.happenings.ambient(plant.now) + 15 * load) * 10) / 10
    },
  },
  'ambient-temperature': { of: 'site', show: plant => Math.round(plant.happenings.ambient(plant.now) * 10) / 10 },
  'link-quality': { of: 'controller', show: (plant, id) => (plant.service.inService(id) ? 97 : 0) },
}

export const METERED: readonly string[] = Object.keys(METERS)

/**
 * The meters of a plant. Each reading has the time at which it was taken; faults are injected by the time at which they
 * strike. Answers what can be answered: a place without such a meter, or one that is gone, is left out.
 */
export class Meters {
  readonly #plant: Plant
  readonly #faults: readonly MeterFault[]
  readonly #stuck = new Map<string, Reading>()
  readonly #feeders: ReadonlySet<string>
  readonly #units: ReadonlySet<string>

  constructor(plant: Plant, faults: readonly MeterFault[] = []) {
    this.#plant = plant
    this.#faults = faults
    this.#feeders = new Set(plant.spec.units.flatMap(({ feeder }) => feeder ?? []))
    this.#units = new Set(plant.spec.units.map(({ id }) => id))
  }

  /** Reads points: of the site, of each feeder, and of each controller. */
  read(points: readonly string[]): Reading[] {
    return points.flatMap(point => {
      const meter = METERS[point]
      if (meter === undefined) return []
      const of = meter.of === 'site' ? [null] : [...(meter.of === 'feeder' ? this.#feeders : this.#units)]
      return of.flatMap(place => this.#one(point, meter, place) ?? [])
    })
  }

  #one(point: string, meter: Meter, of: string | null): Reading | null {
    const now = this.#plant.now
    const at = instant(Math.floor(now / EVERY) * EVERY)
    const value = meter.show(this.#plant, of ?? '')
    const fault = this.#faults.find(one => (one.point ?? point) === point && now >= one.from && now < one.to)
    const name = `${point}/${of ?? ''}`
    if (value === null || fault?.is === 'gone') return null
    const honest = { point, of, value, at }
    if (fault?.is === 'stuck') {
      const kept = this.#stuck.get(name) ?? honest
      this.#stuck.set(name, kept)
      return kept
    }
    this.#stuck.delete(name)
    if (fault?.is === 'lying') return { ...honest, value: fault.shows }
    return fault?.is === 'clock' ? { ...honest, at: instant(at + fault.by) } : honest
  }
}
