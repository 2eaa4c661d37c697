import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { episodesOf, occurrencesOf, versionSpans } from '../../console/picture/timeline.ts'
import { EVENTS } from '../../src/core/slot/history.ts'
import type { HistoryView, StepView } from '../../src/wire/fleet-views.ts'

const T = Date.UTC(2026, 10, 24, 12)

const step = (event: string, at: number, more: Partial<StepView> = {}): StepView => ({
  at,
  event,
  decision: null,
  phase: null,
  slot: 'a',
  version: '1.0.0',
  cause: null,
  ...more,
})
const entry = (index: number, kind: string, more: Partial<HistoryView> = {}): HistoryView => ({
  index,
  at: T + index * 1000,
  kind,
  code: null,
  summary: '',
  campaign: null,
  steps: [],
  ...more,
})

describe('the timeline of a controller', () => {
  test('every decision that a device can make has its row', () => {
    for (const event of EVENTS) {
      const [one] = occurrencesOf([entry(1, 'device-history', { steps: [step(event, T, { decision: 1 })] })])
      assert.ok(one !== undefined && one.lane !== 'other', event)
    }
  })

  test('what a report and the history both tell happened once, and names both entries', () => {
    const told = occurrencesOf([
      entry(4, 'controller-report', { steps: [step('confirmed', T + 100)] }),
      entry(5, 'device-history', {
        steps: [step('boot', T, { decision: 6 }), step('confirmed', T, { decision: 7 })],
      }),
      entry(6, 'controller-report', { steps: [step('regular', T + 9000)] }),
    ])
    assert.deepEqual(
      told.map(({ title, entry, also }) => [title, entry, also]),
      [
        ['booted', 5, []],
        ['confirmed after its health window', 4, [5]],
      ],
    )
  })

  test('two restarts within minutes are two, however alike', () => {
    const steps = [step('boot', T, { decision: 1 }), step('boot', T + 60_000, { decision: 2 })]
    assert.equal(occurrencesOf([entry(1, 'device-history', { steps })]).length, 2)
  })

  test('a device that knew no time, or one that was not yet, is placed where the fleet entered it', () => {
    const [one] = occurrencesOf([entry(9, 'device-history', { steps: [step('boot', 0, { decision: 1 })] })])
    assert.equal(one?.at, T + 9000)
    const ahead = step('boot', T + 86_400_000, { decision: 2 })
    assert.equal(occurrencesOf([entry(9, 'device-history', { steps: [ahead] })])[0]?.at, T + 9000)
  })

  test('decisions stand in the order of their numbers, though the clock went back between them', () => {
    const steps = [
      step('manufactured', T + 8000, { decision: 1 }),
      step('boot', T + 2000, { decision: 2 }),
      step('staged', 0, { decision: 3 }),
    ]
    assert.deepEqual(
      occurrencesOf([entry(9, 'device-history', { steps })]).map(({ title, at }) => [title, at]),
      [
        ['factory image installed', T + 2000],
        ['booted', T + 2000],
        ['staged and verified', T + 9000],
      ],
    )
  })

  test('a revert says what failed and why, and keeps its code', () => {
    const steps = [step('reverted', T, { version: '1.1.0', cause: 'health: no answer' })]
    const [one] = occurrencesOf([entry(2, 'controller-report', { steps, code: 'slot-health-failed' })])
    assert.deepEqual(
      [one?.lane, one?.kind, one?.detail, one?.code],
      ['revert', 'failed', '1.1.0, slot A, health: no answer', 'slot-health-failed'],
    )
  })

  test('refusals of trust are of their own kind; a kind that is new is shown by its name', () => {
    const [refused, news] = occurrencesOf([
      entry(1, 'report-refused', { code: 'report-replayed' }),
      entry(2, 'some-news'),
    ])
    assert.deepEqual([refused?.lane, refused?.kind], ['refusal', 'trust'])
    assert.deepEqual([news?.lane, news?.title], ['other', 'some news'])
  })

  test('episodes are apart by an hour of quiet', () => {
    const all = occurrencesOf(
      [0, 10, 20, 5000, 5010].map((seconds, index) => entry(index, 'controller-assigned', { at: T + seconds * 1000 })),
    )
    assert.deepEqual(
      episodesOf(all).map(({ from, to }) => [from, to]),
      [
        [0, 3],
        [3, 5],
      ],
    )
  })

  test('the version line goes by what it attested, and not by what records claim', () => {
    const all = occurrencesOf(
      [0, 60, 120].map((seconds, index) => entry(index, 'controller-assigned', { at: T + seconds * 1000 })),
    )
    const said = [
      { at: T - 50, said: 'claimed', version: '9.9.9', digest: null },
      { at: T + 50_000, said: 'attested', version: '1.0.0', digest: 'a' },
      { at: T + 100_000, said: 'attested', version: '1.1.0', digest: 'b' },
    ] as const
    assert.deepEqual(versionSpans(all, said), [
      { version: null, from: 0, to: 1 },
      { version: '1.0.0', from: 1, to: 2 },
      { version: '1.1.0', from: 2, to: 3 },
    ])
  })
})
