import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Book, replay } from '../../../src/core/campaign/book.ts'
import { decide, legalEvents, lookOf } from '../../../src/core/campaign/rollout.ts'
import {
  type Decision,
  type EventKind,
  isOpen,
  type Rollout,
  type RolloutEvent,
  type RolloutState,
  readRollout,
  tally,
  writeRollout,
} from '../../../src/core/campaign/rollout-state.ts'
import { readTurn, type Turn, writeTurn } from '../../../src/core/campaign/turn.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import type { RefusalCode } from '../../../src/core/refusal/registry.ts'
import { HOUR, T0 } from './plans.ts'
import { type Setting, seats, settingOf } from './rollouts.ts'

/** Short events: hours after T0. A report's sequence is its controller's, and rises with the hours. */
const at = (hours: number) => instant(T0 + hours * HOUR)
const approve = (hours = 0): RolloutEvent => ({ kind: 'approve', now: at(hours) })
const start = (hours = 0): RolloutEvent => ({ kind: 'start', now: at(hours) })
const tick = (hours: number): RolloutEvent => ({ kind: 'tick', now: at(hours) })
const pause = (hours: number): RolloutEvent => ({ kind: 'pause', now: at(hours), reason: 'storm' })
const resume = (hours: number): RolloutEvent => ({ kind: 'resume', now: at(hours) })
const retry = (hours: number): RolloutEvent => ({ kind: 'retry', now: at(hours) })
const halt = (hours: number): RolloutEvent => ({ kind: 'halt', now: at(hours), reason: 'smoke' })
const rollBack = (hours: number, partly = false): RolloutEvent => ({
  kind: 'roll-back',
  now: at(hours),
  reason: 'smoke',
  partly,
})
type Result = 'confirmed' | 'reverted' | 'refused' | 'overtaken'
const says = (hours: number, controller: string, result: Result, again = false): RolloutEvent => {
  const report = 1 + Math.round(hours * 1000)
  const of = { site: 'harbour', controller, report }
  return { kind: 'outcome', now: at(hours), ...of, result, again, code: 'image-digest-mismatch' }
}
const ok = (hours: number, controller: string): RolloutEvent => says(hours, controller, 'confirmed')
const stage = (hours: number, controller: string, stage: 'staged' | 'granted'): RolloutEvent => ({
  kind: 'heard',
  now: at(hours),
  reportedAt: at(hours),
  site: 'harbour',
  controller,
  stage,
})

const begun = [approve(), start()]
const kinds = ({ effects }: Pick<Decision, 'effects'>): string[] =>
  effects.map(effect => (effect.do === 'note' ? effect.kind : effect.do))
const standing = (book: Book, of: Turn['at']): string[] =>
  [...book.turns.values()].filter(turn => turn.at === of).map(({ controller }) => controller)
const assigned = (book: Book): string[] => standing(book, 'assigned')
const turnOf = (book: Book, controller: string): Turn => book.turn({ site: 'harbour', controller }) as Turn

/** All events must be taken: a refused one is a mistake of the test. */
function after(setting: Setting, ...events: RolloutEvent[]): Book {
  const book = new Book(setting.plan, setting.seats)
  for (const event of events) orThrow(book.run(event))
  return book
}

const step = (setting: Setting, events: RolloutEvent[], event: RolloutEvent): Decision | Refusal =>
  after(setting, ...events).run(event)

describe('the rollout', () => {
  const plan = settingOf([1, 2])

  test('canary, soak, gate, the rest, soak, gate, done', () => {
    const walk: [event: RolloutEvent, at: RolloutState['at'], assigned: string[], effects: string[]][] = [
      [approve(), 'approved', [], ['campaign-approved']],
      [start(0), 'running', ['c0'], ['campaign-started', 'wave-opened', 'assign']],
      [tick(1), 'running', ['c0'], []],
      [ok(1.5, 'c0'), 'soaking', [], ['controller-confirmed', 'wave-soaking']],
      [tick(2.4), 'soaking', [], []],
      [tick(2.5), 'running', ['c1', 'c2'], ['wave-passed', 'wave-opened', 'assign']],
      [ok(3, 'c2'), 'running', ['c1'], ['controller-confirmed']],
      [ok(3.5, 'c1'), 'soaking', [], ['controller-confirmed', 'wave-soaking']],
      [tick(4.5), 'done', [], ['wave-passed', 'campaign-done']],
    ]
    const book = after(plan)
    for (const [event, state, controllers, effects] of walk) {
      const decision = orThrow(book.run(event))
      assert.equal(book.head.state.at, state)
      assert.deepEqual(assigned(book), controllers)
      assert.deepEqual(kinds(decision), effects)
    }
    const { total, confirmed } = tally(book.head)
    assert.deepEqual({ total, confirmed }, { total: 3, confirmed: 3 })
    assert(!isOpen(book.head))
  })

  const places: Record<RolloutState['at'], RolloutEvent[]> = {
    created: [],
    approved: [approve()],
    running: begun,
    soaking: [...begun, ok(1, 'c0')],
    paused: [...begun, pause(1)],
    halted: [...begun, halt(1)],
    'rolling-back': [...begun, ok(1, 'c0'), rollBack(1.5)],
    done: [...begun, ok(1, 'c0'), tick(2), ok(3, 'c1'), ok(3, 'c2'), tick(4)],
  }
  const T = 'takes'
  const S = 'stays'
  const order: EventKind[] = [
    'approve',
    'start',
    'outcome',
    'heard',
    'tick',
    'join',
    'pause',
    'resume',
    'retry',
    'halt',
    'roll-back',
  ]
  const not: RefusalCode = 'campaign-not-started'
  const had: RefusalCode = 'campaign-already-approved'
  const ran: RefusalCode = 'campaign-already-started'
  const odd: RefusalCode = 'campaign-outcome-unexpected'
  const unpaused: RefusalCode = 'campaign-not-paused'
  const ended: RefusalCode = 'campaign-ended'
  const halted: RefusalCode = 'campaign-halted'
  const table: Record<RolloutState['at'], (RefusalCode | typeof T | typeof S)[]> = {
    created: [T, 'campaign-not-approved', odd, S, S, S, not, not, not, T, not],
    approved: [had, T, odd, S, S, T, not, not, not, T, not],
    running: [had, ran, T, T, T, T, T, unpaused, unpaused, T, T],
    soaking: [had, ran, T, S, T, T, T, unpaused, unpaused, T, T],
    paused: [had, ran, T, S, S, T, S, T, 'campaign-nothing-to-retry', T, T],
    halted: [halted, halted, T, S, S, S, halted, halted, halted, S, T],
    'rolling-back': [had, ran, T, T, T, S, T, unpaused, unpaused, T, S],
    done: [ended, ended, T, S, S, S, ended, ended, ended, ended, T],
  }
  const late = { site: 'harbour', controller: 'late', region: 'north', wave: 1, watts: 0, wattHours: 0 }
  const events: Record<EventKind, RolloutEvent> = {
    approve: approve(9),
    start: start(9),
    outcome: says(9, 'c0', 'reverted'),
    heard: stage(9, 'c0', 'staged'),
    tick: tick(9),
    join: { kind: 'join', now: at(9), seats: [{ ...late, steps: [{ release: 0, order: 0 }] }] },
    pause: pause(9),
    resume: resume(9),
    retry: retry(9),
    halt: halt(9),
    'roll-back': rollBack(9),
  }
  for (const [place, before] of Object.entries(places) as [RolloutState['at'], RolloutEvent[]][]) {
    test(`every event when it is ${place}`, () => {
      for (const [index, kind] of order.entries()) {
        const book = after(plan, ...before)
        assert.equal(book.head.state.at, place)
        const decision = decide(plan.plan, book.head, events[kind], book.seen(events[kind]))
        const expected = table[place][index]
        if (isRefusal(decision)) assert.equal(decision.code, expected, kind)
        else if (decision.next === book.head && decision.turns.length === 0) assert.equal(expected, S, kind)
        else {
          assert.equal(expected, T, kind)
          assert(legalEvents(place).includes(kind), kind)
        }
      }
    })
  }

  test('a campaign does not begin before its time, nor after it', () => {
    const late = settingOf([1], { notBefore: at(5), notAfter: at(10) })
    const early = step(late, [approve()], start(4))
    assert.equal(isRefusal(early) && early.code, 'campaign-too-early')
    assert(!isRefusal(step(late, [approve()], start(5))))
    const over = step(late, [approve()], start(10))
    assert.equal(isRefusal(over) && over.code, 'campaign-expired')
  })

  test('a controller that never comes back gets its retries, then counts as failed', () => {
    const book = after(plan, ...begun)
    assert.deepEqual(kinds(orThrow(book.run(tick(2)))), ['controller-retried', 'assign'])
    const turn = turnOf(book, 'c0')
    assert.deepEqual([turn.at, turn.since, turn.attempt], ['assigned', at(2), 2])
    assert.deepEqual(kinds(orThrow(book.run(tick(4)))), ['withdraw', 'controller-failed', 'wave-soaking'])
    assert.deepEqual(kinds(orThrow(book.run(tick(5)))), ['wave-failed', 'campaign-paused'])
    assert.deepEqual(assigned(book), [])
    const refused = book.run(resume(6))
    assert.equal(isRefusal(refused) && refused.code, 'campaign-gate-closed')
    // It comes back after all, confirmed: then the gate opens, and the soak is already over.
    assert.deepEqual(kinds(orThrow(book.run(ok(7, 'c0')))), ['controller-recovered'])
    orThrow(book.run(resume(8)))
    orThrow(book.run(tick(8)))
    assert.deepEqual(assigned(book), ['c1', 'c2'])
  })

  test('the rest before each further try doubles, up to the longest', () => {
    const retry = { retries: 4, backOffMillis: HOUR, maxBackOffMillis: 3 * HOUR } as never
    const book = after(settingOf([1], { retry }), ...begun)
    let now = 0
    for (const rest of [1, 2, 3, 3]) {
      now += 0.5
      assert.deepEqual(kinds(orThrow(book.run(says(now, 'c0', 'refused', true)))), ['controller-retried', 'withdraw'])
      assert.deepEqual(assigned(book), [], 'while it rests it is ordered nothing')
      orThrow(book.run(tick(now + rest - 0.01)))
      assert.deepEqual(standing(book, 'backing-off'), ['c0'])
      now += rest
      assert.deepEqual(kinds(orThrow(book.run(tick(now)))), ['assign'])
    }
    assert.equal(turnOf(book, 'c0').attempt, 5)
    assert(kinds(orThrow(book.run(says(now + 0.5, 'c0', 'refused', true)))).includes('controller-failed'))
  })

  test('one that waits for its site is not late, and one that its site lets restart is expected back', () => {
    const book = after(plan, ...begun, stage(1, 'c0', 'staged'))
    for (const hours of [4, 40, 400]) assert.deepEqual(kinds(orThrow(book.run(tick(hours)))), [])
    orThrow(book.run(stage(500, 'c0', 'granted')))
    // What it says once more of the image that it holds does not stop the clock.
    orThrow(book.run(stage(500.5, 'c0', 'staged')))
    assert.deepEqual(kinds(orThrow(book.run(tick(501.9)))), [])
    assert.deepEqual(kinds(orThrow(book.run(tick(502)))), ['controller-retried', 'assign'])
  })

  test('more failures than the wave allows halt the campaign at once, and nobody is assigned', () => {
    const book = after(settingOf([5]), ...begun)
    assert.deepEqual(kinds(orThrow(book.run(says(1, 'c0', 'reverted')))), ['withdraw', 'controller-failed'])
    const two = orThrow(book.run(says(1, 'c1', 'refused')))
    assert.deepEqual(kinds(two), ['withdraw', 'controller-failed', 'campaign-halted', 'withdraw'])
    assert.equal(book.head.state.at === 'halted' && book.head.state.by, 'failures')
    assert.deepEqual(assigned(book), [])
    assert.equal(tally(book.head).withdrawn, 3)
    // One of them had already begun: what it reports is counted, and changes nothing else.
    assert.deepEqual(kinds(orThrow(book.run(ok(2, 'c3')))), ['controller-confirmed'])
    assert.equal(book.head.state.at, 'halted')
    assert.deepEqual(assigned(book), [])
  })

  test('too many failures in the whole campaign halt it, by number and by share', () => {
    const gate = { minSuccessPercent: 0, maxFailures: 9 }
    const many = settingOf([4, 4], { abort: { maxFailures: 2, maxFailurePercent: 100 } }, gate)
    const first = [...begun, says(1, 'c0', 'reverted'), says(1, 'c1', 'reverted'), ok(1, 'c2'), ok(1, 'c3'), tick(2)]
    const third = after(many, ...first, says(3, 'c4', 'reverted'))
    assert.equal(
      third.head.state.at === 'halted' && third.head.state.reason,
      '3 failed in the campaign, and 2 are allowed',
    )
    // A quarter may fail: from four that ended on, since a share of fewer says nothing.
    const share = settingOf([4, 4], { abort: { maxFailures: 9, maxFailurePercent: 25 } }, gate)
    const two = [...begun, says(1, 'c0', 'reverted'), says(1, 'c1', 'reverted'), ok(1, 'c2')]
    assert.equal(after(share, ...two).head.state.at, 'running')
    assert.equal(after(share, ...two, ok(1, 'c3')).head.state.at, 'halted')
  })

  test('a passing fault gets another try, a lasting one does not', () => {
    const book = after(plan, ...begun)
    assert.deepEqual(kinds(orThrow(book.run(says(1, 'c0', 'refused', true)))), ['controller-retried', 'assign'])
    const failed = ['withdraw', 'controller-failed', 'wave-soaking']
    assert.deepEqual(kinds(orThrow(book.run(says(2, 'c0', 'refused', true)))), failed)
    assert.deepEqual(kinds(orThrow(step(plan, begun, says(1, 'c0', 'refused', false)))), failed)
  })

  test('attack: a report that is sent again counts once', () => {
    const wide = settingOf([5])
    const retried = after(wide, ...begun, says(1, 'c0', 'refused', true))
    const before = structuredClone([...retried.turns])
    assert.deepEqual(kinds(orThrow(retried.run({ ...says(1, 'c0', 'refused', true), now: at(3) } as RolloutEvent))), [])
    assert.deepEqual([...retried.turns], before)
    const confirmed = after(wide, ...begun, says(1, 'c0', 'reverted'), ok(2, 'c0'))
    assert.deepEqual(kinds(orThrow(confirmed.run({ ...says(1, 'c0', 'reverted'), now: at(3) } as RolloutEvent))), [])
    assert.equal(turnOf(confirmed, 'c0').at, 'confirmed')
  })

  test('a confirmed controller that reverts counts as failed, also in a later wave', () => {
    const book = after(settingOf([2, 2]), ...begun, ok(1, 'c0'), ok(1, 'c1'), tick(2))
    assert.deepEqual(assigned(book), ['c2', 'c3'])
    assert.deepEqual(kinds(orThrow(book.run(says(2.5, 'c0', 'refused')))), [])
    assert.equal(turnOf(book, 'c0').at, 'confirmed')
    assert.deepEqual(kinds(orThrow(book.run(says(3, 'c0', 'reverted')))), ['withdraw', 'controller-regressed'])
    orThrow(book.run(says(3, 'c1', 'reverted')))
    assert.equal(book.head.state.at, 'halted')
  })

  test('a controller that runs something newer needs nothing, and is neither success nor failure', () => {
    const strict = settingOf([2, 1], {}, { minSuccessPercent: 100, maxFailures: 0 })
    const book = after(strict, ...begun, ok(1, 'c0'))
    assert.deepEqual(kinds(orThrow(book.run(says(1, 'c2', 'overtaken')))), ['controller-overtaken'])
    orThrow(book.run(says(1.5, 'c1', 'overtaken')))
    assert.equal(book.head.state.at, 'soaking')
    orThrow(book.run(tick(3)))
    assert.equal(book.head.state.at, 'soaking', 'the next wave has nobody left, and soaks at once')
    orThrow(book.run(tick(5)))
    assert.equal(book.head.state.at, 'done')
  })

  test('a pause takes the orders back, and resume gives them again with fresh time', () => {
    const book = after(plan, ...begun)
    assert.deepEqual(kinds(orThrow(book.run(pause(1)))), ['campaign-paused', 'withdraw'])
    assert.deepEqual(assigned(book), [])
    assert.deepEqual(kinds(orThrow(book.run(tick(50)))), [])
    assert.deepEqual(kinds(orThrow(book.run(resume(50)))), ['campaign-resumed', 'assign'])
    assert.equal(turnOf(book, 'c0').attempt, 1, 'it is the same order')
    assert.deepEqual(kinds(orThrow(book.run(tick(51.9)))), [])
    // What a controller had begun it may finish while the campaign is paused.
    const finished = after(plan, ...begun, pause(1), ok(2, 'c0'))
    assert.equal(finished.head.state.at, 'paused')
    orThrow(finished.run(resume(3)))
    assert.equal(finished.head.state.at, 'soaking')
  })

  test('retry gives the failed controllers of the wave another row of tries', () => {
    const book = after(plan, ...begun, says(1, 'c0', 'refused'), tick(2))
    assert.equal(book.head.state.at, 'paused')
    assert.deepEqual(kinds(orThrow(book.run(retry(3)))), ['controller-again', 'campaign-retried', 'assign'])
    assert.deepEqual(assigned(book), ['c0'])
    assert.equal(turnOf(book, 'c0').attempt, 2, 'another try is another order')
    orThrow(book.run(ok(4, 'c0')))
    assert.equal(book.head.state.at, 'soaking')
  })

  test('at the end of its time a campaign halts, opens no wave and does not resume', () => {
    const short = settingOf([1, 2], { notAfter: at(3) })
    assert.equal(orThrow(step(short, begun, tick(3))).next.state.at, 'halted')
    const soaked = after(short, ...begun, ok(2.5, 'c0'))
    assert.deepEqual(kinds(orThrow(soaked.run(tick(3.5)))), ['wave-passed', 'campaign-halted'])
    assert.deepEqual(assigned(soaked), [])
    assert.equal(orThrow(step(short, [...begun, pause(1)], tick(3))).next.state.at, 'halted')
    const faulty = orThrow(step(short, begun, says(3, 'c0', 'refused', true)))
    assert(!faulty.effects.some(effect => effect.do === 'assign'), 'no new try when the time is over')
    const back = settingOf([1, 2], { notAfter: at(3) })
    for (const [events, event] of [
      [[...begun, pause(1)], resume(3)],
      [[...begun, pause(1)], retry(3)],
      [[...begun, ok(1, 'c0')], rollBack(3)],
    ] as const) {
      const refused = step(back, [...events], event)
      assert.equal(isRefusal(refused) && refused.code, 'campaign-expired')
    }
  })

  test('an outcome of a stranger, or before its wave, is refused', () => {
    const stranger = step(plan, begun, ok(1, 'c9'))
    assert.equal(isRefusal(stranger) && stranger.code, 'campaign-controller-foreign')
    const early = step(plan, begun, ok(1, 'c2'))
    assert.equal(isRefusal(early) && early.code, 'campaign-outcome-unexpected')
  })

  test('silence counts while the server listens: one that was off judges nobody by the time that it missed', () => {
    const { timeoutMillis } = plan.plan
    const begins = T0 + HOUR
    const waits = (now: number, since: number): string[] =>
      kinds(orThrow(step(plan, begun, { kind: 'tick', now: instant(now), listeningSince: instant(since) })))
    assert.deepEqual(waits(begins + timeoutMillis, begins + timeoutMillis), [])
    assert.deepEqual(waits(begins + 2 * timeoutMillis - 1, begins + timeoutMillis), [])
    assert.notDeepEqual(waits(begins + 2 * timeoutMillis, begins + timeoutMillis), [])
    assert.notDeepEqual(waits(T0 + timeoutMillis, T0 - HOUR), [], 'and not from before its turn')
    assert.deepEqual(waits(T0 + timeoutMillis - 1, T0 - HOUR), [])
  })

  test('every state and every turn reads back from the store, also with a long reason', () => {
    for (const before of Object.values(places)) {
      const book = after(plan, ...before)
      assert.deepEqual(readRollout(writeRollout(book.head), 'spring'), book.head)
      for (const turn of book.turns.values()) assert.deepEqual(readTurn(writeTurn(turn), turn), turn)
    }
    const wordy = after(plan, ...begun, { kind: 'halt', now: at(1), reason: `${'x'.repeat(2000)}\n\u0000` }).head
    assert.deepEqual(readRollout(writeRollout(wordy), 'spring'), wordy)
    for (const broken of ['', '{}', '{"v":2}', writeRollout(wordy).replace('"halted"', '"flying"')]) {
      const refused: Rollout | Refusal = readRollout(broken, 'spring')
      assert.equal(isRefusal(refused) && refused.code, 'campaign-state-malformed')
    }
    const turn = turnOf(after(plan), 'c0')
    for (const broken of ['', '{}', writeTurn(turn).replace('"waiting"', '"kept"'), writeTurn({ ...turn, step: 1 })]) {
      const refused = readTurn(broken, turn)
      assert.equal(isRefusal(refused) && refused.code, 'campaign-state-malformed', broken)
    }
  })

  test('replay leads where the steps led', () => {
    const book = after(plan, ...places.done)
    const again = replay(plan.plan, plan.seats, [halt(0), ...places.done].slice(1))
    assert.deepEqual([again.head, [...again.turns]], [book.head, [...book.turns]])
  })

  test('no look is larger than what one decision holds, whatever the campaign', () => {
    const book = after(plan, ...begun)
    const look = lookOf(plan.plan, book.head, says(1, 'c0', 'confirmed'))
    assert.deepEqual(look, { named: [{ site: 'harbour', controller: 'c0' }], due: null, next: [] })
    const wide = settingOf([2500])
    const first = new Book(wide.plan, seats([2500]))
    orThrow(first.run(approve()))
    const decision = orThrow(decide(wide.plan, first.head, start(), first.seen(start())))
    assert.equal(decision.turns.length, 1000)
    assert(decision.more)
    // And a tick after another one goes on with it.
    orThrow(first.run(start()))
    assert.equal(assigned(first).length, 2500)
  })
})
