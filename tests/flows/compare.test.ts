import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { World } from '../../sim/doors/world.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { toHex } from '../../src/core/encoding/bytes.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { versionsAt } from '../../src/flows/compare.ts'
import { giveTurns } from '../../src/flows/coordinate.ts'
import { waitOf } from '../../src/flows/reason.ts'
import { refreshSite, takeOrders } from '../../src/flows/relay.ts'
import { acceptControllerReport } from '../../src/flows/report.ts'
import { statedAt } from '../../src/flows/state.ts'
import { image, QUAY } from '../worlds/quay.ts'
import { gatewayOf } from '../worlds/site-world.ts'
import { rest, started } from '../worlds/started.ts'
import { speaker } from '../worlds/upstream.ts'

const digest = (seed: number): string => toHex(nodeCrypto.sha256(image(seed)))
const OLD = { version: '1.2.0', sequence: 1_002_000, digest: digest(2) }
const BEFORE = { version: '1.0.0', sequence: 1_000_000, digest: digest(1) }
const NEW = { version: '1.3.0', sequence: 1_003_000, digest: digest(3) }

/** Two campaigns that were each right when they were planned: 1.2.0 accepts its fellows below 1.3.0 only. */
async function fill(world: World): Promise<World> {
  await world.reported()
  await rest(world)
  await world.publish(await world.release('bms', '1.2.0', image(2), '--needs', 'bms@1.0.0..1.3.0'))
  await world.publish(await world.release('bms', '1.3.0', image(3), '--needs', 'bms@1.0.0..2.0.0'))
  await world.campaign('spring', ['bms/1.2.0/envelope.suit'], '--soak', '1h', '--controller', 'quay/bms-1')
  await world.campaign('autumn', ['bms/1.3.0/envelope.suit'], '--soak', '1h', '--controller', 'quay/bms-2')
  return world
}

describe('versions that run beside each other at a site', () => {
  let world: World
  before(async () => {
    world = await started(QUAY, fill)
  })
  after(() => world?.stop())

  it('attack: an envelope in the store that was changed is not believed, and comes again with the orders', async () => {
    const gateway = await gatewayOf(world)
    const { site, store } = gateway
    try {
      await store.commit({ files: [{ repo: 'stated', path: OLD.digest, bytes: new Uint8Array([1, 2, 3]) }] })
      assert.deepEqual(await statedAt(site), [])
      assert.equal(await refreshSite(site), null)
      assert.deepEqual(
        (await statedAt({ ...site })).map(({ version }) => version).sort(),
        ['1.2.0', '1.3.0'],
        'of both that are assigned, though nobody has them yet',
      )
    } finally {
      gateway.close()
    }
  })

  it('attack: what another campaign installed since the plan was made does not accept the next release: no turn', async () => {
    const gateway = await gatewayOf(world)
    const { site, store } = gateway
    try {
      assert.equal(await refreshSite(site), null)
      const [one, other] = [await speaker(world, 'bms-1'), await speaker(world, 'bms-2')]
      const hears = async (id: string, report: Uint8Array) => orThrow(await acceptControllerReport(site, id, report))
      await hears('bms-2', other({ event: 'boot' }))
      await hears('bms-1', one({ event: 'staged', staged: OLD }))
      assert.deepEqual((await giveTurns(site)).granted, ['bms-1'])
      await hears('bms-2', other({ event: 'staged', staged: NEW }))
      const reason = async () => {
        assert.deepEqual((await giveTurns(site)).granted, [])
        return waitOf(site, 'bms-2')?.because
      }
      const runs = async () => {
        const { runs } = await versionsAt(site, await store.controllers(), new Map())
        return [...new Set(runs.get('bms-1')?.map(({ version }) => version))].sort()
      }
      const said = 'bms-1 runs bms 1.2.0, which needs bms 1.0.0 or newer, below 1.3.0'
      assert.equal(await reason(), said, 'it may be running it already')
      await hears('bms-1', one({ event: 'trial', state: 'trial', running: { ...OLD, slot: 'b' }, previous: BEFORE }))
      assert.equal(await reason(), said)
      assert.deepEqual(await runs(), ['1.0.0', '1.2.0'], 'on trial: what it could go back to counts too')
      await hears(
        'bms-1',
        one({ event: 'confirmed', state: 'stable', running: { ...OLD, slot: 'b' }, previous: BEFORE }),
      )
      assert.equal(await reason(), said)
      assert.deepEqual(await runs(), ['1.2.0'])
      await hears('bms-1', one({ event: 'armed', armed: true, running: { ...OLD, slot: 'b' }, staged: BEFORE }))
      assert.deepEqual(await runs(), ['1.0.0', '1.2.0'], 'armed by hand: what it is about to run counts too')
      await hears('bms-1', one({ event: 'withdrawn', running: { ...OLD, slot: 'b' }, previous: BEFORE }))
      // The order is gone, and with it the envelope from the cache's books: what runs still states what it states.
      await world.run('campaign', 'halt', 'spring', '--reason', 'done')
      assert.equal(await takeOrders(site), null)
      assert.equal(await reason(), said)
      assert.deepEqual([...(await store.files('stated')).keys()].sort(), [OLD.digest, NEW.digest].sort())
      // Somebody takes it back by hand to what accepts everything: now it goes.
      await hears('bms-1', one({ event: 'fallback', state: 'stable' }))
      assert.deepEqual((await giveTurns(site)).granted, ['bms-2'])
    } finally {
      gateway.close()
    }
  })

  it('attack: what a neighbour ran before the gateway was there states what it states', async () => {
    const gateway = await gatewayOf(world)
    const { site, store } = gateway
    try {
      const [one, other] = [await speaker(world, 'bms-1'), await speaker(world, 'bms-2')]
      const hears = async (id: string, report: Uint8Array) => orThrow(await acceptControllerReport(site, id, report))
      await hears('bms-1', one({ event: 'boot', state: 'stable', running: { ...OLD, slot: 'b' } }))
      assert.equal(await refreshSite(site), null)
      assert.deepEqual([...(await store.files('stated')).keys()].sort(), [OLD.digest, NEW.digest].sort())
      await hears('bms-2', other({ event: 'staged', staged: NEW }))
      assert.deepEqual((await giveTurns(site)).granted, [])
      const said = 'bms-1 runs bms 1.2.0, which needs bms 1.0.0 or newer, below 1.3.0'
      assert.equal(waitOf(site, 'bms-2')?.because, said)
    } finally {
      gateway.close()
    }
  })
})
