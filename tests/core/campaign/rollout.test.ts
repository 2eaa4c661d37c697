import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decide, legalEvents, replay } from '../../../src/core/campaign/rollout.ts'
import {
  assignmentsOf,
  createRollout,
  type Decision,
  isOpen,
  type Rollout,
  type RolloutEvent,
  type RolloutState,
  readRollout,
  tally,
  turnOf,
  writeRollout,
} from '../../../src/core/campaign/rollout-state.ts'
import type { Plan } from '../../../src/core/campaign/turns.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import type { RefusalCode } from '../../../src/core/refusal/registry.ts'
import { HOUR, planOf, T0 } from './plans.ts'

/** Short events: hours after T0. A report's sequence is its controller's, and rises with the hours. */
const at = (hours: number) => instant(T0 + hours * HOUR)
const approve = (hours = 0): RolloutEvent => ({ kind: 'approve', now: at(hours) })
const start = (hours = 0): RolloutEvent => ({ kind: 'start', now: at(hours) })
const tick = (hours: number): RolloutEvent => ({ kind: 'tick', now: at(hours) })
const pause = (hours: number): RolloutEvent => ({ kind: 'pause', now: at(hours), reason: 'storm' })
const resume = (hours: number): RolloutEvent => ({ kind: 'resume', now: at(hours) })
const retry = (hours: number): RolloutEvent => ({ kind: 'retry', now: at(hours) })
const halt = (hours: number): RolloutEvent => ({ kind: 'halt', now: at(hours), reason: 'smoke' })
const rollBack = (hours: number): RolloutEvent => ({ kind: 'roll-back', now: at(hours) })
type Result = 'confirmed' | 'reverted' | 'refused'
const says = (hours: number, controller: string, result: Result, again = false): RolloutEvent => {
  const report = 1 + Math.round(hours * 1000)
  return {
    kind: 'outcome',
    now: at(hours),
    site: 'harbour',
    controller,
    report,
    result,
    again,
    code: 'image-digest-mismatch',
  }
}
const ok = (hours: number, controller: string): RolloutEvent => says(hours, controller, 'confirmed')

const begun = [approve(), start()]
const assigned = (plan: Plan, rollout: Rollout): string[] =>
  assignmentsOf(plan, rollout).map(({ controller }) => controller)
const kinds = ({ effects }: Decision): string[] =>
  effects.map(effect => (effect.do === 'note' ? effect.kind : effect.do))

/** All events must be taken: a refused one is a mistake of the test. */
function after(plan: Plan, ...events: RolloutEvent[]): Rollout {
  return events.reduce<Rollout>((rollout, event) => orThrow(decide(plan, rollout, event)).next, createRollout(plan))
}

const step = (plan: Plan, events: RolloutEvent[], event: RolloutEvent): Decision | Refusal =>
  decide(plan, after(plan, ...events), event)

describe('the rollout', () => {
  const plan = planOf([1, 2])

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
    let rollout = createRollout(plan)
    for (const [event, state, controllers, effects] of walk) {
      const decision = orThrow(decide(plan, rollout, event))
      rollout = decision.next
      assert.equal(rollout.state.at, state)
      assert.deepEqual(assigned(plan, rollout), controllers)
      assert.deepEqual(kinds(decision), effects)
    }
    assert.deepEqual(tally(plan, rollout), { total: 3, waiting: 0, assigned: 0, confirmed: 3, failed: 0, withdrawn: 0 })
    assert(!isOpen(rollout))
  })

  const places: Record<RolloutState['at'], RolloutEvent[]> = {
    created: [],
    approved: [approve()],
    running: begun,
    soaking: [...begun, ok(1, 'c0')],
    paused: [...begun, pause(1)],
    halted: [...begun, halt(1)],
    done: [...begun, ok(1, 'c0'), tick(2), ok(3, 'c1'), ok(3, 'c2'), tick(4)],
  }
  type Kind = RolloutEvent['kind']
  const T = 'takes'
  const S = 'stays'
  const order: Kind[] = ['approve', 'start', 'outcome', 'tick', 'pause', 'resume', 'retry', 'halt', 'roll-back']
  const no: RefusalCode = 'campaign-rollback-unsupported'
  const table: Record<RolloutState['at'], (RefusalCode | typeof T | typeof S)[]> = {
    created: [
      T,
      'campaign-not-approved',
      'campaign-outcome-unexpected',
      S,
      'campaign-not-started',
      'campaign-not-started',
      'campaign-not-started',
      T,
      no,
    ],
    approved: [
      'campaign-already-approved',
      T,
      'campaign-outcome-unexpected',
      S,
      'campaign-not-started',
      'campaign-not-started',
      'campaign-not-started',
      T,
      no,
    ],
    running: [
      'campaign-already-approved',
      'campaign-already-started',
      T,
      T,
      T,
      'campaign-not-paused',
      'campaign-not-paused',
      T,
      no,
    ],
    soaking: [
      'campaign-already-approved',
      'campaign-already-started',
      T,
      T,
      T,
      'campaign-not-paused',
      'campaign-not-paused',
      T,
      no,
    ],
    paused: ['campaign-already-approved', 'campaign-already-started', T, S, S, T, 'campaign-nothing-to-retry', T, no],
    halted: [
      'campaign-halted',
      'campaign-halted',
      T,
      S,
      'campaign-halted',
      'campaign-halted',
      'campaign-halted',
      S,
      no,
    ],
    done: [
      'campaign-ended',
      'campaign-ended',
      T,
      S,
      'campaign-ended',
      'campaign-ended',
      'campaign-ended',
      'campaign-ended',
      no,
    ],
  }
  const events: Record<Kind, RolloutEvent> = {
    approve: approve(9),
    start: start(9),
    outcome: says(9, 'c0', 'reverted'),
    tick: tick(9),
    pause: pause(9),
    resume: resume(9),
    retry: retry(9),
    halt: halt(9),
    'roll-back': rollBack(9),
  }
  for (const [place, before] of Object.entries(places) as [RolloutState['at'], RolloutEvent[]][]) {
    test(`every event when it is ${place}`, () => {
      const rollout = after(plan, ...before)
      assert.equal(rollout.state.at, place)
      for (const [index, kind] of order.entries()) {
        const decision = decide(plan, rollout, events[kind])
        const expected = table[place][index]
        if (isRefusal(decision)) assert.equal(decision.code, expected, kind)
        else if (expected === S) assert.deepEqual(decision, { next: rollout, effects: [] }, kind)
        else {
          assert.equal(expected, T, kind)
          assert.notDeepEqual(decision.next, rollout, kind)
          assert(legalEvents(place).includes(kind))
        }
      }
    })
  }

  test('a campaign does not begin before its time, nor after it', () => {
    const late = planOf([1], { notBefore: at(5), notAfter: at(10) })
    const early = step(late, [approve()], start(4))
    assert(isRefusal(early))
    assert.equal(early.code, 'campaign-too-early')
    assert(!isRefusal(step(late, [approve()], start(5))))
    const over = step(late, [approve()], start(10))
    assert(isRefusal(over))
    assert.equal(over.code, 'campaign-expired')
  })

  test('a controller that never comes back gets its retries, then counts as failed', () => {
    const first = orThrow(step(plan, begun, tick(2)))
    assert.deepEqual(kinds(first), ['controller-retried', 'assign'])
    assert.deepEqual(turnOf(first.next, { site: 'harbour', controller: 'c0' }), {
      at: 'assigned',
      since: at(2),
      report: 0,
      attempt: 2,
    })
    const second = orThrow(decide(plan, first.next, tick(4)))
    assert.deepEqual(kinds(second), ['controller-failed', 'withdraw', 'wave-soaking'])
    const gate = orThrow(decide(plan, second.next, tick(5)))
    assert.deepEqual(kinds(gate), ['wave-failed', 'campaign-paused'])
    assert.deepEqual(assigned(plan, gate.next), [])
    const refused = decide(plan, gate.next, resume(6))
    assert(isRefusal(refused))
    assert.equal(refused.code, 'campaign-gate-closed')
    // It comes back after all, confirmed: then the gate opens, and the soak is already over.
    const recovered = orThrow(decide(plan, gate.next, ok(7, 'c0')))
    assert.deepEqual(kinds(recovered), ['controller-recovered'])
    const resumed = orThrow(decide(plan, recovered.next, resume(8))).next
    assert.deepEqual(assigned(plan, orThrow(decide(plan, resumed, tick(8))).next), ['c1', 'c2'])
  })

  test('more failures than the wave allows halt the campaign at once, and nobody is assigned', () => {
    const wide = planOf([5])
    const one = orThrow(step(wide, begun, says(1, 'c0', 'reverted')))
    assert.deepEqual(kinds(one), ['withdraw', 'controller-failed'])
    const two = orThrow(decide(wide, one.next, says(1, 'c1', 'refused')))
    assert.deepEqual(kinds(two), ['withdraw', 'controller-failed', 'withdraw', 'campaign-halted'])
    assert.equal(two.next.state.at === 'halted' && two.next.state.by, 'failures')
    assert.deepEqual(assigned(wide, two.next), [])
    assert.equal(tally(wide, two.next).withdrawn, 3)
    // One of them had already begun: what it reports is counted, and changes nothing else.
    const late = orThrow(decide(wide, two.next, ok(2, 'c3')))
    assert.deepEqual(kinds(late), ['controller-confirmed'])
    assert.equal(late.next.state.at, 'halted')
    assert.deepEqual(assigned(wide, late.next), [])
  })

  test('a passing fault gets another try, a lasting one does not', () => {
    const again = orThrow(step(plan, begun, says(1, 'c0', 'refused', true)))
    assert.deepEqual(kinds(again), ['controller-retried', 'assign'])
    const spent = orThrow(decide(plan, again.next, says(2, 'c0', 'refused', true)))
    assert.deepEqual(kinds(spent), ['withdraw', 'controller-failed', 'wave-soaking'])
    const lasting = orThrow(step(plan, begun, says(1, 'c0', 'refused', false)))
    assert.deepEqual(kinds(lasting), ['withdraw', 'controller-failed', 'wave-soaking'])
  })

  test('attack: a report that is sent again counts once', () => {
    const wide = planOf([5])
    const retried = after(wide, ...begun, says(1, 'c0', 'refused', true))
    const replayed = orThrow(decide(wide, retried, { ...says(1, 'c0', 'refused', true), now: at(3) } as RolloutEvent))
    assert.deepEqual(replayed, { next: retried, effects: [] })
    const confirmed = after(wide, ...begun, says(1, 'c0', 'reverted'), ok(2, 'c0'))
    const older = orThrow(decide(wide, confirmed, { ...says(1, 'c0', 'reverted'), now: at(3) } as RolloutEvent))
    assert.deepEqual(older, { next: confirmed, effects: [] })
  })

  test('a confirmed controller that reverts counts as failed, also in a later wave', () => {
    const strict = planOf([2, 2], {})
    const second = after(strict, ...begun, ok(1, 'c0'), ok(1, 'c1'), tick(2))
    assert.deepEqual(assigned(strict, second), ['c2', 'c3'])
    const regressed = orThrow(decide(strict, second, says(3, 'c0', 'reverted')))
    assert.deepEqual(kinds(regressed), ['withdraw', 'controller-regressed'])
    const halted = orThrow(decide(strict, regressed.next, says(3, 'c1', 'reverted')))
    assert.equal(halted.next.state.at, 'halted')
    const harmless = orThrow(decide(strict, second, says(3, 'c0', 'refused')))
    assert.deepEqual(harmless.effects, [])
    assert.equal(turnOf(harmless.next, { site: 'harbour', controller: 'c0' })?.at, 'confirmed')
  })

  test('a pause takes the assignments back, and resume gives them again with fresh time', () => {
    const paused = orThrow(step(plan, begun, pause(1)))
    assert.deepEqual(kinds(paused), ['withdraw', 'campaign-paused'])
    assert.deepEqual(assigned(plan, paused.next), [])
    assert.deepEqual(kinds(orThrow(decide(plan, paused.next, tick(50)))), [])
    const resumed = orThrow(decide(plan, paused.next, resume(50)))
    assert.deepEqual(kinds(resumed), ['campaign-resumed', 'assign'])
    assert.deepEqual(kinds(orThrow(decide(plan, resumed.next, tick(51.9)))), [])
    // What a controller had begun it may finish while the campaign is paused.
    const finished = orThrow(decide(plan, paused.next, ok(2, 'c0')))
    assert.equal(finished.next.state.at, 'paused')
    assert.equal(orThrow(decide(plan, finished.next, resume(3))).next.state.at, 'soaking')
  })

  test('retry gives the failed controllers of the wave another turn', () => {
    const failed = [...begun, says(1, 'c0', 'refused'), tick(2)]
    const retried = orThrow(step(plan, failed, retry(3)))
    assert.deepEqual(kinds(retried), ['campaign-retried', 'assign'])
    assert.deepEqual(assigned(plan, retried.next), ['c0'])
    assert.equal(orThrow(decide(plan, retried.next, ok(4, 'c0'))).next.state.at, 'soaking')
  })

  test('at the end of its time a campaign halts, opens no wave and does not resume', () => {
    const short = planOf([1, 2], { notAfter: at(3) })
    assert.equal(orThrow(step(short, begun, tick(3))).next.state.at, 'halted')
    const soaked = orThrow(step(short, [...begun, ok(2.5, 'c0')], tick(3.5)))
    assert.deepEqual(kinds(soaked), ['wave-passed', 'campaign-halted'])
    assert.deepEqual(assigned(short, soaked.next), [])
    assert.equal(orThrow(step(short, [...begun, pause(1)], tick(3))).next.state.at, 'halted')
    const faulty = orThrow(step(short, begun, says(3, 'c0', 'refused', true)))
    assert(!faulty.effects.some(effect => effect.do === 'assign'), 'no new try when the time is over')
    for (const event of [resume(3), retry(3)]) {
      const refused = step(short, [...begun, pause(1)], event)
      assert(isRefusal(refused))
      assert.equal(refused.code, 'campaign-expired')
    }
  })

  test('an outcome of a stranger, or before its wave, is refused', () => {
    const stranger = step(plan, begun, ok(1, 'c9'))
    assert(isRefusal(stranger))
    assert.equal(stranger.code, 'campaign-controller-foreign')
    const early = step(plan, begun, ok(1, 'c2'))
    assert(isRefusal(early))
    assert.equal(early.code, 'campaign-outcome-unexpected')
  })

  test('silence counts while the server listens: one that was off judges nobody by the time that it missed', () => {
    const { timeoutMillis } = plan
    const begins = T0 + HOUR
    const waits = (now: number, since: number): string[] =>
      kinds(
        orThrow(
          decide(plan, after(plan, ...begun), { kind: 'tick', now: instant(now), listeningSince: instant(since) }),
        ),
      )
    assert.deepEqual(waits(begins + timeoutMillis, begins + timeoutMillis), [])
    assert.deepEqual(waits(begins + 2 * timeoutMillis - 1, begins + timeoutMillis), [])
    assert.notDeepEqual(waits(begins + 2 * timeoutMillis, begins + timeoutMillis), [])
    assert.notDeepEqual(waits(T0 + timeoutMillis, T0 - HOUR), [], 'and not from before its turn')
    assert.deepEqual(waits(T0 + timeoutMillis - 1, T0 - HOUR), [])
  })

  test('every state reads back from the store, also with a long reason', () => {
    for (const before of Object.values(places)) {
      const rollout = after(plan, ...before)
      assert.deepEqual(readRollout(writeRollout(rollout), 'spring'), rollout)
    }
    const wordy = after(plan, ...begun, { kind: 'halt', now: at(1), reason: `${'x'.repeat(2000)}\n\u0000` })
    assert.deepEqual(readRollout(writeRollout(wordy), 'spring'), wordy)
    for (const broken of ['', '{}', '{"v":1}', writeRollout(wordy).replace('"halted"', '"flying"')]) {
      const refused = readRollout(broken, 'spring')
      assert(isRefusal(refused))
      assert.equal(refused.code, 'campaign-state-malformed')
    }
  })

  test('replay leads where the steps led', () => {
    const events = places.done
    assert.deepEqual(replay(plan, [halt(0), ...events].slice(1)).next, after(plan, ...events))
  })
})
