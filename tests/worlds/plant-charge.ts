import { once } from 'node:events'
import { appendFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { stringify } from 'yaml'
import { World } from '../../sim/doors/world.ts'
import { certifyNewKey, createAuthority } from '../../src/adapters/certificates.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { QUAY, quay } from './quay.ts'

/** A site of one rack, with a limit of its own on the charge, and the EMS of its plant, over TLS. Nothing is started but the EMS. */
export class PlantCharge {
  readonly world: World
  readonly #ems: Server
  /** What the EMS says, in percent. The limit asks for 30. */
  charge = 18

  private constructor(world: World, ems: Server) {
    this.world = world
    this.#ems = ems
    ems.on('request', (_, response) => {
      const readings = [{ point: 'state-of-charge', value: this.charge, at: Date.now() }]
      response.end(JSON.stringify({ readings }))
    })
  }

  /** `settings`: what stands in gateway.yaml too. */
  static async make(settings: (world: World) => object = () => ({})): Promise<PlantCharge> {
    const now = instant(Date.now())
    const authority = await createAuthority('plant', now)
    const own = await certifyNewKey(authority, { identity: { kind: 'fleet', id: 'ems' }, hosts: ['127.0.0.1'] }, now)
    const ems = createServer(own)
    ems.listen(0, '127.0.0.1')
    await once(ems, 'listening')
    const limits = { permissives: [{ point: 'state-of-charge', min: 30, maxAgeMillis: '30s' }] }
    const world = await World.make({ ...QUAY, site: { ...quay(1), limits } })
    writeFileSync(world.at('gateway', 'plant-ca.pem'), authority.cert)
    const url = `https://127.0.0.1:${(ems.address() as AddressInfo).port}/readings`
    const conditions = { url, ca: 'plant-ca.pem' }
    appendFileSync(world.at('gateway', 'gateway.yaml'), stringify({ conditions, ...settings(world) }))
    return new PlantCharge(world, ems)
  }

  async stop(): Promise<void> {
    await this.world.stop()
    this.#ems.closeAllConnections()
    this.#ems.close()
  }
}
