import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Page, Wanted } from '../../../src/apps/fleet/api/page.ts'
import { type AttentionOf, attentionOf } from '../../../src/apps/fleet/attention.ts'
import type { Book } from '../../../src/core/campaign/book.ts'
import type { PlanBody } from '../../../src/core/campaign/plan.ts'
import { isOrdered, type Turn } from '../../../src/core/campaign/turn.ts'
import type { OrderRow } from '../../../src/core/campaign/turn-rows.ts'
import type { Plan } from '../../../src/core/campaign/turns.ts'
import { instant, millis } from '../../../src/core/encoding/units.ts'
import { USUAL_SILENCE } from '../../../src/core/fleet/attention.ts'
import { orThrow, refuse } from '../../../src/core/refusal/refusal.ts'
import type { Who } from '../../../src/flows/admit.ts'
import { rowOf } from '../../../src/flows/turns.ts'
import type { AttentionView } from '../../../src/wire/attention-views.ts'
import { planOf, planOfSheets, sheetOf, turnOf } from '../../core/campaign/plans.ts'
import { reportOf, type Said } from '../../worlds/inventory.ts'
import { grants, PeopleDoor, send } from '../../worlds/people-door.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'
import { created, running } from '../../worlds/running.ts'

const KID = 'aa'.repeat(32)
const DAY = 86_400_000

const whoHas = (...roles: readonly string[]): Who =>
  ({ id: 'ada', disabled: false, grants: grants(...roles), narrowed: null }) as unknown as Who

/** A plan of another name for two controllers at harbour. */
const planOfTwo = (id: string, change: Partial<PlanBody> = {}): Plan =>
  planOfSheets([sheetOf('harbour', [turnOf('c0'), turnOf('c1')], id)], { id, ...change }).plan

describe('what needs somebody', () => {
  let fleet: QuietFleet
  let begin: number
  let sequence = 0
  /** Each look is a new one: nobody shares another's. */
  const look = (): AttentionOf => attentionOf(fleet.world, async () => [])
  const listed = async (who: Who, more: object = {}): Promise<readonly AttentionView[]> =>
    orThrow(await look().list(who, more)).items
  const told = async (who = whoHas('auditor@fleet')): Promise<string[]> =>
    (await listed(who))
      .filter(({ subject }) => subject !== 'alarm')
      .map(({ level, subject, site, controller, controllers, campaign }) =>
        [level, subject, site, controller, controllers, campaign].filter(part => part !== null).join(' '),
      )

  const says = async (site: string, id: string, seenAt: number, more: Partial<Said> = {}): Promise<void> => {
    sequence += 1
    const said: Said = { sequence, version: '1.0.0', state: 'stable', counter: 1, anchors: [KID], seenAt, ...more }
    const row = orThrow(await fleet.world.store.controller(site, id))
    assert.ok(row !== null)
    const report = reportOf({ site, id }, said)
    const seen = instant(seenAt)
    await fleet.world.store.commit({ controllers: [{ ...row, report, sequence: said.sequence, seenAt: seen }] })
  }
  const turnsOf = (book: Book, change: (turn: Turn, at: number) => Turn): ReturnType<typeof rowOf>[] =>
    [...book.turns.values()].map((turn, at) => rowOf(book.head.campaign, change(turn, at)))

  before(async () => {
    fleet = await QuietFleet.make()
    begin = fleet.clock.now()
    await fleet.site('harbour', 4)
    await fleet.site('hill', 2, { region: 'uk' })
    for (const id of ['c0', 'c1', 'c2', 'c3']) await says('harbour', id, begin)
    for (const id of ['c0', 'c1']) await says('hill', id, begin)
  })
  after(() => fleet.close())

  it('is nothing while all is well', async () => {
    assert.deepEqual(await told(), [])
    const summary = await look().summary(whoHas('auditor@fleet'))
    assert.deepEqual([summary.trust, summary.failed, summary.more], [0, 0, false])
    assert.deepEqual(summary.regions, [
      { region: 'nl', sites: 1, controllers: 4, trust: 0, failed: 0, attention: 0 },
      { region: 'uk', sites: 1, controllers: 2, trust: 0, failed: 0, attention: 0 },
    ])
  })

  it('is who was silent for an hour, or never spoke at all, each site once', async () => {
    await fleet.site('reef', 3, { region: 'uk' })
    fleet.clock.advance(USUAL_SILENCE.controllers)
    assert.deepEqual(await told(), ['attention unheard reef c0 3'], 'an hour is not over')
    fleet.clock.advance(millis(1))
    await says('hill', 'c1', fleet.clock.now())
    assert.deepEqual(await told(), [
      'attention silent harbour c0 4',
      'attention silent hill c0 1',
      'attention unheard reef c0 3',
    ])
    const [first] = await listed(whoHas('auditor@fleet'), { site: 'hill' })
    assert.equal(first?.since, begin)
    for (const id of ['c0', 'c1', 'c2', 'c3']) await says('harbour', id, fleet.clock.now())
    await says('hill', 'c0', fleet.clock.now())
    for (const id of ['c0', 'c1', 'c2']) await says('reef', id, fleet.clock.now())
    assert.deepEqual(await told(), [])
  })

  it('is who was silent for as long as the config says, and says how long that is', async () => {
    const quick = { ...fleet.world, silence: { ...USUAL_SILENCE, controllers: millis(90_000) } }
    fleet.clock.advance(millis(90_001))
    const { items } = orThrow(await attentionOf(quick, async () => []).list(whoHas('auditor@fleet'), { site: 'hill' }))
    assert.deepEqual(
      items.map(({ subject, text }) => [subject, text]),
      [['silent', 'have been silent for more than 1 min 30 s']],
    )
    assert.deepEqual(await told(), [], 'the hour that is usual is not over')
  })

  it('is who runs a recovery image', async () => {
    await says('hill', 'c1', fleet.clock.now(), { state: 'golden' })
    assert.deepEqual(await told(), ['failed golden hill c1 1'])
    await says('hill', 'c1', fleet.clock.now())
    assert.deepEqual(await told(), [])
  })

  /** What a batch of a site's gateway says of who waits for a yes, and since when; null: not any more. */
  const asks = (site: string, ids: readonly string[], since: number | null): Promise<void> => {
    const row = { site, since: since === null ? null : instant(since) }
    return fleet.world.store.commit({ asking: ids.map(controller => ({ ...row, controller })) })
  }
  const order = (site: string, controller: string, takenBack: OrderRow['takenBack'] = null): OrderRow => ({
    ...{ site, controller, campaign: 'spring', region: 'nl' },
    ...{ watts: 0, wattHours: 0, takenBack },
  })

  it('is who is ordered an image that waits for a yes at its site, since the first of them waits', async () => {
    const now = fleet.clock.now()
    await fleet.world.store.commit({ orders: ['c0', 'c1', 'c2'].map(id => order('harbour', id)) })
    await asks('harbour', ['c1', 'c2'], now - 5000)
    assert.deepEqual(await told(), ['attention asking harbour c1 2'])
    await asks('harbour', ['c0', 'c1'], now)
    const [one] = await listed(whoHas('auditor@fleet'), { site: 'harbour' })
    assert.deepEqual([one?.controller, one?.controllers, one?.since], ['c0', 3, now - 5000])
    assert.deepEqual(await told(whoHas('operator@region:uk')), [], 'it is nobody’s elsewhere')
    const { regions } = await look().summary(whoHas('auditor@fleet'))
    assert.deepEqual(
      regions.map(({ region, attention }) => [region, attention]),
      [
        ['nl', 1],
        ['uk', 0],
      ],
    )
    fleet.open()
    assert.deepEqual(await told(), ['attention asking harbour c0 3'], 'and still, after the server was started anew')
    await asks('harbour', ['c1', 'c2'], null)
    assert.deepEqual((await listed(whoHas('auditor@fleet'), { site: 'harbour' }))[0]?.since, now)
    const back = { version: 1, until: instant(now + DAY) }
    await fleet.world.store.commit({ orders: [order('harbour', 'c0', back)] })
    assert.deepEqual(await told(), [], 'its order was taken back')
    await fleet.world.store.commit({ ended: ['c0', 'c1', 'c2'].map(controller => ({ site: 'harbour', controller })) })
    assert.deepEqual(await told(), [])
  })

  it('attack: a gateway that lets controllers ask which are nobody, or are ordered nothing', async () => {
    await asks('hill', ['c0', 'c1', 'nobody', 'nobody-else'], 0)
    assert.deepEqual(await told(), [])
    await asks('hill', ['c0', 'c1', 'nobody', 'nobody-else'], null)
  })

  it('is a campaign that waits for a person, and whom it failed, until a later one has taken them up', async () => {
    const plan = planOf([2, 2], { id: 'spring' })
    const book = running(plan)
    await fleet.campaign(plan, book)
    assert.deepEqual(await told(), [])
    const at = fleet.clock.now()
    const bad = turnsOf(book, (turn, n) => {
      const { due: _, stage: __, ...rest } = turn as Turn & { due?: unknown; stage?: unknown }
      if (!isOrdered(turn)) return turn
      const [result, code] = n === 0 ? (['refused', 'blob-digest-mismatch'] as const) : (['timeout', null] as const)
      return { ...rest, at: 'failed', since: at, result, ...(code === null ? {} : { code }) } as unknown as Turn
    })
    await fleet.world.store.commit({ turns: bad })
    const counted = ({ head }: Book): Book => {
      const waves = head.waves.map((tally, n) => (n === 0 ? { ...tally, assigned: 0, failed: 2 } : tally))
      return { head: { ...head, waves }, turns: new Map() } as unknown as Book
    }
    await fleet.campaign(plan, counted(book))
    const failures = ['trust failed harbour c0 1 spring', 'failed failed harbour c1 1 spring']
    assert.deepEqual(await told(), failures)
    orThrow(book.run({ kind: 'halt', now: at, reason: 'smoke' }))
    await fleet.campaign(plan, counted(book))
    assert.deepEqual(await told(), [...failures, 'failed campaign 0 spring'])

    const next = planOfTwo('summer')
    await fleet.campaign(next, created(next))
    assert.deepEqual((await told()).at(-1), 'attention campaign 0 summer', 'it waits for approval')
    assert.equal((await told()).length, 4, 'a plan alone has taken up nobody')
    const confirmed = turnsOf(running(next), turn => {
      const { due: _, stage: __, ...rest } = turn as Turn & { due?: unknown; stage?: unknown }
      return { ...rest, at: 'confirmed', since: at } as unknown as Turn
    })
    await fleet.world.store.commit({ turns: confirmed })
    assert.deepEqual(await told(), ['attention campaign 0 summer'])
  })

  it('is what the deadline of a campaign has left behind', async () => {
    const now = fleet.clock.now()
    const times = { createdAt: now, notBefore: now, notAfter: instant(now + 9 * DAY) }
    const deadline = { at: instant(fleet.clock.now() + 2 * DAY), steps: [] }
    const plan = planOfTwo('autumn', { deadline, ...times })
    await fleet.campaign(plan, running(plan))
    const said = async () => (await told()).filter(line => line.endsWith('autumn'))
    assert.deepEqual(await said(), [])
    fleet.clock.advance(millis(2 * DAY))
    assert.deepEqual(await said(), ['attention campaign 0 autumn'])
    const late = (await listed(whoHas('auditor@fleet'))).find(({ campaign }) => campaign === 'autumn')
    assert.equal(late?.text, 'is behind its deadline with 2 controllers left')
  })

  it('is what the fleet itself has to see to, for who may see that', async () => {
    const alarm = refuse('log-behind-witness', 'witness quay', 'at least 30', '20 entries')
    const one = attentionOf(fleet.world, async () => [alarm])
    const of = async (who: Who) =>
      orThrow(await one.list(who, {})).items.filter(({ code }) => code === 'log-behind-witness')
    const [first] = await of(whoHas('operator@fleet'))
    assert.equal(`${first?.level}: ${first?.text}`, 'trust: witness quay: at least 30 is expected, there is 20 entries')
    assert.deepEqual(await of(whoHas('technician@fleet')), [])
  })

  it('is read in pages, each item once', async () => {
    fleet.clock.advance(millis(DAY))
    const all = await listed(whoHas('auditor@fleet'))
    assert.ok(all.length >= 4)
    const one = look()
    const found: AttentionView[] = []
    for (let next: string | null = ''; next !== null; ) {
      const wanted: Wanted = { limit: '2', ...(next === '' ? {} : { cursor: next }) }
      const page: Page<AttentionView> = orThrow(await one.list(whoHas('auditor@fleet'), wanted))
      found.push(...page.items)
      next = page.next
    }
    assert.deepEqual(found, all)
  })

  it('attack: what is at other sites and in other regions, to who has a role in one', async () => {
    const seen = await listed(whoHas('operator@region:uk'))
    assert.deepEqual(new Set(seen.map(({ region }) => region)), new Set(['uk']))
    assert.ok(!seen.some(({ campaign }) => campaign !== null), 'the campaigns are at harbour')
    const { regions, sites } = await look().summary(whoHas('operator@region:uk'))
    assert.deepEqual([regions.map(({ region }) => region), sites], [['uk'], 2])
    const own = await look().summary(whoHas('operator@site:hill', 'operator@site:none'))
    assert.deepEqual(
      own.regions.map(({ region, sites, controllers }) => [region, sites, controllers]),
      [['uk', 1, 2]],
    )
    assert.deepEqual(await listed(whoHas('operator@site:hill'), { site: 'harbour' }), [])
  })

  it('is asked over the door', async () => {
    const door = await PeopleDoor.open(fleet)
    try {
      await door.account('olga', ['operator@fleet'])
      const olga = door.client({ bearer: await door.token('olga') })
      const answer = orThrow(await send(olga, 'GET', '/v1/attention?limit=1'))
      assert.equal(answer.status, 200)
      assert.match(`${answer.headers.link}`, /^<\/v1\/attention\?limit=1&cursor=/)
    } finally {
      await door.close()
    }
  })
})
