import { type Instant, instant } from '../core/encoding/units.ts'
import { formatUtc } from '../core/encoding/utc-time.ts'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { CurrentSet } from '../core/trust/trusted-set.ts'
import { note } from './audit.ts'
import type { SiteWorld } from './ports.ts'

/** How much later than the last kept time it must be before another one is written: a store wears with each write. */
const KEPT_EVERY_MILLIS = 300_000
/** A clock is corrected by so much now and then; more is an event. */
const USUAL_CORRECTION_MILLIS = 60_000

/** What this process knows beyond the store: the latest time, and whether it has told of a clock behind it. */
type Known = { latest: Instant; told: boolean }
const knownOf = new WeakMap<SiteWorld, Known>()

/**
 * The time by which a site judges: its clock, but never earlier than a time that it has judged by before, over restarts
 * too (to within five minutes). A clock that is set back therefore brings nothing back to life that had expired here
 * (TUF 1.0.34 §5.1, Uptane 2.1.0 §5.4.2.2). What is kept never goes beyond the first expiry of the three timestamps that
 * were last verified: a clock that was ahead once, by accident or by somebody's hand, does no harm for longer than it
 * takes the fleet to sign the next ones. See docs/adr/0022-the-latest-time-that-is-borne-out.md.
 */
export async function siteTime(world: SiteWorld): Promise<Instant> {
  const clock = world.clock.now()
  const kept = await world.store.time()
  const known = knownOf.get(world) ?? { latest: instant(0), told: false }
  knownOf.set(world, known)
  const seen = Math.min(clock, kept.bound)
  known.latest = instant(Math.max(known.latest, kept.latest, seen))
  // The last moment before everything expires is kept to the millisecond: that one must not come back.
  if (seen - kept.latest >= KEPT_EVERY_MILLIS || (seen === kept.bound && seen > kept.latest)) {
    // If power fails before this commit, the next start knows a time of at most five minutes before.
    await world.store.commit({ time: { latest: instant(seen), bound: kept.bound } })
  }
  await tell(world, known, clock)
  return instant(Math.max(clock, known.latest))
}

/** Keeps how far the time is borne out by what three repositories signed. Durable on return. */
export async function bearOut(world: SiteWorld, sets: Iterable<CurrentSet>, now: Instant): Promise<void> {
  const bound = instant(Math.min(...[...sets].map(set => set.timestamp.signed.expires)))
  const kept = await world.store.time()
  if (kept.bound === bound) return
  // If power fails before this commit, the older bound holds: less is kept than could be.
  await world.store.commit({ time: { latest: instant(Math.max(kept.latest, Math.min(now, bound))), bound } })
}

/** A clock that was set back is recorded once, and again when it happens again. */
async function tell(world: SiteWorld, known: Known, clock: Instant): Promise<void> {
  const behind = clock < known.latest - USUAL_CORRECTION_MILLIS
  const isNews = behind && !known.told
  known.told = behind
  if (!isNews) return
  const { code, subject, expected, actual } = setBack(known.latest, clock)
  await note(world, { kind: 'intrusion-signal', code, detail: { subject, expected, actual } })
}

function setBack(latest: Instant, clock: Instant): Refusal {
  const expected = `a time from ${formatUtc(latest)} on`
  return refuse('clock-set-back', 'the clock of this gateway', expected, formatUtc(clock))
}
