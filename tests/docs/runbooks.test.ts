import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { World, type WorldOptions } from '../../sim/doors/world.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { readMetadata } from '../../src/core/trust/read-metadata.ts'
import { refreshSite } from '../../src/flows/relay.ts'
import { log, voltseal } from '../worlds/people.ts'
import { QUAY } from '../worlds/quay.ts'
import { gatewayOf } from '../worlds/site-world.ts'
import { rest } from '../worlds/started.ts'
import { follow, Program } from './runbook.ts'

/** Each runbook on a fleet of its own; what it recovers from is done before, and what it must come to is asked after. */
let program: Program
before(async () => {
  program = await Program.start()
})
after(() => program?.stop())

/** A fleet server with an enrolled site; gateway and controllers rest until they are asked. */
async function fleetOf(options: WorldOptions = QUAY): Promise<World> {
  const world = await World.start(options)
  await rest(world)
  return world
}

describe('root-rotation.md', () => {
  let world: World
  before(async () => {
    world = await fleetOf()
  })
  after(() => world?.stop())

  follow(
    'root-rotation.md',
    () => world,
    () => program,
  )

  it('leaves a server without root keys, and a gateway that slept through both rotations on root 3', async () => {
    assert.equal(existsSync(world.at('fleet', 'keys', 'image-root')), false)
    const gateway = await gatewayOf(world)
    try {
      assert.equal(await refreshSite(gateway.site), null)
      const root = orThrow(readMetadata('root', (await gateway.store.files('image')).get('root.json')!, 'root'))
      assert.equal(root.signed.version, 3)
    } finally {
      gateway.close()
    }
    assert.equal(JSON.parse(readFileSync(world.at('cho', 'trusted.json'), 'utf8')).signed.version, 2)
  })

  it('and bo signs nothing any more', async () => {
    const start = ['ceremony', 'start', world.at('again'), '--repository', 'image', '--renew', '--expires', '9d']
    assert.equal((await voltseal(world, start)).exit, 0)
    const signed = await voltseal(world, ['ceremony', 'sign', world.at('again'), '--key', world.at('bo', 'key')])
    assert.equal(signed.refusal?.code, 'signer-not-in-role')
  })

  it('and the log tells both ceremonies, with the names', async () => {
    const told = (await log(world)).filter(({ kind }) => kind === 'ceremony-closed')
    assert.deepEqual(
      told.map(({ detail }) => detail.ceremony),
      ['out-of-the-server', 'bo-to-dan'],
    )
    assert.match(JSON.stringify(told[1]?.detail), /"owner":"cho"/)
  })
})
