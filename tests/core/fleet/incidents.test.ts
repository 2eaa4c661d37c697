import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { instant } from '../../../src/core/encoding/units.ts'
import { incidentsOf, NO_INCIDENTS } from '../../../src/core/fleet/incidents.ts'
import type { Report } from '../../../src/core/trust/report.ts'

const running = (version: string) => ({ version, sequence: 1, digest: 'ab'.repeat(32), slot: 'a' }) as const
const said = (change: Partial<Report> = {}): Report => ({
  kind: 'voltseal-report',
  v: 1,
  site: 'quay',
  controller: 'bms-1',
  sequence: 1,
  at: instant(0),
  event: 'boot',
  state: 'stable',
  running: running('1.0.0'),
  counter: 1,
  anchors: [],
  attempts: [],
  ...change,
})
const failed = { version: '1.1.0', sequence: 2, digest: '', at: instant(5), phase: 'trial', cause: 'probe-failed bus' }
const counts = (change: object) => ({ ...NO_INCIDENTS, ...change })

describe('what a report adds to the experience with versions', () => {
  type Row = [name: string, before: Report | null, report: Report, added: [string, object][]]
  const rows: Row[] = [
    ['nothing, as the first one', null, said(), []],
    ['nothing, where nothing happened', said(), said({ running: running('1.1.0') }), []],
    [
      'a revert, to the version that failed',
      said(),
      said({ event: 'reverted', attempts: [failed] }),
      [['1.1.0', { revert: 1 }]],
    ],
    ['a revert whose own report never came', said(), said({ attempts: [failed] }), [['1.1.0', { revert: 1 }]]],
    [
      'no revert that was told before',
      said({ attempts: [failed] }),
      said({ event: 'reverted', attempts: [failed] }),
      [],
    ],
    [
      'the same version failing again',
      said({ attempts: [failed] }),
      said({ attempts: [failed, { ...failed, at: instant(9) }] }),
      [['1.1.0', { revert: 1 }]],
    ],
    [
      'the same version failing again, on a board that does not know the time',
      said({ attempts: [{ ...failed, at: instant(0) }] }),
      said({
        attempts: [
          { ...failed, at: instant(0) },
          { ...failed, at: instant(0) },
        ],
      }),
      [['1.1.0', { revert: 1 }]],
    ],
    [
      'no revert for what rotted before its trial',
      said(),
      said({ attempts: [{ ...failed, phase: 'boot', cause: 'no valid slot' }] }),
      [],
    ],
    [
      'a trial that resets ended, as a watchdog reset too',
      said(),
      said({ attempts: [{ ...failed, cause: 'tries spent; boot a' }] }),
      [['1.1.0', { revert: 1, watchdog: 1 }]],
    ],
    [
      'no watchdog reset where power was lost',
      said(),
      said({ attempts: [{ ...failed, cause: 'power losses spent; boot a' }] }),
      [['1.1.0', { revert: 1 }]],
    ],
    ['of the history of before the first report nothing', null, said({ attempts: [failed] }), []],
    [
      'the revert that the first report is about',
      null,
      said({ event: 'reverted', attempts: [failed] }),
      [['1.1.0', { revert: 1 }]],
    ],
    [
      'a fall to golden, to the version of before',
      said(),
      said({ event: 'golden', state: 'golden', running: { ...running('0.1.0'), slot: 'golden' } }),
      [['1.0.0', { golden: 1 }]],
    ],
    [
      'one fall, however long golden runs',
      said({ state: 'golden', running: { ...running('0.1.0'), slot: 'golden' } }),
      said({ state: 'golden', running: { ...running('0.1.0'), slot: 'golden' } }),
      [],
    ],
    ['a refusal, to the version that refused', said(), said({ event: 'refused' }), [['1.0.0', { refusal: 1 }]]],
    [
      'alarms that rose, to the version of before',
      said({ figures: { alarms: 3 } }),
      said({ figures: { alarms: 5 }, running: running('1.1.0') }),
      [['1.0.0', { alarm: 2 }]],
    ],
    [
      'alarms that began again at zero',
      said({ figures: { alarms: 9 } }),
      said({ figures: { alarms: 2 } }),
      [['1.0.0', { alarm: 2 }]],
    ],
    ['no alarms that nobody compared', said(), said({ figures: { alarms: 7 } }), []],
    ['no alarms of other figures', said({ figures: { restarts: 1 } }), said({ figures: { restarts: 7 } }), []],
  ]
  for (const [name, before, report, added] of rows) {
    test(name, () => {
      const expected = added.map(([version, incidents]) => ({ version, counts: counts(incidents) }))
      assert.deepEqual(incidentsOf(before, report), expected)
    })
  }
})
