import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  campaignOf,
  decideSiteWork,
  type SiteEvent,
  type SiteWork,
  siteWorkTable,
} from '../../../src/core/campaign/site-work.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'

const since = instant(100)
const at = instant(200)
const latest = instant(300)
const STATES: Readonly<Record<SiteWork['at'], SiteWork>> = {
  idle: { at: 'idle' },
  staging: { at: 'staging', assignment: 'mine' },
  staged: { at: 'staged', assignment: 'mine', since },
  granted: { at: 'granted', assignment: 'mine', since, latest },
  leaving: { at: 'leaving', left: 'mine', since, next: null },
  done: { at: 'done', assignment: 'mine', result: 'confirmed' },
}
/** Each event as it speaks of the assignment at hand, and of another one. */
const EVENTS: Readonly<Record<SiteEvent['kind'], (assignment: string) => SiteEvent>> = {
  assigned: assignment => ({ kind: 'assigned', assignment }),
  withdrawn: () => ({ kind: 'withdrawn' }),
  staged: assignment => ({ kind: 'staged', assignment, at }),
  grant: () => ({ kind: 'grant', at, latest }),
  lapsed: () => ({ kind: 'lapsed', at }),
  lost: assignment => ({ kind: 'lost', assignment }),
  through: () => ({ kind: 'through' }),
  ended: assignment => ({ kind: 'ended', assignment, result: 'reverted' }),
}

/** What comes of each pair: for the assignment at hand, then for another. `=` stays as it is, `!` is refused. */
const EXPECTED: Readonly<Record<SiteWork['at'], Readonly<Record<SiteEvent['kind'], readonly [string, string]>>>> = {
  idle: {
    assigned: ['staging', 'staging'],
    withdrawn: ['=', '='],
    staged: ['=', '='],
    grant: ['!', '!'],
    lapsed: ['=', '='],
    lost: ['=', '='],
    through: ['=', '='],
    ended: ['=', '='],
  },
  staging: {
    assigned: ['=', 'staging'],
    withdrawn: ['idle', 'idle'],
    staged: ['staged', '='],
    grant: ['!', '!'],
    lapsed: ['=', '='],
    lost: ['=', '='],
    through: ['=', '='],
    ended: ['done', '='],
  },
  staged: {
    assigned: ['=', 'staging'],
    withdrawn: ['idle', 'idle'],
    staged: ['=', '='],
    grant: ['granted', 'granted'],
    lapsed: ['=', '='],
    lost: ['staging', '='],
    through: ['=', '='],
    ended: ['done', '='],
  },
  granted: {
    assigned: ['=', 'leaving'],
    withdrawn: ['leaving', 'leaving'],
    staged: ['=', '='],
    grant: ['=', '='],
    lapsed: ['staged', 'staged'],
    lost: ['staging', '='],
    through: ['=', '='],
    ended: ['done', '='],
  },
  leaving: {
    assigned: ['leaving', 'leaving'],
    withdrawn: ['leaving', 'leaving'],
    staged: ['=', '='],
    grant: ['!', '!'],
    lapsed: ['=', '='],
    lost: ['=', '='],
    through: ['idle', 'idle'],
    ended: ['=', '='],
  },
  done: {
    assigned: ['=', 'staging'],
    withdrawn: ['idle', 'idle'],
    staged: ['=', '='],
    grant: ['!', '!'],
    lapsed: ['=', '='],
    lost: ['=', '='],
    through: ['=', '='],
    ended: ['=', '='],
  },
}

describe('what a controller of a site is busy with', () => {
  it('the tables name every state and every event', () => {
    assert.deepEqual(Object.keys(siteWorkTable).toSorted(), Object.keys(STATES).toSorted())
    for (const row of Object.values(siteWorkTable))
      assert.deepEqual(Object.keys(row).toSorted(), Object.keys(EVENTS).toSorted())
  })

  for (const [name, state] of Object.entries(STATES)) {
    for (const [kind, make] of Object.entries(EVENTS)) {
      it(`${name}, ${kind}`, () => {
        for (const [index, assignment] of ['mine', 'other'].entries()) {
          const expected = EXPECTED[name as SiteWork['at']][kind as SiteEvent['kind']][index]
          const next = decideSiteWork(state, make(assignment))
          if (isRefusal(next)) assert.deepEqual([expected, next.code], ['!', 'work-not-staged'])
          else if (next === state) assert.equal(expected, '=', assignment)
          else {
            assert.equal(next.at, expected, assignment)
            const named = kind === 'assigned' ? assignment : 'mine'
            if ('assignment' in next) assert.equal(next.assignment, named)
            if ('since' in next) assert.equal(next.since, next.at === 'leaving' ? since : at)
            if (next.at === 'leaving') assert.equal(next.next, kind === 'assigned' ? assignment : null)
            if (next.at === 'done') assert.equal(next.result, 'reverted')
          }
        }
      })
    }
  }

  it('a turn that was granted and taken back is over when the controller shows that it is through', () => {
    const left = decideSiteWork(STATES.granted, EVENTS.assigned('other')) as SiteWork
    assert.equal(campaignOf(left), 'mine', 'it counts for the campaign that it was granted by')
    assert.deepEqual(decideSiteWork(left, EVENTS.through('')), { at: 'staging', assignment: 'other' })
  })

  it('an event that was met does nothing the second time', () => {
    const events = Object.values(EVENTS).flatMap(make => [make('mine'), make('other')])
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(STATES)), fc.constantFrom(...events), (state, event) => {
        const once = decideSiteWork(state, event)
        if (isRefusal(once)) return
        const twice = decideSiteWork(once, event)
        // A lost image is staged again, and its turn is spent: both as if it had been told once.
        assert.deepEqual(twice, once)
      }),
    )
  })
})
