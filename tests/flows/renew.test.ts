import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { directorTarget, readDirector } from '../../src/core/trust/director-target.ts'
import type { CurrentSet } from '../../src/core/trust/trusted-set.ts'
import { record } from '../../src/flows/audit.ts'
import { directSites, ordersFor } from '../../src/flows/direct.ts'
import { renew } from '../../src/flows/renew.ts'
import { planOf } from '../core/campaign/plans.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'
import { running } from '../worlds/running.ts'

const DAY = 86_400_000
const SITES = ['director/harbour', 'director/quay', 'director/pier']

/** A fleet of three sites; at one of them a campaign has assigned both controllers. */
async function filled(): Promise<QuietFleet> {
  const fleet = await QuietFleet.make()
  for (const [site, controllers] of [
    ['harbour', 2],
    ['quay', 1],
    ['pier', 1],
  ] as const) {
    await fleet.site(site, controllers)
  }
  const plan = planOf([2])
  await fleet.campaign(plan, running(plan))
  const { orders } = await ordersFor(fleet.world, new Set(['harbour']))
  const { files } = orThrow(await directSites(fleet.world, orders, fleet.clock.now()))
  await record(fleet.world, { files }, [])
  return fleet
}

const ordersOf = (set: CurrentSet) => orThrow(readDirector(set)).map(({ target, orders }) => [target.path, [...orders]])

describe('renewal', () => {
  let fleet: QuietFleet
  before(async () => {
    fleet = await filled()
  })
  after(() => fleet?.close())

  const clients = () => Promise.all(SITES.map(async repo => orThrow(await fleet.refreshed(await fleet.client(repo)))))

  it('at half of the life: nothing before, then every repository, with the orders as they stand', async () => {
    const was = await clients()
    fleet.clock.advance(0.4 * DAY)
    assert.deepEqual(await renew(fleet.world), { renewed: 0, refused: [] })
    fleet.clock.advance(0.2 * DAY)
    assert.deepEqual(await renew(fleet.world), { renewed: 5, refused: [] })
    for (const before of was) {
      const now = orThrow(await fleet.refreshed(before))
      assert.ok(now.timestamp.signed.expires > before.timestamp.signed.expires)
      assert.deepEqual(ordersOf(now), ordersOf(before))
    }
    assert.equal(ordersOf(was[0]!).length, 1, 'there is an order at the first')
    assert.deepEqual(await renew(fleet.world), { renewed: 0, refused: [] })
  })

  it('after a restart as before it', async () => {
    const was = await clients()
    fleet.open()
    fleet.clock.advance(0.6 * DAY)
    assert.deepEqual(await renew(fleet.world), { renewed: 5, refused: [] })
    for (const before of was) assert.deepEqual(ordersOf(orThrow(await fleet.refreshed(before))), ordersOf(before))
  })

  const broken: readonly (readonly string[])[] = [
    ['root.json'],
    ['timestamp.json'],
    ['snapshot.json'],
    ['targets.json'],
    ['timestamp.json', 'snapshot.json'],
    ['targets.json', 'snapshot.json', 'timestamp.json'],
  ]
  for (const files of broken) {
    it(`attack: damaged ${files.join(', ')} of one site stops nobody, and is written anew with its orders`, async () => {
      const was = await clients()
      const log = (await fleet.entries()).length
      for (const file of files) await fleet.damage('director/harbour', file)
      fleet.open() // what a restart finds: nothing is remembered
      fleet.clock.advance(0.6 * DAY)
      const { renewed, refused } = await renew(fleet.world)
      assert.deepEqual(refused, [])
      assert.equal(renewed, 5)
      for (const before of was) assert.deepEqual(ordersOf(orThrow(await fleet.refreshed(before))), ordersOf(before))
      const signals = (await fleet.entries()).slice(log).filter(({ kind }) => kind === 'intrusion-signal')
      // The director's root is one for all sites: a site's own copy of it is not even read.
      const expected = files[0] === 'root.json' ? [] : ['harbour']
      assert.deepEqual(
        signals.map(({ site }) => site),
        expected,
      )
    })
  }

  it('attack: orders that were signed and never came into force are not gone on from', async () => {
    const was = await clients()
    const envelope = { path: 'bms/9.9.9/envelope.suit', length: 1, sha256: 'ab'.repeat(32) }
    const order = { class: 'bms', hardware: 'r1', campaign: 'never', attempt: 1 }
    const orders = [directorTarget(envelope, new Map([['c0', order]]))]
    // Signed, and then the commit did not come about.
    orThrow(await directSites(fleet.world, new Map([['quay', orders]]), fleet.clock.now()))
    fleet.clock.advance(0.6 * DAY)
    assert.deepEqual((await renew(fleet.world)).refused, [])
    for (const before of was) assert.deepEqual(ordersOf(orThrow(await fleet.refreshed(before))), ordersOf(before))
  })

  it('an emptied row is written anew as well', async () => {
    const was = await clients()
    await fleet.damage('director/quay', 'targets.json', new Uint8Array(0))
    fleet.open()
    fleet.clock.advance(0.6 * DAY)
    assert.deepEqual((await renew(fleet.world)).refused, [])
    for (const before of was) orThrow(await fleet.refreshed(before))
  })

  it('attack: an image repository that is damaged keeps no site from its renewal; it is said once, until it is mended', async () => {
    const was = await clients()
    const honest = (await fleet.world.store.file('image', 'snapshot.json'))!
    await fleet.damage('image', 'snapshot.json')
    fleet.open()
    const log = (await fleet.entries()).length
    fleet.clock.advance(0.6 * DAY)
    const { renewed, refused } = await renew(fleet.world)
    assert.equal(renewed, 4)
    assert.deepEqual(
      refused.map(({ code }) => code),
      ['metadata-unreadable'],
    )
    assert.equal((await renew(fleet.world)).refused.length, 1, 'it is tried again')
    const alarms = (await fleet.entries()).slice(log).filter(({ kind }) => kind === 'repository-alarm')
    assert.deepEqual(
      alarms.map(({ code, detail }) => [code, detail.subject]),
      [['metadata-unreadable', 'image: stored snapshot']],
    )
    for (const before of was) orThrow(await fleet.refreshed(before))
    await fleet.damage('image', 'snapshot.json', honest)
    assert.deepEqual(await renew(fleet.world), { renewed: 1, refused: [] })
    const client = await fleet.refreshed(await fleet.client('image'))
    assert.ok(!isRefusal(client))
  })
})
