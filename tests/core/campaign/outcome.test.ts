import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isStaged, type Outcome, outcomeOf } from '../../../src/core/campaign/outcome.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import type { Report } from '../../../src/core/trust/report.ts'

const IMAGE = 'a1'.repeat(32)
const OTHER = 'b2'.repeat(32)
const CUT = IMAGE.slice(0, 32)
const wanted = { assignment: 'spring/0123456789abcdef/1', image: IMAGE, sequence: 7 }

const report: Report = {
  kind: 'voltseal-report',
  v: 1,
  site: 'harbour',
  controller: 'bms-1',
  sequence: 12,
  at: instant(0),
  event: 'boot',
  state: 'stable',
  running: { version: '2.2.0', sequence: 6, digest: OTHER, slot: 'a' },
  counter: 3,
  anchors: [],
  attempts: [],
}
const runs = (digest: string, sequence: number): Partial<Report> => ({
  running: { version: '2.3.0', sequence, digest, slot: 'b' },
})
const tried = (digest: string, sequence: number, phase = 'health'): Partial<Report> => ({
  attempts: [{ version: '2.3.0', sequence, digest, at: instant(0), phase, cause: 'probe-failed cells' }],
})
const refused: Partial<Report> = {
  event: 'refused',
  assignment: wanted.assignment,
  refusal: { code: 'release-not-newer', subject: 'bms-1', expected: 'more', actual: 'less' },
}
const REVERTED: Outcome = { result: 'reverted', cause: 'probe-failed cells' }

const rows: [name: string, more: Partial<Report>, outcome: Outcome | null][] = [
  ['runs what it ran before', {}, null],
  ['runs the release, confirmed', runs(IMAGE, 7), { result: 'confirmed' }],
  ['runs the release on trial', { ...runs(IMAGE, 7), state: 'trial' }, null],
  ['runs the same image of an earlier release', runs(IMAGE, 6), null],
  ['runs another image under the same number', runs(OTHER, 7), null],
  ['runs golden', { ...runs(IMAGE, 7), state: 'golden' }, null],
  ['tried it and went back', tried(CUT, 7), REVERTED],
  ['tried it, and holds it again', { ...tried(CUT, 7), staged: { version: '2.3.0', sequence: 7, digest: CUT } }, null],
  ['tried it, and is about to try again', { ...tried(CUT, 7), armed: true }, null],
  ['found it damaged before the trial', tried(CUT, 7, 'boot'), null],
  ['tried the same image of an earlier release', tried(CUT, 6), null],
  ['tried something of which no digest is known', tried('', 7), null],
  ['refused this assignment', refused, { result: 'refused', code: 'release-not-newer' }],
  ['refused another assignment', { ...refused, assignment: 'winter/0123456789abcdef/1' }, null],
]

describe('a report of a controller that', () => {
  for (const [name, more, outcome] of rows) {
    test(name, () => assert.deepEqual(outcomeOf({ ...report, ...more }, wanted), outcome))
  }

  test('holds the release, or another one of the same image', () => {
    const holds = (sequence: number) => ({ ...report, staged: { version: '2.3.0', sequence, digest: CUT } })
    assert.equal(isStaged(holds(7), wanted), true)
    assert.equal(isStaged(holds(6), wanted), false)
    assert.equal(isStaged(report, wanted), false)
  })
})
