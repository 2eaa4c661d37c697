import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { spanFrom } from '../../../../src/core/campaign/rules/opening.ts'
import { doorAt, nextSpan, type Place, scheduleOf } from '../../../../src/core/campaign/rules/schedule.ts'
import { wallText } from '../../../../src/core/campaign/rules/wall-clock.ts'
import { type Instant, instant, millis } from '../../../../src/core/encoding/units.ts'
import { type Blackout, NO_RULES, type SiteRules, WEEK, type Window } from '../../../../src/core/fleet/site-rules.ts'

const MINUTE = 60_000
const DAY = 86_400_000

const at = (text: string): Instant => instant(Temporal.Instant.from(text).epochMilliseconds)
const place = (zone: string): Place => ({ site: 'quay', region: 'nl-west', zone })
const night = (from: string, to: string, ...days: Window['days']): Window => ({
  days: days.length ? days : WEEK,
  from,
  to,
})
const under = (zone: string, ...rules: Partial<SiteRules>[]) =>
  scheduleOf(
    place(zone),
    rules.map(one => ({ ...NO_RULES, ...one })),
  )

/** The spans in which it is open, as UTC minutes: `12T01:00-12T03:30`. */
function spans(zone: string, rules: Partial<SiteRules>, from: string, to: string): string[] {
  const [schedule, end] = [under(zone, rules), at(to)]
  const out: string[] = []
  for (let now = at(from); now < end; ) {
    const span = nextSpan(schedule, now, millis(1), end)
    if (span === null) break
    out.push([span.from, span.to].map(one => new Date(one).toISOString().slice(8, 16)).join('-'))
    now = span.to
  }
  return out
}

describe('the clock on the wall of a site', () => {
  const rows: [name: string, zone: string, window: Window, from: string, to: string, open: string[]][] = [
    [
      'a night on ordinary days',
      'Europe/Amsterdam',
      night('22:00', '05:00'),
      '2026-11-10T12:00Z',
      '2026-11-12T00:00Z',
      ['10T21:00-11T04:00', '11T21:00-12T00:00'],
    ],
    [
      'clocks go forward: a start that does not exist is the first moment after the gap',
      'Europe/Amsterdam',
      night('02:30', '04:00'),
      '2026-03-28T12:00Z',
      '2026-03-29T12:00Z',
      ['29T01:00-29T02:00'],
    ],
    [
      'clocks go forward: a window inside the gap does not open',
      'Europe/Amsterdam',
      night('02:10', '02:50'),
      '2026-03-28T12:00Z',
      '2026-03-29T12:00Z',
      [],
    ],
    [
      'clocks go back: an hour that comes twice counts twice',
      'Europe/Amsterdam',
      night('02:15', '02:45'),
      '2026-10-24T12:00Z',
      '2026-10-25T12:00Z',
      ['25T00:15-25T00:45', '25T01:15-25T01:45'],
    ],
    [
      'clocks go back: a night is an hour longer',
      'Europe/Amsterdam',
      night('22:00', '05:00'),
      '2026-10-24T12:00Z',
      '2026-10-25T12:00Z',
      ['24T20:00-25T04:00'],
    ],
    [
      'a zone of three quarters of an hour',
      'Asia/Kathmandu',
      night('01:00', '02:00'),
      '2026-06-01T12:00Z',
      '2026-06-02T12:00Z',
      ['01T19:15-01T20:15'],
    ],
    [
      'a zone whose summer time is half an hour: back',
      'Australia/Lord_Howe',
      night('01:40', '03:00'),
      '2026-04-04T00:00Z',
      '2026-04-05T00:00Z',
      ['04T14:40-04T15:00', '04T15:10-04T16:30'],
    ],
    [
      'a zone whose summer time is half an hour: forward',
      'Australia/Lord_Howe',
      night('02:10', '02:40'),
      '2026-10-03T00:00Z',
      '2026-10-04T00:00Z',
      ['03T15:30-03T15:40'],
    ],
    [
      'a day that was skipped: Friday’s window after it, and none on it',
      'Pacific/Apia',
      night('22:00', '02:00', 'fri'),
      '2011-12-29T00:00Z',
      '2012-01-02T00:00Z',
      ['30T10:00-30T12:00'],
    ],
    [
      'a day that was skipped: Thursday’s window ends where the calendar jumps',
      'Pacific/Apia',
      night('22:00', '06:00', 'thu'),
      '2011-12-29T00:00Z',
      '2012-01-02T00:00Z',
      ['30T08:00-30T10:00'],
    ],
    [
      'the same time twice is a whole day',
      'UTC',
      night('06:00', '06:00', 'mon'),
      '2026-11-22T00:00Z',
      '2026-11-26T00:00Z',
      ['23T06:00-24T06:00'],
    ],
    [
      'until midnight',
      'UTC',
      night('22:00', '00:00', 'mon'),
      '2026-11-22T00:00Z',
      '2026-11-26T00:00Z',
      ['23T22:00-24T00:00'],
    ],
  ]
  for (const [name, zone, window, from, to, open] of rows) {
    test(name, () => assert.deepEqual(spans(zone, { windows: [window] }, from, to), open))
  }

  test('a moment as the wall shows it', () => {
    assert.equal(wallText(at('2026-11-23T18:20Z'), 'Asia/Kathmandu'), 'Tue 2026-11-24 00:05')
  })
})

describe('windows and blackouts together', () => {
  const peak: Blackout = { why: 'peak', from: at('2026-11-11T01:00Z'), to: at('2026-11-11T02:00Z') }
  const from = '2026-11-10T12:00Z'
  const to = '2026-11-11T12:00Z'

  test('a blackout cuts a window in two', () => {
    const rules = { windows: [night('00:00', '05:00')], blackouts: [peak] }
    assert.deepEqual(spans('UTC', rules, from, to), ['11T00:00-11T01:00', '11T02:00-11T05:00'])
  })

  test('windows that touch are one, over midnight too', () => {
    const rules = { windows: [night('22:00', '00:00'), night('00:00', '02:00'), night('01:00', '03:00')] }
    assert.deepEqual(spans('UTC', rules, from, to), ['10T22:00-11T03:00'])
  })

  test('a blackout of another region or site is none here', () => {
    const elsewhere = { ...peak, regions: ['de-nord'], sites: ['reef'] }
    assert.equal(doorAt(under('UTC', { blackouts: [elsewhere] }), peak.from as Instant).at, 'open')
    for (const here of [{ regions: ['nl-west'] }, { sites: ['quay'] }, { regions: ['de-nord'], sites: ['quay'] }]) {
      const door = doorAt(under('UTC', { blackouts: [{ ...peak, ...here }] }), peak.from as Instant)
      assert.deepEqual(door, { at: 'shut', by: 'blackout', why: 'peak' })
    }
  })

  test('two sets of rules both hold: open where their windows overlap', () => {
    const schedule = under('UTC', { windows: [night('22:00', '02:00')] }, {}, { windows: [night('01:00', '05:00')] })
    const span = nextSpan(schedule, at(from), millis(1))
    assert.deepEqual(span, { from: at('2026-11-11T01:00Z'), to: at('2026-11-11T02:00Z') })
  })

  test('what does not fit into the rest waits for the next', () => {
    const schedule = under('UTC', { windows: [night('01:00', '02:00')] })
    const half = at('2026-11-11T01:30Z')
    assert.equal(nextSpan(schedule, half, millis(30 * MINUTE))?.from, half)
    assert.equal(nextSpan(schedule, half, millis(30 * MINUTE + 1))?.from, at('2026-11-12T01:00Z'))
    assert.equal(nextSpan(schedule, half, millis(60 * MINUTE + 1)), null, 'longer than any window')
  })

  test('a window that never opens: all of it is blacked out', () => {
    const rules = { windows: [night('01:00', '02:00')], blackouts: [{ why: 'load', ...night('00:30', '02:30') }] }
    assert.equal(nextSpan(under('Europe/Amsterdam', rules), at(from), millis(1)), null)
  })

  test('without windows it is open, until where was asked', () => {
    const span = nextSpan(under('Europe/Amsterdam', {}), at(from), millis(5), at(to))
    assert.deepEqual(span, { from: at(from), to: at(to) + 5 })
  })
})

// --- Against a slow oracle: Temporal asked minute by minute, with nothing of the arithmetic above. ---

/** Moments around which zones do something. */
const TURNS: [zone: string, near: string][] = [
  ['Europe/Amsterdam', '2026-03-29T01:00Z'],
  ['Europe/Amsterdam', '2026-10-25T01:00Z'],
  ['America/New_York', '2026-11-01T06:00Z'],
  ['America/St_Johns', '2026-03-08T05:30Z'],
  ['Australia/Lord_Howe', '2026-04-04T15:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T15:30Z'],
  ['Asia/Kathmandu', '2026-06-01T00:00Z'],
  ['Pacific/Apia', '2011-12-30T10:00Z'],
  ['Pacific/Kiritimati', '1994-12-31T10:00Z'],
  ['Africa/Casablanca', '2026-03-22T02:00Z'],
  ['America/Sao_Paulo', '2018-11-04T03:00Z'],
  ['Antarctica/Troll', '2026-03-29T01:00Z'],
  ['UTC', '2026-01-01T00:00Z'],
]

function oracle(zone: string, { windows, blackouts }: SiteRules, now: Instant): boolean {
  const wall = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(zone)
  const today = wall.toPlainDate()
  const time = wall.toPlainTime().toString({ smallestUnit: 'minute' })
  const on = ({ days }: Window, date: Temporal.PlainDate): boolean => days.includes(WEEK[date.dayOfWeek - 1]!)
  const isIn = (window: Window): boolean => {
    const { from, to } = window
    if (from < to) return on(window, today) && from <= time && time < to
    return (on(window, today) && time >= from) || (on(window, today.subtract({ days: 1 })) && time < to)
  }
  const isShut = blackouts.some(one => ('days' in one ? isIn(one) : now >= one.from && now < one.to))
  return !isShut && (windows.length === 0 || windows.some(isIn))
}

describe('against Temporal, minute by minute', () => {
  const clockTime = fc.integer({ min: 0, max: 1439 }).map(minute => {
    return [Math.floor(minute / 60), minute % 60].map(part => String(part).padStart(2, '0')).join(':')
  })
  const window: fc.Arbitrary<Window> = fc.record({
    days: fc.subarray([...WEEK], { minLength: 1 }),
    from: clockTime,
    to: clockTime,
  })
  const hours = fc.integer({ min: -30, max: 30 })
  const run = fc.record({
    turn: fc.constantFrom(...TURNS),
    begin: hours,
    windows: fc.array(window, { maxLength: 3 }),
    again: fc.array(window, { maxLength: 1 }),
    once: fc.array(fc.tuple(hours, fc.integer({ min: 1, max: 40 })), { maxLength: 2 }),
    needed: fc.integer({ min: 1, max: 300 }),
  })

  test('what was found is kept while it holds: the same answer as without it, also when the clock goes back', () => {
    const steps = fc.array(fc.integer({ min: -600, max: 3000 }), { minLength: 5, maxLength: 40 })
    fc.assert(
      fc.property(run, steps, ({ turn: [zone, near], windows, again, needed }, minutes) => {
        const blackouts = again.map(one => ({ why: 'again', ...one }))
        const schedule = scheduleOf(place(zone), [{ ...NO_RULES, windows, blackouts }])
        let now = at(near)
        for (const minute of minutes) {
          now = instant(now + minute * MINUTE)
          const kept = spanFrom(schedule, now, millis(needed * MINUTE))
          const fresh = nextSpan(schedule, now, millis(needed * MINUTE))
          assert.equal(kept?.from, fresh?.from)
          // What never closes is looked at for 400 days from when it was asked.
          if (windows.length + again.length > 0 && fresh !== null && fresh.to - now < 300 * DAY) {
            assert.equal(kept?.to, fresh.to)
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  test('it is open when the oracle says so, and the next span is the first that is long enough', () => {
    fc.assert(
      fc.property(run, ({ turn: [zone, near], begin, windows, again, once, needed }) => {
        const start = instant(at(near) + begin * 60 * MINUTE)
        const rules: SiteRules = {
          ...NO_RULES,
          windows,
          blackouts: [
            ...again.map(one => ({ why: 'again', ...one })),
            ...once.map(([from, length]) => {
              const opens = at(near) + from * 60 * MINUTE
              return { why: 'once', from: instant(opens), to: instant(opens + length * 60 * MINUTE) }
            }),
          ],
        }
        const schedule = scheduleOf(place(zone), [rules])
        const end = instant(start + 1.5 * DAY)
        let first: { from: number; to: number } | null = null
        let opened: number | null = null
        for (let now = start; now < end + needed * MINUTE; now = instant(now + MINUTE)) {
          const open = oracle(zone, rules, now)
          if (now < start + 4 * 60 * MINUTE) assert.equal(doorAt(schedule, now).at === 'open', open)
          if (open) opened ??= now
          else if (opened !== null) {
            if (now - opened >= needed * MINUTE) {
              first = { from: opened, to: now }
              break
            }
            opened = null
          }
          if (!open && now >= end) break
        }
        if (first === null && opened !== null && opened < end) first = { from: opened, to: end + needed * MINUTE }
        assert.deepEqual(nextSpan(schedule, start, millis(needed * MINUTE), end), first)
      }),
      { numRuns: 60 },
    )
  })
})
