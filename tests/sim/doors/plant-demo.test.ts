import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { datacenterUps, windStorage } from '../../../sim/doors/demo/plant-scenarios.ts'
import type { Seen } from '../../../sim/doors/demo/seen.ts'
import { beginningOf, HARBOUR, WIND_STORAGE } from '../../../sim/doors/demo/setting.ts'
import { billText, waitsText } from '../../../sim/doors/demo/summary.ts'
import { FastClock, type Phase } from '../../../sim/doors/fast-clock.ts'
import type { StampedEvent } from '../../../sim/doors/site/events.ts'
import { FREE } from '../../../sim/plant/bill.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import type { ChangeReport } from '../../../src/core/ledger/change-report.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'

const MINUTE = 60_000
const T0 = Date.UTC(2026, 5, 1, 19, 40)
const at = (minutes: number) => instant(T0 + minutes * MINUTE)
const away = (unit: string, from: number, to: number) => ({ unit, from: at(from), to: at(to) })
const event = (controller: string, what: object): StampedEvent => ({ at: at(0), controller, ...what }) as StampedEvent

const turn = (controller: string, state: string) => ({
  ...{
    site: 'wind-storage',
    controller,
    class: controller.split('-')[0] as string,
    wave: 1,
    from: '7.27.0',
    to: '7.28.0',
  },
  ...{ slot: 'b', counter: 2, state, detail: null, tookMillis: 1 },
})
const view = (states: Readonly<Record<string, string>>) => ({
  ...{ id: 'c', title: 'C', state: 'done', wave: 1, waves: 1, reason: null, approvals: { have: 1, need: 1 } },
  ...{ priority: 50, waits: [], counts: {}, tallies: [] },
  controllers: Object.entries(states).map(([id, state]) => turn(id, state)),
})
const change = (controller: string): ChangeReport['changes'][number] => ({
  ...{ site: 'datacenter-ups', controller, from: '7.27.0', wanted: '7.28.0', now: '7.28.0', release: 'ab' },
  ...{
    ordered: at(1),
    granted: at(11),
    ended: at(15),
    outcome: 'confirmed',
    why: null,
    attempts: 1,
    report: 4,
    slot: 'b',
    counter: 2,
  },
})
const REPORT: ChangeReport = {
  ...{
    campaign: 'c',
    changeRequest: 'CHG-20417',
    title: 'C',
    criticality: 'security',
    plan: 'ab',
    clocks: ['simulated'],
  },
  created: { at: at(0), by: 'p', key: null },
  approvals: [{ at: at(0), by: 'q', key: 'ab' }],
  approved: at(0),
  started: { at: at(0), by: 'p', key: null },
  ended: { at: at(40), how: 'done', reason: null },
  changes: [change('ups-1'), change('ups-2')],
}
const GOOD_BILL = {
  ...{ update: FREE, nature: FREE, held: 0.7 },
  naive: { ...FREE, secondsUnprotected: 600 },
  early: { ...FREE, penalty: 90 },
}

const WIND: Seen = {
  ...{ folder: '', images: [], audit: '{"kind":"activation-withheld"}', began: T0, changes: null, records: [] },
  events: [event('bms-2b', { event: 'reverted' })],
  view: view({ 'pcs-1': 'confirmed', 'bms-2b': 'reverted' }),
  versions: new Map([['bms-2b', '7.27.0']]),
  bill: { ...GOOD_BILL, absences: [away('pcs-1', 21, 25), away('bms-1a', 21, 25), away('pcs-2', 25, 29)] },
  offline: [event('pcs-1', { event: 'confirmed' })],
}
const NIGHT: Seen = {
  ...WIND,
  view: view({ 'ups-1': 'confirmed', 'ups-2': 'confirmed' }),
  versions: new Map(['ups-1', 'ups-2'].map(id => [id, '7.28.0'])),
  bill: { ...GOOD_BILL, absences: [away('ups-1', 11, 15), away('ups-2', 15, 19)] },
  changes: REPORT,
  records: ['ups-1', 'ups-2'],
}
const billed = (seen: Seen, more: Partial<NonNullable<Seen['bill']>>): Seen => {
  return { ...seen, bill: { ...(seen.bill as NonNullable<Seen['bill']>), ...more } }
}
const reported = (more: Partial<ChangeReport>): Seen => ({ ...NIGHT, changes: { ...REPORT, ...more } })

describe('the scenarios with a plant', () => {
  for (const [name, seen, fault] of [
    ['as described', WIND, null],
    ['another rack failed', { ...WIND, view: view({ 'pcs-1': 'failed' }) }, 'pcs-1 is failed'],
    ['the sick rack stayed', { ...WIND, events: [] }, 'bms-2b did not go back'],
    ['the sick rack runs the update', { ...WIND, versions: new Map([['bms-2b', '7.28.0']]) }, 'bms-2b runs 7.28.0'],
    ['no plant', { ...WIND, bill: null }, 'there is no bill of the plant'],
    ['the grid paid', billed(WIND, { update: { ...FREE, penalty: 3 } }), 'the updates cost the plant: penalty 3'],
    [
      'too early',
      billed(WIND, { absences: [away('pcs-1', 19, 23)] }),
      "pcs-1 restarted while the evening's commitment ran",
    ],
    ['a plant that judges nothing', billed(WIND, { early: FREE }), /the plant judges nothing/],
    [
      'a crowd',
      billed(WIND, { absences: ['a', 'b', 'c', 'd'].map(id => away(id, 21, 25)) }),
      '4 controllers were away at once',
    ],
    [
      'two converters',
      billed(WIND, { absences: ['pcs-1', 'pcs-2'].map(id => away(id, 21, 25)) }),
      '2 converters were away at once',
    ],
    ['no reasons', { ...WIND, audit: '' }, 'the log does not tell why anybody waited'],
    ['a site that waits for its link', { ...WIND, offline: [] }, 'nothing went on while the link was down'],
  ] as const) {
    it(`tells whether wind-storage ended as described: ${name}`, () => {
      const told = windStorage.check(seen)
      if (fault instanceof RegExp) assert.match(told ?? '', fault)
      else assert.equal(told, fault)
    })
  }
  for (const [name, seen, fault] of [
    ['as described', NIGHT, null],
    ['one is not confirmed', { ...NIGHT, view: view({ 'ups-1': 'waiting' }) }, 'ups-1 is waiting'],
    ['before the window', billed(NIGHT, { absences: [away('ups-1', 9, 13)] }), 'ups-1 was away outside the window'],
    ['past the window', billed(NIGHT, { absences: [away('ups-1', 249, 251)] }), 'ups-1 was away outside the window'],
    [
      'both UPS',
      billed(NIGHT, { absences: ['ups-1', 'ups-2'].map(id => away(id, 11, 15)) }),
      '2 UPS were away at once',
    ],
    [
      'the load paid',
      billed(NIGHT, { update: { ...FREE, secondsUnprotected: 1 } }),
      'the updates cost the plant: secondsUnprotected 1',
    ],
    ['no report', { ...NIGHT, changes: null }, 'there is no change report'],
    ['another change request', reported({ changeRequest: null }), 'the report names the change request null'],
    ['nobody approved', reported({ approvals: [] }), 'the report does not say who allowed it'],
    [
      'one person for both',
      reported({ approvals: [{ at: at(0), by: 'p', key: 'ab' }] }),
      'p approved a plan of their own',
    ],
    ['a report of half', reported({ changes: [change('ups-1')] }), 'the report tells of 1 controllers'],
    ['another version', { ...NIGHT, versions: new Map([['ups-1', '7.27.0']]) }, 'ups-1 runs 7.27.0'],
    ['no record', { ...NIGHT, records: ['ups-1'] }, 'there is no record of ups-2'],
  ] as const) {
    it(`tells whether datacenter-ups ended as described: ${name}`, () => {
      assert.equal(datacenterUps.check(seen), fault)
    })
  }
  it('says beside what the plant paid what it would have paid', () => {
    const text = billText(NIGHT.bill as NonNullable<Seen['bill']>)
    assert.match(text, /not delivered +penalty +unprotected/)
    assert.match(text, /these updates +0\.00 MWh/)
    assert.match(text, /at the first turn +\S+ MWh +\d+ +600 s/)
    for (const line of text.split('\n')) assert(line.length <= 100, line)
  })
})

describe('why controllers waited', () => {
  it('is told once for each reason, with all whom it held back', () => {
    const withheld = (minutes: number, about: string, ...controllers: string[]) =>
      JSON.stringify({
        kind: 'activation-withheld',
        at: at(minutes),
        detail: { rule: 'permissive', about, because: `of ${about}`, controllers },
      })
    const entries = [
      withheld(1, 'dispatch', 'pcs-1'),
      '{"kind":"log-opened"}',
      withheld(2, 'dispatch', 'bms-1'),
      withheld(3, 'islanded', 'pcs-1'),
    ]
    assert.deepEqual(waitsText(entries.join('\n')), [
      '  2026-06-01T19:41:00Z  bms-1, pcs-1: of dispatch',
      '  2026-06-01T19:43:00Z  pcs-1: of islanded',
    ])
  })
})

describe('the simulated clock of a demo', () => {
  const folder = mkdtempSync(join(tmpdir(), 'voltseal-clock-'))
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('begins at a local time of the site in the near past', () => {
    for (const now of [Date.UTC(2026, 6, 1, 12), Date.UTC(2026, 0, 1, 23, 59), Date.UTC(2026, 2, 29, 3)]) {
      const beginning = beginningOf(WIND_STORAGE, 'Europe/Oslo', now)
      assert(beginning !== null)
      const local = Temporal.Instant.fromEpochMilliseconds(beginning.simulated).toZonedDateTimeISO('Europe/Oslo')
      assert.equal(local.toPlainTime().toString(), '21:40:00')
      const ago = (now - beginning.simulated) / 3_600_000
      assert.ok(ago >= 3 && ago <= 3 + 25, `${ago} hours ago`)
    }
    assert.equal(beginningOf(HARBOUR, 'Europe/Oslo', 0), null)
  })
  it('is the same for all who read it, goes on at another pace without a jump, and says what it is', () => {
    const path = join(folder, 'clock.json')
    const mine = FastClock.begin(path, { real: Date.now() - 1000, simulated: T0, rate: 60 })
    const gone = mine.now() - T0
    assert.ok(gone >= 60_000 && gone < 600_000, `${gone} ms`)
    assert.equal(mine.rate(), 60)
    assert.equal(mine.quality, 'simulated')
    mine.goOnAt(600)
    const yours = orThrow(FastClock.open(path))
    assert.ok(Math.abs(yours.now() - mine.now()) < 60_000)
    assert.equal(yours.rate(), 60, 'the next phase has not begun')
    const [first, next] = JSON.parse(readFileSync(path, 'utf8')) as Phase[]
    assert(first !== undefined && next !== undefined)
    assert.equal(next.rate, 600)
    assert.equal(next.simulated, T0 + (next.real - first.real) * 60, 'no jump')
  })
  it('is nothing else than phases', () => {
    for (const wrong of [
      '',
      '[]',
      '{}',
      '[{"real":1,"simulated":1,"rate":0}]',
      '[{"real":1,"simulated":1,"rate":9999}]',
    ]) {
      writeFileSync(join(folder, 'wrong.json'), wrong)
      const opened = FastClock.open(join(folder, 'wrong.json'))
      assert.equal(isRefusal(opened) && opened.code, 'config-malformed', wrong)
    }
    const missing = FastClock.open(join(folder, 'none.json'))
    assert.equal(isRefusal(missing) && missing.code, 'file-missing')
  })
})
