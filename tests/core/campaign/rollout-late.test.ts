import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Book } from '../../../src/core/campaign/book.ts'
import { decide } from '../../../src/core/campaign/rollout.ts'
import { type RolloutEvent, readRollout, tally, writeRollout } from '../../../src/core/campaign/rollout-state.ts'
import type { Seat, Turn } from '../../../src/core/campaign/turn.ts'
import { waitsOf } from '../../../src/core/campaign/waits.ts'
import { instant, millis } from '../../../src/core/encoding/units.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { HOUR, T0 } from './plans.ts'
import { type Setting, seats, settingOf } from './rollouts.ts'

/** What a pause, a halt or a last soak finds under way. */

const at = (hours: number) => instant(T0 + hours * HOUR)
const told = (kind: 'tick' | 'resume', hours: number): RolloutEvent => ({ kind, now: at(hours) })
const tick = (hours: number): RolloutEvent => told('tick', hours)
const resume = (hours: number): RolloutEvent => told('resume', hours)
const pause = (hours: number): RolloutEvent => ({ kind: 'pause', now: at(hours), reason: 'storm' })
const halt = (hours: number): RolloutEvent => ({ kind: 'halt', now: at(hours), reason: 'smoke' })
type Result = 'confirmed' | 'reverted' | 'refused'
const says = (hours: number, controller: string, result: Result, again = false): RolloutEvent => {
  const of = { site: 'harbour', controller, report: Math.round(hours * 1000) }
  return { kind: 'outcome', now: at(hours), ...of, result, again }
}
const ok = (hours: number, controller: string): RolloutEvent => says(hours, controller, 'confirmed')
const stage = (hours: number, controller: string, stage: 'staged'): RolloutEvent => {
  return { kind: 'heard', now: at(hours), reportedAt: at(hours), site: 'harbour', controller, stage }
}
const begun: RolloutEvent[] = [
  { kind: 'approve', now: at(0) },
  { kind: 'start', now: at(0) },
]
const standing = (book: Book, of: Turn['at']): string[] =>
  [...book.turns.values()].filter(turn => turn.at === of).map(({ controller }) => controller)
const turnOf = (book: Book, controller: string): Turn => book.turn({ site: 'harbour', controller }) as Turn
const LATE: Seat = { ...(seats([1])[0] as Seat), controller: 'late' }

/** All events must be taken: a refused one is a mistake of the test. */
function after(setting: Setting, ...events: RolloutEvent[]): Book {
  const book = new Book(setting.plan, setting.seats)
  for (const event of events) orThrow(book.run(event))
  return book
}

describe('a rollout that is stopped in the middle', () => {
  const plan = settingOf([1, 2])

  test('an order that is given again for an image that is held waits for the site, and not for a word that was said', () => {
    const again = (staged: ReadonlySet<string>): Book => {
      const book = after(plan, ...begun, stage(1, 'c0', 'staged'), pause(1.5), resume(1.6))
      assert.equal(turnOf(book, 'c0').at, 'assigned')
      for (const hours of [3.7, 40, 400]) {
        const event = tick(hours)
        book.take(orThrow(decide(plan.plan, book.head, event, { ...book.seen(event), staged })))
      }
      return book
    }
    const held = turnOf(again(new Set(['harbour/c0'])), 'c0')
    assert.deepEqual([held.at, 'stage' in held && held.stage, 'due' in held && held.due], ['assigned', 'staged', null])
    assert.equal(turnOf(again(new Set()), 'c0').at, 'failed', 'silence is silence')
  })

  test('a retry is for all that failed, however many, and goes on when the server died in the middle', () => {
    const retry = { retries: 0, backOffMillis: millis(0), maxBackOffMillis: millis(0) }
    const wide = settingOf([1100], { retry }, { minSuccessPercent: 100, maxFailures: 1100 })
    const book = after(wide, ...begun, tick(2), tick(2.1), tick(4))
    assert.deepEqual([book.head.state.at, tally(book.head).failed], ['paused', 1100])
    const again: RolloutEvent = { kind: 'retry', now: at(5) }
    const first = orThrow(decide(book.plan, book.head, again, book.seen(again)))
    book.take(first)
    assert.deepEqual([book.head.state.at, tally(book.head).failed, first.more], ['paused', 100, true])
    assert.deepEqual(readRollout(writeRollout(book.head), 'spring'), book.head)
    const last = orThrow(book.run(tick(5.1)))
    const retried = last.effects.find(effect => effect.do === 'note' && effect.kind === 'campaign-retried')
    assert.deepEqual(retried?.do === 'note' && retried.detail, { wave: 0, controllers: 1100 })
    assert.deepEqual([book.head.state.at, tally(book.head).assigned], ['running', 1100])
  })

  test('whoever queues does so no more when the campaign is halted', () => {
    const book = after(plan, ...begun, ok(1, 'c0'), tick(2))
    orThrow(book.run(says(2.1, 'c1', 'refused', true)))
    const queue = (controller: string): void => {
      const turn = turnOf(book, controller)
      const { head } = book
      const waits = { ...turn, at: 'queued', behind: 'patch', due: at(3), was: 'waiting', begun: controller === 'c1' }
      const { assigned, queued, ...rest } = head.waves[1]!
      const waves = [head.waves[0]!, { ...rest, assigned: assigned - 1, queued: queued + 1 }]
      book.turns.set(`harbour/${controller}`, waits as Turn)
      book.head = { ...head, waves }
    }
    queue('c1')
    queue('c2')
    orThrow(book.run(halt(2.5)))
    assert.deepEqual([standing(book, 'withdrawn'), standing(book, 'waiting')], [['c1'], ['c2']])
    assert.equal(tally(book.head).queued, 0)
  })

  const lateComer = (hours: number): RolloutEvent => ({ kind: 'join', now: at(hours), seats: [LATE] })
  test('one who joins while the last wave is paused in its soak is ordered before the campaign is done', () => {
    const book = after(settingOf([1]), ...begun, ok(1, 'c0'), pause(1.2), lateComer(1.3))
    assert.deepEqual([book.head.state.at, standing(book, 'waiting')], ['paused', ['late']])
    orThrow(book.run(resume(1.4)))
    orThrow(book.run(tick(3)))
    assert.deepEqual([book.head.state.at, standing(book, 'assigned')], ['running', ['late']])
    orThrow(book.run(ok(3.5, 'late')))
    orThrow(book.run(tick(5)))
    assert.equal(book.head.state.at, 'done')
  })

  test('nobody joins a last wave whose gate did not pass: it would stay shut for them', () => {
    const strict = settingOf([2], {}, { minSuccessPercent: 100, maxFailures: 1 })
    const book = after(strict, ...begun, ok(1, 'c0'), says(1, 'c1', 'reverted'), tick(2))
    assert.equal(book.head.state.at === 'paused' && book.head.state.by, 'gate')
    orThrow(book.run(lateComer(2.5)))
    assert.equal(tally(book.head).total, 2)
    orThrow(book.run(ok(3, 'c1')))
    orThrow(book.run(resume(4)))
    orThrow(book.run(lateComer(4.1)))
    assert.deepEqual([book.head.state.at, tally(book.head).total], ['running', 3], 'it joins with its next report')
  })
})

test('a plan whose time is over before it was started says so, and not that it waits for a start', () => {
  const book = after(settingOf([1]), { kind: 'approve', now: at(0) })
  const { notAfter } = book.plan
  assert.match(waitsOf(book.plan, book.head, [], instant(notAfter - 1)).join(), /somebody to start it/)
  assert.match(
    waitsOf(book.plan, book.head, [], notAfter).join(),
    /^The time of the plan was over at .*cannot be started/,
  )
})
