import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { openGatewayStore, type SqliteGatewayStore } from '../../src/adapters/store-sqlite/gateway.ts'
import { instant, millis } from '../../src/core/encoding/units.ts'
import { parseEntry } from '../../src/core/ledger/entry.ts'
import { orThrow, refuse } from '../../src/core/refusal/refusal.ts'
import { LOST_AFTER, watchLink } from '../../src/flows/link-watch.ts'
import type { SiteWorld } from '../../src/flows/ports.ts'
import { testSigner } from '../core/ledger/keys.ts'
import { Died, Interruptor, type Mode } from './interruption/interruptor.ts'

const AWAY = refuse('not-reachable', 'https://fleet.example', 'a connection', 'none')

describe('a gateway that cannot reach its fleet', () => {
  let folder = ''
  let count = 0
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'voltseal-link-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** A gateway with a store of its own, over the starts of its process. */
  class Site {
    readonly #file: string
    #store: SqliteGatewayStore
    #world: SiteWorld
    /** By the clock, which somebody may set, and by the counter that nobody sets. */
    clock = Date.UTC(2027, 0, 10)
    steady = 0

    constructor() {
      count += 1
      this.#file = join(folder, `${count}.sqlite`)
      this.#store = orThrow(openGatewayStore(this.#file))
      this.#world = this.#made()
    }

    #made(interruptor = new Interruptor(0, 'lost')): SiteWorld {
      // The flow asks for no more of the world than this.
      return {
        store: interruptor.store(this.#store),
        clock: { now: () => instant(this.clock), quality: 'simulated' },
        steady: () => millis(this.steady),
        site: { site: 'quay' },
        crypto: nodeCrypto,
        signer: testSigner(1),
      } as unknown as SiteWorld
    }

    start(interruptor?: Interruptor): void {
      this.#store.close()
      this.#store = orThrow(openGatewayStore(this.#file))
      this.steady = 0
      this.#world = this.#made(interruptor)
    }

    /** Lets time pass, and asks the fleet, in vain or not. */
    async asks(passed: number, isThere: boolean): Promise<void> {
      this.clock += passed
      this.steady += passed
      await watchLink(this.#world, isThere ? null : AWAY)
    }

    async told(): Promise<(readonly [kind: string, code?: string])[]> {
      return (await this.#entries()).map(({ kind, code }) => (code === undefined ? [kind] : [kind, code]))
    }

    async #entries() {
      return (await this.#store.outbox(99)).map(({ bytes }) => orThrow(parseEntry(bytes, 'an entry')))
    }

    async lastDetail() {
      return (await this.#entries()).at(-1)?.detail
    }

    close(): void {
      this.#store.close()
    }
  }

  async function at<T>(work: (site: Site) => Promise<T>): Promise<void> {
    const site = new Site()
    try {
      await work(site)
    } finally {
      site.close()
    }
  }

  const LOST = ['link-lost', 'fleet-not-heard'] as const
  const BACK = ['link-restored'] as const
  const FIRST = LOST_AFTER - 1

  it('says so after a quarter of an hour, once, and once when it is back', () =>
    at(async site => {
      await site.asks(0, true)
      await site.asks(FIRST, false)
      assert.deepEqual(await site.told(), [], 'a short break is none')
      await site.asks(1, false)
      await site.asks(LOST_AFTER, false)
      assert.deepEqual(await site.told(), [LOST])
      await site.asks(1000, true)
      await site.asks(1000, true)
      assert.deepEqual(await site.told(), [LOST, BACK])
      assert.equal((await site.lastDetail())?.lastedMillis, LOST_AFTER + 1000)
      await site.asks(FIRST, false)
      await site.asks(1, false)
      assert.deepEqual(await site.told(), [LOST, BACK, LOST], 'another time is another event')
    }))

  it('a break that is over in time is none', () =>
    at(async site => {
      for (let n = 0; n < 3; n += 1) {
        await site.asks(FIRST, false)
        await site.asks(0, true)
      }
      assert.deepEqual(await site.told(), [])
    }))

  it('attack: a clock that is set neither hides a break nor invents one', () =>
    at(async site => {
      await site.asks(0, true)
      site.clock += 100 * LOST_AFTER
      await site.asks(1, false)
      assert.deepEqual(await site.told(), [])
      site.clock -= 200 * LOST_AFTER
      await site.asks(FIRST, false)
      assert.deepEqual(await site.told(), [LOST])
      site.clock -= LOST_AFTER
      await site.asks(0, true)
      assert.equal((await site.lastDetail())?.lastedMillis, 0, 'no break lasts less than nothing')
    }))

  it('a gateway that was started anew meanwhile tells it once, and that it is over', () =>
    at(async site => {
      await site.asks(0, true)
      await site.asks(LOST_AFTER, false)
      site.start()
      await site.asks(2 * LOST_AFTER, false)
      assert.deepEqual(await site.told(), [LOST])
      site.start()
      await site.asks(0, true)
      site.start()
      await site.asks(0, true)
      assert.deepEqual(await site.told(), [LOST, BACK])
    }))

  for (const mode of ['lost', 'unanswered'] satisfies Mode[]) {
    for (const [event, kept] of [
      ['link-lost', [LOST, BACK]],
      ['link-restored', [LOST, BACK]],
    ] as const) {
      it(`power fails when ${event} is written, ${mode}: each is told exactly once in the end`, () =>
        at(async site => {
          const interruptor = new Interruptor(event === 'link-lost' ? 1 : 2, mode)
          site.start(interruptor)
          const mortal = async (passed: number, isThere: boolean) => {
            try {
              await site.asks(passed, isThere)
            } catch (error) {
              if (!(error instanceof Died)) throw error
              interruptor.restart()
              site.start(interruptor)
              await site.asks(passed, isThere)
            }
          }
          await mortal(0, true)
          await mortal(LOST_AFTER, false)
          await mortal(LOST_AFTER, false)
          await mortal(1000, true)
          await mortal(1000, true)
          assert.ok(interruptor.struck)
          assert.deepEqual(await site.told(), kept)
        }))
    }
  }
})
