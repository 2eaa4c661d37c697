import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Sheet } from '../../../src/core/campaign/sheet.ts'
import { stepsOf, termsOf } from '../../../src/core/campaign/terms.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import type { Version } from '../../../src/core/firmware/version.ts'
import { planOf, sheetOf, T0 } from './plans.ts'
import { rules } from './situations.ts'

describe('what an approved plan says to a site', () => {
  const abort = { maxFailures: 2, maxFailurePercent: 10 }
  const deadline = {
    at: instant(T0 + 9000),
    steps: [
      { at: instant(T0 + 1000), priority: 70 },
      { at: instant(T0 + 5000), priority: 90 },
    ],
  }
  const own = rules({ restarting: 3 })
  const plan = planOf([1], { abort, deadline, rules: own, priority: 60 })

  const PRIORITIES: [at: number, priority: number][] = [
    [0, 60],
    [999, 60],
    [1000, 70],
    [5000, 90],
    [99_000, 90],
  ]
  for (const [at, priority] of PRIORITIES) {
    test(`its priority ${at} ms after it begins is ${priority}; its rules are those that were approved`, () => {
      assert.deepEqual(termsOf(plan, instant(T0 + at)), { rules: own, priority, maxFailures: 2, tries: 4, back: [] })
    })
  }

  test('its tries are two rows of its retries, and what undoes others is known', () => {
    const retry = { ...plan.retry, retries: 2 }
    const [one] = plan.releases
    const two = [
      one!,
      { ...one!, path: 'bms/2.9.0/envelope.suit', version: '2.9.0' as Version, sha256: 'ee'.repeat(32) },
    ]
    const undoing = planOf([1], { retry, releases: two, back: [{ of: 0, to: 1 }] })
    const { tries, back } = termsOf(undoing, instant(T0))
    assert.deepEqual([tries, back], [6, [undoing.releases[1]!.sha256]])
  })

  test('a step is confirmed by who attests its version or a later one, for good', () => {
    const turn = (controller: string, ...orders: number[]) => ({
      controller,
      wave: 0,
      steps: orders.map(order => ({ release: 0, order })),
    })
    const sheet: Sheet = sheetOf('harbour', [turn('a', 0), turn('b', 1), turn('c', 1), turn('d', 2)])
    const runs: Readonly<Record<string, string>> = { a: '2.3.0', b: '2.10.0', c: '2.2.9' }
    const steps = stepsOf(plan, sheet, id => (runs[id] as Version | undefined) ?? null)
    assert.deepEqual(
      steps.map(({ campaign, controller, order, confirmed }) => [campaign, controller, order, confirmed]),
      [
        ['spring', 'a', 0, true],
        ['spring', 'b', 1, true],
        ['spring', 'c', 1, false],
        ['spring', 'd', 2, false],
      ],
    )
  })
})
