import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { openGatewayStore } from '../../src/adapters/store-sqlite/gateway.ts'
import { utf8 } from '../../src/core/encoding/bytes.ts'
import { instant, millis } from '../../src/core/encoding/units.ts'
import { parseEntry } from '../../src/core/ledger/entry.ts'
import { isRefusal, orThrow, refuse } from '../../src/core/refusal/refusal.ts'
import type { SiteWorld } from '../../src/flows/ports.ts'
import { askForNews, wallTime } from '../../src/flows/wall-time.ts'
import { testSigner } from '../core/ledger/keys.ts'

const NOON = Date.UTC(2026, 10, 11, 12)
const HOUR = 3_600_000
const DAY = 24 * HOUR

describe('the clock of a gateway', () => {
  let folder = ''
  let file = ''
  let count = 0
  /** True time since noon; how far the gateway's clock and the fleet's are ahead of it; whether the fleet answers. */
  let [passed, ahead, fleetAhead, reachable] = [0, 0, 0, true]
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'voltseal-wall-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))
  beforeEach(() => {
    count += 1
    file = join(folder, `${count}.sqlite`)
    ;[passed, ahead, fleetAhead, reachable] = [0, 0, 0, true]
  })

  /** A gateway's process, whose counter begins anew with it; the file outlives it. */
  async function running(work: (world: SiteWorld, codes: () => Promise<(string | undefined)[]>) => Promise<void>) {
    const store = orThrow(openGatewayStore(file))
    const began = passed
    const checkIn = async (tag: string | null) =>
      reachable
        ? { tag: tag === 'a' ? null : 'a', at: instant(NOON + passed + fleetAhead) }
        : refuse('not-reachable', 'the fleet', 'a server that answers', 'ECONNREFUSED')
    // The flow asks for no more of the world than this.
    const world = {
      store,
      clock: { now: () => instant(NOON + passed + ahead), quality: 'simulated' },
      steady: () => millis(passed - began),
      site: { site: 'quay' },
      crypto: nodeCrypto,
      signer: testSigner(1),
      fleet: { checkIn },
    } as unknown as SiteWorld
    const codes = async () => (await store.outbox(99)).map(({ bytes }) => orThrow(parseEntry(bytes, 'an entry')).code)
    try {
      await work(world, codes)
    } finally {
      store.close()
    }
  }
  const doubts = async (world: SiteWorld) => (await wallTime(world)).doubts.map(({ by, jumped }) => [by, jumped])

  it('is believed where it agrees with the fleet’s to a minute', () =>
    running(async (world, codes) => {
      for (const off of [0, 59_000, -59_000]) {
        ahead = off
        assert.equal(await askForNews({ ...world }, null), 'a')
        assert.deepEqual(await doubts({ ...world }), [])
      }
      assert.deepEqual(await codes(), [])
    }))

  it('attack: a clock that was ahead before the gateway started is in doubt once the fleet has answered', () =>
    running(async (world, codes) => {
      ahead = 3 * HOUR
      assert.deepEqual(await doubts(world), [], 'nothing at the site knows')
      assert.equal(await askForNews(world, 'a'), null)
      const { clock, doubts: found } = await wallTime(world)
      assert.equal(clock, NOON + 3 * HOUR)
      assert.deepEqual(found, [{ by: 'fleet', time: NOON, until: NOON + 3 * HOUR + DAY, jumped: 3 * HOUR }])
      await askForNews(world, 'a')
      assert.deepEqual(await codes(), ['clock-differs'], 'told once')
    }))

  it('attack: cutting the link behind the answer does not put the clock right, for a day', () =>
    running(async world => {
      ahead = -2 * HOUR
      await askForNews(world, null)
      reachable = false
      passed = DAY - 1000
      assert.ok(isRefusal(await askForNews(world, null)))
      assert.deepEqual(await doubts(world), [['fleet', -2 * HOUR]])
      passed = DAY
      assert.deepEqual(await doubts(world), [], 'a site without its fleet goes on by its own clock')
    }))

  it('is believed again as soon as the two agree', () =>
    running(async world => {
      fleetAhead = HOUR
      await askForNews(world, null)
      assert.deepEqual(await doubts(world), [['fleet', -HOUR]])
      fleetAhead = 0
      await askForNews(world, null)
      assert.deepEqual(await doubts(world), [])
    }))

  it('an answer that takes long says nothing of a clock that may have agreed meanwhile', () =>
    running(async world => {
      const slow = async () => {
        passed += 300_000
        return { tag: null, at: instant(NOON + 10_000) }
      }
      const far = { ...world, fleet: { ...world.fleet, checkIn: slow } }
      await askForNews(far, null)
      assert.deepEqual(await doubts(far), [])
    }))

  it('attack: to start the gateway again does not make a clock believed that has jumped', async () => {
    await running(async world => {
      await wallTime(world)
      ahead = 5 * HOUR
      assert.deepEqual(await doubts(world), [['jump', 5 * HOUR]])
    })
    passed += 1000
    await running(async world => {
      assert.deepEqual(await doubts(world), [['jump', 5 * HOUR]])
      passed += DAY - 1
      assert.deepEqual(await doubts(world), [['jump', 5 * HOUR]])
      passed += 1
      assert.deepEqual(await doubts(world), [], 'the new time alone')
    })
    await running(async world => assert.deepEqual(await doubts(world), [], 'it is over, and stays so'))
  })

  it('attack: to start it again with the link cut does not either, where the fleet had another time', async () => {
    await running(async world => {
      ahead = HOUR
      await askForNews(world, null)
    })
    reachable = false
    await running(async world => assert.deepEqual(await doubts(world), [['fleet', HOUR]]))
    reachable = true
    ahead = 0
    await running(async world => {
      await askForNews(world, null)
      assert.deepEqual(await doubts(world), [])
    })
  })

  it('if power fails before a doubt is kept, nothing is answered', () =>
    running(async world => {
      await wallTime(world)
      ahead = HOUR
      const commit = () => Promise.reject(new Error('power failed'))
      const { store } = world
      const failing = { time: () => store.time(), files: (repo: string) => store.files(repo), commit }
      const dying = { ...world, store: failing as unknown as SiteWorld['store'] }
      ahead = 0
      await wallTime(dying)
      ahead = HOUR
      await assert.rejects(wallTime(dying), /power failed/)
    }))

  it('what was kept and cannot be read says nothing', () =>
    running(async world => {
      for (const text of ['', '{"v":1,"jump":1}', '{"v":1,"jump":"x","fleet":null}']) {
        await world.store.commit({ files: [{ repo: 'clock', path: 'off.json', bytes: utf8(text) }] })
        assert.deepEqual(await doubts({ ...world }), [])
      }
    }))
})
