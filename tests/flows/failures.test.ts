import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import type { World } from '../../sim/doors/world.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { toHex } from '../../src/core/encoding/bytes.ts'
import { canonicalJson, type Json } from '../../src/core/encoding/canonical-json.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import type { Report } from '../../src/core/trust/report.ts'
import { giveTurns } from '../../src/flows/coordinate.ts'
import type { SiteWorld } from '../../src/flows/ports.ts'
import { waitOf } from '../../src/flows/reason.ts'
import { assigned, assignmentOf, refreshSite, step, workOf } from '../../src/flows/relay.ts'
import { acceptControllerReport } from '../../src/flows/report.ts'
import { image, QUAY } from '../worlds/quay.ts'
import { type Gateway, gatewayOf } from '../worlds/site-world.ts'
import { rest, started } from '../worlds/started.ts'
import { speaker } from '../worlds/upstream.ts'

const version = { version: '1.1.0', sequence: 1_001_000, digest: toHex(nodeCrypto.sha256(image(2))) }
const STAGED: Partial<Report> = { event: 'staged', staged: version, attempts: [] }
const REVERTED: Partial<Report> = {
  event: 'reverted',
  attempts: [{ ...version, at: instant(0), phase: 'trial', cause: 'watchdog' } as Report['attempts'][number]],
}
const CONFIRMED: Partial<Report> = {
  event: 'confirmed',
  state: 'stable',
  running: { ...version, slot: 'b' } as never,
  attempts: [],
}

const PLAN = {
  id: 'spring',
  releases: ['bms/1.1.0/envelope.suit'],
  waves: [{ name: 'all', take: 'rest' }],
  retry: { retries: 0 },
  abort: { failures: 0 },
}

async function fill(world: World): Promise<World> {
  await world.reported()
  await rest(world)
  await world.publish(await world.release('bms', '1.1.0', image(2)))
  writeFileSync(world.at('plan.yaml'), JSON.stringify(PLAN))
  await world.must('campaign', 'plan', world.at('plan.yaml'))
  for (const n of [0, 1]) await world.approve('spring', n)
  await world.must('campaign', 'start', 'spring')
  return world
}

describe('failures at a site whose fleet server takes orders back', () => {
  let world: World
  before(async () => {
    world = await started(QUAY, fill)
  })
  after(() => world?.stop())

  type Say = (id: string, changes: Partial<Report>) => Promise<void>
  const desk = async (work: (site: SiteWorld, gateway: Gateway, say: Say) => Promise<void>): Promise<void> => {
    const gateway = await gatewayOf(world)
    const voices = new Map([
      ['bms-1', await speaker(world, 'bms-1')],
      ['bms-2', await speaker(world, 'bms-2')],
    ])
    const say: Say = async (id, changes) => {
      orThrow(await acceptControllerReport(gateway.site, id, voices.get(id)!(changes)))
    }
    try {
      assert.equal(await refreshSite(gateway.site), null)
      await say('bms-1', STAGED)
      await work(gateway.site, gateway, say)
    } finally {
      gateway.close()
    }
  }

  /** What the gateway does when the director orders nothing for a controller any more. */
  const withdraw = async ({ store }: Gateway, site: SiteWorld, id: string): Promise<void> => {
    const left = (await assigned(site)).filter(({ controller }) => controller !== id)
    const row = step((await store.controller(id))!, { kind: 'withdrawn' })
    await store.commit({ assignments: canonicalJson(left as unknown as Json), controllers: [row] })
  }
  /** The same order under the next number. */
  const again = async ({ store }: Gateway, site: SiteWorld, id: string, attempt: number): Promise<void> => {
    const orders = await assigned(site)
    const mine = (await assignmentOf(site, id))!
    const next = { ...mine, attempt, id: mine.id.replace(/\d+$/, `${attempt}`) }
    const all = [...orders.filter(({ controller }) => controller !== id), next]
    const row = step((await store.controller(id))!, { kind: 'assigned', assignment: next.id })
    await store.commit({ assignments: canonicalJson(all as unknown as Json), controllers: [row] })
  }
  const granted = async (site: SiteWorld) => (await giveTurns(site)).granted

  it('attack: the order of who failed is taken back, and the next one gets its turn', () =>
    desk(async (site, gateway, say) => {
      assert.deepEqual(await granted(site), ['bms-1'])
      await say('bms-1', REVERTED)
      await withdraw(gateway, site, 'bms-1')
      assert.equal(workOf((await gateway.store.controller('bms-1'))!).at, 'idle')
      await say('bms-2', STAGED)
      assert.deepEqual(await granted(site), [])
      const wait = waitOf(site, 'bms-2')
      assert.equal(wait?.rule, 'failures')
      assert.match(wait?.because ?? '', /1 controllers of campaign spring have failed at this site, at most 0 may/)
    }))

  it('attack: the order is taken back while its controller is on trial, which then fails', () =>
    desk(async (site, gateway, say) => {
      assert.deepEqual(await granted(site), ['bms-1'])
      await withdraw(gateway, site, 'bms-1')
      assert.equal(workOf((await gateway.store.controller('bms-1'))!).at, 'leaving')
      await say('bms-1', REVERTED)
      await say('bms-2', STAGED)
      assert.deepEqual(await granted(site), [])
      assert.equal(waitOf(site, 'bms-2')?.rule, 'failures')
    }))

  it('attack: one controller is ordered the failing release over and over', () =>
    desk(async (site, gateway, say) => {
      for (let attempt = 1; attempt <= 2; attempt += 1) {
        if (attempt > 1) await again(gateway, site, 'bms-1', attempt)
        await say('bms-1', STAGED)
        assert.deepEqual(await granted(site), ['bms-1'], `try ${attempt}: its own, and one that a person gives`)
        await say('bms-1', REVERTED)
      }
      await again(gateway, site, 'bms-1', 3)
      await say('bms-1', STAGED)
      assert.deepEqual(await granted(site), [])
      assert.match(waitOf(site, 'bms-1')?.because ?? '', /it has failed 2 times in campaign spring, and may no more/)
    }))

  it('who confirms after all holds nobody up, and what is said twice counts once', () =>
    desk(async (site, gateway, say) => {
      assert.deepEqual(await granted(site), ['bms-1'])
      await say('bms-1', REVERTED)
      await say('bms-1', { ...REVERTED, event: 'boot' })
      const files = await gateway.store.files('failures')
      const kept = JSON.parse(new TextDecoder().decode(files.get('spring.json'))) as {
        failed: Record<string, string[]>
      }
      assert.deepEqual(
        Object.values(kept.failed).map(({ length }) => length),
        [1],
      )
      await again(gateway, site, 'bms-1', 2)
      await say('bms-1', STAGED)
      await say('bms-2', STAGED)
      assert.deepEqual(await granted(site), ['bms-1'], 'its next try; the other one waits for it')
      await say('bms-1', CONFIRMED)
      assert.deepEqual(await granted(site), ['bms-2'])
    }))

  it('a failure and the report that tells of it are kept together, or neither is', () =>
    desk(async (site, gateway, say) => {
      assert.deepEqual(await granted(site), ['bms-1'])
      const changes: object[] = []
      const real = gateway.store.commit.bind(gateway.store)
      gateway.store.commit = async change => {
        changes.push(change)
        await real(change)
      }
      await say('bms-1', REVERTED)
      assert.deepEqual(
        changes.map(change => Object.keys(change).sort()),
        [['controllers', 'files', 'forgotten', 'outbox']],
      )
    }))
})
