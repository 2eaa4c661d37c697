import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { parse, stringify } from 'yaml'
import { World } from '../../sim/doors/world.ts'
import type { CampaignView, ControllerView } from '../../src/wire/fleet-views.ts'
import { image, quay } from '../worlds/quay.ts'

/** Every 997th byte is another one: what a new version of the same program is like. */
const changed = (from: Uint8Array, by: number): Uint8Array =>
  from.map((byte, index) => (index % 997 === 5 ? (byte + by) % 256 : byte))

const FIRST = image(1)
const SECOND = changed(FIRST, 1)
const THIRD = changed(SECOND, 3)

/** A fleet server, a gateway with a narrow link, and two simulated racks, over real doors: updates that travel as patches. */
describe('an update that travels as a patch', () => {
  let world: World
  before(async () => {
    world = await World.make({ site: quay(), factory: { bms: FIRST }, patches: true })
    const path = world.at('gateway', 'gateway.yaml')
    const config = parse(readFileSync(path, 'utf8')) as object
    // Not one full image may come, whatever happens.
    writeFileSync(path, stringify({ ...config, link: { bitsPerSecond: 9600, dutyCycle: 0.5, fullImages: 'never' } }))
    await world.startFleet()
    await world.enrol()
    await world.startGateway()
    world.startSite()
    await world.reported()
    // What the racks left their factory with is published as well: patches are made from it.
    await world.publish(world.at('bms-1.0.0.release'))
  })
  after(() => world?.stop())

  const update = async (id: string, version: string, bytes: Uint8Array): Promise<CampaignView> => {
    const paths = await world.publish(await world.release('bms', version, bytes))
    await world.campaign(id, paths)
    const view = async () => (await world.must('campaign', 'show', id)) as CampaignView
    await world.until(`${id} is over`, async () => ['done', 'halted'].includes((await view()).state), 60)
    return view()
  }

  /** What is in the gateway's cache, in bytes, by SHA-256. */
  const cached = (): ReadonlyMap<string, number> => {
    const cache = world.at('gateway', 'cache')
    const folders = readdirSync(cache).filter(name => /^[0-9a-f]{2}$/.test(name))
    const names = folders.flatMap(folder => readdirSync(join(cache, folder)).map(name => join(folder, name)))
    return new Map(names.map(name => [name.slice(3), statSync(join(cache, name)).size]))
  }

  for (const [id, version, bytes] of [
    ['first', '1.1.0', SECOND],
    ['second', '1.2.0', THIRD],
  ] as const) {
    it(`${version} is made by each rack from what it runs, and no full image comes to the site`, async () => {
      const { state, controllers } = await update(id, version, bytes)
      assert.deepEqual([state, ...controllers.map(one => one.state)], ['done', 'confirmed', 'confirmed'])
      const listed = (await world.must('controller', 'list')) as ControllerView[]
      assert.deepEqual(
        listed.map(one => one.version),
        [version, version],
      )
      const sizes = [...cached().values()]
      assert.ok(!sizes.includes(bytes.length), 'the image is not in the cache')
    })
  }

  it('each rack fetched patches alone', () => {
    const totals = world.events.flatMap(one => (one.event === 'download' ? [one.total] : []))
    assert.ok(totals.length >= 4 && totals.every(total => total < FIRST.length / 10), `${totals}`)
  })
})
