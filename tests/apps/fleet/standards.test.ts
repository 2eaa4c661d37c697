import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { standards } from '../../../src/apps/fleet/standards.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'

describe('what the log shows of standards', () => {
  let fleet: QuietFleet
  before(async () => {
    fleet = await QuietFleet.make()
    await fleet.site('quay', 2)
  })
  after(() => fleet?.close())

  it('counts the events of each record, and calls no clause shown without one of each', async () => {
    const { size, standards: all } = orThrow(await standards(fleet.world, {}))
    assert.equal(size, (await fleet.world.store.log()).size)
    const clauses = all.flatMap(one => one.clauses)
    assert.ok(all.length > 10 && clauses.length > 50)
    for (const { standing, recorded } of clauses) {
      const present = recorded.filter(({ events }) => events > 0).length
      const fits =
        recorded.length === 0
          ? 'unrecorded'
          : present === 0
            ? 'missing'
            : present === recorded.length
              ? 'shown'
              : 'partly'
      assert.equal(standing, fits)
    }
    assert.ok(
      clauses.some(({ standing }) => standing === 'missing'),
      'a quiet fleet shows little',
    )
  })

  it('of a period in which nothing was, nothing is shown', async () => {
    const { standards: all } = orThrow(await standards(fleet.world, { since: '1', until: '2' }))
    const standings = new Set(all.flatMap(one => one.clauses.map(({ standing }) => standing)))
    assert.deepEqual([...standings].sort(), ['missing', 'unrecorded'])
  })
})
