import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { World } from '../../sim/doors/world.ts'
import { unstated } from '../../sim/versions/site.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { coordinate } from '../../src/core/campaign/coordinator.ts'
import { mayStillBeOut, type SiteWork } from '../../src/core/campaign/site-work.ts'
import { toHex } from '../../src/core/encoding/bytes.ts'
import { instant, millis } from '../../src/core/encoding/units.ts'
import { NO_RULES } from '../../src/core/fleet/site-rules.ts'
import { isRefusal, orThrow, refuse } from '../../src/core/refusal/refusal.ts'
import { giveTurns } from '../../src/flows/coordinate.ts'
import { offerFor } from '../../src/flows/offer.ts'
import type { FleetLink, SiteWorld } from '../../src/flows/ports.ts'
import { assigned, fetchPayloads, refreshSite, takeOrders, workOf } from '../../src/flows/relay.ts'
import { acceptControllerReport } from '../../src/flows/report.ts'
import { shownOrders } from '../../src/flows/shown-orders.ts'
import { askForNews, wallTime } from '../../src/flows/wall-time.ts'
import { askCampaign } from '../worlds/people.ts'
import { image, QUAY } from '../worlds/quay.ts'
import { gatewayOf } from '../worlds/site-world.ts'
import { rest, started } from '../worlds/started.ts'
import { handOver, speaker } from '../worlds/upstream.ts'

/** A fleet with two releases of the canary's class, and a site that rests. */
async function fill(world: World): Promise<World> {
  await world.reported()
  await rest(world)
  await world.publish(await world.release('bms', '1.1.0', image(2)), await world.release('bms', '1.2.0', image(3)))
  return world
}

const IMAGE = toHex(nodeCrypto.sha256(image(2)))
const dead = (what: string) => refuse('not-reachable', what, 'a server that answers', 'ECONNREFUSED')

describe('what a site does with its orders', () => {
  let world: World
  before(async () => {
    world = await started(QUAY, fill)
  })
  after(() => world?.stop())

  const ordered = async (id: string): Promise<void> =>
    world.campaign(id, ['bms/1.1.0/envelope.suit'], '--soak', '1h', '--controller', 'quay/bms-1')
  /** A gateway asks for news, and says by which orders its site goes, if it says so. */
  const asks = async (site: SiteWorld): Promise<boolean> => {
    const shown = await shownOrders(site)
    assert.ok(!isRefusal(await askForNews(site, null, shown)))
    return shown.director !== undefined
  }
  /** Halts a campaign, and lets the site say that it knows: until then its orders count, and nobody else gets the controller. */
  const halted = async (id: string): Promise<void> => {
    await world.must('campaign', 'halt', id, '--reason', 'the test is over')
    const { site, close } = await gatewayOf(world)
    assert.equal(await takeOrders(site), null)
    await asks(site)
    close()
  }

  it('attack: what is missing elsewhere keeps no halt from a site', async () => {
    await ordered('halted')
    let image = true
    const link = (honest: FleetLink): Partial<FleetLink> => ({
      file: (repo, path, max) =>
        repo === 'image' && !image ? Promise.resolve(dead(path)) : honest.file(repo, path, max),
      blob: async (id, from) => (id.length === 40_000 ? dead(id.sha256) : honest.blob(id, from)),
    })
    const gateway = await gatewayOf(world, { link })
    try {
      assert.equal(await takeOrders(gateway.site), null)
      assert.ok(isRefusal(await fetchPayloads(gateway.site)), 'the payload does not come')
      assert.equal((await assigned(gateway.site)).length, 1)
      await halted('halted')
      image = false
      assert.ok(isRefusal(await takeOrders(gateway.site)), 'the image repository does not answer')
      assert.deepEqual(await assigned(gateway.site), [], 'the halt has arrived')
      assert.equal(workOf((await gateway.store.controller('bms-1'))!).at, 'idle')
    } finally {
      gateway.close()
    }
  })

  it('attack: freeze: an order that rests on expired metadata is neither offered nor given a turn', async () => {
    await ordered('frozen')
    const say = await speaker(world, 'bms-1')
    const staged = { version: '1.1.0', sequence: 1_001_000, digest: IMAGE }
    // One gateway whose clock goes on beyond the expiry, and one whose clock is set back from there.
    for (const isSetBack of [false, true]) {
      const gateway = await gatewayOf(world)
      try {
        assert.equal(await refreshSite(gateway.site), null)
        const [order] = await assigned(gateway.site)
        assert.ok(order !== undefined && order.until > Date.now() && order.until < Date.now() + 25 * 3_600_000)
        let now = isSetBack ? order.until : order.until - 1
        const site = { ...gateway.site, clock: { now: () => instant(now), quality: 'simulated' as const } }
        assert.equal((await offerFor(site, 'bms-1')) === null, isSetBack)
        orThrow(await acceptControllerReport(site, 'bms-1', say({ event: 'staged', staged })))
        now = isSetBack ? order.until - 1 : order.until
        assert.equal(await offerFor(site, 'bms-1'), null)
        assert.deepEqual((await giveTurns(site)).granted, [])
        if (isSetBack) continue
        now = order.until - 1
        assert.deepEqual((await giveTurns({ ...site })).granted, [], 'not when the gateway starts anew either')
      } finally {
        gateway.close()
      }
    }
    await halted('frozen')
  })

  it('a restart whose order was taken back counts until the controller says that it is through', async () => {
    await ordered('taken-back')
    const gateway = await gatewayOf(world)
    const { site, store } = gateway
    const at = async () => workOf((await store.controller('bms-1'))!).at
    try {
      assert.equal(await refreshSite(site), null)
      const say = await speaker(world, 'bms-1')
      const running = { version: '1.1.0', sequence: 1_001_000, digest: IMAGE }
      orThrow(await acceptControllerReport(site, 'bms-1', say({ event: 'staged', staged: running })))
      assert.deepEqual((await giveTurns(site)).granted, ['bms-1'])
      orThrow(await acceptControllerReport(site, 'bms-1', say({ state: 'trial', running: { ...running, slot: 'b' } })))
      await halted('taken-back')
      assert.equal(await takeOrders(site), null)
      assert.equal(await at(), 'leaving')
      const waiting: SiteWork = { at: 'staged', assignment: 'another', since: instant(0) }
      const leaving = workOf((await store.controller('bms-1'))!)
      const { grants, waits } = coordinate({
        failed: [],
        site: site.site,
        work: new Map([
          ['bms-1', leaving],
          ['bms-2', waiting],
        ]),
        until: new Map([['bms-2', instant(2)]]),
        terms: new Map(
          ['another', 'taken-back'].map(id => [
            id,
            { rules: NO_RULES, priority: 50, maxFailures: null, tries: null, back: [] },
          ]),
        ),
        steps: [],
        versions: unstated(['bms-2']),
        standings: new Map(),
        readings: [],
        restarting: 1,
        now: instant(1),
        clock: instant(1),
        doubts: [],
      })
      assert.deepEqual([grants, waits.map(({ rule }) => rule)], [[], ['restarting']], 'its place is not free')
      assert.equal(await offerFor(site, 'bms-1'), null)
      assert.equal(await at(), 'leaving', 'on trial, whatever it asks')
      orThrow(await acceptControllerReport(site, 'bms-1', say({ state: 'stable' })))
      assert.equal(await at(), 'idle')
    } finally {
      gateway.close()
    }
  })

  it('attack: a site does not say that it goes by newer orders while one restarts by those that were taken back', async () => {
    await ordered('granted')
    const gateway = await gatewayOf(world)
    let ahead = 0
    const site = { ...gateway.site, clock: { now: () => instant(Date.now() + ahead), quality: 'simulated' as const } }
    const state = async () => (await askCampaign(world, 'behind')).controllers[0]?.state
    try {
      assert.equal(await refreshSite(site), null)
      const say = await speaker(world, 'bms-1')
      const running = { version: '1.1.0', sequence: 1_001_000, digest: IMAGE }
      orThrow(await acceptControllerReport(site, 'bms-1', say({ event: 'staged', staged: running })))
      assert.deepEqual((await giveTurns(site)).granted, ['bms-1'])
      await world.must('campaign', 'halt', 'granted', '--reason', 'the test says so')
      await world.campaign('behind', ['bms/1.2.0/envelope.suit'], '--soak', '1h', '--controller', 'quay/bms-1')
      assert.equal(await takeOrders(site), null)
      const { tag } = orThrow(await site.fleet.checkIn(null))
      assert.equal(orThrow(await site.fleet.checkIn(tag)).tag, null, 'it has taken everything')
      assert.equal(await asks(site), false, 'bms-1 may be restarting')
      assert.equal(await state(), 'queued', 'and so it counts at the fleet')
      // It never comes back: it is the plan's timeout that ends this, and a clock that jumped ahead does not.
      await wallTime(site)
      ahead = 2 * 3_600_000
      assert.equal(await asks(site), false, 'by the time before the jump the hour is not over')
      ahead = 0
      orThrow(await acceptControllerReport(site, 'bms-1', say({ state: 'stable' })))
      assert.equal(await asks(site), true)
      await world.until('its controller is free', async () => (await state()) === 'assigned')
    } finally {
      gateway.close()
    }
    await halted('behind')
  })

  it('a controller that does not come back holds the room of others until the timeout of its plan', () => {
    const work: SiteWork = { at: 'leaving', left: 'spring/ab/1', since: instant(1000), next: null }
    const timeouts = new Map([['spring', millis(500)]])
    const at = (...times: number[]) => mayStillBeOut(work, timeouts, times.map(instant))
    assert.deepEqual([at(1499), at(1500), at(1500, 1499), at(1500, 1600)], [true, false, true, false])
    assert.equal(mayStillBeOut(work, new Map(), [instant(9e12)]), true, 'no plan, no timeout')
    assert.equal(mayStillBeOut({ at: 'idle' }, timeouts, [instant(1)]), false)
  })

  it('a canary that falls back in its soak is a failure, and no further wave opens', async () => {
    await ordered('regress')
    const running = { version: '1.1.0', sequence: 1_001_000, digest: IMAGE, slot: 'b' } as const
    const view = () => askCampaign(world, 'regress')
    const say = await speaker(world, 'bms-1')
    orThrow(await handOver(world, [{ kind: 'report', bytes: say({ state: 'stable', running, event: 'confirmed' }) }]))
    assert.equal((await view()).state, 'soaking')
    orThrow(await handOver(world, [{ kind: 'report', bytes: say({ state: 'stable', event: 'fallback' }) }]))
    const after = await view()
    assert.equal(after.state, 'halted')
    assert.deepEqual([after.controllers[0]?.state, after.controllers[0]?.detail], ['failed', 'reverted: regressed'])
  })

  it('a release whose neighbours are too old is not planned', async () => {
    const needy = await world.release('bms', '1.3.0', image(4), '--needs', 'bms@9.0.0')
    await world.publish(needy)
    const ran = await world.run('campaign', 'create', '--id', 'needy', '--release', 'bms/1.3.0/envelope.suit')
    assert.equal((ran.json as { code?: string }).code, 'release-dependency-unmet')
  })
})
