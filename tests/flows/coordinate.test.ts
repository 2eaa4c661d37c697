import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { pino } from 'pino'
import type { World } from '../../sim/doors/world.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { Bell } from '../../src/apps/gateway/bell.ts'
import { startLoops } from '../../src/apps/gateway/serve.ts'
import type { Reading } from '../../src/core/campaign/rules/readings.ts'
import { toHex } from '../../src/core/encoding/bytes.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { type SiteRules, WEEK } from '../../src/core/fleet/site-rules.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../../src/core/refusal/refusal.ts'
import { giveTurns } from '../../src/flows/coordinate.ts'
import { offerFor } from '../../src/flows/offer.ts'
import type { GatewayStore, SiteWorld } from '../../src/flows/ports.ts'
import { waitOf } from '../../src/flows/reason.ts'
import { refreshSite, workOf } from '../../src/flows/relay.ts'
import { acceptControllerReport } from '../../src/flows/report.ts'
import { wallTime } from '../../src/flows/wall-time.ts'
import type { AttentionView } from '../../src/wire/attention-views.ts'
import type { ControllerView } from '../../src/wire/fleet-views.ts'
import { rules } from '../core/campaign/situations.ts'
import { ask, askCampaign } from '../worlds/people.ts'
import { image, QUAY } from '../worlds/quay.ts'
import { type Gateway, gatewayOf } from '../worlds/site-world.ts'
import { rest, started } from '../worlds/started.ts'
import { entryItem, handOver, speaker } from '../worlds/upstream.ts'

const IMAGE = toHex(nodeCrypto.sha256(image(2)))
const staged = { version: '1.1.0', sequence: 1_001_000, digest: IMAGE }

async function fill(world: World): Promise<World> {
  await world.reported()
  await rest(world)
  await world.publish(await world.release('bms', '1.1.0', image(2)))
  await world.campaign('spring', ['bms/1.1.0/envelope.suit'], '--soak', '1h', '--controller', 'quay/bms-1')
  await world.campaign('autumn', ['bms/1.1.0/envelope.suit'], '--soak', '1h', '--controller', 'quay/bms-2')
  return world
}

describe('turns at a site', () => {
  let world: World
  before(async () => {
    world = await started(QUAY, fill)
  })
  after(() => world?.stop())

  type Plant = readonly Reading[] | Refusal
  type Desk = {
    readonly gateway: Gateway
    readonly site: SiteWorld
    /** Sets the plant's readings, and how far the clock is ahead. */
    readonly set: (to: { plant?: Plant; ahead?: number }) => void
    readonly at: (id: string) => Promise<string>
    readonly withheld: () => Promise<{ rule: string; about: string; controllers: string[] }[]>
  }

  /** A gateway with both racks staged, under these limits. */
  const desk = async (limits: object, work: (desk: Desk) => Promise<void>): Promise<void> => {
    const gateway = await gatewayOf(world)
    let [plant, ahead]: [Plant, number] = [[], 0]
    const read = async () => plant
    const site: SiteWorld = {
      ...gateway.site,
      site: { ...gateway.site.site, limits: rules(limits) as SiteRules },
      clock: { now: () => instant(Date.now() + ahead), quality: 'simulated' },
      conditions: { read },
      maxRestarting: 2,
    }
    try {
      assert.equal(await refreshSite(site), null)
      for (const id of ['bms-1', 'bms-2']) {
        const say = await speaker(world, id)
        orThrow(await acceptControllerReport(site, id, say({ event: 'staged', staged })))
      }
      await work({
        gateway,
        site,
        set: to => {
          plant = to.plant ?? plant
          ahead = to.ahead ?? ahead
        },
        at: async id => workOf((await gateway.store.controller(id))!).at,
        withheld: async () =>
          (await gateway.entries())
            .filter(({ kind }) => kind === 'activation-withheld')
            .map(({ detail }) => detail as never),
      })
    } finally {
      gateway.close()
    }
  }

  const SOC = { permissives: [{ point: 'state-of-charge', min: 30, maxAgeMillis: '30s' }] }
  const charge = (value: number): Reading[] => [{ point: 'state-of-charge', of: null, value, at: instant(Date.now()) }]

  it('attack: a turn that is not taken up in its time is over: what it was given under may be over too', () =>
    desk(SOC, async ({ site, set, at }) => {
      set({ plant: charge(80) })
      assert.deepEqual((await giveTurns(site)).granted, ['bms-1', 'bms-2'])
      const offer = await offerFor(site, 'bms-1')
      assert.ok(offer !== null && !isRefusal(offer) && offer.activate, 'in time')
      assert.ok(
        (offer.within ?? 0) > 100_000 && (offer.within ?? 0) <= 120_000,
        'and the controller is told how long it holds',
      )
      set({ ahead: 121_000, plant: charge(5) })
      assert.deepEqual(await offerFor(site, 'bms-1'), null)
      assert.deepEqual(
        [await at('bms-1'), await at('bms-2')],
        ['staged', 'granted'],
        'who does not ask may be restarting',
      )
      assert.deepEqual((await giveTurns(site)).granted, [], 'there is no charge left')
    }))

  it('attack: a clock that was set back does not make a turn last', () =>
    desk({}, async ({ site, set, at }) => {
      assert.deepEqual((await giveTurns(site)).granted, ['bms-1', 'bms-2'])
      set({ ahead: -3_600_000 })
      assert.deepEqual(await offerFor(site, 'bms-1'), null)
      assert.equal(await at('bms-1'), 'staged')
    }))

  it('the link is down and the gateway starts anew: the site goes on by what it holds', () =>
    desk({}, async ({ site }) => {
      const dead = async () => refuse('not-reachable', 'the fleet', 'a server that answers', 'ECONNREFUSED')
      const fleet = { checkIn: dead, file: dead, blob: dead, send: dead, showPlant: dead, upstream: dead }
      assert.deepEqual((await giveTurns({ ...site, fleet })).granted, ['bms-1', 'bms-2'])
    }))

  it('without the plan’s rules nobody gets a turn', () =>
    desk({}, async ({ site, gateway }) => {
      const held = [...(await gateway.store.files('plans')).keys()]
      assert.deepEqual(held.toSorted(), ['autumn.json', 'spring.json'])
      await gateway.store.commit({ forgotten: [{ repo: 'plans', path: 'spring.json' }] })
      const fresh = { ...site }
      assert.deepEqual((await giveTurns(fresh)).granted, ['bms-2'])
      assert.equal(waitOf(fresh, 'bms-1')?.rule, 'expired')
    }))

  it('attack: a changed rule in the store is no rule', () =>
    desk({}, async ({ site, gateway }) => {
      const head = (await gateway.store.files('plans')).get('spring.json')!
      const other = new TextEncoder().encode(new TextDecoder().decode(head).replace('"priority":50', '"priority":51'))
      await gateway.store.commit({ files: [{ repo: 'plans', path: 'spring.json', bytes: other }] })
      // Whoever writes to the store could write turns: what the next orders bring puts the plan right again.
      assert.equal(await refreshSite(site), null)
      assert.deepEqual((await gateway.store.files('plans')).get('spring.json'), head)
    }))

  it('a reason is told once, to the fleet too, and again when it is another one', () =>
    desk({ ...SOC, windows: [] }, async ({ site, set, withheld }) => {
      set({ plant: charge(18) })
      await giveTurns(site)
      await giveTurns(site)
      assert.equal(
        waitOf(site, 'bms-2')?.because,
        "the site's state of charge 18 %, at least 30 % needed; read 0 s ago",
      )
      set({ plant: charge(17) })
      await giveTurns(site)
      assert.deepEqual(
        (await withheld()).map(({ rule, about, controllers }) => [rule, about, controllers]),
        [['permissive', 'state-of-charge', ['bms-1', 'bms-2']]],
        'one entry for both, and none because a figure moved',
      )
      set({ plant: charge(60) })
      const alone = { ...site, maxRestarting: 1 }
      assert.deepEqual((await giveTurns(alone)).granted, ['bms-1'])
      assert.equal(waitOf(alone, 'bms-1'), null)
      assert.equal(waitOf(alone, 'bms-2')?.rule, 'restarting')
      assert.deepEqual(
        (await withheld()).map(({ rule }) => rule),
        ['permissive', 'restarting'],
      )
    }))

  it('a plant that cannot be read holds back who needs it, and says so', () =>
    desk(SOC, async ({ site, set, withheld }) => {
      set({ plant: refuse('conditions-not-read', 'https://ems', 'an answer', 'ECONNREFUSED') })
      const { granted, fault } = await giveTurns(site)
      assert.deepEqual([granted, fault?.code], [[], 'conditions-not-read'])
      assert.deepEqual(
        (await withheld()).map(({ about }) => about),
        ['state-of-charge'],
      )
    }))

  it('if power fails before the turns are durable, nobody has one, and the next look gives them', () =>
    desk({}, async ({ site, gateway, at }) => {
      const real = gateway.store
      const store: GatewayStore = {
        exclusive: work => real.exclusive(work),
        files: repo => real.files(repo),
        controller: id => real.controller(id),
        controllers: () => real.controllers(),
        assignments: () => real.assignments(),
        outbox: limit => real.outbox(limit),
        lastGiven: () => real.lastGiven(),
        witnessed: origin => real.witnessed(origin),
        logged: (behind, limit) => real.logged(behind, limit),
        loggedAbout: (controller, limit) => real.loggedAbout(controller, limit),
        ownLog: () => real.ownLog(),
        told: id => real.told(id),
        time: () => real.time(),
        copied: () => real.copied(),
        commit: change =>
          change.controllers === undefined ? real.commit(change) : Promise.reject(new Error('power failed')),
      }
      await assert.rejects(giveTurns({ ...site, store }), /power failed/)
      assert.deepEqual([await at('bms-1'), await at('bms-2')], ['staged', 'staged'])
      assert.deepEqual((await giveTurns(site)).granted, ['bms-1', 'bms-2'])
    }))

  it('attack: a clock that is set ahead into the window opens none', () => {
    const now = Temporal.Instant.fromEpochMilliseconds(Date.now()).toZonedDateTimeISO('Europe/Amsterdam')
    const shows = (hours: number) => now.add({ hours }).toPlainTime().toString({ smallestUnit: 'minute' })
    const windows = [{ days: [...WEEK], from: shows(3), to: shows(6) }]
    return desk({ windows }, async ({ site, set }) => {
      assert.deepEqual((await giveTurns(site)).granted, [])
      assert.equal(waitOf(site, 'bms-1')?.rule, 'window')
      set({ ahead: 4 * 3_600_000 })
      assert.deepEqual((await giveTurns(site)).granted, [])
      assert.equal(waitOf(site, 'bms-1')?.rule, 'clock')
    })
  })

  it('attack: a clock that is set ahead while the gateway runs is recorded, once', () =>
    desk({}, async ({ site, set, gateway }) => {
      const running = { ...site }
      assert.deepEqual((await wallTime(running)).doubts, [])
      set({ ahead: 7_200_000 })
      const [doubt] = (await wallTime(running)).doubts
      assert.ok(doubt !== undefined && Math.abs(doubt.jumped - 7_200_000) < 1000)
      await wallTime(running)
      const told = (await gateway.entries()).filter(({ code }) => code === 'clock-jumped')
      assert.deepEqual(
        told.map(({ kind }) => kind),
        ['intrusion-signal'],
      )
    }))

  it('attack: a gateway gives no turn before it has asked the fleet what time it is', () =>
    desk({}, async ({ site, at }) => {
      const bells = { reports: new Bell(), work: new Bell() }
      const answers: (() => void)[] = []
      const dead = refuse('not-reachable', 'the fleet', 'a server that answers', 'ECONNREFUSED')
      const checkIn = () => new Promise<Refusal>(resolve => answers.push(() => resolve(dead)))
      let looks = 0
      const exclusive: GatewayStore['exclusive'] = work => {
        looks += 1
        return site.store.exclusive(work)
      }
      const real = site.store
      const store: GatewayStore = {
        exclusive,
        files: repo => real.files(repo),
        controller: id => real.controller(id),
        controllers: () => real.controllers(),
        assignments: () => real.assignments(),
        outbox: async () => [],
        lastGiven: () => real.lastGiven(),
        witnessed: origin => real.witnessed(origin),
        logged: (behind, limit) => real.logged(behind, limit),
        loggedAbout: (controller, limit) => real.loggedAbout(controller, limit),
        ownLog: () => real.ownLog(),
        told: id => real.told(id),
        time: () => real.time(),
        copied: () => real.copied(),
        commit: change => real.commit(change),
      }
      const loops = startLoops(
        { ...site, store, fleet: { ...site.fleet, checkIn } },
        bells,
        10,
        pino({ level: 'silent' }),
      )
      try {
        while (answers.length === 0) await nextTurn()
        for (let turn = 0; turn < 20; turn += 1) {
          bells.reports.ring()
          await nextTurn()
        }
        assert.deepEqual([looks, await at('bms-1')], [0, 'staged'], 'while it is asking')
        answers[0]?.()
        while ((await at('bms-1')) !== 'granted') {
          bells.reports.ring()
          await nextTurn()
        }
      } finally {
        const stopped = loops.map(loop => loop.stop())
        for (const answer of answers) answer()
        for (const bell of [bells.reports, bells.work]) bell.close()
        await Promise.all(stopped)
      }
    }))

  // --- At the fleet ---

  const REASON = {
    rule: 'permissive',
    about: 'state-of-charge',
    because: "the site's state of charge 18 %, at least 30 % needed; read 4 s ago",
    value: '18 %',
    threshold: 'at least 30 %',
    ageMillis: 4000,
    nextPossible: null,
  }
  const withheld = (detail: object) =>
    entryItem({ kind: 'activation-withheld', detail: { ...REASON, controllers: ['bms-1'], ...detail } as never })
  const shownOf = async (id: string) => (await ask<ControllerView>(world, `/v1/controllers/quay/${id}`)).waits

  it('the fleet shows why a controller waits, until it gets its turn or has nothing to wait for', async () => {
    orThrow(await handOver(world, [withheld({ controllers: ['bms-1', 'bms-2'] })]))
    assert.equal((await shownOf('bms-1'))?.sentence, `bms-1 waits: ${REASON.because}.`)
    assert.deepEqual([(await shownOf('bms-2'))?.value, (await shownOf('bms-2'))?.threshold], ['18 %', 'at least 30 %'])
    const view = await askCampaign(world, 'spring')
    assert.deepEqual(
      view.controllers.map(({ controller, state, detail }) => [controller, state, detail]),
      [['bms-1', 'assigned', `waits: ${REASON.because}`]],
    )
    orThrow(await handOver(world, [entryItem({ kind: 'activation-granted', controller: 'bms-1' })]))
    assert.equal(await shownOf('bms-1'), null)
    orThrow(await handOver(world, [withheld({ rule: 'none', about: '', controllers: ['bms-2'] })]))
    assert.equal(await shownOf('bms-2'), null)
  })

  const YES = { rule: 'link', about: 'ask', because: 'the full image, 48 KiB, comes when somebody says yes to it' }
  const asking = async (): Promise<string[]> =>
    (await ask<AttentionView[]>(world, '/v1/attention?site=quay'))
      .filter(({ subject }) => subject === 'asking')
      .map(({ level, controller, controllers, text }) => `${level}: ${controller} ${controllers} ${text}`)
  const askingIs = (...lines: string[]) =>
    // Whoever asks soon again is told what the last look found.
    world.until(`what asks is ${lines.join() || 'nothing'}`, async () => isDeepStrictEqual(await asking(), lines))
  const TEXT = 'wait for a yes at the site to a full image'

  it('who waits for a yes needs somebody, until it waits for something else, gets its turn, or waits no more', async () => {
    orThrow(await handOver(world, [withheld({ ...YES, controllers: ['bms-1', 'bms-2'] })]))
    await askingIs(`attention: bms-1 2 ${TEXT}`)
    orThrow(await handOver(world, [withheld({ rule: 'link', about: 'on its way' })]))
    await askingIs(`attention: bms-2 1 ${TEXT}`)
    const budget = withheld({ ...YES, about: 'budget', controllers: ['bms-1'] })
    orThrow(await handOver(world, [budget, entryItem({ kind: 'activation-granted', controller: 'bms-2' })]))
    await askingIs(`attention: bms-1 1 ${TEXT}`)
    orThrow(await handOver(world, [withheld({ rule: 'none', about: '' })]))
    await askingIs()
  })

  it('who waits for a patch alone, by a policy that no yes changes, asks nobody', async () => {
    orThrow(await handOver(world, [withheld({ rule: 'link', about: 'never', controllers: ['bms-1', 'bms-2'] })]))
    orThrow(await handOver(world, [withheld({ ...YES, controllers: ['bms-2'] })]))
    await askingIs(`attention: bms-2 1 ${TEXT}`)
    orThrow(await handOver(world, [withheld({ rule: 'none', about: '', controllers: ['bms-1', 'bms-2'] })]))
  })

  const BAD: [name: string, detail: object][] = [
    ['of a rule that is no word', { rule: 7 }],
    ['of more controllers than one entry may name', { controllers: Array.from({ length: 501 }, (_, n) => `c-${n}`) }],
    ['of a controller whose name is none', { controllers: ['../bms-1'] }],
    ['with more in it', { colour: 'blue' }],
  ]
  for (const [name, detail] of BAD) {
    it(`attack: a gateway that gives a reason ${name} is written down, and nothing more`, async () => {
      orThrow(await handOver(world, [withheld(detail)]))
      assert.equal(await shownOf('bms-1'), null)
    })
  }
})
