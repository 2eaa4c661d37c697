import type { Grant } from '../../src/core/campaign/coordinator.ts'
import type { Permissive, SiteRules, Window } from '../../src/core/fleet/site-rules.ts'
import type { Site } from '../../src/core/fleet/topology.ts'
import type { Plant } from './plant.ts'

/**
 * Judges the turns of a site by what the plant does and by the calendar, with nothing of the code that gave them: rules are
 * read from the site file and from the plan, and evaluated here a second time, in the plainest way.
 */

const MINUTE = 60_000
/** What a meter may be wrong by: a tenth of a percent, or two seconds of a countdown. */
const SLACK = 2.1
const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

/** Whether a window is open at an instant, as somebody with a wall clock and a calendar would say. */
export function isOpenAt({ days, from, to }: Window, at: number, zone: string): boolean {
  const wall = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone)
  const time = wall.toPlainTime().toString({ smallestUnit: 'minute' })
  const today = DAYS[wall.dayOfWeek - 1] as (typeof DAYS)[number]
  const yesterday = DAYS[(wall.dayOfWeek + 5) % 7] as (typeof DAYS)[number]
  if (from < to) return days.includes(today) && time >= from && time < to
  return (days.includes(today) && time >= from) || (days.includes(yesterday) && time < to)
}

/** What is wrong with the site's rules at an instant; null: nothing. */
function closedAt(rules: SiteRules, { zone, region, site }: Site, at: number): string | null {
  if (rules.windows.length > 0 && !rules.windows.some(one => isOpenAt(one, at, zone))) return 'outside the windows'
  for (const one of rules.blackouts) {
    if (one.sites !== undefined && !one.sites.includes(site)) continue
    if (one.regions !== undefined && !one.regions.includes(region)) continue
    const now = 'days' in one ? isOpenAt(one, at, zone) : at >= one.from && at < one.to
    if (now) return `in the blackout ${one.why}`
  }
  return null
}

/** The truth of the plant about a permissive: what its meters should show. */
function truth(plant: Plant, { point }: Permissive, id: string): number | boolean | null {
  const flow = plant.flow()
  switch (point) {
    case 'state-of-charge':
      return plant.stateOfCharge() * 100
    case 'dispatch':
      return plant.commitment() !== null
    case 'dispatch-in': {
      const ahead = plant.happenings.commitments.filter(({ to }) => to > plant.now).map(({ from }) => from - plant.now)
      return Math.max(0, Math.min(...ahead)) / 1000
    }
    case 'islanded':
      return flow.islanded
    case 'on-backup':
      return flow.onBackup
    case 'grid-event':
      return plant.gridEvent()
    case 'active-alarms':
      return plant.alarms().length
    case 'controller-alarms':
      return plant.alarms(id).length
    case 'charging-session':
      return plant.service.unit(id).kind === 'charger' ? plant.session(id) !== null : null
    default:
      return null
  }
}

function forbids(permissive: Permissive, value: number | boolean | null): boolean {
  const { is, min, max } = permissive
  if (value === null) return true
  if (typeof value === 'boolean') return value !== is
  return (min !== undefined && value < min - SLACK) || (max !== undefined && value > max + SLACK)
}

/** Watches one site: everything that must never be, as a list of what was. */
export class Watch {
  readonly faults: string[] = []
  readonly #site: Site
  readonly #plant: Plant
  readonly #rules: readonly SiteRules[]
  turns = 0

  constructor(site: Site, plant: Plant, plans: readonly SiteRules[]) {
    this.#site = site
    this.#plant = plant
    this.#rules = [site.limits, ...plans]
  }

  /** A turn was given: the whole of the restart must be inside every window, and every permissive true. `more`: rules of its plan. */
  granted({ controller }: Grant, more: readonly SiteRules[] = []): void {
    this.turns += 1
    const unit = this.#plant.service.unit(controller)
    const of = this.#site.controllers.find(one => one.id === controller)
    const { now } = this.#plant
    for (const rules of [...this.#rules, ...more]) {
      for (let at = now as number; at < now + unit.restart; at += MINUTE)
        this.#judge(controller, closedAt(rules, this.#site, at), at)
      this.#judge(controller, closedAt(rules, this.#site, now + unit.restart - 1), now + unit.restart - 1)
      for (const permissive of rules.permissives) {
        if (permissive.classes !== undefined && !permissive.classes.includes(of?.class ?? '')) continue
        const value = truth(this.#plant, permissive, controller)
        if (forbids(permissive, value)) this.#judge(controller, `${permissive.point} is ${value}`, now)
      }
    }
  }

  /** What is away at this very instant must fit into every budget. */
  look(): void {
    const { service } = this.#plant
    const feeders = new Set(this.#plant.spec.units.flatMap(({ feeder }) => feeder ?? []))
    for (const rules of this.#rules) {
      for (const { per, watts, wattHours, controllers } of rules.budgets) {
        const places = per === 'site' ? [undefined] : per === 'feeder' ? [...feeders] : []
        for (const place of places) {
          const away = service.offline(place)
          const over =
            away.watts > (watts ?? Number.POSITIVE_INFINITY) ||
            away.wattHours > (wattHours ?? Number.POSITIVE_INFINITY) ||
            away.controllers > (controllers ?? Number.POSITIVE_INFINITY)
          if (over) this.faults.push(`${JSON.stringify(away)} away of ${per} ${place ?? ''} at ${this.#plant.now}`)
        }
      }
      const away = service.awayNow('update').length
      if (rules.restarting !== null && away > rules.restarting) this.faults.push(`${away} away at ${this.#plant.now}`)
    }
  }

  /** N−1, and what else the plant itself says that updates did. */
  end(): readonly string[] {
    const lost = this.#plant.bill.items.filter(item => item.kind === 'redundancy-lost' && item.cause.by === 'update')
    return [...this.faults, ...lost.map(item => JSON.stringify(item))]
  }

  #judge(controller: string, fault: string | null, at: number): void {
    if (fault !== null) this.faults.push(`${controller} ${fault} at ${Temporal.Instant.fromEpochMilliseconds(at)}`)
  }
}
