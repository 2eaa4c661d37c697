import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { World } from '../../../sim/doors/world.ts'
import { askGateway } from '../../../src/apps/gateway/control.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import type { CampaignView, ControllerView } from '../../../src/wire/fleet-views.ts'
import { call, tls } from '../../worlds/people.ts'
import { PlantCharge } from '../../worlds/plant-charge.ts'
import { image } from '../../worlds/quay.ts'
import { ended } from '../../worlds/started.ts'

/** A site whose limits ask for charge, and the EMS of its plant: real processes' doors, real TLS, one simulated rack. */
describe('a site that asks its plant', () => {
  let world: World
  let plant: PlantCharge

  before(async () => {
    plant = await PlantCharge.make()
    world = plant.world
    await world.startFleet()
    await world.enrol()
    await world.startGateway()
    world.startSite()
    await world.reported()
  })
  after(() => plant?.stop())

  const BECAUSE = /^the site's state of charge 18 %, at least 30 % needed; read [0-9]+ s ago$/

  it('says at every door why a rack waits, and lets it go when the plant can spare it', async () => {
    await world.publish(await world.release('bms', '1.1.0', image(2)))
    await world.campaign('spring', ['bms/1.1.0/envelope.suit'])
    let shown: ControllerView['waits'] = null
    await world.until('the fleet knows why it waits', async () => {
      shown = ((await world.must('controller', 'show', 'quay/bms-1')) as ControllerView).waits
      return shown !== null
    })
    assert.match(
      shown!.sentence,
      /^bms-1 waits: the site's state of charge 18 %, at least 30 % needed; read [0-9]+ s ago\.$/,
    )
    const view = (await world.must('campaign', 'show', 'spring')) as CampaignView
    assert.match(view.controllers[0]?.detail?.replace('waits: ', '') ?? '', BECAUSE)
    const status = orThrow(await askGateway(world.at('gateway')))
    assert.deepEqual(
      status.controllers.map(({ controller, work, rule }) => [controller, work, rule]),
      [['bms-1', 'staged', 'permissive']],
    )
    assert.deepEqual([status.own.items > 0, status.own.lostFrom], [true, null])
    const own = await call(`https://${world.host}:8444`, tls.controller(world, 'bms-1'), 'GET', '/v1/wait')
    const { rule, threshold } = JSON.parse(new TextDecoder().decode(orThrow(own).body))
    assert.deepEqual([rule, threshold], ['permissive', 'at least 30 %'])
    const { exit, json } = await world.run('gateway', 'status', world.at('gateway'))
    assert.deepEqual([exit, (json as typeof status).site], [0, 'quay'])
    plant.charge = 60
    assert.equal((await ended(world, 'spring')).state, 'done')
    assert.equal(((await world.must('controller', 'show', 'quay/bms-1')) as ControllerView).waits, null)
  })

  it('a gateway that does not run is not asked', async () => {
    await world.stopSite()
    await world.gateway?.close()
    world.gateway = null
    const refusal = await askGateway(world.at('gateway'))
    assert.ok(isRefusal(refusal) && refusal.code === 'gateway-not-running')
  })
})
