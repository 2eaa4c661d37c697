import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { instant } from '../../../src/core/encoding/units.ts'
import { exposureOf } from '../../../src/core/fleet/exposure.ts'
import type { Report } from '../../../src/core/trust/report.ts'

const HOUR = 3_600_000
const SEEN = 1000 * HOUR
const said = (at: number, version = '1.0.0'): Report => ({
  kind: 'voltseal-report',
  v: 1,
  site: 'quay',
  controller: 'bms-1',
  sequence: 1,
  at: instant(at),
  event: 'boot',
  state: 'stable',
  running: { version, sequence: 1, digest: 'ab'.repeat(32), slot: 'a' },
  counter: 1,
  anchors: [],
  attempts: [],
})
/** A report of so many hours behind the last one that the fleet had. */
const h = (hours: number, version?: string): Report => said(SEEN + hours * HOUR, version)

describe('whose the time between two hand-overs is', () => {
  type Row = [name: string, reports: readonly Report[], hours: number, watched: Record<string, number>]
  const rows: readonly Row[] = [
    ['one report: to the version of before', [h(1)], 1, { '1.0.0': 1 }],
    ['one that attests another version: to the version of before', [h(1, '1.1.0')], 1, { '1.0.0': 1 }],
    ['delay of a live report is not lost', [said(SEEN + HOUR - 30_000)], 1, { '1.0.0': 1 }],
    ['no time that did not pass', [said(SEEN)], 0, {}],
    [
      'attack: an outage in which a version was installed and failed: each its share',
      [h(1), h(2, '1.1.0'), h(20), h(22)],
      24,
      { '1.0.0': 4, '1.1.0': 18 },
    ],
    ['behind the last report of an outage nobody knows', [h(2, '1.1.0')], 24, { '1.0.0': 2 }],
    ['boards without a clock, one version: all of it', [said(0), said(0)], 24, { '1.0.0': 24 }],
    ['boards without a clock, two versions: nobody’s', [said(0), said(0, '1.1.0'), said(0)], 24, {}],
    [
      'one report without a time between two that have one: nobody’s until the next that has',
      [h(2), said(0, '1.1.0'), h(20, '1.1.0'), h(22, '1.1.0')],
      24,
      { '1.0.0': 2, '1.1.0': 2 },
    ],
    ['a clock ahead of the fleet’s divides nothing', [h(30, '1.1.0'), h(31)], 24, {}],
    ['a clock that was set back in the outage', [h(20), h(2, '1.1.0'), h(3, '1.1.0')], 24, { '1.0.0': 20 }],
    [
      'attack: a clock that goes back and forth is not counted twice',
      [h(24), said(0), h(24), said(0), h(24)],
      24,
      { '1.0.0': 24 },
    ],
    ['the rest of an outage, handed over later', [h(-5), h(-4, '1.1.0'), h(-3)], 1, {}],
  ]
  for (const [name, reports, hours, watched] of rows) {
    test(name, () => {
      const got = exposureOf(said(SEEN), instant(SEEN), reports, instant(SEEN + hours * HOUR))
      assert.deepEqual(Object.fromEntries(got.map(one => [one.version, one.watched / HOUR])), watched)
    })
  }

  test('never more than the fleet’s own clock says, and no version that nobody attested', () => {
    const report = fc.tuple(fc.integer({ min: -3, max: 30 }), fc.constantFrom('1.0.0', '1.1.0', '1.2.0'))
    fc.assert(
      fc.property(fc.array(report, { maxLength: 8 }), fc.integer({ min: 0, max: 24 }), (drawn, hours) => {
        const reports = drawn.map(([at, version]) => h(at, version))
        const got = exposureOf(said(SEEN), instant(SEEN), reports, instant(SEEN + hours * HOUR))
        assert.ok(got.reduce((sum, { watched }) => sum + watched, 0) <= hours * HOUR)
        const attested = new Set(['1.0.0', ...drawn.map(([, version]) => version)])
        for (const { version, watched } of got) assert.ok(attested.has(version) && watched > 0)
      }),
      { seed: 20_270_131 },
    )
  })
})
