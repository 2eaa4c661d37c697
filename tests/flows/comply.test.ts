import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { instant } from '../../src/core/encoding/units.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { dueBy, headOfPlan, sitesOf, standingsAt } from '../../src/flows/comply.ts'
import { reject } from '../../src/flows/vouch.ts'
import { planOfSheets, sheetOf, turnOf } from '../core/campaign/plans.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'
import { created, running } from '../worlds/running.ts'

describe('how the fleet stands with a campaign', () => {
  let fleet: QuietFleet
  const at = instant(Date.UTC(2027, 1, 1))
  before(async () => {
    fleet = await QuietFleet.make({ approvers: 1, threshold: 1 })
    await fleet.site('quay', 3)
  })
  after(() => fleet?.close())

  const standings = async (id: string): Promise<string[]> => {
    const head = orThrow(await headOfPlan(fleet.world, id))
    const [sheet] = orThrow(await sitesOf(fleet.world, head, '', 10))
    return (await standingsAt(fleet.world, head, sheet!)).map(({ controller, is }) => `${controller} ${is}`)
  }
  const due = async (): Promise<string[]> => orThrow(await dueBy(fleet.world, at)).map(({ id }) => id)
  const bound = { deadline: { at, steps: [] }, notAfter: at }

  it('nobody waits for a controller that was taken out of its site', async () => {
    const { plan } = planOfSheets([sheetOf('quay', [turnOf('c0'), turnOf('c1')])], bound)
    await fleet.campaign(plan, running(plan))
    assert.deepEqual(await standings('spring'), ['c0 left', 'c1 left'])
    fleet.beside("UPDATE inventory SET standing = 'removed' WHERE id = 'c1'")
    assert.deepEqual(await standings('spring'), ['c0 left'])
  })

  it('whoever joined later counts as those that were planned', async () => {
    const membership = { dynamic: true, select: {}, wave: 0 } as never
    const { plan } = planOfSheets([sheetOf('quay', [turnOf('c0')], 'autumn')], { id: 'autumn', membership })
    const book = running(plan)
    const later = planOfSheets([sheetOf('quay', [turnOf('c0'), turnOf('c2')], 'autumn')], { id: 'autumn', membership })
    for (const [key, turn] of running(later.plan).turns) book.turns.set(key, turn)
    await fleet.campaign(plan, book)
    assert.deepEqual(await standings('autumn'), ['c0 left', 'c2 left'])
  })

  it('nothing is due that was rejected', async () => {
    const { plan } = planOfSheets([sheetOf('quay', [turnOf('c0')], 'never')], { id: 'never', ...bound })
    await fleet.campaign(plan, created(plan))
    assert.deepEqual(await due(), ['never', 'spring'])
    assert.equal(await reject(fleet.world, 'ann', 'never', 'not this year'), null)
    assert.deepEqual(await due(), ['spring'])
  })
})
