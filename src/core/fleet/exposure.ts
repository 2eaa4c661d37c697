import { type Instant, type Millis, millis } from '../encoding/units.ts'
import type { Report } from '../trust/report.ts'

/** For how long a version was watched. */
export type Exposure = { readonly version: string; readonly watched: Millis }

/** How far a controller's clock may be off the fleet's: one that is further off divides no time. */
const APART = 60_000

/**
 * Whose the time is between two hand-overs of reports of one controller: from `before`, the last report that the fleet had,
 * taken in at `seenAt`, to `reports`, all that came now, in their order. Behind an outage of the link that is hours, in which
 * the controller may have changed its version.
 *
 * - A report stands at the time that it says itself, as far as that can be: not before the one in front of it was taken in or
 *   stands, and not after now. The time up to it counts for the version that was attested last: every start of a version makes
 *   a report of its own.
 * - Reports whose time cannot be (a board that does not know the time, a clock that was set) divide nothing. The time around
 *   them counts when all of them attest one version, and is else nobody's.
 * - The time behind the last report that stands somewhere is nobody's: a controller that is silent ran who knows what.
 *
 * So nobody is watched for longer than the fleet's own clock says, whatever a controller says of the time.
 */
export function exposureOf(before: Report, seenAt: Instant, reports: readonly Report[], now: Instant): Exposure[] {
  const watched = new Map<string, number>()
  let [mark, version] = [seenAt as number, before.running.version]
  let isOne = true
  let isOpen = false
  const count = (until: number): void => {
    if (isOne && until > mark) watched.set(version, (watched.get(version) ?? 0) + until - mark)
  }
  for (const { at, running } of reports) {
    const stands = at >= mark - APART && at <= now + APART
    isOpen = !stands
    if (!stands) {
      isOne = isOne && running.version === version
      continue
    }
    // What is about now is now: the delay of each report would else be lost.
    const place = at >= now - APART ? now : Math.max(at, mark)
    count(place)
    mark = Math.max(mark, place)
    version = running.version
    isOne = true
  }
  if (isOpen) count(now)
  return [...watched].map(([of, time]) => ({ version: of, watched: millis(time) }))
}
