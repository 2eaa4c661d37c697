import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decide, replay } from '../../../src/core/campaign/rollout.ts'
import {
  assignmentsOf,
  createRollout,
  type Rollout,
  type RolloutEvent,
  readRollout,
  tally,
  turnOf,
  writeRollout,
} from '../../../src/core/campaign/rollout-state.ts'
import { type Plan, turnsOfWave } from '../../../src/core/campaign/turns.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { HOUR, planOf, T0 } from './plans.ts'

/** Random walks: whatever the world and the operators do, in whatever order, the promises of the rollout hold. */

type Step = {
  readonly pick: number
  readonly controller: number
  readonly hours: number
  readonly again: boolean
  readonly old: boolean
}

const steps = fc.array(
  fc.record({
    pick: fc.nat(99),
    controller: fc.nat(9),
    hours: fc.double({ min: 0, max: 3, noNaN: true }),
    again: fc.boolean(),
    old: fc.boolean(),
  }),
  { maxLength: 80 },
)
const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 })

/** Mostly what a healthy campaign sees, with everything else mixed in. */
function eventOf({ pick, controller, again, old }: Step, now: number, report: number): RolloutEvent {
  const at = { now: instant(now) }
  const of = { site: 'harbour', controller: `c${controller}`, report: old ? Math.max(1, report - 7) : report, again }
  if (pick < 10) return { kind: 'approve', ...at }
  if (pick < 20) return { kind: 'start', ...at }
  if (pick < 60) return { kind: 'outcome', ...at, ...of, result: 'confirmed' }
  if (pick < 66) return { kind: 'outcome', ...at, ...of, result: 'reverted' }
  if (pick < 70) return { kind: 'outcome', ...at, ...of, result: 'refused' }
  if (pick < 85) return { kind: 'tick', ...at }
  if (pick < 88) return { kind: 'pause', ...at, reason: 'wait' }
  if (pick < 93) return { kind: 'resume', ...at }
  if (pick < 96) return { kind: 'retry', ...at }
  if (pick < 97) return { kind: 'halt', ...at, reason: 'stop' }
  return { kind: 'roll-back', ...at }
}

function eventsOf(walk: readonly Step[]): RolloutEvent[] {
  let now = T0
  return walk.map((step, index) => {
    now += Math.floor(step.hours * HOUR)
    return eventOf(step, now, index + 1)
  })
}

/** What holds in every state. */
function check(plan: Plan, rollout: Rollout): void {
  const { state } = rollout
  const assigned = assignmentsOf(plan, rollout)
  const open = 'wave' in state && state.wave !== null ? state.wave : -1
  if (state.at !== 'running') assert.deepEqual(assigned, [], `${state.at} assigns`)
  else assert(assigned.length > 0, 'a running wave waits for somebody')
  const here = new Set(turnsOfWave(plan, open).map(planned => planned.controller))
  for (const { controller } of assigned) assert(here.has(controller), 'only the open wave is assigned')
  for (const [index, wave] of plan.waves.entries()) {
    const count = tally(plan, rollout, index)
    if (state.at === 'done') assert.equal(count.waiting + count.assigned, 0)
    else if (index > open && state.at !== 'halted')
      assert.equal(count.waiting, count.total, 'a later wave has not opened')
    else if (index < open) assert.equal(count.assigned + count.waiting, 0, 'an earlier wave is over')
    if (['running', 'soaking', 'paused'].includes(state.at)) {
      assert(count.failed <= wave.gate.maxFailures, 'more failures than allowed halt')
    }
    if (state.at === 'halted') assert.equal(count.assigned, 0)
  }
}

describe('random walks of the rollout', () => {
  test('one wave at a time, nothing assigned but in a running wave, failures within the gate', () => {
    fc.assert(
      fc.property(sizes, steps, (sizes, walk) => {
        const plan = planOf(sizes, { notAfter: instant(T0 + 60 * HOUR) })
        let rollout = createRollout(plan)
        for (const event of eventsOf(walk)) {
          const before = rollout
          const decision = decide(plan, rollout, event)
          if (isRefusal(decision)) continue
          rollout = decision.next
          check(plan, rollout)
          if (before.state.at === 'halted') {
            assert.equal(rollout.state, before.state, 'halted is for good')
            assert(!decision.effects.some(effect => effect.do === 'assign'))
          }
          if (before.state.at === 'done') assert.equal(rollout.state, before.state, 'done is for good')
          for (const effect of decision.effects) {
            if (effect.do !== 'assign') continue
            assert(event.now < plan.notAfter, 'nobody is assigned when the time is over')
            for (const planned of effect.controllers) assert.equal(turnOf(rollout, planned)?.at, 'assigned')
          }
        }
      }),
      { numRuns: 400 },
    )
  })

  test('an event that comes twice changes nothing the second time', () => {
    fc.assert(
      fc.property(sizes, steps, (sizes, walk) => {
        const plan = planOf(sizes)
        let rollout = createRollout(plan)
        for (const event of eventsOf(walk)) {
          const decision = decide(plan, rollout, event)
          if (isRefusal(decision)) continue
          rollout = decision.next
          if (event.kind !== 'outcome') continue
          assert.deepEqual(orThrow(decide(plan, rollout, event)), { next: rollout, effects: [] })
        }
      }),
    )
  })

  test('the same log gives the same rollout, also when it was stored and read after every step', () => {
    fc.assert(
      fc.property(sizes, steps, (sizes, walk) => {
        const plan = planOf(sizes)
        const events = eventsOf(walk)
        let stored = writeRollout(createRollout(plan))
        for (const event of events) {
          const decision = decide(plan, orThrow(readRollout(stored, 'spring')), event)
          if (!isRefusal(decision)) stored = writeRollout(decision.next)
        }
        assert.equal(stored, writeRollout(replay(plan, events).next))
      }),
    )
  })

  test('a campaign in which all controllers confirm is done, whatever the order', () => {
    fc.assert(
      fc.property(sizes, fc.infiniteStream(fc.nat()), (sizes, picks) => {
        const plan = planOf(sizes)
        let rollout = replay(plan, [
          { kind: 'approve', now: instant(T0) },
          { kind: 'start', now: instant(T0) },
        ]).next
        let now = T0
        for (let turn = 0; rollout.state.at !== 'done' && turn < 100; turn += 1) {
          now += HOUR
          const open = assignmentsOf(plan, rollout)
          const next = open[(picks.next().value ?? 0) % Math.max(1, open.length)]
          const event: RolloutEvent =
            next === undefined
              ? { kind: 'tick', now: instant(now) }
              : { kind: 'outcome', now: instant(now), ...next, report: turn + 1, result: 'confirmed' }
          rollout = orThrow(decide(plan, rollout, event)).next
        }
        assert.equal(rollout.state.at, 'done')
        assert.equal(tally(plan, rollout).confirmed, tally(plan, rollout).total)
      }),
    )
  })
})
