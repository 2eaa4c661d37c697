import { type Instant, instant, type Millis, millis } from '../encoding/units.ts'
import type { SiteRules } from '../fleet/site-rules.ts'
import type { TimedSite } from './draft-times.ts'
import type { DrawnWave } from './draft-waves.ts'
import { HORIZON, nextSpan, type Schedule, scheduleOf } from './rules/schedule.ts'

/**
 * What the waves of a plan take at sites that are alike: the same zone, and rules that shut them at the same times. `site` is the
 * first of them. `restart`: how long the longest restart takes. `rounds`: of each wave, how many restarts the busiest of the sites
 * has to make one after the other; 0: none of them is in the wave.
 */
export type Stretch = { readonly site: string; readonly restart: Millis; readonly rounds: readonly number[] }

/** Stretches that are kept of one plan: a fleet has few kinds of sites. Of more, those with the most rounds. */
export const MAX_STRETCHES = 64

/**
 * A wave as it would be if nothing failed and nobody waited for a permissive, a budget or another campaign: when it opens, by when all
 * of its controllers are through, and when its gate is judged.
 */
export type PlannedWave = { readonly opens: Instant; readonly through: Instant; readonly judged: Instant }

type Timed = TimedSite & { readonly restart: Millis }

/** What the waves take, kind of site by kind of site. `wanted`: how many may restart at once at a site; null: all of them. */
export function stretchesOf(
  waves: readonly Pick<DrawnWave, 'turns'>[],
  places: ReadonlyMap<string, Timed>,
  rules: SiteRules,
): readonly Stretch[] {
  const kinds = new Map<string, { site: string; restart: Millis; rounds: number[] }>()
  const keys = new Map<string, string>()
  for (const [site, place] of places) keys.set(site, kindOf(place, rules))
  for (const [wave, { turns }] of waves.entries()) {
    const restarts = new Map<string, number>()
    for (const { site, steps } of turns) restarts.set(site, (restarts.get(site) ?? 0) + steps.length)
    for (const [site, count] of restarts) {
      const place = places.get(site) as Timed
      const key = keys.get(site) as string
      const kind = kinds.get(key) ?? { site, restart: place.restart, rounds: waves.map(() => 0) }
      kinds.set(key, kind)
      const atOnce = Math.min(rules.restarting ?? count, place.limits.restarting ?? count)
      kind.restart = millis(Math.max(kind.restart, place.restart))
      kind.rounds[wave] = Math.max(kind.rounds[wave] as number, Math.ceil(count / Math.max(1, atOnce)))
    }
  }
  const sum = ({ rounds }: Stretch): number => rounds.reduce((all, one) => all + one, 0)
  return [...kinds.values()].sort((a, b) => sum(b) - sum(a)).slice(0, MAX_STRETCHES)
}

/** Sites of one kind are shut at the same times: the blackouts that name a site or its region count by their number. */
function kindOf({ site, region, zone, limits }: Timed, rules: SiteRules): string {
  const concerned = [...rules.blackouts, ...limits.blackouts].flatMap(({ regions, sites }, index) =>
    regions?.includes(region) || sites?.includes(site) ? index : [],
  )
  return JSON.stringify([zone, concerned, limits.windows, limits.blackouts])
}

/** As much of a plan as says when its waves are. */
export type Course = {
  readonly rules: SiteRules
  readonly notAfter: Instant
  readonly waves: readonly { readonly soakMillis: Millis }[]
}

/**
 * When the waves would be, from the opening of the first one at `begin` on. A wave that would not be through in the time of the plan, or
 * within the horizon of the rules, is the first that is not answered any more. `places`: the sites of the stretches; one that is
 * not known any more is taken for one that is always open.
 */
export function forecast(
  plan: Course,
  stretches: readonly Stretch[],
  places: ReadonlyMap<string, TimedSite>,
  begin: Instant,
): readonly PlannedWave[] {
  const schedules = stretches.map(({ site }) => {
    const place = places.get(site)
    return place === undefined ? null : scheduleOf(place, [plan.rules, place.limits])
  })
  const planned: PlannedWave[] = []
  let opens = begin
  for (const [wave, { soakMillis }] of plan.waves.entries()) {
    let through = opens
    for (const [index, { restart, rounds }] of stretches.entries()) {
      const end = throughAt(schedules[index] ?? null, opens, restart, rounds[wave] ?? 0, plan.notAfter)
      if (end === null) return planned
      through = instant(Math.max(through, end))
    }
    const judged = instant(through + soakMillis)
    if (judged > plan.notAfter) return planned
    planned.push({ opens, through, judged })
    opens = judged
  }
  return planned
}

/** Openings that are gone through for one wave. A wave that takes more is not told when it ends. */
const OPENINGS = 400

/** When so many restarts one after the other are done that begin at an instant at the earliest; null: not in time. */
function throughAt(
  schedule: Schedule | null,
  from: Instant,
  restart: Millis,
  rounds: number,
  notAfter: Instant,
): Instant | null {
  const needed = millis(Math.max(1, restart))
  const shut = schedule !== null && schedule.windows.length + schedule.blackouts.length > 0
  if (!shut) return instant(from + rounds * needed)
  const last = instant(Math.min(notAfter, from + HORIZON))
  let [at, left] = [from, rounds]
  for (let look = 0; left > 0; look += 1) {
    if (look === OPENINGS) return null
    const span = nextSpan(schedule, at, needed, last)
    if (span === null) return null
    const fit = Math.max(1, Math.floor((span.to - span.from) / needed))
    if (left <= fit) return instant(span.from + left * needed)
    left -= fit
    at = span.to
  }
  return at
}
