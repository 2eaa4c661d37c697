import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FREE } from '../../../sim/plant/bill.ts'
import { Watch } from '../../../sim/plant/watch.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { MINUTE } from './plants.ts'
import { ran, type Situation, situation } from './random-sites.ts'

/** The coordinator of a site, judged by a plant that knows nothing of it. */

const RUNS = { numRuns: 25 }

describe('a campaign at a random site', () => {
  it('keeps every budget, every group, every window and every permissive, at any instant', () => {
    let turns = 0
    fc.assert(
      fc.property(situation, s => {
        const { watch } = ran(s)
        turns += watch.turns
        assert.deepEqual(watch.end(), [])
      }),
      RUNS,
    )
    assert.ok(turns > 40, `only ${turns} turns were given: nothing was tried`)
  })
  it('ends, or says of everybody who is not through why it waits', () => {
    let waits = 0
    fc.assert(
      fc.property(situation, s => {
        const { run, plant } = ran(s)
        // The orders end with the run: what is said just before is what counts.
        const told = new Map(run.waits.map(wait => [wait.controller, wait.sentence]))
        for (const { id } of run.site.controllers) {
          const { at } = run.workOf(id)
          if (at === 'done') continue
          const dark = plant.service.away(id) !== null
          if (at === 'staged') {
            waits += 1
            assert.match(told.get(id) ?? 'nothing', / waits: .+\.$/, id)
          } else assert.ok(dark, `${id} is ${at}, and nobody knows why`)
        }
      }),
      RUNS,
    )
    assert.ok(waits > 0, 'nobody ever waited: nothing was tried')
  })
  it('costs the grid nothing where the plan asks for no dispatch, no session and no backup', () => {
    const careful = (s: Situation): Situation => ({
      ...s,
      faulty: false,
      restart: '5min',
      plan: {
        ...{ windows: [], blackouts: [], budgets: [], restarting: null },
        permissives: [
          { point: 'dispatch', is: false, maxAgeMillis: 60_000 },
          { point: 'dispatch-in', min: 900, maxAgeMillis: 60_000 },
          { point: 'charging-session', is: false, maxAgeMillis: 60_000, classes: ['evse'] },
        ] as unknown as Situation['plan']['permissives'],
      },
    })
    fc.assert(
      fc.property(situation.map(careful), s => {
        const { plant } = ran(s, 24)
        const dark = plant.service.awayNow('update').length > 0
        const { secondsDark, megawattHoursNotDelivered, penalty, commitmentsBroken, ...rest } =
          plant.bill.totals('update')
        const { secondsDark: _, ...free } = FREE
        // Who never comes back is missed in the next commitment: that is the release's doing, and no rule's.
        if (!dark) assert.deepEqual({ megawattHoursNotDelivered, penalty, commitmentsBroken, ...rest }, free)
        assert.equal(rest.sessionsCut, 0)
      }),
      { numRuns: 12 },
    )
  })
  it('is judged by a watch that finds what is wrong: without rules, it is', () => {
    const none = { windows: [], blackouts: [], permissives: [], budgets: [], restarting: null }
    const s = {
      seed: 7,
      start: Date.UTC(2026, 6, 15, 3),
      zone: 'UTC',
      converters: 3,
      racks: 2,
      ups: 2,
      chargers: 1,
      auxiliary: 1,
    }
    const open = { ...s, limits: none, plan: none, restart: '20min', faulty: false } as unknown as Situation
    const { watch, run } = ran(open, 2)
    assert.ok(watch.turns > 0)
    const shut = {
      ...run.site.limits,
      windows: [{ days: ['mon'], from: '01:00', to: '02:00' }],
    } as typeof run.site.limits
    const strict = new Watch(run.site, run.plant, [shut])
    strict.granted({ controller: 'pcs-1', campaign: 'spring', latest: instant(0) })
    assert.match(strict.faults[0] ?? '', /outside the windows/)
    run.plant.take('pcs-1')
    const tight = new Watch(run.site, run.plant, [
      { ...run.site.limits, budgets: [{ per: 'site', watts: 1 as never }] },
    ])
    tight.look()
    assert.match(tight.faults[0] ?? '', /away of site/)
    run.plant.take('pcs-2')
    run.plant.advance(instant(run.plant.now + MINUTE))
    assert.match(strict.end().at(-1) ?? '', /redundancy-lost/)
  })
})
