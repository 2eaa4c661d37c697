import { coordinate, type Grant } from '../../src/core/campaign/coordinator.ts'
import type { Reading } from '../../src/core/campaign/rules/readings.ts'
import type { Wait } from '../../src/core/campaign/rules/wait.ts'
import { decideSiteWork, type SiteEvent, type SiteWork, type WorkResult } from '../../src/core/campaign/site-work.ts'
import type { PlannedStep, Terms } from '../../src/core/campaign/terms.ts'
import { type Instant, instant } from '../../src/core/encoding/units.ts'
import type { Point } from '../../src/core/fleet/points.ts'
import type { Site } from '../../src/core/fleet/topology.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { unstated } from '../versions/site.ts'
import type { Meters } from './conditions.ts'
import type { Plant } from './plant.ts'

/** What a controller does with an order: how long it stages, how long it is away, and how that ends; `dark`: never. */
export type Fate = { readonly staging: number; readonly away: number; readonly ends: WorkResult | 'dark' }

/** An order as a gateway has verified it. `until`: it is carried out no later. */
export type Order = {
  readonly controller: string
  readonly assignment: string
  readonly until: Instant
  readonly fate: Fate
}

/** What a site reports: a controller is through. */
export type Outcome = { readonly controller: string; readonly assignment: string; readonly result: WorkResult }

type Going = Order & { stagedAt: number; startsAt: number | null; backAt: number | null }

/**
 * A gateway without its doors: the real machine of a site's work and the real coordinator, over a simulated plant and
 * controllers whose fates are given. It works by what it holds, whether anybody hears it or not.
 */
export class SiteRun {
  readonly site: Site
  readonly plant: Plant
  readonly #meters: Meters
  readonly #work = new Map<string, SiteWork>()
  readonly #going = new Map<string, Going>()
  /** The rules of the plans that the site holds, and their steps here. */
  readonly terms = new Map<string, Terms>()
  steps: PlannedStep[] = []
  /** Who waits for its turn, and why, as of the last look. */
  waits: readonly Wait[] = []
  /** What the site has to report since it was last asked. */
  #outcomes: Outcome[] = []
  readonly #restarting: number

  constructor(site: Site, plant: Plant, meters: Meters, restarting = 1000) {
    this.site = site
    this.plant = plant
    this.#meters = meters
    this.#restarting = restarting
    for (const { id } of site.controllers) this.#work.set(id, { at: 'idle' })
  }

  workOf(id: string): SiteWork {
    return this.#work.get(id) ?? { at: 'idle' }
  }

  /** Takes an order; one that is in force already changes nothing. */
  order(order: Order): void {
    const before = this.#going.get(order.controller)
    if (before?.assignment === order.assignment) return
    this.#step(order.controller, { kind: 'assigned', assignment: order.assignment })
    const stagedAt = this.plant.now + order.fate.staging
    this.#going.set(order.controller, { ...order, stagedAt, startsAt: null, backAt: null })
  }

  /** Takes an order back. Whoever has begun to restart goes on until it is through. */
  withdraw(controller: string): void {
    this.#step(controller, { kind: 'withdrawn' })
    const going = this.#going.get(controller)
    if (going !== undefined && going.startsAt === null) this.#going.delete(controller)
  }

  /** What the site has to report. */
  reported(): readonly Outcome[] {
    const outcomes = this.#outcomes
    this.#outcomes = []
    return outcomes
  }

  /** True when nobody has anything to do or to wait for. */
  get quiet(): boolean {
    return [...this.#work.values()].every(({ at }) => at === 'idle' || at === 'done')
  }

  /** Lets time go by up to `to`, second by second where somebody restarts, and looks once who may go. */
  tick(to: Instant): readonly Grant[] {
    for (;;) {
      const next = this.#nextChange(to)
      this.plant.advance(next)
      this.#change()
      if (next === to) break
    }
    return this.#look()
  }

  #nextChange(to: Instant): Instant {
    let next: number = to
    for (const { stagedAt, startsAt, backAt } of this.#going.values()) {
      for (const at of [stagedAt, startsAt, backAt]) {
        if (at !== null && at > this.plant.now && at < next) next = at
      }
    }
    return instant(next)
  }

  #change(): void {
    const { now } = this.plant
    for (const [id, going] of [...this.#going]) {
      const work = this.workOf(id)
      if (work.at === 'staging' && going.stagedAt <= now) {
        this.#step(id, { kind: 'staged', assignment: going.assignment, at: now })
      }
      if (going.startsAt !== null && going.backAt === null && going.startsAt <= now) {
        this.plant.take(id)
        going.backAt = going.fate.ends === 'dark' ? Number.POSITIVE_INFINITY : now + going.fate.away
      }
      if (going.backAt !== null && going.backAt <= now && going.fate.ends !== 'dark') {
        this.#through(id, going, going.fate.ends)
      }
    }
  }

  /** A controller is through: what it reports is signed by itself, and ends its turn. */
  #through(id: string, { assignment }: Going, result: WorkResult): void {
    this.plant.give(id)
    this.#going.delete(id)
    const leaving = this.workOf(id).at === 'leaving'
    this.#step(id, leaving ? { kind: 'through' } : { kind: 'ended', assignment, result })
    if (result === 'confirmed') this.#confirm(id, assignment)
    this.#outcomes.push({ controller: id, assignment, result })
  }

  /** The step that it took is the first of its own that was open. */
  #confirm(id: string, assignment: string): void {
    const own = this.steps.filter(
      one => one.controller === id && !one.confirmed && assignment.startsWith(`${one.campaign}/`),
    )
    const taken = own.sort((a, b) => a.order - b.order)[0]
    this.steps = this.steps.map(one => (one === taken ? { ...one, confirmed: true } : one))
  }

  #look(): readonly Grant[] {
    const { now } = this.plant
    if (![...this.#work.values()].some(({ at }) => at === 'staged')) {
      this.waits = []
      return []
    }
    const until = new Map([...this.#going.values()].map(order => [order.controller, order.until]))
    const { grants, waits } = coordinate({
      failed: [],
      site: this.site,
      work: this.#work,
      until,
      terms: this.terms,
      steps: this.steps,
      versions: unstated(this.#work.keys()),
      standings: new Map(this.site.controllers.map(({ id }) => [id, 'stable'])),
      readings: this.#readings(),
      restarting: this.#restarting,
      now,
      clock: now,
      doubts: [],
    })
    this.waits = waits
    for (const { controller, latest } of grants) {
      this.#step(controller, { kind: 'grant', at: now, latest })
      const going = this.#going.get(controller)
      if (going !== undefined) going.startsAt = now
    }
    this.#change()
    return grants
  }

  /** The points that a rule asks for, and who is in service: as a gateway asks. */
  #readings(): Reading[] {
    const sets = [this.site.limits, ...[...this.terms.values()].map(({ rules }) => rules)]
    const points = new Set<Point>(sets.flatMap(({ permissives }) => permissives.map(({ point }) => point)))
    points.add('in-service')
    return this.#meters.read([...points]) as Reading[]
  }

  #step(id: string, event: SiteEvent): void {
    this.#work.set(id, orThrow(decideSiteWork(this.workOf(id), event)))
  }
}
