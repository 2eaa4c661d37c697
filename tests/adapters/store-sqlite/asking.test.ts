import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { ASKING_TABLE } from '../../../src/adapters/store-sqlite/attention.ts'
import { FLEET_MIGRATIONS } from '../../../src/adapters/store-sqlite/fleet-migrations.ts'
import { fleetFiles } from '../../../src/apps/fleet/files.ts'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { Reasons, reasonsAt } from '../../../src/flows/reason.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'

const SAID = { value: null, threshold: null, ageMillis: null, nextPossible: null }
const REASON = { rule: 'link', because: 'it waits', ...SAID }

describe('the index of who waits for a yes at their site', () => {
  let fleet: QuietFleet
  beforeEach(async () => {
    fleet = await QuietFleet.make()
  })
  afterEach(() => fleet.close())

  /** What the index holds, of whomever, when the server was ended; it is started anew behind it. */
  function rows(): string[] {
    fleet.shut()
    const database = new DatabaseSync(fleetFiles(join(fleet.folder, 'fleet')).database, { readOnly: true })
    const all = database.prepare('SELECT site, controller, since FROM asking ORDER BY site, controller').all()
    database.close()
    fleet.open()
    return all.map(row => `${row.site}/${row.controller} ${row.since}`)
  }
  /** A batch of a site's gateway: who waits, by what its reason is about; `none`: not any more. */
  async function saying(site: string, said: Readonly<Record<string, string>>, at = 1000): Promise<Reasons> {
    const reasons = await Reasons.of(fleet.world, site)
    for (const [controller, about] of Object.entries(said)) {
      const detail = { ...REASON, ...(about === 'none' ? { rule: 'none' } : {}), about, controllers: [controller] }
      reasons.take({ kind: 'activation-withheld', at: instant(at), detail })
    }
    return reasons
  }
  async function says(...said: Parameters<typeof saying>): Promise<void> {
    const reasons = await saying(...said)
    await fleet.world.store.commit({ files: reasons.files(), asking: reasons.asking })
  }

  it('follows what is said, and since when it was said first; nobody waits since tomorrow', async () => {
    await says('harbour', { a: 'ask', b: 'budget', c: 'never', d: 'on its way' })
    assert.deepEqual(rows(), ['harbour/a 1000', 'harbour/b 1000'])
    await says('harbour', { a: 'budget', b: 'on its way', c: 'ask' }, 2000)
    assert.deepEqual(rows(), ['harbour/a 1000', 'harbour/c 2000'])
    await says('harbour', { a: 'none', d: 'ask' }, Number(fleet.clock.now()) + 5000)
    assert.deepEqual(rows(), ['harbour/c 2000', `harbour/d ${fleet.clock.now()}`])
    // Within one batch too, as if each had come by itself.
    const reasons = await saying('harbour', { c: 'none' })
    reasons.take({
      kind: 'activation-withheld',
      at: instant(3000),
      detail: { ...REASON, about: 'ask', controllers: ['c'] },
    })
    reasons.take({ kind: 'activation-granted', at: instant(3000), controller: 'd', detail: {} })
    await fleet.world.store.commit({ files: reasons.files(), asking: reasons.asking })
    assert.deepEqual(rows(), ['harbour/c 3000'])
  })

  it('is written with the reasons that it is of, or neither is', async () => {
    await says('harbour', { a: 'ask' })
    const reasons = await saying('harbour', { a: 'none', b: 'ask' })
    // A log of this size is there already: the change fails at its last line.
    const [entry] = await fleet.world.store.entries(0, 1)
    const log = await fleet.world.store.log()
    const stale = { ...entry!, leaf: new Uint8Array(32), kind: 'log-opened', at: instant(1), actor: 'voltseal' }
    const change = { files: reasons.files(), asking: reasons.asking, entries: [stale], log }
    await assert.rejects(fleet.world.store.commit(change), /UNIQUE|constraint/i)
    assert.deepEqual(rows(), ['harbour/a 1000'])
    assert.deepEqual([...(await reasonsAt(fleet.world, 'harbour')).keys()], ['a'])
  })

  it('of one whose reasons were damaged ends with what it waited for', async () => {
    await says('harbour', { a: 'ask', b: 'ask' })
    await fleet.damage('waits/harbour', 'waits.json')
    await says('harbour', { a: 'none' })
    assert.deepEqual(rows(), ['harbour/b 1000'])
  })

  it('is made of the reasons that a store of before it kept, as far as they can be read', async () => {
    await says('harbour', { a: 'ask', b: 'budget', c: 'never' })
    await says('hill', { a: 'ask', b: 'window' }, 2000)
    const before = rows()
    assert.equal(before.length, 3)
    const damaged = ['{', '[]', '7', '', '{"controllers":7}', '{"controllers":["a",{"rule":"link","about":"ask"}]}']
    const odd = { a: { ...REASON, about: 'ask', at: 'today' }, b: { ...REASON, about: 'ask' }, c: 7, d: '{' }
    for (const [n, text] of [...damaged, JSON.stringify({ controllers: odd })].entries()) {
      await fleet.damage(`waits/odd-${n}`, 'waits.json', utf8(text))
    }
    await fleet.damage('waits/odd-bytes', 'waits.json', new Uint8Array([0xff, 0, 0x7b]))
    const version = FLEET_MIGRATIONS.indexOf(ASKING_TABLE)
    fleet.beside(`DROP TABLE asking; PRAGMA user_version = ${version}`)
    assert.deepEqual(rows(), before)
  })

  it('gives those that wait longest, when there are more than are looked at', async () => {
    await fleet.site('harbour', 3)
    await fleet.site('hill', 2, { region: 'uk' })
    const order = { campaign: 'spring', region: 'nl', watts: 0, wattHours: 0, takenBack: null }
    const refs = [...['c0', 'c1', 'c2'].map(id => ['harbour', id]), ...['c0', 'c1'].map(id => ['hill', id])]
    const orders = refs.map(([site, controller]) => ({ ...order, site: `${site}`, controller: `${controller}` }))
    await fleet.world.store.commit({ orders })
    await says('harbour', { c0: 'ask' }, 3000)
    await says('hill', { c0: 'ask', c1: 'ask' }, 2000)
    await says('harbour', { c1: 'ask', c2: 'ask' }, 1000)
    const found = async (limit: number) =>
      (await fleet.world.store.attention.asking(limit)).map(one => {
        return [one.site, one.region, one.controller, one.controllers, one.since]
      })
    assert.deepEqual(await found(10), [
      ['harbour', 'nl', 'c0', 3, 1000],
      ['hill', 'uk', 'c0', 2, 2000],
    ])
    assert.deepEqual(await found(3), [
      ['harbour', 'nl', 'c1', 2, 1000],
      ['hill', 'uk', 'c0', 1, 2000],
    ])
  })
})
