import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loadCodes } from '../../console/live/codes.ts'
import type { LogStatus } from '../../console/live/log-reader.ts'
import { ageText, freshness } from '../../console/picture/age.ts'
import { attentionOf, attentionWords } from '../../console/picture/attention.ts'
import { versionGrid } from '../../console/picture/version-grid.ts'
import { type GateState, type PlanGates, wavesOf } from '../../console/picture/waves.ts'
import { breakRefusal } from '../../src/core/ledger/break-words.ts'
import { refuse } from '../../src/core/refusal/refusal.ts'
import type { CampaignControllerView, CampaignView, ControllerView, ReleaseView } from '../../src/wire/fleet-views.ts'

const UNREAD = { at: 'unread' } as LogStatus

const controller = (
  id: string,
  version: string | null = '1.0.0',
  more: Partial<ControllerView> = {},
): ControllerView => ({
  site: 'harbour',
  id,
  class: id.slice(0, 3),
  hardware: 'primehub',
  version,
  slot: version === null ? null : 'a',
  counter: version === null ? null : 1,
  anchors: version === null ? null : ['0a'.repeat(32)],
  state: version === null ? null : 'stable',
  reportedAt: version === null ? null : 1_790_000_000_000,
  sequence: version === null ? 0 : 3,
  waits: null,
  ...more,
})

const turn = (id: string, wave: number, state: string, detail: string | null = null): CampaignControllerView => ({
  site: 'harbour',
  controller: id,
  class: id.slice(0, 3),
  wave,
  from: '1.0.0',
  to: '1.1.0',
  slot: 'a',
  counter: 1,
  state,
  detail,
  tookMillis: null,
})

function countsOf(controllers: readonly CampaignControllerView[]): Record<string, number> {
  const counts: Record<string, number> = { total: controllers.length }
  for (const { state } of controllers) counts[state] = (counts[state] ?? 0) + 1
  return counts
}

const campaign = (
  state: string,
  controllers: readonly CampaignControllerView[],
  more: Partial<CampaignView> = {},
): CampaignView => ({
  id: 'spring',
  title: 'Spring',
  state,
  wave: 1,
  waves: 2,
  reason: null,
  priority: 50,
  waits: [],
  counts: {},
  tallies: [1, 2].map(wave => ({
    name: `wave ${wave}`,
    counts: countsOf(controllers.filter(one => one.wave === wave)),
  })),
  approvals: { have: 0, need: 2 },
  controllers,
  ...more,
})

const codes = await loadCodes()
const seen = (controllers: readonly ControllerView[], campaigns: readonly CampaignView[], log = UNREAD): string[] =>
  attentionOf(controllers, campaigns, log, codes).map(({ level, subject, text }) => `${level}: ${subject} ${text}`)

describe('attention', () => {
  test('what a ring has lost asks for attention; what somebody left out is about trust', () => {
    const alarms = (['history-lost', 'history-gap'] as const).map(code =>
      breakRefusal({ site: 'quay', controller: 'bms-1', code, from: 3, to: 9 }),
    )
    const found = attentionOf([], [], UNREAD, codes, alarms)
    assert.deepEqual(
      found.map(({ level, subject, text }) => [level, subject, /\((.*)\)$/.exec(text)?.[1]]),
      [
        ['trust', 'history of quay/bms-1', 'decisions 3 to 9: never told'],
        ['attention', 'history of quay/bms-1', 'decisions 3 to 9: lost by its ring'],
      ],
    )
  })

  test('what a witness of the log says stands before all that failed, with what to do', () => {
    const alarm = { code: 'log-behind-witness', subject: 'witness quay', expected: 'at least 30', actual: '20 entries' }
    const [first] = attentionOf([controller('bms-1', '1.0.0', { state: 'golden' })], [], UNREAD, codes, [alarm])
    assert.equal(first?.level, 'trust')
    assert.equal(first.subject, 'witness quay')
    assert.match(first.text, /^a witness has signed more of the log than there is \(20 entries\)$/)
    assert.match(first.advice ?? '', /runbook/)
  })

  const halted = { reason: '1 failed in wave canary, and 0 are allowed' }
  const rows: [name: string, controllers: ControllerView[], campaigns: CampaignView[], expected: string[]][] = [
    ['nothing', [controller('bms-1')], [campaign('done', [turn('bms-1', 1, 'confirmed')])], []],
    [
      'nothing while it runs',
      [controller('bms-1', '1.0.0', { state: 'trial' })],
      [campaign('running', [turn('bms-1', 1, 'assigned')])],
      [],
    ],
    ['silence', [controller('bms-1', null)], [], ['attention: harbour/bms-1 has never reported']],
    [
      'the recovery image',
      [controller('bms-1', '1.0.0', { state: 'golden' })],
      [],
      ['failed: harbour/bms-1 runs its recovery image, 1.0.0'],
    ],
    [
      'approval',
      [],
      [campaign('created', [turn('bms-1', 1, 'waiting')])],
      ['attention: campaign spring waits for approval: 0 of 2 signed'],
    ],
    [
      'a start',
      [],
      [campaign('approved', [turn('bms-1', 1, 'waiting')])],
      ['attention: campaign spring is approved and waits for its start'],
    ],
    [
      'a pause',
      [],
      [campaign('paused', [turn('bms-1', 1, 'assigned')], { reason: 'storm' })],
      ['attention: campaign spring is paused: storm'],
    ],
    [
      'a halt, and whose fault it was',
      [],
      [campaign('halted', [turn('bms-1', 1, 'failed', 'reverted: probe-failed ems-link')], halted)],
      [
        'failed: campaign spring was halted: 1 failed in wave canary, and 0 are allowed',
        'failed: harbour/bms-1 went back from 1.1.0: probe-failed ems-link',
      ],
    ],
    [
      'a refusal of trust before everything else',
      [controller('pcs-1', null)],
      [
        campaign('running', [
          turn('bms-1', 1, 'failed', 'refused: blob-digest-mismatch'),
          turn('bms-2', 1, 'failed', 'timeout'),
        ]),
      ],
      [
        'trust: harbour/bms-1 refused 1.1.0: the bytes are not the ones that were signed for',
        'failed: harbour/bms-2 did not confirm 1.1.0 in time',
        'attention: harbour/pcs-1 has never reported',
      ],
    ],
    [
      'not what a later campaign has settled',
      [],
      [
        campaign('halted', [turn('bms-1', 1, 'failed', 'timeout'), turn('bms-2', 1, 'confirmed')], halted),
        campaign('done', [turn('bms-1', 1, 'confirmed'), turn('bms-2', 1, 'confirmed')], { id: 'summer' }),
      ],
      [],
    ],
    [
      'what a later campaign does not speak of',
      [],
      [
        campaign('done', [turn('bms-1', 1, 'failed', 'timeout')]),
        campaign('done', [turn('bms-2', 1, 'confirmed')], { id: 'summer' }),
      ],
      ['failed: harbour/bms-1 did not confirm 1.1.0 in time'],
    ],
  ]
  for (const [name, controllers, campaigns, expected] of rows) {
    test(`sees ${name}`, () => assert.deepEqual(seen(controllers, campaigns), expected))
  }

  test('stands there before it is known what codes mean', () => {
    const failed = campaign('running', [turn('bms-1', 1, 'failed', 'refused: envelope-signature-invalid')])
    const [before, after] = [null, codes].map(known => attentionOf([], [failed], UNREAD, known)[0])
    assert.deepEqual([before?.advice, before?.text.endsWith('envelope-signature-invalid')], [null, true])
    assert.equal(after?.level, 'trust')
  })

  test('a log that does not verify is a matter of trust', () => {
    assert.deepEqual(seen([], [], { at: 'unsound', size: 3, findings: [refuse('log-forked', 'x', 'y', 'z')] }), [
      'trust: The audit log does not verify',
    ])
    assert.deepEqual(seen([], [], { at: 'reading', read: 3, size: 9 }), [])
  })

  test('is said in a few words', () => {
    assert.equal(attentionWords([]), 'Nothing needs attention')
    const items = attentionOf(
      [controller('a-1', null), controller('b-1', '1.0.0', { state: 'golden' })],
      [],
      UNREAD,
      codes,
    )
    assert.equal(attentionWords(items), '1 failed, 1 waiting')
  })
})

describe('versions', () => {
  const release = (name: string, version: string): ReleaseView => ({
    path: `${name}/${version}/envelope.suit`,
    class: name,
    version,
    sequence: 1,
    counter: 1,
    hardware: [],
    sha256: '',
    length: 1,
  })

  test('count by class, in the order of versions, with the newest release as the baseline', () => {
    const fleet = [
      controller('bms-1', '1.9.0'),
      controller('bms-2', '1.10.0'),
      controller('bms-3', '1.9.0'),
      controller('pcs-1', '1.9.0'),
      controller('pcs-2', null),
    ]
    const { columns, rows } = versionGrid(fleet, [release('bms', '1.9.0'), release('bms', '1.10.0')])
    assert.deepEqual(
      columns.map(({ name }) => name),
      ['1.9.0', '1.10.0', 'unknown'],
    )
    assert.deepEqual(
      rows.map(row => [row.class, row.baseline, row.total]),
      [
        ['bms', '1.10.0', 3],
        ['pcs', '1.9.0', 2],
      ],
    )
    assert.deepEqual(
      rows.map(row => row.cells.map(({ count, kind }) => `${count} ${kind}`)),
      [
        ['2 off', '1 baseline', '0 unknown'],
        ['1 baseline', '0 off', '1 unknown'],
      ],
    )
    assert.equal(rows[0]?.cells[0]?.share, 2 / 3)
  })

  test('a release that nobody runs yet leaves everybody behind it', () => {
    const { rows } = versionGrid([controller('bms-1')], [release('bms', '2.0.0')])
    assert.deepEqual(
      rows[0]?.cells.map(({ kind }) => kind),
      ['off'],
    )
  })

  test('many versions: the old ones share a column, and nobody is lost', () => {
    const fleet = Array.from({ length: 40 }, (_, at) => controller(`bms-${at}`, `1.${at % 12}.0`))
    const { columns, rows } = versionGrid(fleet, [])
    assert.deepEqual(
      columns.map(({ name }) => name),
      ['older', '1.6.0', '1.7.0', '1.8.0', '1.9.0', '1.10.0', '1.11.0'],
    )
    assert.equal(
      rows[0]?.cells.reduce((sum, { count }) => sum + count, 0),
      40,
    )
  })

  test('nothing of nothing', () => assert.deepEqual(versionGrid([], []), { columns: [], rows: [] }))
})

describe('waves', () => {
  const gate = { minSuccessPercent: 90, maxFailures: 1 }
  const plan = {
    waves: [
      { name: 'canary', gate },
      { name: 'rest', gate },
    ],
  } as unknown as PlanGates
  const turns = [turn('bms-1', 1, 'confirmed'), turn('bms-2', 2, 'assigned'), turn('bms-3', 2, 'failed')]
  const rows: [state: string, wave: number, gates: GateState[]][] = [
    ['created', 0, ['ahead', 'ahead']],
    ['running', 1, ['ahead', 'ahead']],
    ['soaking', 1, ['soaking', 'ahead']],
    ['running', 2, ['passed', 'ahead']],
    ['paused', 2, ['passed', 'held']],
    ['halted', 2, ['passed', 'failed']],
    ['halted', 0, ['ahead', 'ahead']],
    ['done', 2, ['passed', 'passed']],
  ]
  for (const [state, wave, gates] of rows) {
    test(`the gates of a campaign that is ${state} in wave ${wave}`, () => {
      assert.deepEqual(
        wavesOf(campaign(state, turns, { wave }), plan).map(one => one.gate),
        gates,
      )
    })
  }

  test('measured over threshold, and names from the plan when it is known', () => {
    const [first, second] = wavesOf(campaign('running', turns, { wave: 2 }), plan)
    assert.deepEqual([first?.name, first?.measured], ['canary', { confirmed: '100 of 90 %', failed: '0 of ≤ 1' }])
    assert.deepEqual([second?.confirmed, second?.failed, second?.measured?.confirmed], [0, 1, '0 of 90 %'])
    const [unknown] = wavesOf(campaign('running', turns), null)
    assert.deepEqual([unknown?.name, unknown?.measured], ['wave 1', null])
  })
})

describe('age', () => {
  test('in one short word', () => {
    const rows: [number, string][] = [
      [-5000, 'now'],
      [0, 'now'],
      [999, 'now'],
      [1000, '1 s'],
      [99_999, '99 s'],
      [100_000, '1 min'],
      [5_999_999, '99 min'],
      [6_000_000, '1 h'],
      [172_799_999, '47 h'],
      [172_800_000, '2 d'],
    ]
    for (const [millis, text] of rows) assert.equal(ageText(millis), text, `${millis}`)
  })
  test('of the page itself', () => {
    assert.deepEqual(
      [null, 0, 2499, 2500, 4999, 5000, 40_000].map(freshness).map(({ at, text }) => `${at} ${text}`),
      [
        'waiting no data yet',
        'live live',
        'live live',
        'behind 2 s behind',
        'behind 4 s behind',
        'stale 5 s behind',
        'stale 40 s behind',
      ],
    )
  })
})
