import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { byRank, deadlineShape, priorityAt, type Ranked } from '../../../src/core/campaign/priority.ts'
import { Misfit } from '../../../src/core/encoding/shape.ts'
import { instant } from '../../../src/core/encoding/units.ts'

const at = (hours: number) => instant(hours * 3_600_000)
const steps = [
  { at: at(10), priority: 60 },
  { at: at(20), priority: 90 },
]
const deadline = { at: at(30), steps }
const campaign = (id: string, change: Partial<Ranked> = {}): Ranked => ({
  id,
  createdAt: at(0),
  priority: 50,
  ...change,
})

describe('priorities', () => {
  test('a deadline raises the priority step by step, and never lowers it', () => {
    const rows: [hours: number, priority: number][] = [
      [9.9, 50],
      [10, 60],
      [19.9, 60],
      [20, 90],
      [99, 90],
    ]
    for (const [hours, priority] of rows) {
      assert.equal(priorityAt(campaign('patch', { deadline }), at(hours)), priority)
      assert.equal(priorityAt(campaign('patch', { deadline, priority: 95 }), at(hours)), 95)
    }
  })

  test('by priority, then age, then name', () => {
    const patch = campaign('patch', { deadline, createdAt: at(5) })
    const older = campaign('older')
    assert(byRank(older, patch, at(9)) < 0)
    assert(byRank(older, patch, at(10)) > 0)
    assert(byRank(campaign('a'), campaign('b'), at(0)) < 0)
    assert.equal(byRank(patch, patch, at(0)), 0)
  })

  test('the steps of a deadline rise, up to it', () => {
    assert.deepEqual(deadlineShape(deadline, ''), deadline)
    const wrong = [[steps[1], steps[0]], [steps[0], { at: at(20), priority: 60 }], [{ at: at(31), priority: 60 }]]
    for (const bad of wrong) assert(deadlineShape({ at: at(30), steps: bad }, '') instanceof Misfit)
  })
})
