import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seeded } from '../../sim/clock/random.ts'
import { toBase64 } from '../../src/core/encoding/bytes.ts'
import { parseEntry } from '../../src/core/ledger/entry.ts'
import type { OutboxItem } from '../../src/core/ledger/own-log-rows.ts'
import { isRefusal, orThrow, refuse } from '../../src/core/refusal/refusal.ts'
import type { claimedHistory } from '../../src/core/trust/device-history.ts'
import { note, record } from '../../src/flows/audit.ts'
import { flushOutbox } from '../../src/flows/hand-over.ts'
import { verifyStore } from '../../src/flows/prove.ts'
import { Bench } from '../threats/bench.ts'
import { say } from '../worlds/device-voice.ts'
import { Died, Interruptor } from './interruption/interruptor.ts'

const HOUR = 3_600_000
const gone = refuse('not-reachable', 'the fleet', 'an answer', 'none')

/**
 * A site without its fleet for a month, under a simulated clock: real flows, real stores, real controllers with their rings.
 * Answers what was there before the link came back.
 */
async function month(bench: Bench): Promise<{ items: number; decisions: Map<string, number> }> {
  const { clock, world } = bench.fleet
  const registered = bench.controllers.map(({ id, element }) => {
    const detail = { reportKey: toBase64(element.reportKey.spki) }
    const actor = { kind: 'person', id: 'ada' } as const
    return { kind: 'controller-registered', actor, site: 'quay', controller: id, detail } as const
  })
  await world.store.exclusive(() => record(world, {}, registered))
  orThrow(await flushOutbox(bench.site))
  bench.line = () => ({ send: async () => gone, upstream: async () => gone })
  for (let day = 0; day < 30; day += 1) {
    for (let hour = 0; hour < 24; hour += 2) {
      clock.advance(2 * HOUR)
      await note(bench.site, { kind: 'assignment-refused', code: 'metadata-expired', detail: { day, hour } })
    }
    for (const controller of bench.controllers) {
      // For ten days one of them does not reach its gateway either, and boots more often than its ring has room for.
      const isAway = controller.id === 'c1' && day >= 10 && day < 20
      for (let boot = 0; boot < (isAway ? 3 : 1); boot += 1) controller.powerUp(boot % 2 ? 'watchdog' : 'power-loss')
      if (!isAway) await say(() => bench.site, controller, clock)
    }
    assert.equal(await flushOutbox(bench.site), gone)
  }
  const items = (await bench.site.store.ownLog()).last
  return { items, decisions: new Map(bench.controllers.map(one => [one.id, one.history().at(-1)!.decision])) }
}

/** Hands everything over on a bad link, in a process that dies in the middle; answers the batches that got through. */
async function drain(bench: Bench, seed: number): Promise<{ sizes: number[]; read: number }> {
  const random = seeded(seed)
  const sizes: number[] = []
  let read = 0
  const interruptor = new Interruptor(3, seed % 2 === 0 ? 'lost' : 'unanswered')
  const wire = (): void => {
    const store = interruptor.store(bench.site.store)
    const outbox = store.outbox.bind(store)
    const watched = new Proxy(store, {
      get: (on, name) => {
        const counted = async (limit: number): Promise<OutboxItem[]> => {
          const items = await outbox(limit)
          read = Math.max(read, items.length)
          return items
        }
        return name === 'outbox' ? counted : (Reflect.get(on, name) as unknown)
      },
    })
    bench.site = { ...bench.site, store: watched }
  }
  wire()
  bench.line = honest => ({
    send: async (items, manifest) => {
      const luck = random()
      if (luck < 0.3) return gone
      const taken = await honest.send(items, manifest)
      sizes.push(items.reduce((sum, { bytes }) => sum + bytes.length, 0))
      assert.ok(items.length <= 200, 'a batch stays small')
      return luck < 0.6 ? gone : taken
    },
  })
  for (let tries = 0; tries < 200; tries += 1) {
    try {
      const ended = await flushOutbox(bench.site)
      if (!isRefusal(ended)) return { sizes, read }
      assert.equal(ended, gone)
    } catch (error) {
      if (!(error instanceof Died)) throw error
      interruptor.restart()
      bench.restartGateway()
      wire()
    }
  }
  throw new Error('it never got through')
}

describe('a site that was offline for a month', () => {
  for (const seed of [1, 2]) {
    it(`hands everything over, in order, in bounded batches, over a bad link and a crash (seed ${seed})`, async () => {
      const bench = await Bench.make()
      try {
        const { items, decisions } = await month(bench)
        const { sizes, read } = await drain(bench, seed)
        assert.ok(items > 400 && sizes.length > 2, `${items} items in ${sizes.length} batches`)
        assert.ok(Math.max(...sizes) <= 512 * 1024 && read <= 200, `${Math.max(...sizes)} bytes, ${read} items at once`)
        const { world } = bench.fleet
        const { size } = await world.store.log()
        const entries = (await world.store.entries(0, size)).map(({ bytes }) => orThrow(parseEntry(bytes, 'an entry')))
        const taken = entries.flatMap(({ origin }) => (origin === undefined ? [] : [origin.sequence]))
        assert.deepEqual(
          taken,
          Array.from({ length: items }, (_, index) => index + 1),
          'each item once, in order',
        )
        // Each decision of each controller is told once, or said to be lost.
        for (const [id, newest] of decisions) {
          const told = entries
            .filter(({ kind, controller }) => kind === 'device-history' && controller === id)
            .flatMap(({ detail }) => {
              const { decisions, lost } = detail.signed as unknown as NonNullable<
                ReturnType<typeof claimedHistory>
              >['signed']
              const gaps = lost.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, n) => from + n))
              return [...decisions.map(({ decision }) => decision), ...gaps].toSorted((a, b) => a - b)
            })
          assert.deepEqual(
            told,
            Array.from({ length: newest }, (_, index) => index + 1),
            id,
          )
        }
        const verdict = orThrow(
          await verifyStore(world.store, { name: world.name, key: world.auditSigner.key }, world.crypto),
        )
        assert.deepEqual(verdict.findings, [])
        const { sequence, head } = verdict.origins.quay!
        const own = await bench.site.store.ownLog()
        assert.deepEqual([sequence, Buffer.from(own.head).toString('hex')], [own.last, head], 'as the gateway has it')
        // What the ring of the one that was away has lost is said, from-to, and nothing else is odd.
        const breaks = verdict.breaks.map(({ controller, code }) => `${controller} ${code}`)
        assert.deepEqual(breaks, ['c1 history-lost'])
        assert.deepEqual(
          (await world.store.histories.breaks(0, 10)).map(({ controller, code, from, to }) => [
            controller,
            code,
            from,
            to,
          ]),
          verdict.breaks.map(({ controller, code, from, to }) => [controller, code, from, to]),
        )
      } finally {
        bench.close()
      }
    })
  }
})
