import { after, type Instant, type Millis, millis } from '../encoding/units.ts'

/**
 * How often a password may be tried. Failures are counted for each pair of account and address, so that who guesses locks
 * themselves out first, and for each account over all addresses, so that many addresses guess no faster
 * (NIST SP 800-63B-4 §3.2.2 allows 100 failures in a row; this allows fewer than 30 a day from one address).
 */
export type Attempts = { readonly failures: number; readonly last: Instant; readonly until: Instant }

/** `free` failures cost nothing; each further one locks for twice as long as the one before, up to `longest`. */
export type AttemptRule = { readonly free: number; readonly first: Millis; readonly longest: Millis }

const HOUR = 3_600_000
export const FROM_ONE_ADDRESS: AttemptRule = { free: 5, first: millis(60_000), longest: millis(HOUR) }
export const FROM_ANYWHERE: AttemptRule = { free: 50, first: millis(60_000), longest: millis(HOUR) }

/** After this long without a failure all of them are forgotten. */
const FORGOTTEN = millis(24 * HOUR)

/** How long one has to wait before the next attempt counts; 0: not at all. */
export function waitFor(attempts: Attempts | undefined, now: Instant): Millis {
  // A clock that was set back keeps a lock at most as long as it was meant to be.
  if (attempts === undefined || now >= attempts.until || now < attempts.last) return millis(0)
  return millis(attempts.until - now)
}

/** One failure more. */
export function afterFailure(attempts: Attempts | undefined, now: Instant, rule: AttemptRule): Attempts {
  const before = attempts === undefined || now >= after(attempts.last, FORGOTTEN) ? 0 : attempts.failures
  const failures = before + 1
  const over = failures - rule.free
  const lock = over < 0 ? 0 : Math.min(rule.longest, rule.first * 2 ** Math.min(over, 20))
  return { failures, last: now, until: after(now, millis(lock)) }
}

/**
 * How many refused attempts of one account, or of strangers, are written to the log one by one: the log lasts for ever, and
 * who may knock without end must not fill the disk. What is left out is counted, and told with the next one.
 */
export type Noise = { readonly since: Instant; readonly written: number; readonly leftOut: number }

const NOISE_SPAN = millis(10 * 60_000)
const NOISE_WRITTEN = 100

/** Whether the next refused attempt is written, and how many were left out since the last one that was. */
export function takeNoise(
  noise: Noise | undefined,
  now: Instant,
): { readonly next: Noise; readonly write: boolean; readonly leftOut: number } {
  const fresh = noise === undefined || now >= after(noise.since, NOISE_SPAN) || now < noise.since
  const current = fresh ? { since: now, written: 0, leftOut: noise?.leftOut ?? 0 } : noise
  if (current.written >= NOISE_WRITTEN) {
    return { next: { ...current, leftOut: current.leftOut + 1 }, write: false, leftOut: 0 }
  }
  const next = { ...current, written: current.written + 1, leftOut: 0 }
  return { next, write: true, leftOut: current.leftOut }
}
