import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Book } from '../../../src/core/campaign/book.ts'
import { decide } from '../../../src/core/campaign/rollout.ts'
import type { RolloutPlan } from '../../../src/core/campaign/rollout-plan.ts'
import {
  type Passage,
  type RolloutEvent,
  readRollout,
  stateName,
  tally,
  waveNumber,
  writeRollout,
} from '../../../src/core/campaign/rollout-state.ts'
import type { Seat, Turn } from '../../../src/core/campaign/turn.ts'
import { waitsOf } from '../../../src/core/campaign/waits.ts'
import { instant, millis } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { HOUR, T0 } from './plans.ts'
import { seats, termsOf } from './rollouts.ts'

/** The way back: the last first, and nobody before those that came after it. */

const at = (hours: number) => instant(T0 + hours * HOUR)
const tick = (hours: number): RolloutEvent => ({ kind: 'tick', now: at(hours) })
const back = (hours: number, partly = false): RolloutEvent => ({
  kind: 'roll-back',
  now: at(hours),
  reason: 'smoke',
  partly,
})
let report = 0
const says = (
  hours: number,
  controller: string,
  result: 'confirmed' | 'reverted' | 'refused',
  site = 'harbour',
): RolloutEvent => {
  report += 1
  return { kind: 'outcome', now: at(hours), site, controller, report, result, code: 'version-not-newer' }
}
const releases = ['a', 'a-back', 'b', 'b-back'].map(path => ({ path }))
const ways = [
  { of: 0, to: 1 },
  { of: 2, to: 3 },
]

/** One wave; the place of each controller in the order of the site. All of them confirmed at hour 1. */
function updated(
  orders: readonly number[],
  change: Partial<RolloutPlan> = {},
  seat: (index: number) => Partial<Seat> = () => ({}),
): Book {
  const sizes = [orders.length]
  const of = (index: number) => ({ steps: [{ release: 0, order: orders[index] ?? 0 }], ...seat(index) })
  const book = new Book(termsOf(sizes, { releases, back: ways, ...change }), seats(sizes, of))
  orThrow(book.run({ kind: 'approve', now: at(0) }))
  orThrow(book.run({ kind: 'start', now: at(0) }))
  for (const turn of [...book.turns.values()]) orThrow(book.run(says(1, turn.controller, 'confirmed', turn.site)))
  return book
}
const stateOf = ({ head }: Book): string => head.state.at
const standing = (book: Book, of: Turn['at']): string[] =>
  [...book.turns.values()].filter(turn => turn.at === of).map(({ controller }) => controller)

describe('rolling back', () => {
  test('one that everything went back of is called rolled back, as far as it had come', () => {
    const state = { at: 'done', since: at(3), undone: true } as const
    const passage = (of: Passage['at'], wave: number | null) => ({ at: of, wave, since: at(1) })
    const course = [passage('approved', null), passage('running', 0), passage('running', 1), passage('rolling-back', 0)]
    assert.deepEqual([stateName(state), waveNumber({ state, course }, 3)], ['rolled-back', 2])
    const passed = { ...state, undone: false }
    assert.deepEqual([stateName(passed), waveNumber({ state: passed, course }, 3)], ['done', 3])
    const halted = { at: 'halted', wave: null, since: at(1), by: 'person', reason: 'rejected' } as const
    assert.deepEqual([stateName(halted), waveNumber({ state: halted, course: [] }, 3)], ['halted', 0])
  })

  test('one place after the other, in the reverse of the order of the site', () => {
    const book = updated([0, 1, 1, 2])
    orThrow(book.run(back(2)))
    const gone: string[][] = []
    for (let hours = 2.1; book.head.state.at === 'rolling-back'; hours += 0.1) {
      const open = standing(book, 'returning')
      gone.push(open)
      for (const controller of open) orThrow(book.run(says(hours, controller, 'confirmed')))
      orThrow(book.run(tick(hours + 0.05)))
    }
    assert.deepEqual(gone, [['c3'], ['c1', 'c2'], ['c0']])
    assert.deepEqual([book.head.state.at, tally(book.head).returned], ['done', 4])
  })

  test('one that is still on its way keeps the others of its site waiting, and no other site', () => {
    const book = updated([1, 0, 1, 0], {}, index => ({ site: index < 2 ? 'harbour' : 'quay' }))
    orThrow(book.run(back(2)))
    assert.deepEqual(standing(book, 'returning'), ['c0', 'c2'])
    orThrow(book.run(says(2.5, 'c2', 'confirmed', 'quay')))
    orThrow(book.run(tick(2.6)))
    assert.deepEqual(standing(book, 'returning'), ['c0', 'c3'])
  })

  for (const [what, fail] of [
    ['refuses', (book: Book) => orThrow(book.run(says(3, 'c1', 'refused')))],
    ['never comes back', (book: Book) => [4, 6, 8].map(hours => orThrow(book.run(tick(hours))))],
  ] as const) {
    test(`attack: one that ${what} to go back keeps what it may need where it is`, () => {
      const book = updated([0, 1])
      orThrow(book.run(back(2)))
      assert.deepEqual(standing(book, 'returning'), ['c1'])
      fail(book)
      orThrow(book.run(tick(9)))
      assert.deepEqual(standing(book, 'kept'), ['c0', 'c1'])
      const turn = book.turn({ site: 'harbour', controller: 'c0' })
      assert.match(turn?.at === 'kept' ? turn.why : '', /c1 did not go back, and may need it/)
      assert.deepEqual(book.head.state.at === 'done' && book.head.state.undone, true)
      // It runs the release that undoes its own after all.
      orThrow(book.run(says(10, 'c1', 'confirmed')))
      assert.deepEqual(standing(book, 'returned'), ['c1'])
    })
  }

  test('all of it is told: when it begins, who went back and who did not, and when it is over', () => {
    const told: string[] = []
    const run = (book: Book, event: RolloutEvent): void => {
      const { effects } = orThrow(book.run(event))
      for (const effect of effects) if (effect.do === 'note') told.push(effect.kind)
    }
    const book = updated([0, 1, 2])
    run(book, back(2))
    run(book, says(3, 'c2', 'confirmed'))
    run(book, tick(3.1))
    run(book, says(4, 'c1', 'refused'))
    run(book, tick(9))
    const kept = ['controller-kept', 'controller-kept']
    assert.deepEqual(told, ['campaign-rolling-back', 'controller-returned', ...kept, 'campaign-rolled-back'])
  })

  test('the priority of a deadline that draws near is told, once for each step', () => {
    const deadline = {
      at: at(9),
      steps: [
        { at: at(3), priority: 70 },
        { at: at(5), priority: 90 },
      ],
    }
    const book = updated([0], {
      priority: 50,
      deadline,
      waves: termsOf([1]).waves.map(wave => ({ ...wave, soakMillis: millis(20 * HOUR) })),
    })
    const told = [2, 3, 4, 5, 6].map(hours =>
      orThrow(book.run(tick(hours))).effects.flatMap(effect => (effect.do === 'note' ? [effect.kind] : [])),
    )
    assert.deepEqual(told, [[], ['campaign-priority-raised'], [], ['campaign-priority-raised'], []])
  })

  test('a plan that names no way back for one of its releases refuses, or leaves those as they are', () => {
    const none = updated([0], { back: [] })
    for (const event of [back(2), back(2, true)]) {
      const refused = none.run(event)
      assert.equal(isRefusal(refused) && refused.code, 'campaign-no-way-back')
    }
    const some = updated([0, 1], { back: [{ of: 0, to: 1 }] }, index => ({
      steps: [{ release: index * 2, order: index }],
    }))
    const refused = some.run(back(2))
    assert.equal(isRefusal(refused) && refused.subject, 'spring: b')
    orThrow(some.run(back(2, true)))
    assert.deepEqual([standing(some, 'kept'), some.head.state.at], [['c0', 'c1'], 'done'])
    const turn = some.turn({ site: 'harbour', controller: 'c1' })
    assert.equal(turn?.at === 'kept' && turn.why, 'the plan names no release that undoes what it runs')
  })

  test('what is under way is taken back first, and what confirms after all goes back too', () => {
    const book = new Book(termsOf([2], { releases, back: ways }), seats([2]))
    orThrow(book.run({ kind: 'approve', now: at(0) }))
    orThrow(book.run({ kind: 'start', now: at(0) }))
    orThrow(book.run(says(1, 'c0', 'confirmed')))
    orThrow(book.run(back(2)))
    assert.deepEqual([standing(book, 'returning'), standing(book, 'withdrawn')], [['c0'], ['c1']])
    orThrow(book.run(says(2.5, 'c1', 'confirmed')))
    orThrow(book.run(tick(3)))
    assert.deepEqual(standing(book, 'returning'), ['c0', 'c1'])
  })

  test('one that confirms when the way back is over is taken back by another command, and named until then', () => {
    const book = new Book(termsOf([2], { releases, back: ways }), seats([2]))
    orThrow(book.run({ kind: 'approve', now: at(0) }))
    orThrow(book.run({ kind: 'start', now: at(0) }))
    orThrow(book.run(back(1)))
    assert.deepEqual(book.head.state.at === 'done' && book.head.state.undone, true)
    const none = book.run(back(1.1))
    assert.equal(isRefusal(none) && none.code, 'campaign-ended')
    orThrow(book.run(says(2, 'c1', 'confirmed')))
    assert.match(waitsOf(book.plan, book.head).join(), /^1 controller confirmed after the roll-back was over/)
    orThrow(book.run(back(3)))
    assert.deepEqual(standing(book, 'returning'), ['c1'])
    orThrow(book.run(says(4, 'c1', 'confirmed')))
    assert.deepEqual([book.head.state.at, standing(book, 'returned')], ['done', ['c1']])
    assert.deepEqual(waitsOf(book.plan, book.head), [])
  })

  const twoSteps = [
    { release: 0, order: 0 },
    { release: 2, order: 1 },
  ]
  test('a stone that is confirmed after a halt goes back, too', () => {
    const book = new Book(
      termsOf([1], { releases, back: ways }),
      seats([1], () => ({ steps: twoSteps })),
    )
    orThrow(book.run({ kind: 'approve', now: at(0) }))
    orThrow(book.run({ kind: 'start', now: at(0) }))
    orThrow(book.run({ kind: 'halt', now: at(1), reason: 'smoke' }))
    orThrow(book.run(says(2, 'c0', 'confirmed')))
    assert.deepEqual([book.head.state.at, standing(book, 'between')], ['halted', ['c0']])
    orThrow(book.run(back(3)))
    assert.deepEqual(standing(book, 'returning'), ['c0'])
  })

  test('the step behind a stone counts also when its order had been taken back', () => {
    const book = updated([0], {}, () => ({ steps: twoSteps }))
    orThrow(book.run(tick(1.1)))
    orThrow(book.run({ kind: 'pause', now: at(2), reason: 'storm' }))
    assert.deepEqual(standing(book, 'between'), ['c0'])
    orThrow(book.run({ ...says(3, 'c0', 'confirmed'), further: true } as RolloutEvent))
    const turn = book.turn({ site: 'harbour', controller: 'c0' })
    assert.deepEqual([turn?.at, turn?.step], ['confirmed', 1])
  })

  test('one that queues on a stone goes back before the roll-back is over, and a rest of before holds nobody up', () => {
    const rest = { retries: 1, backOffMillis: millis(500 * HOUR), maxBackOffMillis: millis(500 * HOUR) }
    const steps = (index: number) => ({ steps: index === 0 ? twoSteps : twoSteps.slice(0, 1) })
    const book = new Book(termsOf([2], { releases, back: ways, retry: rest }), seats([2], steps))
    orThrow(book.run({ kind: 'approve', now: at(0) }))
    orThrow(book.run({ kind: 'start', now: at(0) }))
    orThrow(book.run({ ...says(1, 'c1', 'refused'), again: true } as RolloutEvent))
    orThrow(book.run(says(1, 'c0', 'confirmed')))
    // Another campaign holds it when its next step is to be ordered.
    const held = (event: RolloutEvent): void => {
      const seen = { ...book.seen(event), rivals: new Map([['harbour/c0', 'patch']]) }
      book.take(orThrow(decide(book.plan, book.head, event, seen)))
    }
    held(tick(1.1))
    assert.deepEqual([standing(book, 'queued'), standing(book, 'backing-off')], [['c0'], ['c1']])
    held(back(2))
    held(tick(2.1))
    assert.deepEqual([standing(book, 'between'), standing(book, 'withdrawn')], [['c0'], ['c1']])
    assert.equal(stateOf(book), 'rolling-back', 'it waits for the other campaign to let go')
    orThrow(book.run(tick(2.2)))
    assert.deepEqual(standing(book, 'returning'), ['c0'])
    orThrow(book.run(says(3, 'c0', 'confirmed')))
    assert.deepEqual(book.head.state.at === 'done' && book.head.state.undone, true)
  })

  test('a stepping stone goes back from where it stands', () => {
    const steps = [
      { release: 0, order: 0 },
      { release: 2, order: 1 },
    ]
    const book = updated([0], {}, () => ({ steps }))
    assert.deepEqual(standing(book, 'between'), ['c0'])
    orThrow(book.run(tick(1.1)))
    assert.deepEqual(standing(book, 'assigned'), ['c0'])
    orThrow(book.run(back(2)))
    assert.deepEqual(standing(book, 'returning'), ['c0'])
    assert.equal(book.turn({ site: 'harbour', controller: 'c0' })?.step, 0, 'from the stone that it runs')
    orThrow(book.run(says(3, 'c0', 'confirmed')))
    assert.deepEqual(standing(book, 'returned'), ['c0'])
  })

  test('a pause on the way back takes the orders back, and goes on from there', () => {
    const book = updated([0, 1])
    orThrow(book.run(back(2)))
    orThrow(book.run({ kind: 'pause', now: at(3), reason: 'storm' }))
    assert.deepEqual([standing(book, 'returning'), standing(book, 'confirmed')], [[], ['c0', 'c1']])
    assert.deepEqual(readRollout(writeRollout(book.head), 'spring'), book.head)
    orThrow(book.run({ kind: 'resume', now: at(4) }))
    orThrow(book.run(tick(4)))
    assert.deepEqual(standing(book, 'returning'), ['c1'])
    assert.equal(
      'reason' in book.head.state && book.head.state.reason,
      'smoke',
      'it rolls back for the reason of before',
    )
  })
})
