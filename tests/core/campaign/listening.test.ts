import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Book } from '../../../src/core/campaign/book.ts'
import { type Listening, LONGEST_BREAK, listensOn } from '../../../src/core/campaign/listening.ts'
import { type Instant, instant } from '../../../src/core/encoding/units.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { HOUR, T0 } from './plans.ts'
import { settingOf } from './rollouts.ts'

/** A server that ticks each second, but for a leap of so many hours: its machine slept, or its clock was set. */
function leap(hours: number): { listening: Listening; now: Instant } {
  let now = instant(T0)
  let listening: Listening = { since: now, last: now }
  for (let second = 0; second < 10; second += 1) {
    now = instant(now + 1000 + (second === 5 ? hours * HOUR : 0))
    listening = listensOn(listening, now)
  }
  return { listening, now }
}

test('a server that ticks listens on; one that slept, or whose clock was set, begins anew', () => {
  assert.equal(leap(0).listening.since, T0)
  assert.equal(leap(LONGEST_BREAK / HOUR / 2).listening.since, T0)
  for (const hours of [1, 9, -9]) {
    const { listening, now } = leap(hours)
    assert.equal(listening.since, now - 4000, `${hours} hours`)
  }
})

test('attack: a night in which the server slept fails nobody', () => {
  const { plan, seats } = settingOf([2])
  const book = new Book(plan, seats)
  orThrow(book.run({ kind: 'approve', now: instant(T0) }))
  orThrow(book.run({ kind: 'start', now: instant(T0) }))
  const { listening, now } = leap(9)
  orThrow(book.run({ kind: 'tick', now, listeningSince: listening.since }))
  assert.deepEqual(
    [...book.turns.values()].map(({ at, attempt }) => `${at} ${attempt}`),
    ['assigned 1', 'assigned 1'],
  )
  const late = instant(now + 2 * HOUR)
  orThrow(book.run({ kind: 'tick', now: late, listeningSince: listening.since }))
  assert.equal(book.turns.get('harbour/c0')?.attempt, 2, 'silence counts from when it woke')
})
