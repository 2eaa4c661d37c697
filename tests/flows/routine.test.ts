import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { fromUtf8 } from '../../src/core/encoding/bytes.ts'
import { millis } from '../../src/core/encoding/units.ts'
import type { SentItem } from '../../src/core/ledger/own-log-rows.ts'
import { orThrow, refuse } from '../../src/core/refusal/refusal.ts'
import { command, tick } from '../../src/flows/campaign.ts'
import { flushOutbox } from '../../src/flows/hand-over.ts'
import { openCampaign } from '../../src/flows/opened.ts'
import { createCampaign } from '../../src/flows/plan.ts'
import { acceptUpstream } from '../../src/flows/report.ts'
import { keepRoutine } from '../../src/flows/routine.ts'
import { Bench } from '../threats/bench.ts'
import { anywhere } from '../worlds/anywhere.ts'
import { usualPlan } from '../worlds/asked.ts'

const QUARTER = 900_000
const gone = async () => refuse('not-reachable', 'the fleet', 'an answer', 'none')
const HEALTH = { figure: 'application-ends', maxPercent: 200, margin: 100, minControllers: 1, without: 'fail' }

/** Regular reports: real controllers, their gateway, and the fleet that judges by what they count. */
describe('regular reports', () => {
  let bench: Bench
  beforeEach(async () => {
    bench = await Bench.make()
    const { clock } = bench.fleet
    bench.site = { ...bench.site, steady: () => millis(clock.now()) }
  })
  afterEach(() => bench?.close())

  const entries = async () => (await bench.fleet.world.store.entries(0, 10_000)).length
  /** A quarter of an hour passes, and every controller says how it is. */
  const round = async (passing = QUARTER): Promise<void> => {
    bench.fleet.clock.advance(passing)
    for (const one of bench.controllers) assert.equal(await bench.report(one, { event: 'regular' }), 'taken')
  }
  const known = async (id: string) => (await bench.fleet.world.store.controller('quay', id))!
  const state = async (id: string) => orThrow(await openCampaign(bench.fleet.world, id)).rollout.state

  /** A campaign whose canary soaks for two hours, and is held against the other controller by how often its application ends. */
  const soaking = async (): Promise<void> => {
    const { world } = bench.fleet
    orThrow(await command(world, 'ada', 'spring', 'halt', 'another one comes'))
    const [envelope] = bench.releases['1.2.0'].targets
    const waves = [
      { name: 'canary', take: { perClass: 1 }, soak: '2h', gate: { success: 100, failures: 0, health: [HEALTH] } },
      { name: 'rest', take: 'rest', soak: '1s' },
    ]
    orThrow(await createCampaign(world, 'ada', usualPlan('summer', [envelope.path], { waves }), false, anywhere))
    for (const name of ['approver-0', 'approver-1']) await bench.approve('summer', name)
    // The order that was taken back counts until the site has shown that it knows.
    assert.equal(await bench.refresh(), 'taken')
    await bench.report(bench.controllers[0]!, { event: 'boot' })
    orThrow(await flushOutbox(bench.site))
    orThrow(await command(world, 'ada', 'summer', 'start', null))
    orThrow(await tick(world))
    assert.equal(await bench.deliver(bench.controllers[0]!), '1.2.0')
    orThrow(await flushOutbox(bench.site))
    assert.equal((await state('summer')).at, 'soaking')
  }
  const watch = async (): Promise<void> => {
    for (let n = 0; n < 9; n += 1) {
      await round()
      orThrow(await flushOutbox(bench.site))
      orThrow(await tick(bench.fleet.world))
    }
  }

  it('a release that passes its probe and ends again and again stays at its canary: the gate hears it by what they count', async () => {
    const [canary, other] = bench.controllers
    const before = canary!.running()!.facts.imageDigest
    canary!.application = digest => (digest === before ? { is: 'healthy' } : { is: 'ending', everyMillis: 60_000 })
    await soaking()
    await watch()
    const paused = await state('summer')
    assert.equal(paused.at, 'paused')
    assert.match(
      paused.at === 'paused' ? paused.reason : '',
      /application-ends rises by [\d.]+ in 1,000 hours where it is updated and by 0 elsewhere/,
    )
    assert.equal(other!.running()?.facts.version, '1.0.0')
  })

  it('a release as good as the one before goes on: its gate has compared, with one report of each every quarter of an hour', async () => {
    await soaking()
    await watch()
    const now = await state('summer')
    assert.ok(now.at === 'running' && now.wave === 1, JSON.stringify(now))
  })

  it('is no item of the outbox and no entry of the log, and the fleet knows it all the same', async () => {
    orThrow(await flushOutbox(bench.site))
    const before = [await bench.site.store.lastGiven(), await entries()]
    await round()
    assert.deepEqual(await bench.site.store.outbox(1), [])
    orThrow(await flushOutbox(bench.site))
    assert.deepEqual([await bench.site.store.lastGiven(), await entries()], before)
    for (const { id } of bench.controllers) {
      assert.equal((await known(id)).seenAt, bench.fleet.clock.now())
      assert.equal((await known(id)).sequence, (await bench.site.store.controller(id))!.sequence)
    }
  })

  it('a link that is down for a week: nothing piles up, events keep their order, and the newest is told', async () => {
    orThrow(await flushOutbox(bench.site))
    bench.line = () => ({ send: gone })
    for (let n = 0; n < 7 * 6; n += 1) {
      await round(16 * QUARTER)
      if (n === 20) await bench.report(bench.controllers[0]!, { event: 'boot' })
      if (n % 6 === 0) await flushOutbox(bench.site)
    }
    assert.equal((await bench.site.store.outbox(1000)).length, 1)
    const sent: number[] = []
    bench.line = honest => ({
      send: (items, manifest) => {
        sent.push(items.length)
        return honest.send(items, manifest)
      },
    })
    const before = await entries()
    orThrow(await flushOutbox(bench.site))
    assert.deepEqual(sent, [1, 0])
    assert.equal(await entries(), before + 1)
    for (const { id } of bench.controllers) {
      assert.equal((await known(id)).sequence, (await bench.site.store.controller(id))!.sequence)
    }
  })

  it('none overtakes an event: one that comes in the middle of it goes first, and nothing is refused', async () => {
    const [c0] = bench.controllers
    const order: string[] = []
    bench.line = honest => ({
      send: (items, manifest) => {
        order.push(items.length > 0 ? 'event' : 'regular')
        return honest.send(items, manifest)
      },
    })
    await round()
    const before = await entries()
    const { store } = bench.site
    const outbox = store.outbox.bind(store)
    let comes = true
    // Behind the last look at the outbox: an event, and a regular report that is newer than it.
    store.outbox = async limit => {
      const items = await outbox(limit)
      if (comes) {
        comes = false
        await bench.report(c0!, { event: 'boot' })
        await bench.report(c0!, { event: 'regular' })
      }
      return items
    }
    orThrow(await flushOutbox(bench.site))
    orThrow(await flushOutbox(bench.site))
    assert.deepEqual(order, ['event', 'regular'])
    const [entry] = await bench.fleet.world.store.entries(before, before + 1)
    assert.match(String(fromUtf8(entry!.bytes)), /"kind":"controller-report"/)
    assert.equal(await entries(), before + 1)
  })

  it('a gateway hands them over together, at most once in five minutes', async () => {
    let sent = 0
    bench.line = honest => ({
      send: (items, manifest) => {
        sent += 1
        return honest.send(items, manifest)
      },
    })
    for (let n = 0; n < 30; n += 1) {
      await round(60_000)
      orThrow(await flushOutbox(bench.site))
    }
    assert.equal(sent, 6)
  })

  it('attack: a change that goes by the word “regular” is an event, at the gateway and at the fleet', async () => {
    const [c0] = bench.controllers
    await round()
    orThrow(await flushOutbox(bench.site))
    const before = await entries()
    await bench.report(c0!, { event: 'regular', counter: 7 })
    assert.equal((await bench.site.store.outbox(10)).length, 1)
    orThrow(await flushOutbox(bench.site))
    assert.equal(await entries(), before + 1)
    // A gateway that was broken into sends the next change beside its outbox: it is entered in the log all the same.
    keepRoutine(bench.site.store, 'c0', bench.signedReport(c0!, { event: 'regular', counter: 8 }))
    bench.fleet.clock.advance(QUARTER)
    orThrow(await flushOutbox(bench.site))
    assert.equal(await entries(), before + 2)
  })

  it('attack: a manifest of regular reports that is played back, or that holds a report of another key, changes nothing', async () => {
    const [c0, c1] = bench.controllers
    const kept: [readonly SentItem[], Uint8Array][] = []
    bench.line = honest => ({
      send: (items, manifest) => {
        kept.push([items, manifest])
        return honest.send(items, manifest)
      },
    })
    await round()
    orThrow(await flushOutbox(bench.site))
    await round()
    orThrow(await flushOutbox(bench.site))
    const [before, log] = [await known('c0'), await entries()]
    for (const [items, manifest] of kept) orThrow(await acceptUpstream(bench.fleet.world, 'quay', items, manifest))
    assert.deepEqual([await known('c0'), await entries()], [before, log])
    // A gateway that was broken into makes one up for a controller whose key it does not have.
    bench.fleet.clock.advance(QUARTER)
    keepRoutine(bench.site.store, 'c0', bench.signedReport(c0!, { event: 'regular', sequence: 9_000 }, c1))
    orThrow(await flushOutbox(bench.site))
    assert.deepEqual(await known('c0'), before)
    const refused = await bench.fleet.world.store.entries(log, log + 1)
    assert.match(String(fromUtf8(refused[0]!.bytes)), /report-signature-invalid/)
  })
})
