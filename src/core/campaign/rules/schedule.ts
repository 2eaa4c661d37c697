import { type Instant, instant, type Millis } from '../../encoding/units.ts'
import type { Blackout, SiteRules } from '../../fleet/site-rules.ts'
import { isShown, momentAt, nextEdge, stretchAt, type WallWindow, wallWindow } from './wall-clock.ts'

/** Where a schedule holds: the site, its region, and the zone that its windows are written in. */
export type Place = { readonly site: string; readonly region: string; readonly zone: string }

/** When controllers may restart at a site: inside a window of each set of rules, and in no blackout of any. */
export type Schedule = {
  readonly zone: string
  /** Of each set of rules that has windows, its windows. */
  readonly windows: readonly (readonly WallWindow[])[]
  readonly blackouts: readonly Shut[]
}

/** A blackout that holds at this site. */
type Shut = { readonly why: string } & (
  | { readonly at: 'once'; readonly from: Instant; readonly to: Instant }
  | { readonly at: 'again'; readonly window: WallWindow }
)

/** How a moment is: open, or what keeps it shut. */
export type Door = { readonly at: 'open' } | { readonly at: 'shut'; readonly by: 'window' } | BlackedOut
type BlackedOut = { readonly at: 'shut'; readonly by: 'blackout'; readonly why: string }

/** A time in which it is open throughout; `to` is not in it. */
export type Span = { readonly from: Instant; readonly to: Instant }

/** How far ahead an opening is looked for: a window that does not open in 400 days is one that does not open. */
export const HORIZON = 400 * 86_400_000

const OPEN: Door = { at: 'open' }
const NO_WINDOW: Door = { at: 'shut', by: 'window' }

/** The schedule of a site under several sets of rules: all of them hold. */
export function scheduleOf(place: Place, rules: readonly SiteRules[]): Schedule {
  return {
    zone: place.zone,
    windows: rules.filter(({ windows }) => windows.length > 0).map(({ windows }) => windows.map(wallWindow)),
    blackouts: rules.flatMap(({ blackouts }) => blackouts.filter(one => concerns(one, place)).map(shut)),
  }
}

const schedules = new WeakMap<Place, WeakMap<SiteRules, Schedule>>()

/** The schedule of a site under its limits and a plan's rules (null: none): the same one for the same two. */
export function scheduleUnder(site: Place & { readonly limits: SiteRules }, rules: SiteRules | null): Schedule {
  const known = schedules.get(site) ?? new WeakMap<SiteRules, Schedule>()
  schedules.set(site, known)
  const made =
    known.get(rules ?? site.limits) ?? scheduleOf(site, rules === null ? [site.limits] : [site.limits, rules])
  known.set(rules ?? site.limits, made)
  return made
}

function concerns({ regions, sites }: Blackout, place: Place): boolean {
  if (regions === undefined && sites === undefined) return true
  return (regions?.includes(place.region) ?? false) || (sites?.includes(place.site) ?? false)
}

function shut(blackout: Blackout): Shut {
  const { why } = blackout
  if ('days' in blackout) return { why, at: 'again', window: wallWindow(blackout) }
  return { why, at: 'once', from: blackout.from, to: blackout.to }
}

/** How the door of a site is at a moment. */
export function doorAt(schedule: Schedule, at: Instant): Door {
  return doorWith(schedule, at, at + stretchAt(schedule.zone, at).offset)
}

function doorWith({ windows, blackouts }: Schedule, at: Instant, wall: number): Door {
  const blackout = blackouts.find(one =>
    one.at === 'once' ? at >= one.from && at < one.to : isShown(one.window, wall),
  )
  if (blackout !== undefined) return { at: 'shut', by: 'blackout', why: blackout.why }
  return windows.every(set => set.some(window => isShown(window, wall))) ? OPEN : NO_WINDOW
}

/**
 * The first time from `at` on in which the door is open for `needed` milliseconds on end; null when there is none that
 * begins before `end`. What is open at `at` counts from there. `to` is where it closes, or `end` plus `needed` at the latest.
 */
export function nextSpan(schedule: Schedule, at: Instant, needed: Millis, end = at + HORIZON): Span | null {
  const last = end + needed
  let opened: Instant | null = null
  let stretch = stretchAt(schedule.zone, at)
  for (let now = at; now < last; ) {
    if (now >= stretch.to) stretch = stretchAt(schedule.zone, now)
    const wall = now + stretch.offset
    const open = doorWith(schedule, now, wall).at === 'open'
    if (open) opened ??= now
    else {
      if (opened !== null && now - opened >= needed) return { from: opened, to: now }
      if (now >= end) return null
      opened = null
    }
    now = instant(Math.min(stretch.to, change(schedule, now, wall, stretch)))
  }
  return opened === null || opened >= end || last - opened < needed ? null : { from: opened, to: instant(last) }
}

/** The next moment at which the door may change, while the zone does not. */
function change({ windows, blackouts }: Schedule, now: Instant, wall: number, stretch: Parameters<typeof momentAt>[1]) {
  let next = Number.POSITIVE_INFINITY
  for (const set of windows) for (const window of set) next = Math.min(next, momentAt(nextEdge(window, wall), stretch))
  for (const one of blackouts) {
    if (one.at === 'again') next = Math.min(next, momentAt(nextEdge(one.window, wall), stretch))
    else if (one.from > now) next = Math.min(next, one.from)
    else if (one.to > now) next = Math.min(next, one.to)
  }
  return next
}
