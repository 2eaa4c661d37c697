import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { fromUtf8 } from '../../../src/core/encoding/bytes.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { resumeImport } from '../../../src/flows/import.ts'
import { PeopleDoor, send } from '../../worlds/people-door.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'

const COLUMNS = ['site', 'region', 'controller', 'class', 'hardware', 'version']
const LINES = 50

describe('a list that comes in at the fleet’s door', () => {
  let fleet: QuietFleet
  let door: PeopleDoor
  before(async () => {
    fleet = await QuietFleet.make({ approvers: 1, threshold: 1 })
    door = await PeopleDoor.open(fleet)
    await door.account('ann', ['site-engineer@fleet'])
  })
  after(async () => {
    await door?.close()
    fleet?.close()
  })

  const post = async (path: string, body: object, key: string) =>
    send(door.client(await door.certificate('ann')), 'POST', `/v1/inventory/imports${path}`, body, {
      'idempotency-key': `"the-list-of.${key.replace(' ', '.')}"`,
    })
  const staged = async (site: string): Promise<number> => {
    const begun = orThrow(await post('', { name: 'list.csv', columns: COLUMNS }, `begin ${site}`))
    const { import: id } = JSON.parse(fromUtf8(begun.body)!) as { import: number }
    const lines = Array.from({ length: LINES }, (_, n) => {
      return { line: n + 2, fields: [site, 'nl', `c${n}`, 'bms', 'r1', '1.0.0'] }
    })
    orThrow(await post(`/${id}/lines`, { lines }, `lines ${site}`))
    return id
  }
  const rows = async (site: string) => (await fleet.world.store.inventory.page({ sites: [site] }, null, 100)).length
  const decisions = async () => (await fleet.entries()).filter(({ kind }) => kind === 'inventory-imported').length
  const whole = (): boolean => Reflect.deleteProperty(fleet.world.store.imports, 'apply')
  /** Twenty lines at a time; power fails before a batch that is counted down to. */
  const brittle = (batches: number): void => {
    const { imports } = fleet.world.store
    whole()
    const apply = imports.apply.bind(imports)
    let left = batches
    Object.assign(imports, {
      apply: async () => {
        if (left === 0) throw new Error('power failed')
        left -= 1
        return apply(20)
      },
    })
  }

  it('has been decided on, durably, before its first line is in: power may fail behind any of them', async () => {
    const id = await staged('mole')
    brittle(1)
    assert.ok(isRefusal(await post(`/${id}/end`, { take: 'all', bad: 0 }, 'end mole')))
    assert.equal(await rows('mole'), 20, 'it was cut in the middle')
    assert.equal(await decisions(), 1)
    await door.close()
    fleet.open()
    await resumeImport(fleet.world)
    assert.equal(await rows('mole'), LINES)
    door = await PeopleDoor.open(fleet)
  })

  it('goes on when the request that decided on it is repeated, and not with what nobody has decided on', async () => {
    const id = await staged('pier')
    brittle(2)
    const end = () => post(`/${id}/end`, { take: 'all', bad: 0 }, 'end pier')
    assert.ok(isRefusal(await end()))
    assert.equal(await rows('pier'), 40)
    whole()
    assert.deepEqual(JSON.parse(fromUtf8(orThrow(await end()).body)!), { taken: LINES })
    assert.equal(await rows('pier'), LINES)
    await staged('reef')
    orThrow(await end())
    assert.equal(await rows('reef'), 0, 'another list is open by now')
    assert.equal(await decisions(), 2)
  })

  it('attack: bad lines that whoever ends the list says nothing of', async () => {
    const begun = orThrow(await post('', { name: 'list.csv', columns: COLUMNS }, 'begin bad'))
    const { import: id } = JSON.parse(fromUtf8(begun.body)!) as { import: number }
    const lines = ['BMS', 'bms'].map((of, n) => ({ line: n + 2, fields: ['dock', 'nl', `c${n}`, of, 'r1', ''] }))
    orThrow(await post(`/${id}/lines`, { lines }, 'lines bad'))
    const ended = await post(`/${id}/end`, { take: 'all', bad: 0 }, 'end bad')
    assert.equal(isRefusal(ended) && ended.code, 'import-lines-bad')
    assert.equal(await rows('dock'), 0)
  })
})
