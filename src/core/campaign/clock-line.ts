import { type Instant, instant, type Millis, millis } from '../encoding/units.ts'

/** By how much a clock is off another time, and until when (steady) both count. */
export type Apart = { readonly by: Millis; readonly until: Millis }

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
  readonly off: Apart | null
}

/**
 * A time that counts beside the clock's, and until when; by how much the clock is off it. `by`: the clock jumped, and this is
 * the time without the jump; or it is the time that the fleet server goes by.
 */
export type Doubt = {
  readonly by: 'jump' | 'fleet'
  readonly time: Instant
  readonly until: Instant
  readonly jumped: Millis
}

/** A clock is corrected by so much now and then: within an hour, that is no jump. */
export const USUAL_CORRECTION = millis(60_000)
const AGAIN = 3_600_000
/** How long two times count, from when a clock was seen to be off. */
export const BOTH_COUNT = millis(86_400_000)

/**
 * The line of a process that starts. `latest`: the latest time that the site is known to have had. `kept`: by how much the
 * clock was off when the process before this one ended, null: it was believed. How much of its day is left nobody can
 * say, so it is a whole one.
 */
export function lineFrom(latest: Instant, clock: Instant, steady: Millis, kept: Millis | null = null): Line {
  const back = clock - latest
  const by = back < -USUAL_CORRECTION ? millis(back) : kept
  return { clock, steady, off: by === null ? null : { by, until: millis(steady + BOTH_COUNT) } }
}

/**
 * What the time that the fleet server gave in an answer says of the clock, which showed `sent` when it was asked and
 * `received` when it had answered: somewhere between the two it was `fleet` there. Null: they agree. What is heard counts for a
 * day, so that a link that is cut does not put the clock right.
 */
export function heldAgainst(fleet: Instant, sent: Instant, received: Instant, steady: Millis): Apart | null {
  const [least, most] = [sent - fleet, received - fleet]
  const by = least > USUAL_CORRECTION ? least : most < -USUAL_CORRECTION ? most : null
  return by === null ? null : { by: millis(by), until: millis(steady + BOTH_COUNT) }
}

/** The doubt that a clock is in which is off the fleet's; null: none, or nothing was heard for a day. */
export function apartDoubt(apart: Apart | null, clock: Instant, steady: Millis): Doubt | null {
  return apart === null || steady >= apart.until ? null : doubtOf('fleet', apart, clock, steady)
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
  const off = !stays ? null : { by, until: millis(jumped === 0 ? before!.until : steady + BOTH_COUNT) }
  // The line is begun anew only now and then: small steps, one after the other, add up to a jump.
  const next = jumped !== 0 || passed >= AGAIN ? { clock, steady, off } : { ...line, off }
  return { line: next, jumped, doubt: off === null ? null : doubtOf('jump', off, clock, steady) }
}

function doubtOf(of: Doubt['by'], { by, until }: Apart, clock: Instant, steady: Millis): Doubt {
  return { by: of, time: instant(clock - by), until: instant(Math.round(clock + until - steady)), jumped: by }
}

/** The latest time that a site has judged by, and up to where the time is borne out by what was signed (see time.ts). */
export type KeptTime = { readonly latest: Instant; readonly bound: Instant }
