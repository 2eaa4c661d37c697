import type { Instant } from '../encoding/units.ts'
import { formatUtc } from '../encoding/utc-time.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'

/** How many days before metadata expires people are told, unless a config says otherwise. */
export const WARNING_DAYS: readonly number[] = [90, 30, 7]

const DAY = 86_400_000

/** Whole days that are left; 0 on the last one, below 0 when it has expired. */
export const daysLeft = (expires: Instant, now: Instant): number => Math.floor((expires - now) / DAY)

/** The most urgent of the warnings that is due: its days; -1 when the metadata has expired; null when none is due. */
export function warningDue(expires: Instant, now: Instant, days: readonly number[]): number | null {
  if (expires <= now) return -1
  const due = days.filter(one => expires - now <= one * DAY)
  return due.length === 0 ? null : Math.min(...due)
}

/**
 * What is said of metadata that a server cannot renew by itself: `metadata-expires-soon`, `metadata-expired`, or null.
 * `subject` names repository and role.
 */
export function expiryAlarm(subject: string, expires: Instant, now: Instant, days: readonly number[]): Refusal | null {
  const due = warningDue(expires, now, days)
  if (due === null) return null
  if (due < 0) return refuse('metadata-expired', subject, `a time before ${formatUtc(expires)}`, formatUtc(now))
  const left = daysLeft(expires, now)
  const actual = `${left} ${left === 1 ? 'day' : 'days'}, until ${formatUtc(expires)}`
  return refuse('metadata-expires-soon', subject, `more than ${due} days left`, actual)
}
