import { showDuration } from '../encoding/quantity.ts'
import { type Instant, instant, type Millis } from '../encoding/units.ts'
import type { SiteRules } from '../fleet/site-rules.ts'
import type { Site } from '../fleet/topology.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { HORIZON, nextSpan, type Span, scheduleOf } from './rules/schedule.ts'

/** As much of a site as says when its controllers may restart. */
export type TimedSite = Pick<Site, 'site' | 'region' | 'zone' | 'limits'>

/** The time that a plan has: from when on, and until when. */
export type PlanTime = { readonly from: Instant; readonly to: Instant }

/** How far openings are looked for: what does not open in that time is taken for what does not open (rules/schedule.ts). */
const lookTo = ({ from, to }: PlanTime): Instant => instant(Math.min(to, from + HORIZON))

/**
 * Looks for a time at which a restart fits into what plan and site leave open, within the time of the plan. Sites that are
 * alike in zone and rules are looked at once, however many there are. Refuses `plan-window-never-opens`.
 */
export function openingCheck(rules: SiteRules, time: PlanTime) {
  const [from, to] = [time.from, lookTo(time)]
  const known = new Map<string, boolean>()
  const shut = rules.windows.length + rules.blackouts.length > 0
  return (site: TimedSite, restart: Millis): Refusal | null => {
    const { limits, zone, region } = site
    if (!shut && limits.windows.length + limits.blackouts.length === 0) return null
    const concerned = [...rules.blackouts, ...limits.blackouts].flatMap(({ regions, sites }, index) =>
      regions?.includes(region) || sites?.includes(site.site) ? index : [],
    )
    const alike = JSON.stringify([zone, restart, concerned, limits.windows, limits.blackouts])
    const opens = known.get(alike) ?? nextSpan(scheduleOf(site, [rules, limits]), from, restart, to) !== null
    known.set(alike, opens)
    if (opens) return null
    const expected = `${showDuration(restart)} on end in a window of ${zone}, in the time of the plan`
    return refuse('plan-window-never-opens', site.site, expected, 'none at rules.windows')
  }
}

/** Openings of a site that are shown. */
const SHOWN = 3

/** The next times at which a site is open for a restart, in the time of a plan; null: any time. */
export function nextOpenings(
  rules: SiteRules,
  site: TimedSite,
  time: PlanTime,
  restart: Millis,
): readonly Span[] | null {
  const to = lookTo(time)
  const sets = [rules, site.limits]
  if (sets.every(({ windows, blackouts }) => windows.length + blackouts.length === 0)) return null
  const schedule = scheduleOf(site, sets)
  const spans: Span[] = []
  for (let at = time.from; spans.length < SHOWN; ) {
    const span = nextSpan(schedule, at, restart, to)
    if (span === null || span.from >= to) break
    const closes = nextSpan(schedule, span.from, restart, to)?.to ?? span.to
    spans.push({ from: span.from, to: closes })
    at = closes
  }
  return spans
}
