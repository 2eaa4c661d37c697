import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { openGatewayStore } from '../../src/adapters/store-sqlite/gateway.ts'
import { type Instant, instant } from '../../src/core/encoding/units.ts'
import { parseEntry } from '../../src/core/ledger/entry.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { refresh } from '../../src/core/trust/refresh.ts'
import type { CurrentSet } from '../../src/core/trust/trusted-set.ts'
import type { SiteWorld } from '../../src/flows/ports.ts'
import { bearOut, siteTime } from '../../src/flows/time.ts'
import { testSigner } from '../core/ledger/keys.ts'
import { DAY, later, NOW, SimulatedRepository } from '../core/trust/simulated-repository.ts'

const HOUR = DAY / 24
const MINUTE = HOUR / 60
const at = (millis: number): Instant => instant(NOW + millis)

/** Three repositories whose timestamps end after so many hours: 24, 24, and `first`. */
function sets(first = 12): CurrentSet[] {
  return [24, 24, first].map(hours => {
    const repository = SimulatedRepository.with([])
    repository.stamp(at(hours * HOUR))
    const refreshed = repository.drive(refresh(repository.enrolled(), NOW, nodeCrypto))
    assert.ok(refreshed.at === 'current')
    return refreshed.set
  })
}

describe('the time that a site judges by', () => {
  let folder = ''
  let count = 0
  let clock = NOW
  let file = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'voltseal-time-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))
  beforeEach(() => {
    count += 1
    file = join(folder, `${count}.sqlite`)
    clock = NOW
  })

  /** A gateway's process: what it has in memory is its own, the file outlives it. */
  async function running<T>(work: (world: SiteWorld, codes: () => Promise<(string | undefined)[]>) => Promise<T>) {
    const store = orThrow(openGatewayStore(file))
    // The flow asks for no more of the world than this.
    const world = {
      store,
      clock: { now: () => clock, quality: 'simulated' },
      site: { site: 'quay' },
      crypto: nodeCrypto,
      signer: testSigner(1),
    } as unknown as SiteWorld
    const codes = async () => (await store.outbox(99)).map(({ bytes }) => orThrow(parseEntry(bytes, 'an entry')).code)
    try {
      return await work(world, codes)
    } finally {
      store.close()
    }
  }

  it('is the clock’s while it goes forward', () =>
    running(async world => {
      await bearOut(world, sets(), NOW)
      for (const minutes of [0, 1, 600]) {
        clock = at(minutes * MINUTE)
        assert.equal(await siteTime(world), clock)
      }
    }))

  it('attack: a clock that is set back revives nothing: in the same process, and after a restart', async () => {
    await running(async (world, codes) => {
      await bearOut(world, sets(), NOW)
      clock = at(13 * HOUR)
      assert.equal(await siteTime(world), clock)
      clock = at(HOUR)
      assert.equal(await siteTime(world), at(12 * HOUR), 'the moment at which the first timestamp ended')
      assert.equal(await siteTime(world), at(12 * HOUR))
      assert.deepEqual(await codes(), ['clock-set-back'], 'told once')
    })
    await running(async (world, codes) => {
      assert.equal(await siteTime(world), at(12 * HOUR), 'to the millisecond')
      assert.deepEqual(await codes(), ['clock-set-back', 'clock-set-back'])
    })
  })

  it('attack: a clock that is set back before anything expired keeps its time to within five minutes', async () => {
    await running(async world => {
      await bearOut(world, sets(), NOW)
      for (let minutes = 0; minutes <= 64; minutes += 1) {
        clock = at(minutes * MINUTE)
        await siteTime(world)
      }
    })
    clock = NOW
    await running(async world => assert.equal(await siteTime(world), at(60 * MINUTE)))
  })

  it('attack: a clock that was set far ahead once does no harm beyond what was signed', async () => {
    await running(async world => {
      await bearOut(world, sets(), NOW)
      clock = at(4000 * DAY)
      assert.equal(await siteTime(world), clock, 'everything has expired by this clock')
      clock = at(2 * HOUR)
      assert.equal(await siteTime(world), at(12 * HOUR))
      // The fleet signs new timestamps at half of their life: the site goes on.
      await bearOut(world, sets(18), await siteTime(world))
      clock = at(13 * HOUR)
      assert.equal(await siteTime(world), clock)
    })
  })

  it('a clock that is corrected by seconds is no event, and goes back no further than it was', () =>
    running(async (world, codes) => {
      await bearOut(world, sets(), NOW)
      clock = at(30 * MINUTE)
      await siteTime(world)
      clock = at(30 * MINUTE - 5000)
      assert.equal(await siteTime(world), at(30 * MINUTE))
      assert.deepEqual(await codes(), [])
    }))

  it('is told again when the clock had come right in between', () =>
    running(async (world, codes) => {
      await bearOut(world, sets(), NOW)
      for (const hours of [2, 0, 3, 0]) {
        clock = at(hours * HOUR)
        await siteTime(world)
      }
      assert.deepEqual(await codes(), ['clock-set-back', 'clock-set-back'])
    }))

  it('a time that is kept is never followed by an earlier one', () =>
    running(async world => {
      await world.store.commit({ time: { latest: at(HOUR), bound: at(DAY) } })
      await world.store.commit({ time: { latest: NOW, bound: later(2) } })
      assert.deepEqual({ ...(await world.store.time()) }, { latest: at(HOUR), bound: later(2) })
    }))

  it('before anything was signed, it is the clock’s', () =>
    running(async world => {
      clock = later(9)
      assert.equal(await siteTime(world), later(9))
      clock = NOW
      assert.equal(await siteTime(world), NOW)
    }))
})
