import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FREE } from '../../../sim/plant/bill.ts'
import { judgeYear, liveThrough } from '../../../sim/year/year.ts'
import { instant } from '../../../src/core/encoding/units.ts'

/** A week of the simulated year (`npm run test:year`): six sites, over the change of the clocks in spring. */
const WEEK = { sites: 6, days: 7, from: instant(Date.UTC(2026, 2, 26)), step: 600_000 }

describe('a week of a fleet', () => {
  const week = liveThrough({ ...WEEK, seed: 1 })
  it('violates no permissive, no budget, no window and no redundancy, and costs nobody anything', () => {
    assert.deepEqual(week.faults, [])
    assert.deepEqual(week.update, FREE)
    assert.deepEqual(judgeYear(week), [])
    assert.ok(week.turns > 30, `${week.turns} turns`)
    assert.ok(week.most > 3, `${week.most} out at once: the budget of a region was not tried`)
  })
  it('stops the release that nobody stands at its canary, and carries out the others', () => {
    const bad = week.campaigns.find(({ id }) => id === 'ups-summer')
    assert.equal(bad?.state, 'halted')
    assert.equal(bad.confirmed, 0)
    assert.ok(bad.touched > 0 && bad.touched <= bad.canary && bad.canary < bad.total, JSON.stringify(bad))
    const good = week.campaigns.filter(({ state }) => state === 'done').map(({ id }) => id)
    assert.ok(good.length >= 2, JSON.stringify(week.campaigns))
  })
  it('waited for the plant: for windows, permissives and order', () => {
    for (const rule of ['window', 'permissive', 'order'])
      assert.ok((week.waits[rule] ?? 0) > 0, JSON.stringify(week.waits))
  })
  it('is the same week again, from the same seed', () => {
    assert.deepEqual(liveThrough({ ...WEEK, seed: 1 }), week)
  })
})

describe('the judgement of a year', () => {
  const campaign = {
    id: 'ups-summer',
    state: 'halted',
    why: 'x',
    confirmed: 0,
    failed: 1,
    touched: 1,
    canary: 2,
    total: 9,
  }
  const fine = { faults: [], turns: 9, campaigns: [campaign], update: FREE, nature: FREE, waits: {}, most: 3 }
  for (const [name, year, told] of [
    ['all is well', fine, []],
    ['a fault', { ...fine, faults: ['x'] }, ['x']],
    ['the grid paid', { ...fine, update: { ...FREE, penalty: 7 } }, ['updates cost the plants: penalty 7']],
    ['nobody went', { ...fine, turns: 0 }, ['nobody got a turn']],
    [
      'the bad release went on',
      { ...fine, campaigns: [{ ...campaign, touched: 3 }] },
      ['ups-summer did not stop at its canary: halted, 3 of 9 tried it'],
    ],
    [
      'the bad release is done',
      { ...fine, campaigns: [{ ...campaign, state: 'done' }] },
      ['ups-summer did not stop at its canary: done, 1 of 9 tried it'],
    ],
  ] as const) {
    it(name, () => assert.deepEqual(judgeYear(year), told))
  }
})
