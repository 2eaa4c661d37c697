import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { openFleetStore } from '../../../src/adapters/store-sqlite/fleet.ts'
import { Book, standingOf } from '../../../src/core/campaign/book.ts'
import { writeRollout } from '../../../src/core/campaign/rollout-state.ts'
import { isOrdered, TURN_STATES, type Turn } from '../../../src/core/campaign/turn.ts'
import type { OrderRow } from '../../../src/core/campaign/turn-rows.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { refKey } from '../../../src/core/fleet/inventory.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { rowOf, turnOf } from '../../../src/flows/turns.ts'
import { T0 } from '../../core/campaign/plans.ts'
import { seats, termsOf } from '../../core/campaign/rollouts.ts'

const campaign = (id: string, open = true) => {
  const { head } = new Book(termsOf([1], { id }), seats([1]))
  return { id, plan: new Uint8Array([1]), state: writeRollout(head), open }
}

/** A turn in any state, at one of six sites in three regions. */
const turn = fc
  .record({
    controller: fc.nat(7),
    site: fc.nat(5),
    wave: fc.nat(2),
    at: fc.constantFrom(...TURN_STATES),
    order: fc.nat(3),
    since: fc.nat(20),
    due: fc.option(fc.nat(20)),
  })
  .map(({ controller, site, wave, at, order, since, due }): Turn => {
    const [seat] = seats([1], () => ({ site: `s${site}`, region: `r${site % 3}`, controller: `c${controller}` }))
    const base = { ...seat, wave, steps: [{ release: 0, order }], report: 1, attempt: 1, first: 1, step: 0 }
    const facts = {
      result: 'reverted',
      why: 'w',
      stage: 'ordered',
      begun: true,
      back: due === 1,
      behind: 'x',
      was: 'waiting',
    }
    const timed = ['queued', 'backing-off'].includes(at) || (['assigned', 'returning'].includes(at) && due !== null)
    const untimed = ['assigned', 'returning'].includes(at) ? { due: null } : {}
    const when = timed ? { due: instant(T0 + (due ?? 0)) } : untimed
    const known = Object.fromEntries(Object.entries(facts).filter(([name]) => MEMBERS[at]?.includes(name)))
    return { ...base, at, since: instant(T0 + since), ...known, ...when } as Turn
  })
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  waiting: ['begun'],
  queued: ['behind', 'was', 'begun'],
  assigned: ['stage'],
  'backing-off': ['back'],
  failed: ['result'],
  returning: ['stage'],
  kept: ['why'],
}

describe('turns in the store', () => {
  test('a look is answered as a book in memory answers it, whatever the turns', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(turn, { selector: refKey, maxLength: 40 }), fc.nat(2), async (turns, wave) => {
        const store = orThrow(openFleetStore(':memory:'))
        await store.commit({ campaigns: [campaign('spring'), campaign('other')] })
        // The same controllers in another campaign are no business of this one.
        const rows = ['spring', 'other'].flatMap(id => turns.map(one => rowOf(id, one)))
        await store.commit({ turns: rows })
        const plan = termsOf([1, 1, 1])
        const book = new Book(plan, [])
        for (const one of turns) book.turns.set(refKey(one), one)
        const tally = { confirmed: 1, between: 0, assigned: 0 }
        const waves = book.head.waves.map((one, index) => (index === wave ? { ...one, ...tally } : one))
        for (const state of [
          { at: 'running', wave, since: instant(T0) },
          { at: 'rolling-back', wave, since: instant(T0), reason: '' },
          { at: 'paused', wave, since: instant(T0), by: 'person', reason: '', from: 'running', until: instant(T0) },
        ] as const) {
          book.head = { ...book.head, waves, state }
          const { due, next, sites } = book.seen({ kind: 'tick', now: instant(T0 + 10) })
          if (state.at !== 'paused') {
            assert.deepEqual((await store.turns.due('spring', instant(T0 + 10), 1000)).map(turnOf), due)
          }
          const last = state.at === 'rolling-back'
          const kinds = last ? (['confirmed', 'between'] as const) : (['between', 'waiting'] as const)
          const asked = state.at === 'paused' ? (['assigned', 'returning'] as const) : kinds
          const found: Turn[] = []
          for (const at of asked) {
            const of = state.at === 'paused' ? null : wave
            found.push(...(await store.turns.next('spring', { at, wave: of, last }, 1000)).map(turnOf))
          }
          const ordered = (all: readonly Turn[]) => (state.at === 'paused' ? all.map(refKey).sort() : all)
          assert.deepEqual(ordered(found), ordered(next))
          for (const [site, standing] of sites) {
            const { moved, kept, back } = await store.turns.site('spring', site)
            const returning = back.map(turnOf).filter(one => one.at !== 'backing-off' || one.back)
            const known = standingOf(turns.filter(one => one.site === site))
            assert.deepEqual(
              { moved, returning: returning.length },
              { moved: known.moved, returning: known.returning.length },
            )
            assert.equal(kept === null, standing.kept === null)
          }
        }
        const out = await Promise.all(['s0', 's1', 's2', 's3', 's4', 's5'].map(site => store.turns.ordered(site)))
        assert.equal(out.flat().length, 2 * turns.filter(isOrdered).length)
        store.close()
      }),
      { numRuns: 60 },
    )
  })

  const order = (site: string, controller: string, change: Partial<OrderRow> = {}): OrderRow => ({
    site,
    controller,
    campaign: 'spring',
    region: 'r0',
    watts: 100,
    wattHours: 10,
    takenBack: null,
    ...change,
  })

  test('what is out is what the orders come to, and each controller is out once', async () => {
    const store = orThrow(openFleetStore(':memory:'))
    const load = async () =>
      (await store.turns.load()).map(({ campaign, region, controllers, watts }) => [
        campaign,
        region,
        controllers,
        watts,
      ])
    await store.commit({ orders: [order('s0', 'c0'), order('s0', 'c1', { region: 'r1' }), order('s1', 'c0')] })
    assert.deepEqual(await load(), [
      ['spring', 'r0', 2, 200],
      ['spring', 'r1', 1, 100],
    ])
    // The same controller for another campaign: its own order takes the place of the first.
    await store.commit({ orders: [order('s0', 'c0', { campaign: 'autumn', watts: 300 })] })
    assert.deepEqual(await load(), [
      ['autumn', 'r0', 1, 300],
      ['spring', 'r0', 1, 100],
      ['spring', 'r1', 1, 100],
    ])
    await store.commit({
      ended: [
        { site: 's0', controller: 'c0' },
        { site: 's1', controller: 'c0' },
      ],
    })
    assert.deepEqual(await load(), [['spring', 'r1', 1, 100]])
    store.close()
  })

  test('an order that was taken back counts until its site has shown the version, or it has expired', async () => {
    const store = orThrow(openFleetStore(':memory:'))
    const taken = (version: number, until: number) => ({ takenBack: { version, until: instant(until) } })
    await store.commit({
      orders: [
        order('s0', 'c0', taken(7, 100)),
        order('s0', 'c1', taken(8, 100)),
        order('s1', 'c0', taken(3, 50)),
        order('s1', 'c1'),
      ],
    })
    assert.equal(await store.turns.awaited('s0'), 7)
    assert.equal(await store.turns.firstExpiry(), 50)
    const left = async () => (await store.turns.load()).reduce((sum, { controllers }) => sum + controllers, 0)
    await store.commit({ shown: { site: 's0', version: 6 } })
    assert.equal(await left(), 4)
    await store.commit({ shown: { site: 's0', version: 7 } })
    assert.equal(await left(), 3)
    await store.commit({ expired: instant(49) })
    assert.equal(await left(), 3)
    await store.commit({ expired: instant(50) })
    assert.equal(await left(), 2)
    assert.equal(await store.turns.awaited('s1'), null, 'the one that is still ordered waits for nothing')
    store.close()
  })

  test('who queues for a controller is due at once when its order is over', async () => {
    const store = orThrow(openFleetStore(':memory:'))
    await store.commit({ campaigns: [campaign('spring'), campaign('patch')] })
    const [seat] = seats([1])
    const due = instant(T0 + 15_000)
    const base = { ...seat!, since: instant(T0), report: 0, attempt: 1, first: 1, step: 0 }
    const queued: Turn = { ...base, at: 'queued', behind: 'spring', due, was: 'waiting', begun: false }
    await store.commit({ turns: [rowOf('patch', queued)], orders: [order('harbour', 'c0')] })
    assert.deepEqual(await store.turns.due('patch', instant(T0), 10), [])
    await store.commit({ ended: [{ site: 'harbour', controller: 'c0' }] })
    assert.equal((await store.turns.due('patch', instant(T0), 10)).length, 1)
    store.close()
  })

  test('a transaction that fails leaves turns, orders and sums as they were', async () => {
    const store = orThrow(openFleetStore(':memory:'))
    await store.commit({ campaigns: [campaign('spring')], orders: [order('s0', 'c0')] })
    const before = await store.turns.load()
    const [seat] = seats([1])
    const row = rowOf('nobody', {
      ...seat!,
      at: 'waiting',
      begun: false,
      since: instant(T0),
      report: 0,
      attempt: 1,
      first: 1,
      step: 0,
    })
    // A turn of a campaign that is not there: the whole change is refused by the database.
    await assert.rejects(
      store.commit({ orders: [order('s1', 'c1')], ended: [{ site: 's0', controller: 'c0' }], turns: [row] }),
    )
    assert.deepEqual(await store.turns.load(), before)
    assert.equal(await store.turns.order({ site: 's1', controller: 'c1' }), null)
    store.close()
  })
})
