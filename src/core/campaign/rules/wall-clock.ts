import { type Instant, instant } from '../../encoding/units.ts'
import type { ClockTime, Weekday, Window } from '../../fleet/site-rules.ts'
import { WEEK } from '../../fleet/site-rules.ts'

/**
 * The clock on the wall of a site. Between two changes of its zone the wall runs with the time, `offset` milliseconds ahead
 * of UTC; at a change it jumps. A moment on the wall is milliseconds since 1970-01-01T00:00 as the wall shows it.
 */
export type Stretch = { readonly to: number; readonly offset: number }

const MINUTE = 60_000
const DAY = 86_400_000

/** The stretch that a moment is in; `to` is the next change, infinity when there is none. */
export function stretchAt(zone: string, at: Instant): Stretch {
  const shown = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone)
  const change = shown.getTimeZoneTransition('next')
  return {
    to: change === null ? Number.POSITIVE_INFINITY : change.epochMilliseconds,
    offset: shown.offsetNanoseconds / 1e6,
  }
}

/** A window, ready to be asked. */
export type WallWindow = { readonly days: readonly boolean[]; readonly from: number; readonly to: number }

/** 1970-01-01 was a Thursday. */
const THURSDAY = WEEK.indexOf('thu')

export function wallWindow({ days, from, to }: Window): WallWindow {
  return { days: WEEK.map(day => days.includes(day)), from: minutes(from) * MINUTE, to: minutes(to) * MINUTE }
}

const minutes = (time: ClockTime): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))

/** Whether the wall shows a time in the window. */
export function isShown({ days, from, to }: WallWindow, wall: number): boolean {
  const day = Math.floor(wall / DAY)
  const time = wall - day * DAY
  const on = (which: number): boolean => days[(((which + THURSDAY) % 7) + 7) % 7]!
  if (from < to) return on(day) && time >= from && time < to
  // Over midnight: what began today, or what began on the day before by the calendar.
  return (on(day) && time >= from) || (on(day - 1) && time < to)
}

/** The next moment on the wall, after this one, at which the window may open or close. */
export function nextEdge({ from, to }: WallWindow, wall: number): number {
  const day = Math.floor(wall / DAY) * DAY
  return Math.min(...[from, to].map(edge => (day + edge > wall ? day + edge : day + DAY + edge)))
}

/** A moment as the wall shows it: `Mon 2026-11-23 22:00`. */
export function wallText(at: Instant, zone: string): string {
  const shown = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone)
  const day: Weekday = WEEK[shown.dayOfWeek - 1]!
  const two = (value: number): string => String(value).padStart(2, '0')
  const name = day[0]!.toUpperCase() + day.slice(1)
  return `${name} ${shown.year}-${two(shown.month)}-${two(shown.day)} ${two(shown.hour)}:${two(shown.minute)}`
}

/** The moment at which the wall will show what it shows at a place in its stretch. */
export const momentAt = (wall: number, { offset }: Stretch): Instant => instant(wall - offset)
