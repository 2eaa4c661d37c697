import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { World } from '../../sim/doors/world.ts'
import { readGatewayFolder } from '../../src/apps/gateway/files.ts'
import { type PlantView, plantView } from '../../src/core/campaign/plant-view.ts'
import type { Reading } from '../../src/core/campaign/rules/readings.ts'
import { readingsOf } from '../../src/core/campaign/rules/readings.ts'
import { instant, millis } from '../../src/core/encoding/units.ts'
import { orThrow, type Refusal, refuse } from '../../src/core/refusal/refusal.ts'
import { noteLook } from '../../src/flows/look.ts'
import type { FleetWorld, SiteWorld } from '../../src/flows/ports.ts'
import { isLookedAt, lookAtPlant, plantHere, showPlant, takePlant } from '../../src/flows/show-plant.ts'
import { askForNews } from '../../src/flows/wall-time.ts'
import type { PlantSeen } from '../../src/wire/plant-api.ts'
import type { SiteControllerView, SiteView } from '../../src/wire/site-views.ts'
import { rules, yard } from '../core/campaign/situations.ts'
import { ask, call, fleetUrl, tls } from '../worlds/people.ts'
import { QUAY } from '../worlds/quay.ts'
import { gatewayOf } from '../worlds/site-world.ts'
import { rest, started } from '../worlds/started.ts'

async function fill(world: World): Promise<World> {
  await world.reported()
  await rest(world)
  return world
}

const LIMITS = rules({ permissives: [{ point: 'state-of-charge', min: 30, maxAgeMillis: '30s' }] })

describe('the plant is shown while somebody looks', () => {
  let world: World
  before(async () => {
    world = await started(QUAY, fill)
  })
  after(() => world?.stop())

  /** A gateway with one permissive, whose meter and clock the test holds. */
  const desk = async (
    plant: () => readonly Reading[] | Refusal,
    work: (desk: { site: SiteWorld; reads: () => number; pass: (ms: number) => void }) => Promise<void>,
  ): Promise<void> => {
    const gateway = await gatewayOf(world)
    let [reads, steady] = [0, 0]
    const read = async () => {
      reads += 1
      return plant()
    }
    const site: SiteWorld = {
      ...gateway.site,
      site: { ...gateway.site.site, limits: LIMITS },
      conditions: { read },
      steady: () => millis(steady),
    }
    try {
      await work({
        site,
        reads: () => reads,
        pass: ms => {
          steady += ms
        },
      })
    } finally {
      gateway.close()
    }
  }

  const charge = (value: number): Reading => ({
    point: 'state-of-charge',
    of: null,
    value,
    at: instant(Date.now() - 4000),
  })

  it('who looks at a site sees its permissives after the next check-in, and nobody else has them read', () =>
    desk(
      () => [charge(18)],
      async ({ site, reads }) => {
        orThrow(await askForNews(site, null))
        assert.equal(await showPlant(site), null)
        assert.equal(reads(), 0)
        assert.deepEqual(await ask<PlantSeen>(world, '/v1/sites/quay/plant'), { heardAt: null, plant: null })
        orThrow(await askForNews(site, null))
        assert.equal(await showPlant(site), null)
        const { heardAt, plant } = await ask<PlantSeen>(world, '/v1/sites/quay/plant')
        assert.ok(Math.abs((heardAt as number) - Date.now()) < 60_000)
        const [one] = plant?.permissives ?? []
        assert.deepEqual([one?.point, one?.threshold, one?.refuses], ['state-of-charge', 'at least 30 %', 1])
        assert.equal(one?.worst[0]?.value, '18 %')
        assert.equal(reads(), 1)
      },
    ))

  it('attack: a fleet that asks for the plant at every check-in has it read every ten seconds at most', () =>
    desk(
      () => [charge(50)],
      async ({ site, reads, pass }) => {
        for (let ms = 0; ms < 30_000; ms += 500) {
          noteLook(site, { look: true })
          assert.equal(await showPlant(site), null)
          pass(500)
        }
        assert.equal(reads(), 3)
      },
    ))

  it('attack: many who look at the gateway’s own page, at once and again, have it read every ten seconds at most', () =>
    desk(
      () => [charge(18)],
      async ({ site, reads, pass }) => {
        const shown = await Promise.all(Array.from({ length: 20 }, () => plantHere(site)))
        assert.deepEqual([reads(), new Set(shown.map(({ heardAt }) => heardAt)).size], [1, 1])
        assert.equal(shown[0]?.view.permissives[0]?.refuses, 1)
        for (let ms = 0; ms < 30_000; ms += 500) {
          await plantHere(site)
          pass(500)
        }
        assert.equal(reads(), 3)
      },
    ))

  it('a plant that cannot be read is shown as that', () =>
    desk(
      () => refuse('conditions-not-read', 'the plant', 'an answer', 'none'),
      async ({ site }) => {
        const shown: PlantView[] = []
        const fleet = {
          ...site.fleet,
          showPlant: async (view: PlantView) => {
            shown.push(view)
            return null
          },
        }
        const dark = { ...site, fleet }
        noteLook(dark, { look: true })
        assert.equal(await showPlant(dark), null)
        assert.deepEqual([shown[0]?.fault, shown[0]?.permissives[0]?.unknown], ['conditions-not-read', 1])
      },
    ))

  it('the site as it is described, and its controllers as they attest themselves', async () => {
    const site = await ask<SiteView>(world, '/v1/sites/quay')
    const { site: described } = orThrow(readGatewayFolder(world.at('gateway')))
    assert.deepEqual([site.site, site.zone, site.gateway.id], ['quay', described.zone, described.gateway.id])
    assert.equal(typeof site.gateway.heardAt, 'number')
    assert.deepEqual(
      site.controllers.map(({ id }) => id),
      described.controllers.map(({ id }) => id),
    )
    const controllers = await ask<SiteControllerView[]>(world, '/v1/sites/quay/controllers')
    assert.deepEqual(controllers.map(({ id }) => id).toSorted(), site.controllers.map(({ id }) => id).toSorted())
    for (const { attested, fault } of controllers) {
      assert.equal(fault, null)
      assert.ok(attested !== null && ['a', 'b'].includes(attested.slot))
      assert.ok(attested.seenAt !== null && Math.abs(attested.seenAt - Date.now()) < 600_000)
      // It has run one image: what stands in its other slot nobody has said.
      assert.deepEqual([attested.previous, attested.staged], [null, null])
    }
  })

  it('attack: a gateway’s view that is not one, of another shape or of text that is more than a line', async () => {
    const gateway = tls.gateway(world.at('gateway'))
    const good = plantView(yard(), [{ by: 'limits of the site', rules: LIMITS }], readingsOf([]), [], instant(0), null)
    const [one] = good.permissives
    for (const bad of [
      { ...good, site: 'harbour' },
      { ...good, permissives: [{ ...one, threshold: 'at least\u2028<script>' }] },
      { ...good, permissives: Array.from({ length: 65 }, () => one) },
      { ...good, waits: [{ rule: 'window', controllers: [] }] },
    ]) {
      const answer = await call(fleetUrl(world), gateway, 'POST', '/v1/plant', bad)
      assert.equal('code' in answer ? answer.code : answer.status, 'request-malformed')
    }
    orThrow(await call(fleetUrl(world), gateway, 'POST', '/v1/plant', good))
  })
})

describe('the plant at the fleet', () => {
  const view: PlantView = { fault: null, permissives: [], waits: [], more: 0 }
  const fleet = () => {
    let now = 0
    const world = { clock: { now: () => instant(now) } } as unknown as FleetWorld
    return {
      world,
      pass: (ms: number) => {
        now += ms
      },
    }
  }

  it('attack: what nobody looks at is not kept, whatever gateways send', () => {
    const { world, pass } = fleet()
    takePlant(world, 'quay', view)
    assert.equal(lookAtPlant(world, 'quay'), null)
    assert.equal(isLookedAt(world, 'quay'), true)
    assert.equal(isLookedAt(world, 'pier'), false)
    pass(61_000)
    assert.equal(isLookedAt(world, 'quay'), false)
    pass(60_000)
    takePlant(world, 'quay', view)
    assert.equal(lookAtPlant(world, 'quay'), null)
  })

  it('attack: somebody who looks at every site has no more of them kept than five hundred', () => {
    const { world } = fleet()
    for (let site = 0; site < 600; site += 1) {
      lookAtPlant(world, `s${site}`)
      takePlant(world, `s${site}`, view)
    }
    const kept = Array.from({ length: 600 }, (_, site) => isLookedAt(world, `s${site}`))
    assert.equal(kept.filter(Boolean).length, 500)
    assert.deepEqual([kept[99], kept[100]], [false, true])
  })

  it('what was shown stays, with the time at which it came in, and grows old', () => {
    const { world, pass } = fleet()
    lookAtPlant(world, 'quay')
    pass(1000)
    takePlant(world, 'quay', view)
    pass(500_000)
    assert.deepEqual(lookAtPlant(world, 'quay'), { heardAt: 1000, view })
  })
})
