import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { Value } from 'typebox/value'
import type { World } from '../../../sim/doors/world.ts'
import type { AuditEntry } from '../../../src/core/ledger/entry.ts'
import type { ControllerView, HistoryView } from '../../../src/wire/fleet-views.ts'
import type { VersionSaidView } from '../../../src/wire/inventory-views.ts'
import type { PlantSeen } from '../../../src/wire/plant-api.ts'
import { SiteItemView, SiteLinkView, SiteWhoView } from '../../../src/wire/site-page-api.ts'
import { SiteControllerView, SiteView } from '../../../src/wire/site-views.ts'
import { outcome, PageBrowser, setCookie } from '../../worlds/page-browser.ts'
import { log } from '../../worlds/people.ts'
import { PlantCharge } from '../../worlds/plant-charge.ts'
import { image } from '../../worlds/quay.ts'
import { ended } from '../../worlds/started.ts'

const PORT = 8446
const PASSWORD = 'nine slow ferries cross at dusk'

/** A real gateway with its own page: real processes' doors, one simulated rack, an EMS whose charge the test sets, and a fleet that it stops. */
describe('the page of a gateway', () => {
  let world: World
  let plant: PlantCharge
  let browser: PageBrowser
  let cookie = ''

  before(async () => {
    plant = await PlantCharge.make(({ host }) => ({ console: { host, port: PORT, url: `http://localhost:${PORT}` } }))
    world = plant.world
    await world.startFleet()
    await world.enrol()
    writeFileSync(world.at('ida.password'), `${PASSWORD}\n`, { mode: 0o600 })
    const file = ['--password-file', world.at('ida.password')]
    await world.must('gateway', 'account', 'add', world.at('gateway'), 'ida', ...file)
    await world.startGateway()
    world.startSite()
    await world.reported()
    browser = new PageBrowser(`http://localhost:${PORT}`, PORT, null, world.host)
    const begun = await browser.signIn('ida', PASSWORD)
    assert.equal(outcome(begun), 200)
    cookie = setCookie(begun)
  })
  after(() => plant?.stop())

  const read = async <T>(path: string): Promise<T> => {
    const answer = await browser.page(cookie, 'GET', path)
    assert.equal(outcome(answer), 200, path)
    return JSON.parse(answer.text) as T
  }
  const controllers = () => read<SiteControllerView[]>('/v1/sites/quay/controllers')

  it('shows the site, what its rack attested, and that the fleet answers, in the words of the fleet’s API', async () => {
    const site = await read<SiteView>('/v1/sites/quay')
    assert.ok(Value.Check(SiteView, site))
    assert.deepEqual([site.name, site.controllers.map(({ id }) => id)], ['Quay', ['bms-1']])
    const [rack] = await controllers()
    assert.ok(Value.Check(SiteControllerView, rack))
    const attested = rack!.attested!
    assert.deepEqual([attested.running.version, attested.state, attested.golden === null], ['1.0.0', 'stable', false])
    assert.ok(attested.seenAt !== null && Math.abs(attested.seenAt - Date.now()) < 60_000)
    const theirs = (await world.must('controller', 'show', 'quay/bms-1')) as ControllerView
    assert.deepEqual([attested.sequence, attested.counter], [theirs.sequence, theirs.counter])
    const link = await read<SiteLinkView>('/v1/link')
    assert.ok(Value.Check(SiteLinkView, link))
    assert.deepEqual([link.at, link.fault, link.lostAt, link.orders.count], ['heard', null, null, 0])
    assert.ok(Value.Check(SiteWhoView, await read('/v1/whoami')))
  })

  it('says why a rack waits with value, threshold and age, and what is ordered for it', async () => {
    await world.publish(await world.release('bms', '1.1.0', image(2)))
    await world.campaign('spring', ['bms/1.1.0/envelope.suit'])
    let rack: SiteControllerView | undefined
    await world.until('the rack waits', async () => {
      rack = (await controllers())[0]
      return rack?.waits != null
    })
    const { waits, turns } = rack!
    assert.match(
      waits!.sentence,
      /^bms-1 waits: the site's state of charge 18 %, at least 30 % needed; read \d+ s ago\.$/,
    )
    assert.deepEqual([waits!.rule, waits!.value, waits!.threshold], ['permissive', '18 %', 'at least 30 %'])
    const [{ title, campaignState, state, stage, version, wave }] = turns as [SiteControllerView['turns'][number]]
    assert.deepEqual(
      [title !== '', campaignState, state, stage, version, wave],
      [true, 'ordered', 'assigned', 'staged', '1.1.0', 1],
    )
    const plant = await read<PlantSeen>('/v1/sites/quay/plant')
    assert.deepEqual([plant.plant?.permissives.length, plant.plant?.fault], [1, null])
    assert.equal(plant.plant?.permissives[0]?.worst[0]?.stands, 'refuses')
  })

  it('goes on showing and signing in with the fleet stopped: the link is down, the orders are here, the rack goes its way', async () => {
    await world.fleet?.close()
    world.fleet = null
    let link: SiteLinkView | undefined
    await world.until('the gateway sees that the fleet is gone', async () => {
      link = await read<SiteLinkView>('/v1/link')
      return link.at === 'silent'
    })
    assert.ok(link!.fault !== null && link!.heardAt !== null)
    assert.deepEqual([link!.orders.count, link!.orders.payloads, link!.orders.here], [1, 1, 1])
    assert.ok(link!.orders.until! > Date.now())
    const again = await browser.signIn('ida', PASSWORD)
    assert.equal(outcome(again), 200)
    cookie = setCookie(again)
    plant.charge = 60
    await world.until(
      'the rack confirms by itself',
      async () => (await controllers())[0]?.attested?.running.version === '1.1.0',
    )
    await world.until('its turn is over', async () => (await controllers())[0]?.turns[0]?.state === 'confirmed')
    assert.ok(
      (await read<SiteLinkView>('/v1/link')).own.acknowledged < (await read<SiteLinkView>('/v1/link')).own.items,
    )
  })

  it('tells what happened to the rack, each event with its item of the gateway’s own log', async () => {
    const history = await read<HistoryView[]>('/v1/controllers/quay/bms-1/history')
    const kinds = new Set(history.map(({ kind }) => kind))
    for (const kind of ['assignment-verified', 'stage-begun', 'activation-withheld', 'activation-granted']) {
      assert.ok(kinds.has(kind), `${kind} of ${[...kinds]}`)
    }
    assert.ok(kinds.has('controller-report') && kinds.has('device-history'))
    assert.deepEqual(
      history.map(({ index }) => index),
      history.map(({ index }) => index).toSorted((a, b) => a - b),
    )
    const events = history.flatMap(({ steps }) => steps.map(({ event }) => event))
    assert.ok(events.includes('confirmed'), `${events}`)
    for (const { index, kind } of [history[0]!, history.at(-1)!]) {
      const item = await read<SiteItemView>(`/v1/items/${index}`)
      assert.ok(Value.Check(SiteItemView, item))
      const signed = kind === 'controller-report' || kind === 'device-history'
      assert.deepEqual([item.number, item.signed], [index, signed ? true : null])
      assert.ok(JSON.parse(item.text))
    }
    const versions = await read<VersionSaidView[]>('/v1/controllers/quay/bms-1/versions')
    assert.deepEqual(
      versions.map(({ version, said }) => `${version} ${said}`),
      ['1.0.0 attested', '1.1.0 attested'],
    )
  })

  it('hands what happened over when the fleet is there again: who came in is in its log, by pseudonym', async () => {
    await world.startFleet()
    assert.equal((await ended(world, 'spring')).state, 'done')
    let entries: AuditEntry[] = []
    await world.until('the fleet has the gateway’s own entries', async () => {
      entries = await log(world)
      return entries.filter(({ kind }) => kind === 'site-access-granted').length === 2
    })
    const people = entries.filter(({ kind }) => /^site-(?:people|access)-/.test(kind))
    assert.deepEqual(
      people.map(({ kind, actor, site }) => [kind, actor.kind, site]),
      [
        ['site-people-changed', 'gateway', 'quay'],
        ['site-access-granted', 'gateway', 'quay'],
        ['site-access-granted', 'gateway', 'quay'],
      ],
    )
    assert.equal(new Set(people.map(({ detail }) => detail.account)).size, 1)
    assert.doesNotMatch(JSON.stringify(people), /ida/)
  })
})
