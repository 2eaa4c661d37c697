import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ROLLOUT_PAGE, rolloutPage } from '../../scripts/rollout-docs.ts'
import { Book } from '../../src/core/campaign/book.ts'
import { arrows, decide, legalEvents, STATES } from '../../src/core/campaign/rollout.ts'
import type { RolloutEvent } from '../../src/core/campaign/rollout-state.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { isRefusal } from '../../src/core/refusal/refusal.ts'
import { HOUR, T0 } from '../core/campaign/plans.ts'
import { settingOf } from '../core/campaign/rollouts.ts'

test('docs/rollout.md shows the machine as its table has it (node scripts/rollout-docs.ts)', () => {
  const page = readFileSync(ROLLOUT_PAGE, 'utf8')
  assert.equal(page, rolloutPage(page), 'run: node scripts/rollout-docs.ts')
})

test('the arrows of the diagram are the ways that the machine takes, and no other', () => {
  const known = new Set(arrows().map(({ from, event, to }) => `${from} ${event} ${to}`))
  for (const { from, event } of arrows()) assert(legalEvents(from).includes(event))
  const taken = new Set<string>()
  const now = (hours: number) => instant(T0 + hours * HOUR)
  const told = (hours: number, result: 'confirmed' | 'reverted', controller = 'c0'): RolloutEvent => {
    return { kind: 'outcome', now: now(hours), site: 'harbour', controller, report: hours + 1, result }
  }
  const begin: RolloutEvent[] = [
    { kind: 'approve', now: now(0) },
    { kind: 'start', now: now(0) },
  ]
  const back = (hours: number): RolloutEvent => ({ kind: 'roll-back', now: now(hours), reason: 'r', partly: false })
  const walks: RolloutEvent[][] = [
    [
      ...begin,
      told(1, 'confirmed'),
      { kind: 'tick', now: now(3) },
      told(4, 'confirmed', 'c1'),
      { kind: 'tick', now: now(9) },
      back(10),
    ],
    [...begin, told(1, 'reverted')],
    [...begin, told(1, 'confirmed'), told(2, 'reverted')],
    [
      ...begin,
      { kind: 'tick', now: now(3) },
      { kind: 'tick', now: now(6) },
      { kind: 'tick', now: now(8) },
      { kind: 'retry', now: now(9) },
    ],
    [
      ...begin,
      { kind: 'pause', now: now(1), reason: 'r' },
      { kind: 'resume', now: now(2) },
      { kind: 'halt', now: now(3), reason: 'r' },
      back(4),
    ],
    [...begin, back(1)],
    [...begin, { kind: 'tick', now: now(5000) }],
    [
      ...begin,
      told(1, 'confirmed'),
      back(2),
      { kind: 'pause', now: now(3), reason: 'r' },
      { kind: 'resume', now: now(4) },
      { kind: 'tick', now: now(5) },
      told(6, 'confirmed'),
    ],
  ]
  for (const [index, walk] of walks.entries()) {
    const { plan, seats } = settingOf([1, 1], {}, { minSuccessPercent: 100, maxFailures: index === 3 ? 1 : 0 })
    const book = new Book(plan, seats)
    for (const event of walk) {
      const from = book.head.state.at
      const decision = decide(plan, book.head, event, book.seen(event))
      assert(!isRefusal(decision), `${from} ${event.kind}`)
      book.take(decision)
      const to = book.head.state.at
      if (from !== to) taken.add(`${from} ${event.kind} ${to}`)
    }
  }
  for (const way of taken) assert(known.has(way), `${way} is not in the diagram`)
  assert(taken.size >= 18, `only ${taken.size} ways were taken`)
  assert.equal(STATES.length, 8)
})
