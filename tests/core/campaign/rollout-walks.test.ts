import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Book, replay } from '../../../src/core/campaign/book.ts'
import { beyond, type FleetBudget, NO_LOAD } from '../../../src/core/campaign/load.ts'
import { retell, type Told, toldOf } from '../../../src/core/campaign/retell.ts'
import type { RolloutPlan } from '../../../src/core/campaign/rollout-plan.ts'
import {
  isOpen,
  type Rollout,
  type RolloutEvent,
  readRollout,
  tally,
  unsettled,
  writeRollout,
} from '../../../src/core/campaign/rollout-state.ts'
import { isOrdered, readTurn, type Seat, type Turn, writeTurn } from '../../../src/core/campaign/turn.ts'
import { waitsOf } from '../../../src/core/campaign/waits.ts'
import { instant, millis } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { HOUR, T0 } from './plans.ts'
import { seats, termsOf } from './rollouts.ts'

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
    pick: fc.nat(109),
    controller: fc.nat(9),
    hours: fc.double({ min: 0, max: 3, noNaN: true }),
    again: fc.boolean(),
    old: fc.boolean(),
  }),
  { maxLength: 80 },
)
const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 })

const BUDGETS: readonly FleetBudget[] = [
  { per: 'fleet', controllers: 3 },
  { per: 'region', watts: 2500 },
]

/** Two sites in two regions; some controllers have two steps, and an order among those of their site. */
const placed = (index: number): Partial<Seat> => ({
  site: index % 2 === 0 ? 'harbour' : 'quay',
  region: index % 2 === 0 ? 'north' : 'south',
  watts: 500 * (1 + (index % 3)),
  steps:
    index % 3 === 0
      ? [
          { release: 0, order: 0 },
          { release: 2, order: 2 },
        ]
      : [{ release: 0, order: index % 4 }],
})

const walkPlan = (sizes: readonly number[], change: Partial<RolloutPlan> = {}): RolloutPlan =>
  termsOf(sizes, {
    releases: ['a', 'a-back', 'b', 'b-back'].map(path => ({ path })),
    back: [
      { of: 0, to: 1 },
      { of: 2, to: 3 },
    ],
    budgets: BUDGETS,
    notAfter: instant(T0 + 60 * HOUR),
    retry: { retries: 1, backOffMillis: millis(HOUR / 2), maxBackOffMillis: millis(HOUR) },
    ...change,
  })

const bookOf = (plan: RolloutPlan, sizes: readonly number[]): Book => new Book(plan, seats(sizes, placed))

/** Mostly what a healthy campaign sees, with everything else mixed in. */
function eventOf({ pick, controller, again, old }: Step, now: number, report: number): RolloutEvent {
  const at = { now: instant(now) }
  const site = controller % 2 === 0 ? 'harbour' : 'quay'
  const of = { site, controller: `c${controller}`, report: old ? Math.max(1, report - 7) : report, again, further: old }
  if (pick < 10) return { kind: 'approve', ...at }
  if (pick < 20) return { kind: 'start', ...at }
  if (pick < 60) return { kind: 'outcome', ...at, ...of, result: 'confirmed' }
  if (pick < 65) return { kind: 'outcome', ...at, ...of, result: 'reverted' }
  if (pick < 69) return { kind: 'outcome', ...at, ...of, result: 'refused' }
  if (pick < 70) return { kind: 'outcome', ...at, ...of, result: 'overtaken' }
  if (pick < 85) return { kind: 'tick', ...at }
  if (pick < 88) return { kind: 'pause', ...at, reason: 'wait' }
  if (pick < 93) return { kind: 'resume', ...at }
  if (pick < 96) return { kind: 'retry', ...at }
  if (pick < 97) return { kind: 'halt', ...at, reason: 'stop' }
  if (pick < 100) return { kind: 'roll-back', ...at, reason: 'back', partly: again }
  const stage = again ? 'granted' : 'staged'
  if (pick < 105) return { kind: 'heard', ...at, reportedAt: at.now, site, controller: `c${controller}`, stage }
  const [seat] = seats([1], placed)
  return {
    kind: 'join',
    ...at,
    seats: [{ ...(seat as Seat), controller: `late${controller % 3}`, wave: controller % 3 }],
  }
}

function eventsOf(walk: readonly Step[]): RolloutEvent[] {
  let now = T0
  return walk.map((step, index) => {
    now += Math.floor(step.hours * HOUR)
    return eventOf(step, now, index + 1)
  })
}

const ordersIn = (book: Book): Turn[] => [...book.turns.values()].filter(isOrdered)

/** What holds in every state. */
function check(book: Book): void {
  const { plan, head } = book
  const { state } = head
  const ordered = ordersIn(book)
  const open = 'wave' in state && state.wave !== null ? state.wave : -1
  // No wave before its gate: only the open one is ordered, and a later one has not begun.
  for (const turn of ordered) {
    if (turn.at === 'assigned') assert.deepEqual([state.at, turn.wave], ['running', open])
    else assert.equal(state.at, 'rolling-back')
  }
  for (const [index, wave] of plan.waves.entries()) {
    const count = tally(head, index)
    const begun = count.total - count.waiting - count.queued - count.overtaken
    if (state.at === 'done' && !state.undone) assert.equal(unsettled(count) - count.between, 0)
    else if (index > open && isOpen(head)) assert.equal(begun, 0, 'a later wave has not opened')
    else if (index < open && isOpen(head) && state.at !== 'rolling-back') {
      assert.equal(unsettled(count) - count.between, 0)
    }
    const forward = state.at === 'running' || state.at === 'soaking'
    if (forward) assert(count.failed <= wave.gate.maxFailures, 'more failures than allowed halt')
  }
  // What is ordered keeps to the budgets, at every instant.
  const { fleet, regions } = book.load()
  for (const region of regions.values()) assert.equal(beyond(plan.budgets, fleet, region), null)
  if (regions.size === 0) assert.equal(beyond(plan.budgets, fleet, NO_LOAD), null)
  checkTallies(book)
  if (isOpen(head)) assert(waitsOf(plan, head).length > 0, 'it ends, or says why it waits')
  else assert.equal(ordered.length, 0)
}

/** The tallies are kept, not counted: they are what counting would come to. */
function checkTallies({ head, turns }: Book): void {
  for (const [index, count] of head.waves.entries()) {
    const here = [...turns.values()].filter(({ wave }) => wave === index)
    assert.equal(count.total, here.length)
    for (const at of Object.keys(count)) {
      if (at !== 'total') assert.equal(count[at as Turn['at']], here.filter(turn => turn.at === at).length, at)
    }
  }
}

describe('random walks of the rollout', () => {
  test('one wave at a time, never more ordered than the budgets allow, failures within the gate', () => {
    fc.assert(
      fc.property(sizes, steps, (sizes, walk) => {
        const book = bookOf(walkPlan(sizes), sizes)
        for (const event of eventsOf(walk)) {
          const before = book.head.state
          const decision = book.run(event)
          if (isRefusal(decision)) continue
          check(book)
          if (before.at === 'halted' && event.kind !== 'roll-back') {
            assert.equal(book.head.state, before, 'halted is for good, but for a way back')
          }
          if (before.at === 'done' && before.undone && event.kind !== 'roll-back') {
            assert.equal(book.head.state, before, 'undone is for good, but for who confirmed after it')
          }
          for (const effect of decision.effects) {
            if (effect.do === 'assign')
              assert(event.now < book.plan.notAfter, 'nobody is ordered when the time is over')
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  test('an event that comes twice changes nothing the second time', () => {
    fc.assert(
      fc.property(sizes, steps, (sizes, walk) => {
        const book = bookOf(walkPlan(sizes), sizes)
        for (const event of eventsOf(walk)) {
          if (isRefusal(book.run(event)) || event.kind !== 'outcome') continue
          const [head, turns] = [book.head, [...book.turns]]
          const again = book.run(event)
          if (!isRefusal(again)) assert.deepEqual(again.effects, [])
          assert.deepEqual([book.head, [...book.turns]], [head, turns])
        }
      }),
      { numRuns: 100 },
    )
  })

  test('the same events give the same rollout, also when it was stored and read after every one', () => {
    fc.assert(
      fc.property(sizes, steps, (sizes, walk) => {
        const plan = walkPlan(sizes)
        const events = eventsOf(walk)
        const book = bookOf(plan, sizes)
        for (const event of events) {
          book.run(event)
          book.head = orThrow(readRollout(writeRollout(book.head), 'spring'))
          for (const [key, turn] of book.turns) book.turns.set(key, orThrow(readTurn(writeTurn(turn), turn)))
        }
        const again = replay(plan, seats(sizes, placed), events)
        assert.deepEqual([book.head, [...book.turns]], [again.head, [...again.turns]])
      }),
      { numRuns: 100 },
    )
  })

  test('the log alone tells the same campaign', () => {
    fc.assert(
      fc.property(sizes, steps, (sizes, walk) => {
        const book = bookOf(walkPlan(sizes), sizes)
        const log: Told[] = []
        for (const event of eventsOf(walk)) {
          const decision = book.run(event)
          if (isRefusal(decision)) continue
          for (const effect of decision.effects) {
            if (effect.do === 'note') log.push({ kind: effect.kind, ...effect.of, detail: effect.detail })
          }
          const told = retell(log)
          const { state } = book.head
          assert.equal(told.at, state.at)
          if (state.at === 'running' || state.at === 'soaking') assert.equal(told.wave, state.wave)
          for (const [key, turn] of book.turns) assert.equal(told.turns.get(key) ?? 'open', toldOf(turn), key)
        }
      }),
      { numRuns: 150 },
    )
  })

  /** Lets everybody who is ordered something confirm, one after the other, until the campaign waits for no time any more. */
  function finish(book: Book, picks: () => number, checks: (book: Book, turn: Turn | null) => void): Rollout {
    let now = T0
    for (let turn = 0; isOpen(book.head) && turn < 400; turn += 1) {
      now += HOUR / 2
      const open = ordersIn(book)
      const next = open[picks() % Math.max(1, open.length)]
      checks(book, next ?? null)
      const event: RolloutEvent =
        next === undefined || picks() % 3 === 0
          ? { kind: 'tick', now: instant(now) }
          : { kind: 'outcome', now: instant(now), ...next, report: turn + 1, result: 'confirmed' }
      orThrow(book.run(event))
    }
    return book.head
  }
  const begin = (book: Book): void => {
    orThrow(book.run({ kind: 'approve', now: instant(T0) }))
    orThrow(book.run({ kind: 'start', now: instant(T0) }))
  }
  const long = { notAfter: instant(T0 + 1000 * HOUR), timeoutMillis: millis(500 * HOUR) }

  test('a campaign in which all controllers confirm is done, whatever the order', () => {
    fc.assert(
      fc.property(sizes, fc.infiniteStream(fc.nat()), (sizes, picks) => {
        const book = bookOf(walkPlan(sizes, long), sizes)
        begin(book)
        const head = finish(book, () => picks.next().value ?? 0, check)
        assert.equal(head.state.at, 'done')
        assert.equal(tally(head).confirmed, tally(head).total)
      }),
      { numRuns: 100 },
    )
  })

  test('a roll-back takes every one back that it updated, at each site in the reverse of the order', () => {
    const end = (turn: Turn): number => turn.wave * 100 + (turn.steps[turn.step]?.order ?? 0)
    fc.assert(
      fc.property(sizes, fc.nat(30), fc.infiniteStream(fc.nat()), (sizes, until, stream) => {
        const picks = (): number => stream.next().value ?? 0
        const book = bookOf(walkPlan(sizes, long), sizes)
        begin(book)
        let now = T0
        for (let turn = 0; turn < until; turn += 1) {
          now += HOUR / 2
          const open = ordersIn(book)
          const next = open[picks() % Math.max(1, open.length)]
          const told = { now: instant(now), report: turn + 1, result: 'confirmed' } as const
          const event: RolloutEvent =
            next === undefined ? { kind: 'tick', now: told.now } : { kind: 'outcome', ...next, ...told }
          orThrow(book.run(event))
        }
        const updated = [...book.turns.values()].filter(turn => turn.at === 'confirmed' || turn.at === 'between').length
        const stones = ordersIn(book).filter(turn => turn.step > 0).length
        orThrow(book.run({ kind: 'roll-back', now: instant(now), reason: 'back', partly: false }))
        const back = finish(book, picks, running => {
          check(running)
          for (const turn of ordersIn(running)) {
            const others = [...running.turns.values()].filter(({ site }) => site === turn.site)
            const before = others.filter(other => ['confirmed', 'between', 'returning'].includes(other.at))
            for (const other of before) assert(end(other) <= end(turn), 'one that came later goes back first')
          }
        })
        assert.deepEqual(back.state.at === 'done' && back.state.undone, true)
        assert.equal(tally(back).returned, updated + stones)
      }),
      { numRuns: 100 },
    )
  })
})
