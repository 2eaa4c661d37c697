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
  const span = spanFrom(schedule, now, restart)
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

const closing = (schedule: Schedule, now: Instant): Span => spanFrom(schedule, now, 1 as Millis)!

/** Of each schedule, by how long is needed: the span that was found last, and from when on it was looked for. */
const found = new WeakMap<Schedule, Map<Millis, { readonly asked: Instant; readonly span: Span | null }>>()
const DAY = 86_400_000

/**
 * `nextSpan`, worked out again only when the one that was found last is over: a site looks every second, and rules with many
 * edges take long to walk. That there is none is looked at again after a day.
 */
export function spanFrom(schedule: Schedule, at: Instant, needed: Millis): Span | null {
  const known = found.get(schedule) ?? new Map<Millis, { asked: Instant; span: Span | null }>()
  found.set(schedule, known)
  const before = known.get(needed)
  if (before !== undefined && at >= before.asked) {
    const { span, asked } = before
    if (span === null && at - asked < DAY) return null
    if (span !== null && at <= span.from) return span
    if (span !== null && span.to - at >= needed) return { from: at, to: span.to }
  }
  const span = nextSpan(schedule, at, needed)
  known.set(needed, { asked: at, span })
  return span
}

const momentText = (at: Instant, zone: string): string => `${wallText(at, zone)} ${zone}`
