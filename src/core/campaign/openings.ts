import { showDuration } from '../encoding/quantity.ts'
import { between, type Instant, instant, type Millis, millis } from '../encoding/units.ts'
import type { Site } from '../fleet/topology.ts'
import type { Doubt } from './clock-line.ts'
import { judgeOpening } from './rules/opening.ts'
import { scheduleUnder } from './rules/schedule.ts'
import { type No, no } from './rules/wait.ts'
import type { Terms } from './terms.ts'

/** How long a turn may be taken up: conditions that held when it was given are not believed for longer. */
export const TURN_HOLDS = millis(120_000)

/** What of a situation windows and blackouts are judged by. */
export type Times = {
  readonly site: Site
  readonly terms: ReadonlyMap<string, Terms>
  readonly clock: Instant
  readonly doubts: readonly Doubt[]
}

/** Windows and blackouts of one look at a site: judged once for each campaign and length of a restart. */
export class Openings {
  readonly #times: Times
  readonly #known = new Map<string, { latest: Instant } | No>()

  constructor(times: Times) {
    this.#times = times
  }

  /** Until when a restart may begin, if it may now; while the clock is in doubt, by each of the times that count. */
  of(campaign: string, restart: Millis): { latest: Instant } | No {
    const { clock, doubts } = this.#times
    const opening = this.#at(campaign, restart, clock)
    if (!('latest' in opening)) return opening
    let rest = Math.min(TURN_HOLDS, opening.latest - clock)
    for (const doubt of doubts) {
      const other = this.#at(campaign, restart, doubt.time)
      if (!('latest' in other)) return inDoubt(doubt, clock, other)
      rest = Math.min(rest, other.latest - doubt.time)
    }
    return { latest: instant(clock + rest) }
  }

  #at(campaign: string, restart: Millis, at: Instant): { latest: Instant } | No {
    const key = `${campaign} ${restart} ${at}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const { site, terms } = this.#times
    const opening = judgeOpening(scheduleUnder(site, terms.get(campaign)?.rules ?? null), at, restart)
    this.#known.set(key, opening)
    return opening
  }
}

/** It may go by the clock, and not by another time that counts too. */
function inDoubt({ by, jumped, until }: Doubt, clock: Instant, { because: shut }: No): No {
  const off = showDuration(jumped)
  if (by === 'fleet') {
    const apart = `the clock of the gateway is ${off} ${jumped < 0 ? 'behind' : 'ahead of'} the fleet’s`
    return no('clock', 'apart', `${apart}, and by the fleet’s it may not go (${shut}); both count until they agree`)
  }
  const jump = `the clock of the gateway jumped ${off} ${jumped < 0 ? 'back' : 'ahead'}`
  const left = showDuration(between(clock, until))
  const because = `${jump}, and by the time before the jump it may not go (${shut}); the new time alone counts in ${left}`
  return no('clock', 'jumped', because, { nextPossible: until })
}
