import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { parse, stringify } from 'yaml'
import { World } from '../../../sim/doors/world.ts'
import type { GatewayStatus } from '../../../src/apps/gateway/control.ts'
import type { SaidYes } from '../../../src/flows/full-images.ts'
import type { CampaignView } from '../../../src/wire/fleet-views.ts'
import type { SiteControllerView } from '../../../src/wire/site-views.ts'
import { ask, log } from '../../worlds/people.ts'
import { image, quay } from '../../worlds/quay.ts'

/** A gateway over whose link full images need a person's yes, its fleet and two racks, over real doors. */
describe('a full image that waits for a yes', () => {
  let world: World
  before(async () => {
    world = await World.make({ site: quay(), factory: { bms: image(1) } })
    const path = world.at('gateway', 'gateway.yaml')
    const config = parse(readFileSync(path, 'utf8')) as object
    const link = { bitsPerSecond: 300, dutyCycle: 0.1, monthlyBytes: 10_000_000, fullImages: 'ask' }
    writeFileSync(path, stringify({ ...config, link }))
    await world.startFleet()
    await world.enrol()
    await world.startGateway()
    world.startSite()
    await world.reported()
    await world.publish(await world.release('bms', '1.1.0', image(2)))
    await world.campaign('spring', ['bms/1.1.0/envelope.suit'])
  })
  after(() => world?.stop())

  const status = async () => (await world.must('gateway', 'status', world.at('gateway'))) as GatewayStatus

  it('is shown at the gateway and at the fleet, with what it takes', async () => {
    await world.until('the gateway says why', async () => (await status()).controllers.some(one => one.rule === 'link'))
    const { controllers, link } = await status()
    const rack = controllers.find(({ rule }) => rule === 'link')
    assert.match(rack?.waits ?? '', /^bms-\d waits: the full image, 39\.1 KiB, comes when somebody says yes to it/)
    const [download] = link.downloads
    assert.deepEqual([download?.what, download?.here, download?.waits], ['image', 0, 'ask'])
    assert.ok((link.spent ?? 0) > 0, 'the metadata counts')
    await world.until('the fleet knows it too', async () => {
      const rows = await ask<SiteControllerView[]>(world, '/v1/sites/quay/controllers')
      return rows.some(({ waits }) => waits?.rule === 'link')
    })
  })

  it('comes when a person at the gateway says so, for who waits for it and nobody else, and the log tells', async () => {
    const refused = await world.run('gateway', 'allow-full', world.at('gateway'), 'bms-9')
    assert.match(refused.said, /full-image-not-waited-for/)
    const waiting = (await status()).link.downloads[0]!
    const said = (await world.must('gateway', 'allow-full', world.at('gateway'), waiting.controllers[0]!)) as SaidYes
    assert.deepEqual([said.sha256, said.length], [waiting.sha256, image(2).length])
    const view = async () => (await world.must('campaign', 'show', 'spring')) as CampaignView
    await world.until('the campaign is over', async () => ['done', 'halted'].includes((await view()).state))
    assert.equal((await view()).state, 'done')
    const told = (await log(world)).filter(({ kind }) => kind === 'full-image-allowed')
    assert.deepEqual(
      told.map(({ detail }) => [detail.sha256, detail.by]),
      [[waiting.sha256, 'command']],
    )
    assert.ok(((await status()).link.spent ?? 0) > image(2).length)
  })
})
