import { type Instant, instant, type Millis, millis } from '../encoding/units.ts'

/**
 * A gateway's clock, held against a counter that nobody can set (`steady`, milliseconds since some moment). A clock that
 * jumps may have been put right or put wrong: nobody at the site can tell. For a day both times count, the one that it
 * shows and the one that it would show without the jump: who wants to restart needs a window that is open by both. After
 * that the new time counts alone, so that a clock that was put right holds nobody up for longer.
 */
export type Line = {
  readonly clock: Instant
  readonly steady: Millis
  /** By how much the clock is off the time before the jump, and until when (steady) both count; null: it is believed. */
  readonly off: { readonly by: Millis; readonly until: Millis } | null
}

/** The time as it would be without the jump, until when it counts too, and by how much the clock jumped. */
export type Doubt = { readonly time: Instant; readonly until: Instant; readonly jumped: Millis }

/** A clock is corrected by so much now and then: within an hour, that is no jump. */
export const USUAL_CORRECTION = millis(60_000)
const AGAIN = 3_600_000
const DAY = 86_400_000

/** The line of a process that starts. `latest`: the latest time that the site is known to have had. */
export function lineFrom(latest: Instant, clock: Instant, steady: Millis): Line {
  const back = clock - latest
  return { clock, steady, off: back < -USUAL_CORRECTION ? { by: millis(back), until: millis(steady + DAY) } : null }
}

/** Reads the clock: the line from now on, by how much the clock has jumped since the last look (0: not), and the doubt. */
export function readClock(
  line: Line,
  clock: Instant,
  steady: Millis,
): { readonly line: Line; readonly jumped: Millis; readonly doubt: Doubt | null } {
  const passed = steady - line.steady
  // The counter may have fractions, a clock has none.
  const drift = Math.round(clock - line.clock - passed)
  const jumped = millis(Math.abs(drift) > USUAL_CORRECTION ? drift : 0)
  const before = line.off !== null && steady < line.off.until ? line.off : null
  const by = millis((before?.by ?? 0) + jumped)
  // A clock that has come back to where it was is believed again.
  const stays = Math.abs(by) > USUAL_CORRECTION
  const off = !stays ? null : { by, until: millis(jumped === 0 ? before!.until : steady + DAY) }
  // The line is begun anew only now and then: small steps, one after the other, add up to a jump.
  const next = jumped !== 0 || passed >= AGAIN ? { clock, steady, off } : { ...line, off }
  return { line: next, jumped, doubt: off === null ? null : doubtOf(off, clock, steady) }
}

function doubtOf({ by, until }: NonNullable<Line['off']>, clock: Instant, steady: Millis): Doubt {
  return { time: instant(clock - by), until: instant(Math.round(clock + until - steady)), jumped: by }
}
