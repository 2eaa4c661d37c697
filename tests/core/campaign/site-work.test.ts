import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  decideSiteWork,
  type SiteEvent,
  type SiteWork,
  siteWorkTable,
  turns,
} from '../../../src/core/campaign/site-work.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'

const since = instant(100)
const at = instant(200)
const STATES: Readonly<Record<SiteWork['at'], SiteWork>> = {
  idle: { at: 'idle' },
  staging: { at: 'staging', assignment: 'mine' },
  staged: { at: 'staged', assignment: 'mine', since },
  granted: { at: 'granted', assignment: 'mine', since },
  leaving: { at: 'leaving', since, next: null },
  done: { at: 'done', assignment: 'mine', result: 'confirmed' },
}
/** Each event as it speaks of the assignment at hand, and of another one. */
const EVENTS: Readonly<Record<SiteEvent['kind'], (assignment: string) => SiteEvent>> = {
  assigned: assignment => ({ kind: 'assigned', assignment }),
  withdrawn: () => ({ kind: 'withdrawn' }),
  staged: assignment => ({ kind: 'staged', assignment, at }),
  grant: () => ({ kind: 'grant', at }),
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
    lost: ['=', '='],
    through: ['=', '='],
    ended: ['=', '='],
  },
  staging: {
    assigned: ['=', 'staging'],
    withdrawn: ['idle', 'idle'],
    staged: ['staged', '='],
    grant: ['!', '!'],
    lost: ['=', '='],
    through: ['=', '='],
    ended: ['done', '='],
  },
  staged: {
    assigned: ['=', 'staging'],
    withdrawn: ['idle', 'idle'],
    staged: ['=', '='],
    grant: ['granted', 'granted'],
    lost: ['staging', '='],
    through: ['=', '='],
    ended: ['done', '='],
  },
  granted: {
    assigned: ['=', 'leaving'],
    withdrawn: ['leaving', 'leaving'],
    staged: ['=', '='],
    grant: ['=', '='],
    lost: ['staging', '='],
    through: ['=', '='],
    ended: ['done', '='],
  },
  leaving: {
    assigned: ['leaving', 'leaving'],
    withdrawn: ['leaving', 'leaving'],
    staged: ['=', '='],
    grant: ['!', '!'],
    lost: ['=', '='],
    through: ['idle', 'idle'],
    ended: ['=', '='],
  },
  done: {
    assigned: ['=', 'staging'],
    withdrawn: ['idle', 'idle'],
    staged: ['=', '='],
    grant: ['!', '!'],
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
    assert.deepEqual(
      turns(
        new Map([
          ['a', left],
          ['b', STATES.staged],
        ]),
        1,
      ),
      [],
      'it may be dark: nobody else goes',
    )
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

describe('whose turn it is', () => {
  const work = fc.constantFrom(...(Object.keys(STATES) as SiteWork['at'][]))
  const fleet = fc.array(fc.record({ at: work, since: fc.nat(50) }), { maxLength: 12 })

  it('never more at once than the budget, never one that has nothing staged, longest waiting first', () => {
    fc.assert(
      fc.property(fleet, fc.integer({ min: 1, max: 5 }), (states, budget) => {
        const all = new Map(
          states.map(({ at: where, since: from }, index) => {
            const state = {
              ...STATES[where],
              ...('since' in STATES[where] ? { since: instant(from) } : {}),
            } as SiteWork
            return [`c${String(index).padStart(2, '0')}` as string, state] as const
          }),
        )
        const granted = [...all.values()].filter(state => state.at === 'granted' || state.at === 'leaving').length
        const given = turns(all, budget)
        assert.ok(given.length + granted <= Math.max(budget, granted), 'within the budget')
        const waits = (id: string): number => (all.get(id) as { since: number }).since
        for (const id of given) assert.equal(all.get(id)?.at, 'staged')
        const passed = [...all].filter(([id, state]) => state.at === 'staged' && !given.includes(id)).map(([id]) => id)
        if (given.length + granted < budget) assert.deepEqual(passed, [], 'nobody waits beside a free turn')
        for (const id of given)
          for (const other of passed) assert.ok(waits(id) <= waits(other), `${id} before ${other}`)
      }),
    )
  })

  it('the same waiting time: by id, so that a restart gives the same turns', () => {
    const all = new Map<string, SiteWork>(['b', 'a', 'c'].map(id => [id, STATES.staged]))
    assert.deepEqual(turns(all, 2), ['a', 'b'])
  })
})
