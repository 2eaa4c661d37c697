import type { RolloutPlan } from '../../src/core/campaign/rollout-plan.ts'
import type { Seat } from '../../src/core/campaign/turn.ts'
import { type Instant, instant, millis } from '../../src/core/encoding/units.ts'
import type { SiteRules } from '../../src/core/fleet/site-rules.ts'
import { NO_RULES } from '../../src/core/fleet/site-rules.ts'
import type { Site } from '../../src/core/fleet/topology.ts'
import { shuffled } from '../clock/random.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** A campaign of the year: when it begins, whom it is for, and how good its release is. */
export type YearCampaign = {
  readonly id: string
  readonly from: Instant
  readonly days: number
  readonly classes: readonly string[]
  readonly priority: number
  /** Of controllers that try the release: the share that goes back. 1: nobody stands it. */
  readonly bad: number
  readonly rules: SiteRules
}

/** A slice of a year has no time for long soaks, and none between its campaigns. */
const SHORT = 60

/** The campaign whose release nobody stands. */
export const BAD = 'ups-summer'

/** Shares of the sites that have opened with each wave: canary, some, many, all. */
const WAVES = [0.02, 0.12, 0.45, 1]

/**
 * Five campaigns in a year, or the part of it: two over the changes of the clocks in spring, one that overlaps them with a
 * higher priority, one whose release no UPS stands, and one over the changes in autumn.
 */
export function campaignsOf(from: Instant, days: number): YearCampaign[] {
  const at = (share: number): Instant => instant(from + Math.floor(share * days) * DAY)
  const rules = (some: Partial<SiteRules>): SiteRules => ({ ...NO_RULES, ...some })
  const weekdays = { days: ['sun', 'mon', 'tue', 'wed', 'thu'], from: '00:00', to: '12:00' } as const
  const common = { days: Math.min(40, Math.ceil(days * 0.55)), priority: 50, bad: 0.004, rules: rules({}) }
  return [
    { ...common, id: 'bms-spring', from: at(SHORT < days ? 0.21 : 0), classes: ['bms'] },
    {
      ...common,
      id: 'pcs-spring',
      from: at(SHORT < days ? 0.23 : 0.1),
      classes: ['meter', 'pcs'],
      rules: rules({ windows: [weekdays] }),
    },
    {
      ...common,
      id: 'bms-patch',
      from: at(SHORT < days ? 0.26 : 0.15),
      classes: ['bms'],
      priority: 80,
      rules: rules({ restarting: 2 }),
    },
    { ...common, id: BAD, from: at(SHORT < days ? 0.45 : 0.3), classes: ['ups'], bad: 1 },
    { ...common, id: 'autumn', from: at(SHORT < days ? 0.79 : 0.45), classes: ['evse', 'pcs'] },
  ]
}

/** How many controllers of a region a campaign may have out at once. */
export const regionBudget = (sites: number): number => Math.max(6, Math.ceil(sites / 5))

/** How long a wave is watched. */
export const soakOf = (days: number): number => (SHORT < days ? 6 * HOUR : HOUR / 2)

/** The plan of a campaign over these sites, and its seats: whole sites go wave by wave, in an order of the campaign's own. */
export function planOf(
  campaign: YearCampaign,
  sites: readonly Site[],
  random: () => number,
  soak: number,
): { plan: RolloutPlan; seats: Seat[] } {
  const order = shuffled(
    sites.filter(site => site.controllers.some(one => campaign.classes.includes(one.class))),
    random,
  )
  const seats = order.flatMap((site, index) => {
    const wave = WAVES.findIndex(share => index < Math.max(1, Math.ceil(order.length * share)))
    return site.controllers
      .filter(one => campaign.classes.includes(one.class))
      .map(({ id: controller, power = 0, energy = 0, class: of }) => {
        // Where several classes go, the boards of the later one wait for the earlier one: their steps have an order.
        const steps = [{ release: 0, order: campaign.classes.indexOf(of) }]
        return { site: site.site, controller, region: site.region, wave, steps, watts: power, wattHours: energy }
      })
  })
  const used = [...new Set(seats.map(({ wave }) => wave))].sort((a, b) => a - b)
  const numbered = seats.map(seat => ({ ...seat, wave: used.indexOf(seat.wave) }))
  const { id, from, days, priority } = campaign
  const plan: RolloutPlan = {
    id,
    createdAt: from,
    notAfter: instant(from + days * DAY),
    priority,
    releases: [{ path: `${id}/2.0.0/envelope.suit` }],
    waves: used.map((_, wave) => ({
      name: `wave-${wave}`,
      soakMillis: millis(soak),
      gate: { minSuccessPercent: 90, maxFailures: wave === 0 ? 0 : 8 },
      controllers: numbered.filter(seat => seat.wave === wave).length,
    })),
    timeoutMillis: millis(4 * DAY),
    retry: { retries: 2, backOffMillis: millis(HOUR), maxBackOffMillis: millis(DAY) },
    abort: null,
    back: [],
    budgets: [{ per: 'region', controllers: regionBudget(sites.length) }],
  }
  return { plan, seats: numbered }
}
