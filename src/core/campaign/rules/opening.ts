import { showDuration } from '../../encoding/quantity.ts'
import { between, type Instant, type Millis } from '../../encoding/units.ts'
import { doorAt, nextSpan, type Schedule, type Span } from './schedule.ts'
import { type No, no } from './wait.ts'
import { wallText } from './wall-clock.ts'

/**
 * Whether a restart of `restart` milliseconds fits into what is open now. Null: it does, and `latest` says until when it
 * may begin. Otherwise what keeps it out, and when it can go by the schedule alone.
 */
export function judgeOpening(schedule: Schedule, now: Instant, restart: Millis): { latest: Instant } | No {
  const span = nextSpan(schedule, now, restart)
  if (span !== null && span.from === now) return { latest: (span.to - restart) as Instant }
  const next = span?.from ?? null
  const opens = next === null ? 'it does not open again within 400 days' : `next ${momentText(next, schedule.zone)}`
  const door = doorAt(schedule, now)
  if (door.at === 'open') {
    const rest = between(now, closing(schedule, now).to)
    const because = `what is open now ends in ${showDuration(rest)}, and a restart takes up to ${showDuration(restart)}; ${opens}`
    return no('window', 'rest', because, {
      value: showDuration(rest),
      threshold: showDuration(restart),
      nextPossible: next,
    })
  }
  if (door.by === 'blackout')
    return no('blackout', door.why, `blackout (${door.why}); ${opens}`, { nextPossible: next })
  return no('window', 'shut', `it is outside the windows; ${opens}`, {
    value: momentText(now, schedule.zone),
    nextPossible: next,
  })
}

const closing = (schedule: Schedule, now: Instant): Span => nextSpan(schedule, now, 1 as Millis)!

const momentText = (at: Instant, zone: string): string => `${wallText(at, zone)} ${zone}`
