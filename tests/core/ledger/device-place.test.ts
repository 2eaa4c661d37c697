import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { judgeAttested, judgeHistory, NOTHING_TOLD } from '../../../src/core/ledger/device-place.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import type { HistoryEntry } from '../../../src/core/slot/history.ts'
import { recite } from '../../../src/core/slot/recite.ts'
import { type DeviceHistory, decisionDigest, historyBytes } from '../../../src/core/trust/device-history.ts'

const decision = (number: number, event = 'boot'): HistoryEntry =>
  ({
    decision: number,
    at: 0,
    event,
    phase: 'boot',
    reset: 'power-loss',
    slot: 'a',
    sequence: 1,
    version: '1.0.0',
    digest: '',
    cause: '',
  }) as HistoryEntry

const ring = (from: number, to: number, event = 'boot'): HistoryEntry[] =>
  Array.from({ length: to - from + 1 }, (_, index) => decision(from + index, event))

let sequence = 0
const said = (
  part: Pick<DeviceHistory, 'from' | 'to' | 'decisions' | 'lost'> & { before?: string },
): DeviceHistory => ({
  kind: 'voltseal-history',
  v: 1,
  site: 'quay',
  controller: 'c0',
  sequence: ++sequence,
  at: instant(0),
  ...part,
})
const whole = (from: number, to: number, event = 'boot', before?: string): DeviceHistory =>
  said({ from, to, decisions: ring(from, to, event), lost: [], ...(before === undefined ? {} : { before }) })

const digestOf = (number: number, event = 'boot'): string => decisionDigest(crypto, decision(number, event))

/** What breaks with a stretch behind decisions 1 to 5. */
const breaksOf = (told: DeviceHistory): string[] => {
  const { place } = orThrow(judgeHistory(NOTHING_TOLD, { ...whole(1, 5), sequence: 0.5 }, crypto))
  const { breaks } = orThrow(judgeHistory(place, told, crypto))
  return breaks.map(({ code, from, to }) => `${code} ${from}-${to}`)
}

describe('a stretch of a controller’s history behind what was told before', () => {
  const rows: [name: string, told: () => DeviceHistory, breaks: string[]][] = [
    ['goes on', () => whole(6, 9, 'boot', digestOf(5)), []],
    ['goes on, its ring has lost what is in front of it', () => whole(6, 9), []],
    ['attack: decisions are left out', () => whole(8, 9), ['history-gap 6-7']],
    [
      'attack: the history reads otherwise than it was told',
      () => whole(6, 9, 'boot', digestOf(5, 'staged')),
      ['history-rewritten 5-5'],
    ],
    ['is told a second time', () => whole(3, 9), ['history-repeated 3-5']],
    ['attack: is told a second time, otherwise', () => whole(3, 9, 'staged'), ['history-rewritten 3-5']],
    ['attack: an older history was put back', () => whole(1, 3), ['history-restarted 4-5']],
    [
      'says what its ring has lost',
      () => said({ from: 6, to: 9, decisions: [decision(6), decision(9)], lost: [{ from: 7, to: 8 }] }),
      ['history-lost 7-8'],
    ],
    [
      'attack: hides behind a loss that decisions were left out',
      () => said({ from: 8, to: 9, decisions: [decision(9)], lost: [{ from: 8, to: 8 }] }),
      ['history-gap 6-7', 'history-lost 8-8'],
    ],
  ]
  for (const [name, told, breaks] of rows) it(name, () => assert.deepEqual(breaksOf(told()), breaks))

  it('attack: a statement does not account for a number, or for one twice', () => {
    const rows: [decisions: number[], lost: [number, number][]][] = [
      [[6, 9], []],
      [[6, 7, 9], []],
      [[6, 7, 8], []],
      [[6, 7, 8, 9], [[7, 8]]],
      [[9], [[6, 7]]],
      [[6, 9], [[8, 7]]],
      [[6, 7, 8, 9, 10], []],
    ]
    for (const [decisions, lost] of rows) {
      const ranges = lost.map(([from, to]) => ({ from, to }))
      const made = historyBytes(said({ from: 6, to: 9, decisions: decisions.map(one => decision(one)), lost: ranges }))
      assert.equal(isRefusal(made) && made.code, 'history-malformed', decisions.join())
    }
  })

  it('attack: an old statement is told again', () => {
    const first = whole(1, 5)
    const { place } = orThrow(judgeHistory(NOTHING_TOLD, first, crypto))
    const again = judgeHistory(place, first, crypto)
    assert.equal(isRefusal(again) && again.code, 'history-replayed')
  })

  it('attack: decisions that reports attest are never told: said once for each, when the next report comes', () => {
    const { place } = orThrow(judgeHistory(NOTHING_TOLD, whole(1, 5), crypto))
    const first = judgeAttested(place, 7)
    assert.equal(first.withheld, null, 'they may be on their way')
    const second = judgeAttested(first.place, 8)
    assert.deepEqual(second.withheld, { code: 'history-withheld', from: 6, to: 7 })
    const third = judgeAttested(second.place, 8)
    assert.deepEqual(third.withheld, { code: 'history-withheld', from: 8, to: 8 })
    assert.equal(judgeAttested(third.place, 8).withheld, null)
    const { place: told, breaks } = orThrow(judgeHistory(third.place, whole(6, 8, 'boot', digestOf(5)), crypto))
    assert.deepEqual([breaks, judgeAttested(told, 8).withheld], [[], null])
  })

  it('whatever a ring overwrites between two tellings, each decision is told once or said to be lost, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 150 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 90 }),
        (steps, room) => {
          let [place, newest] = [NOTHING_TOLD, 0]
          const seen: number[] = []
          for (const step of steps) {
            newest += step
            const entries = ring(Math.max(1, newest - room + 1), newest)
            for (
              let part = recite(entries, place.told + 1, crypto);
              part !== null;
              part = recite(entries, place.told + 1, crypto)
            ) {
              const judged = orThrow(judgeHistory(place, said(part as DeviceHistory), crypto))
              assert.ok(judged.breaks.every(({ code }) => code === 'history-lost'))
              for (const { from, to } of judged.breaks) for (let at = from; at <= to; at += 1) seen.push(at)
              seen.push(...part.decisions.map(one => one.decision))
              place = judged.place
            }
          }
          assert.deepEqual(
            seen.toSorted((a, b) => a - b),
            Array.from({ length: newest }, (_, index) => index + 1),
          )
        },
      ),
      { numRuns: 60 },
    )
  })
})
