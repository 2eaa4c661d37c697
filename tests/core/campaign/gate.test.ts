import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Evidence, type Gate, gateShape, gateWithoutControl, judgeGate } from '../../../src/core/campaign/gate.ts'
import { Misfit } from '../../../src/core/encoding/shape.ts'

const HOUR = 3_600_000
const heard = (controllers: number, rose: number, hours: number) => ({ controllers, rose, millis: hours * HOUR })
const health = { figure: 'alarms', maxPercent: 150, margin: 2, minControllers: 3, without: 'fail' } as const
const gate: Gate = { minSuccessPercent: 90, maxFailures: 1, health: [health] }
const fine = { confirmed: 10, failed: 0, total: 10, left: 0 }
const judged = (of: Gate, counted: typeof fine, evidence: Evidence | null) =>
  judgeGate(of, counted, new Map(evidence === null ? [] : [['alarms', evidence]]))

describe('gates', () => {
  const rows: [what: string, counted: typeof fine, evidence: Evidence, failing: string[]][] = [
    ['all confirmed, as healthy as the rest', fine, { treated: heard(3, 2, 1000), control: heard(3, 2, 1000) }, []],
    ['at the limit: 4 × 1.5 + 2', fine, { treated: heard(3, 8, 1000), control: heard(3, 4, 1000) }, []],
    ['one above it', fine, { treated: heard(3, 9, 1000), control: heard(3, 4, 1000) }, ['alarms']],
    ['rates, not sums', fine, { treated: heard(3, 8, 1000), control: heard(300, 400, 100_000) }, []],
    [
      'a control of zero leaves the margin',
      fine,
      { treated: heard(3, 3, 1000), control: heard(3, 0, 1000) },
      ['alarms'],
    ],
    ['too few updated ones were heard', fine, { treated: heard(2, 0, 1000), control: heard(9, 0, 1000) }, ['alarms']],
    ['too few others were heard', fine, { treated: heard(9, 0, 1000), control: heard(2, 0, 1000) }, ['alarms']],
    ['heard, but for no time', fine, { treated: heard(9, 0, 0), control: heard(9, 0, 1000) }, ['alarms']],
    [
      'too few confirmed, and one more failed than may',
      { confirmed: 8, failed: 2, total: 10, left: 0 },
      { treated: heard(3, 0, 1), control: heard(3, 0, 1) },
      ['success', 'failures'],
    ],
    [
      'those that needed nothing are not asked of it',
      { confirmed: 1, failed: 0, total: 10, left: 9 },
      { treated: heard(3, 0, 1), control: heard(3, 0, 1) },
      [],
    ],
  ]
  for (const [what, counted, evidence, failing] of rows) {
    test(what, () => {
      const { passes, findings } = judged(gate, counted, evidence)
      assert.deepEqual(
        findings.filter(one => !one.passes).map(({ rule }) => rule),
        failing,
      )
      assert.equal(passes, failing.length === 0)
    })
  }

  test('nothing to compare is said, and is what the plan says that it is', () => {
    const shut = judged(gate, fine, null)
    assert(!shut.passes)
    assert.match(shut.findings[0]!.sentence, /heard of 0 updated controllers and 0 others.*does not let that pass/)
    const open = judged({ ...gate, health: [{ ...health, without: 'pass' }] }, fine, null)
    assert(open.passes)
    const finding = open.findings.find(({ rule }) => rule === 'alarms')
    assert.equal(finding?.compared, false)
    assert.match(finding?.sentence ?? '', /the plan lets that pass/)
  })

  test('more trouble in the updated ones never opens a gate', () => {
    const count = fc.nat(1000)
    fc.assert(
      fc.property(count, count, fc.integer({ min: 1, max: 1000 }), count, (rose, more, hours, there) => {
        const control = heard(5, there, 700)
        const [few, many] = [rose, rose + more].map(sum =>
          judged(gate, fine, { treated: heard(5, sum, hours), control }),
        )
        assert(few!.passes || !many!.passes)
      }),
    )
  })

  test('a gate reads back, and no figure stands in it twice', () => {
    assert.deepEqual(gateShape(100)(gate, ''), gate)
    const twice = gateShape(100)({ ...gate, health: [health, health] }, 'gate')
    assert(twice instanceof Misfit)
    assert.equal(twice.at, 'gate.health')
    assert(gateShape(100)({ ...gate, health: [{ ...health, without: 'maybe' }] }, '') instanceof Misfit)
  })

  test('a comparison that must be there cannot be asked of the last wave', () => {
    const open = { ...gate, health: [{ ...health, without: 'pass' as const }] }
    assert.equal(
      gateWithoutControl([
        { name: 'a', gate },
        { name: 'b', gate: open },
      ]),
      null,
    )
    assert.deepEqual(gateWithoutControl([{ name: 'a', gate }]), { wave: 'a', figure: 'alarms' })
  })
})
