import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Book } from '../../../src/core/campaign/book.ts'
import { COMMANDS, type CommandName, commandsOf } from '../../../src/core/campaign/commands.ts'
import { decide } from '../../../src/core/campaign/rollout.ts'
import {
  MAX_COURSE,
  passOn,
  type RolloutEvent,
  readRollout,
  writeRollout,
} from '../../../src/core/campaign/rollout-state.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { HOUR, T0 } from './plans.ts'
import { settingOf } from './rollouts.ts'

const at = (hours: number) => instant(T0 + hours * HOUR)
const ended = (controller: string, result: 'confirmed' | 'reverted', hours: number): RolloutEvent => {
  return { kind: 'outcome', site: 'harbour', controller, report: 1, result, now: at(hours) }
}
const APPROVE: RolloutEvent = { kind: 'approve', now: at(0) }
const START: RolloutEvent = { kind: 'start', now: at(0) }
const PAUSE: RolloutEvent = { kind: 'pause', now: at(1), reason: 'storm' }
const HALT: RolloutEvent = { kind: 'halt', now: at(1), reason: 'enough' }
const BACK: RolloutEvent = { kind: 'roll-back', now: at(2), reason: 'noisy', partly: true }
const SHUT: RolloutEvent[] = [
  APPROVE,
  START,
  ended('c0', 'reverted', 0.5),
  ended('c1', 'confirmed', 0.5),
  { kind: 'tick', now: at(1.6) },
]

/** What a campaign has come to, and the commands that would do something then. */
const ROWS: readonly (readonly [name: string, events: readonly RolloutEvent[], possible: readonly CommandName[]])[] = [
  ['waits for its approval', [], ['halt']],
  ['is approved', [APPROVE], ['start', 'halt']],
  ['runs', [APPROVE, START], ['pause', 'halt', 'roll-back']],
  ['is paused by a person', [APPROVE, START, PAUSE], ['resume', 'halt', 'roll-back']],
  ['is paused by its gate', SHUT, ['retry', 'halt', 'roll-back']],
  ['is halted', [APPROVE, START, HALT], ['roll-back']],
  ['rolls back', [APPROVE, START, ended('c0', 'confirmed', 0.5), { ...PAUSE, now: at(1) }, BACK], ['pause', 'halt']],
]

describe('the commands that would do something', () => {
  for (const [name, events, possible] of ROWS) {
    test(`when it ${name}`, () => {
      const { plan, seats } = settingOf([2, 2], {}, { minSuccessPercent: 100, maxFailures: 1 })
      const book = new Book(plan, seats)
      for (const event of events) orThrow(book.run(event))
      const now = at(3)
      const judged = commandsOf(plan, book.head, now)
      assert.deepEqual(
        judged.filter(one => one.possible).map(({ command }) => command),
        possible,
      )
      // The machine, shown all of its turns, says the same of each, and with the same words where it refuses.
      for (const { command, why, possible } of judged) {
        const event = { kind: command, now, reason: 'a test', partly: false } as RolloutEvent
        const decision = decide(plan, book.head, event, book.seen(event))
        assert.deepEqual(isRefusal(decision) ? decision : null, why, command)
        assert.equal(possible, !isRefusal(decision) && decision.next !== book.head, command)
      }
    })
  }

  test('a roll-back that leaves some as they are has to be asked for as one', () => {
    const releases = [{ path: 'a' }, { path: 'b' }, { path: 'c' }]
    const { plan, seats } = settingOf([2, 2], { releases, back: [{ of: 0, to: 1 }] })
    const book = new Book(plan, seats)
    for (const event of [APPROVE, START]) orThrow(book.run(event))
    const back = commandsOf(plan, book.head, at(1)).at(-1)
    assert.deepEqual(back, { command: 'roll-back', possible: true, partly: true, why: null })
    const none = { ...plan, back: [] }
    const refused = commandsOf(none, book.head, at(1)).at(-1)
    assert.deepEqual([refused?.possible, refused?.why?.code], [false, 'campaign-no-way-back'])
  })

  test('before its time nothing starts it, and behind it nothing goes on', () => {
    const { plan, seats } = settingOf([1], { notBefore: at(5), notAfter: at(9) })
    const book = new Book(plan, seats)
    orThrow(book.run(APPROVE))
    const said = (hours: number) => commandsOf(plan, book.head, at(hours))[0]
    assert.equal(said(1)?.why?.code, 'campaign-too-early')
    assert.equal(said(6)?.possible, true)
    assert.equal(said(9)?.why?.code, 'campaign-expired')
  })

  test('each command is judged once', () => {
    const { plan, seats } = settingOf([1])
    const judged = commandsOf(plan, new Book(plan, seats).head, at(0))
    assert.deepEqual(
      judged.map(({ command }) => command),
      COMMANDS,
    )
  })
})

describe('the course of a campaign', () => {
  test('has each state that it came to, and when; a store gives it back', () => {
    const { plan, seats } = settingOf([1, 1])
    const book = new Book(plan, seats)
    for (const event of [
      APPROVE,
      START,
      ended('c0', 'confirmed', 0.5),
      { kind: 'tick', now: at(2) },
      { ...PAUSE, now: at(3) },
      { kind: 'resume', now: at(4) },
    ] as RolloutEvent[])
      orThrow(book.run(event))
    assert.deepEqual(
      book.head.course.map(({ at, wave, since }) => [at, wave, (since - T0) / HOUR]),
      [
        ['approved', null, 0],
        ['running', 0, 0],
        ['soaking', 0, 0.5],
        ['running', 1, 2],
        ['paused', 1, 3],
        ['running', 1, 4],
      ],
    )
    assert.deepEqual(orThrow(readRollout(writeRollout(book.head), 'spring')), book.head)
  })

  test('an older server wrote none, and none is made up', () => {
    const { plan, seats } = settingOf([1])
    const { course: _, ...older } = JSON.parse(writeRollout(new Book(plan, seats).head)) as Record<string, unknown>
    assert.deepEqual(orThrow(readRollout(JSON.stringify(older), 'spring')).course, [])
  })

  test('of a campaign that was paused again and again the oldest passages are forgotten', () => {
    let course = passOn([], { at: 'created' })
    for (let n = 0; n < MAX_COURSE + 10; n += 1) course = passOn(course, { at: 'running', wave: 0, since: instant(n) })
    assert.deepEqual([course.length, course[0]?.since], [MAX_COURSE, 10])
    assert.equal(passOn(course, { at: 'running', wave: 0, since: course.at(-1)!.since }), course)
  })
})
