import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { Book } from '../../src/core/campaign/book.ts'
import type { PlanBody } from '../../src/core/campaign/plan.ts'
import type { RolloutEvent } from '../../src/core/campaign/rollout-state.ts'
import { rolloutTerms } from '../../src/core/campaign/rollout-terms.ts'
import type { Turn } from '../../src/core/campaign/turn.ts'
import { type Plan, plannedControllers } from '../../src/core/campaign/turns.ts'
import { waitsOf } from '../../src/core/campaign/waits.ts'
import { fromUtf8 } from '../../src/core/encoding/bytes.ts'
import { canonicalJson } from '../../src/core/encoding/canonical-json.ts'
import { instant, millis, watts } from '../../src/core/encoding/units.ts'
import type { Version } from '../../src/core/firmware/version.ts'
import { NO_RULES } from '../../src/core/fleet/site-rules.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import { readDirector } from '../../src/core/trust/director-target.ts'
import { readMetadata } from '../../src/core/trust/read-metadata.ts'
import { Advance, goOn, siteShows, tick } from '../../src/flows/campaign.ts'
import { openCampaign } from '../../src/flows/opened.ts'
import type { FleetChange, FleetStore } from '../../src/flows/ports.ts'
import { shortagesOf } from '../../src/flows/shortages.ts'
import { turnOf } from '../../src/flows/turns.ts'
import { turnOf as planned, planOfSheets, sheetOf } from '../core/campaign/plans.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'
import { TurnsAtSite } from '../worlds/turns-at-site.ts'

/** Campaigns over the same controllers, with the real store and the real director, and gateways that say little. */

const DAY = 86_400_000
const HOUR = 3_600_000
const POWER = 'the power fails'
const SITES = ['harbour', 'pier', 'quay']
const actor = { kind: 'person', id: 'ada' } as const

class Fleet {
  readonly quiet: QuietFleet
  #report = 0

  constructor(quiet: QuietFleet) {
    this.quiet = quiet
  }

  static async make(): Promise<Fleet> {
    const quiet = await QuietFleet.make()
    await quiet.site('harbour', 2, { region: 'north', power: '1MW' })
    await quiet.site('pier', 2, { region: 'north', power: '1MW' })
    await quiet.site('quay', 2, { region: 'south', power: '2MW' })
    return new Fleet(quiet)
  }

  get now() {
    return this.quiet.clock.now()
  }

  /** A campaign of some sites' controllers, approved and not started. */
  async approved(
    id: string,
    sites: readonly string[],
    change: Partial<PlanBody> = {},
    turns = [planned('c0'), planned('c1')],
  ): Promise<Plan> {
    const sheets = sites.toSorted().map(site => sheetOf(site, turns, id))
    const open = { createdAt: this.now, notAfter: instant(this.now + 90 * DAY), timeoutMillis: millis(30 * DAY) }
    const { plan } = planOfSheets(sheets, { id, ...open, ...change })
    const facts = (site: string) =>
      site === 'quay'
        ? { region: 'south', watts: 2_000_000, wattHours: 0 }
        : { region: 'north', watts: 1_000_000, wattHours: 0 }
    const book = new Book(
      rolloutTerms(plan),
      [...plannedControllers(plan)].map(one => ({ ...one, ...facts(one.site) })),
    )
    orThrow(book.run({ kind: 'approve', now: this.now }))
    await this.quiet.campaign(plan, book)
    return plan
  }

  /** Tells a campaign something, as the flows do. */
  tell(id: string, event: RolloutEvent): Promise<null | Refusal> {
    const { world } = this.quiet
    return world.store.exclusive(async () => {
      const advance = new Advance(world)
      const decision = await advance.step(orThrow(await openCampaign(world, id)), event, actor)
      if (isRefusal(decision)) return decision
      if (!advance.idle) await advance.commit()
      return goOn(world, advance.more)
    })
  }

  /** The power fails at a commit: so many are durable, and the next one is not. */
  dies(survives: number): void {
    let left = survives
    const commit = (store: FleetStore, change: FleetChange): Promise<void> => {
      if (left === 0) return Promise.reject(new Error(POWER))
      left -= 1
      return store.commit(change)
    }
    this.quiet.open(
      [],
      store =>
        new Proxy(store, {
          get(target, name) {
            const value = target[name as keyof typeof store]
            if (name === 'commit') return (change: FleetChange) => commit(target, change)
            return typeof value === 'function' ? (value as () => unknown).bind(target) : value
          },
        }),
    )
  }

  start = (id: string) => this.tell(id, { kind: 'start', now: this.now })
  halt = (id: string) => this.tell(id, { kind: 'halt', now: this.now, reason: 'the test says so' })
  confirms(id: string, site: string, controller: string): Promise<null | Refusal> {
    this.#report += 1
    const of = { site, controller, report: this.#report }
    return this.tell(id, { kind: 'outcome', now: this.now, ...of, result: 'confirmed' })
  }

  fails(id: string, site: string, controller: string): Promise<null | Refusal> {
    this.#report += 1
    const of = { site, controller, report: this.#report, code: 'probe-failed' }
    return this.tell(id, { kind: 'outcome', now: this.now, ...of, result: 'reverted' })
  }

  async tick(millisOn = 1000): Promise<void> {
    this.quiet.clock.advance(millisOn)
    assert.equal(await tick(this.quiet.world), null)
  }

  /** A gateway checks in with what it goes by: the newest there is, or what was in force before. */
  async shows(site: string, version?: number): Promise<void> {
    await siteShows(this.quiet.world, site, version ?? (await this.version(site)))
  }

  async version(site: string): Promise<number> {
    const bytes = (await this.quiet.world.store.file(`director/${site}`, 'timestamp.json')) as Uint8Array
    return orThrow(readMetadata('timestamp', bytes, site)).signed.version
  }

  async turns(id: string): Promise<Map<string, Turn>> {
    const rows = await this.quiet.world.store.turns.page(id, null, 100)
    return new Map(rows.map(row => [`${row.site}/${row.controller}`, turnOf(row)]))
  }

  async at(id: string, key: string): Promise<string> {
    const turn = (await this.turns(id)).get(key)
    return turn?.at === 'queued' ? `queued behind ${turn.behind}` : String(turn?.at)
  }

  /** What the director orders at a site: `CAMPAIGN CONTROLLER` of each. */
  async ordered(site: string): Promise<string[]> {
    const set = orThrow(await this.quiet.refreshed(await this.quiet.client(`director/${site}`)))
    const orders = orThrow(readDirector(set)).flatMap(({ orders }) => [...orders])
    return orders.map(([controller, { campaign }]) => `${campaign} ${controller}`).sort()
  }

  async out(): Promise<{ controllers: number; watts: number }> {
    const rows = await this.quiet.world.store.turns.load()
    return {
      controllers: rows.reduce((sum, { controllers }) => sum + controllers, 0),
      watts: rows.reduce((sum, { watts }) => sum + watts, 0),
    }
  }
}

describe('several campaigns at once', () => {
  let fleet: Fleet
  before(async () => {
    fleet = await Fleet.make()
  })
  after(() => fleet?.quiet.close())

  it('a controller has one at a time: the others queue, and say behind which', async () => {
    await fleet.approved('first', ['harbour'])
    await fleet.approved('patch', ['harbour'], { priority: 90 })
    assert.equal(await fleet.start('first'), null)
    assert.equal(await fleet.start('patch'), null)
    assert.deepEqual(await fleet.ordered('harbour'), ['first c0', 'first c1'])
    // A higher priority does not take away what is ordered.
    assert.equal(await fleet.at('patch', 'harbour/c0'), 'queued behind first')
    await fleet.confirms('first', 'harbour', 'c0')
    await fleet.tick()
    assert.deepEqual(await fleet.ordered('harbour'), ['first c1', 'patch c0'])
    await fleet.confirms('first', 'harbour', 'c1')
    await fleet.tick()
    assert.deepEqual(await fleet.ordered('harbour'), ['patch c0', 'patch c1'])
    await fleet.confirms('patch', 'harbour', 'c0')
    await fleet.confirms('patch', 'harbour', 'c1')
    assert.deepEqual(await fleet.out(), { controllers: 0, watts: 0 })
  })

  it('of two that wait, the one of the higher priority goes first, and a deadline raises it', async () => {
    await fleet.approved('holder', ['pier'])
    await fleet.approved('older', ['pier'], { priority: 60 })
    const at = instant(fleet.now + 2 * HOUR)
    const deadline = { at: instant(fleet.now + 3 * HOUR), steps: [{ at, priority: 80 }] }
    await fleet.approved('critical', ['pier'], { deadline })
    for (const id of ['holder', 'critical', 'older']) assert.equal(await fleet.start(id), null)
    await fleet.confirms('holder', 'pier', 'c0')
    await fleet.tick()
    assert.deepEqual(await fleet.ordered('pier'), ['holder c1', 'older c0'])
    await fleet.tick(2 * HOUR)
    await fleet.confirms('holder', 'pier', 'c1')
    await fleet.tick()
    assert.deepEqual(await fleet.ordered('pier'), ['critical c1', 'older c0'])
    assert.equal(await fleet.at('older', 'pier/c1'), 'queued behind critical')
    for (const id of ['older', 'critical']) await fleet.halt(id)
    await fleet.shows('pier')
  })

  it('whoever waits for room is told by which budget, and of whom', async () => {
    const budgets = [{ per: 'region', watts: watts(1_500_000) } as const]
    await fleet.approved('narrow', ['harbour', 'pier'], { rules: { ...NO_RULES, budgets } })
    const waits = async (): Promise<string> => {
      const opened = orThrow(await openCampaign(fleet.quiet.world, 'narrow'))
      return waitsOf(opened.terms, opened.rollout, await shortagesOf(fleet.quiet.world, opened)).join(' ')
    }
    assert.doesNotMatch(await waits(), /budget/)
    assert.equal(await fleet.start('narrow'), null)
    assert.match(
      await waits(),
      /3 controllers wait for room .* The budget of region north lets 1\.5 MW be out at once, and with harbour\/c1 it would be 2 MW\.$/,
    )
    await fleet.halt('narrow')
    assert.equal(await waits(), '')
    for (const site of SITES) await fleet.shows(site)
  })

  it('a controller that was taken out of its site is no failure of the release, and no wave waits for it', async () => {
    await fleet.approved('moved', ['quay'], { timeoutMillis: millis(HOUR) })
    assert.equal(await fleet.start('moved'), null)
    const { store } = fleet.quiet.world
    const row = (await store.site('quay'))!
    const site = JSON.parse(fromUtf8(row.site)!)
    const controllers = site.controllers.filter(({ id }: { id: string }) => id !== 'c1')
    await store.commit({ sites: [{ ...row, site: canonicalJson({ ...site, controllers }) }] })
    await fleet.confirms('moved', 'quay', 'c0')
    assert.equal(await fleet.at('moved', 'quay/c1'), 'assigned')
    assert.deepEqual(await fleet.ordered('quay'), [])
    await fleet.tick(2 * HOUR)
    assert.equal(await fleet.at('moved', 'quay/c1'), 'withdrawn')
    const { state } = orThrow(await openCampaign(fleet.quiet.world, 'moved')).rollout
    assert.ok(state.at === 'soaking' || state.at === 'done', state.at)
    const left = (await fleet.quiet.entries()).filter(({ kind }) => kind === 'controller-left')
    assert.deepEqual(left[0]?.detail, { why: 'it was taken out of its site' })
    await store.commit({ sites: [row] })
    await fleet.halt('moved')
    await fleet.shows('quay')
  })

  it('attack: an order that was taken back counts, and holds its controller, until the site has shown the newer version', async () => {
    const budgets = [{ per: 'fleet', controllers: 2 } as const]
    const only = { rules: { ...NO_RULES, budgets }, timeoutMillis: millis(HOUR) }
    await fleet.approved('taken-back', ['quay'], only)
    await fleet.approved('next', ['quay'], only)
    assert.equal(await fleet.start('taken-back'), null)
    const before = await fleet.version('quay')
    await fleet.halt('taken-back')
    assert.deepEqual(await fleet.ordered('quay'), [])
    assert.deepEqual(await fleet.out(), { controllers: 2, watts: 4_000_000 })
    assert.equal(await fleet.start('next'), null)
    assert.equal(await fleet.at('next', 'quay/c0'), 'queued behind taken-back')
    // A gateway that goes by what was in force before the halt may still let them restart.
    await fleet.shows('quay', before)
    await fleet.tick()
    assert.deepEqual(await fleet.ordered('quay'), [])
    await fleet.shows('quay')
    await fleet.tick()
    assert.deepEqual(await fleet.ordered('quay'), ['next c0', 'next c1'])
    await fleet.halt('next')
    // A site that never says anything: its metadata expires, and who went at the last moment has the plan's timeout.
    await fleet.tick(DAY - 2000)
    assert.equal((await fleet.out()).controllers, 2)
    await fleet.tick(HOUR)
    assert.equal((await fleet.out()).controllers, 2, 'it may have begun by what has just expired')
    await fleet.approved('late', ['quay'], only)
    assert.equal(await fleet.start('late'), null)
    await fleet.tick(3000)
    assert.deepEqual(await fleet.ordered('quay'), ['late c0', 'late c1'])
    await fleet.halt('late')
    await fleet.shows('quay')
  })

  for (const [what, survives] of [
    ['before anything of it is durable', 0],
    ['between the halt and the withdrawals', 1],
    ['behind all of it', 2],
  ] as const) {
    it(`the server dies ${what}, when a failure halts a campaign: the next tick leaves the same end`, async () => {
      const waves = [
        { name: 'all', soakMillis: millis(HOUR), gate: { minSuccessPercent: 100, maxFailures: 0 }, controllers: 2 },
      ]
      const strict = `dies-${survives}`
      await fleet.approved(strict, ['pier'], { waves })
      assert.equal(await fleet.start(strict), null)
      assert.deepEqual(await fleet.ordered('pier'), [`${strict} c0`, `${strict} c1`])
      fleet.dies(survives)
      const failed = fleet.fails(strict, 'pier', 'c0')
      if (survives < 2) await assert.rejects(failed, { message: POWER })
      else await failed
      fleet.quiet.open()
      // A gateway says again what was not acknowledged; what was counted counts once.
      if (survives === 0) await fleet.fails(strict, 'pier', 'c0')
      await fleet.tick()
      const { rollout } = orThrow(await openCampaign(fleet.quiet.world, strict))
      assert.equal(rollout.state.at, 'halted')
      assert.deepEqual(await fleet.ordered('pier'), [])
      assert.equal(await fleet.at(strict, 'pier/c1'), 'withdrawn')
      assert.deepEqual(await fleet.out(), { controllers: 1, watts: 1_000_000 }, 'c1, until its site knows')
      await fleet.shows('pier')
    })
  }

  it('the server dies at each commit of a roll-back, one after the other: it ends as it would have, in its order', async () => {
    const last = { ...planned('c1'), steps: [{ release: 0, order: 1 }] }
    const [release] = (await fleet.approved('model', ['quay'])).releases as [PlanBody['releases'][number]]
    const undoes = { ...release, path: 'bms/2.3.1.suit', version: '2.3.1' as Version, sha256: 'cd'.repeat(32) }
    const ways = { releases: [release, undoes], back: [{ of: 0, to: 1 }] }
    let deaths = 1
    for (let survives = 0; deaths > 0; survives += 1) {
      deaths = 0
      const id = `undone-${survives}`
      await fleet.approved(id, ['quay'], ways, [planned('c0'), last])
      assert.equal(await fleet.start(id), null)
      for (const controller of ['c0', 'c1']) assert.equal(await fleet.confirms(id, 'quay', controller), null)
      await fleet.tick()
      const now = instant(fleet.now + 1000)
      const back = { kind: 'roll-back', now, reason: 'smoke', partly: false } as const
      // A gateway says the same report again until it is acknowledged.
      const goes = (controller: string, report: number) =>
        fleet.tell(id, { kind: 'outcome', now, site: 'quay', controller, report, result: 'confirmed' })
      const walk = [
        () => fleet.tell(id, back),
        () => fleet.tick(),
        () => goes('c1', 10_001),
        () => fleet.tick(),
        () => goes('c0', 10_002),
        () => fleet.tick(),
      ]
      fleet.dies(survives)
      const seen: string[] = []
      const look = async (): Promise<void> => {
        for (const order of await fleet.ordered('quay')) if (seen.at(-1) !== order) seen.push(order)
      }
      for (const step of walk) {
        try {
          await step()
        } catch (error) {
          assert.equal((error as Error).message, POWER)
          deaths += 1
          fleet.quiet.open()
          await look()
          await step()
        }
        await look()
      }
      const { rollout } = orThrow(await openCampaign(fleet.quiet.world, id))
      assert.deepEqual(rollout.state.at === 'done' && rollout.state.undone, true, id)
      assert.deepEqual(
        [...(await fleet.turns(id)).values()].map(({ at }) => at),
        ['returned', 'returned'],
      )
      assert.deepEqual(seen, [`${id} c1`, `${id} c0`], 'the last first, and nobody twice')
      assert.deepEqual(await fleet.out(), { controllers: 0, watts: 0 })
      assert(survives < 20)
      if (deaths === 0) assert(survives >= 5, `${survives} commits`)
    }
    fleet.quiet.open()
  })

  it('a site is told of a halt with nothing but its own bundle: the others are not written', async () => {
    const before = await Promise.all(SITES.map(site => fleet.version(site)))
    await fleet.approved('local', ['pier'])
    assert.equal(await fleet.start('local'), null)
    await fleet.halt('local')
    const now = await Promise.all(SITES.map(site => fleet.version(site)))
    assert.deepEqual(
      now.map((version, index) => version > before[index]!),
      [false, true, false],
    )
    await fleet.shows('pier')
  })

  it('attack: what is ordered in a region and in the fleet is never more than any of the budgets allow, whatever happens', async () => {
    let round = 0
    const budgets = (per: 'region' | 'fleet', limit: object) => ({
      rules: { ...NO_RULES, budgets: [{ per, ...limit }] },
    })
    const steps = fc.array(fc.record({ pick: fc.nat(11), site: fc.nat(2), controller: fc.nat(1), hours: fc.nat(3) }), {
      minLength: 20,
      maxLength: 50,
    })
    await fc.assert(
      fc.asyncProperty(steps, async walk => {
        round += 1
        const [one, two] = [`one-${round}`, `two-${round}`]
        await fleet.approved(one, SITES, budgets('fleet', { controllers: 3 }) as never)
        await fleet.approved(two, SITES, budgets('region', { watts: 2_000_000 }) as never)
        const check = async () => {
          const rows = await fleet.quiet.world.store.turns.load()
          const regions = new Map<string, number>()
          for (const { region, watts } of rows) regions.set(region, (regions.get(region) ?? 0) + watts)
          const out = rows.filter(({ controllers }) => controllers > 0)
          if (out.some(({ campaign }) => campaign === one)) assert((await fleet.out()).controllers <= 3)
          // Where it has something out, all of them together keep to its budget.
          for (const { campaign, region } of out) if (campaign === two) assert((regions.get(region) ?? 0) <= 2_000_000)
          // And whoever is away is out, so that nothing else takes its room.
          for (const gateway of gateways.values()) {
            for (const controller of gateway.away()) {
              assert.notEqual(await fleet.quiet.world.store.turns.order({ site: gateway.site, controller }), null)
            }
          }
        }
        const gateways = new Map(SITES.map(site => [site, new TurnsAtSite(site)]))
        for (const id of [one, two]) {
          assert.equal(await fleet.start(id), null)
          await check()
        }
        for (const gateway of gateways.values()) {
          gateway.hears(await fleet.version(gateway.site), await fleet.ordered(gateway.site))
          gateway.grants('c0')
        }
        for (const { pick, site, controller, hours } of walk) {
          const id = pick % 2 === 0 ? one : two
          const at = SITES[site] as string
          const gateway = gateways.get(at) as TurnsAtSite
          const hears = async () => gateway.hears(await fleet.version(at), await fleet.ordered(at))
          if (pick < 2) {
            await fleet.confirms(id, at, `c${controller}`)
            gateway.through(`c${controller}`)
          } else if (pick < 4) await fleet.tick(hours * (HOUR / 10))
          else if (pick < 6) gateway.grants(`c${controller}`)
          else if (pick < 7) await fleet.tell(id, { kind: 'resume', now: fleet.now })
          else if (pick < 9) {
            await fleet.tell(id, { kind: 'pause', now: fleet.now, reason: 'wait' })
            if (hours > 0) await hears()
          } else if (pick < 10) await hears()
          else if (gateway.shows !== null) await fleet.shows(at, gateway.shows)
          await check()
        }
        for (const id of [one, two]) await fleet.halt(id)
        for (const site of SITES) await fleet.shows(site)
        assert.deepEqual(await fleet.out(), { controllers: 0, watts: 0 })
      }),
      // What a failed run leaves behind would fail every smaller one.
      { numRuns: 8, endOnFailure: true },
    )
  })
})
