import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ageText, freshness } from '../../console/picture/age.ts'
import { type GateState, type PlanGates, wavesOf } from '../../console/picture/waves.ts'
import type { CampaignControllerView, CampaignView } from '../../src/wire/fleet-views.ts'

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
    const rows: [number | null, string, string][] = [
      [null, 'waiting', 'no data yet'],
      [0, 'live', 'live'],
      [8999, 'live', 'live'],
      [9000, 'behind', '9 s behind'],
      [15_000, 'stale', '15 s behind'],
      [400_000, 'stale', '6 min behind'],
    ]
    for (const [behind, at, text] of rows) assert.deepEqual(freshness(behind), { at, text }, `${behind}`)
  })
})
