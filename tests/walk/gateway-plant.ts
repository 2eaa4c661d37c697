import { appendFileSync, copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { imageOf } from '../../bench/site-world.ts'
import { Children } from '../../sim/doors/demo/children.ts'
import { World } from '../../sim/doors/world.ts'
import { certifyNewKey, createAuthority } from '../../src/adapters/certificates.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { toHex } from '../../src/core/encoding/bytes.ts'
import { instant } from '../../src/core/encoding/units.ts'

const CLI = join('src', 'apps', 'cli', 'main.ts')
const SITE_DOOR = join('sim', 'doors', 'site.ts')
const HARBOUR = join(import.meta.dirname, '../../sim/sites/harbour.site.yaml')
/** Where a browser of this walk finds the gateway's page: `localhost` is the plant's address there. */
export const PAGE_PORT = 8448
const IMAGE_BYTES = 48 * 1024
/** Below this charge nobody restarts, in percent. */
const NEEDED = 30

/**
 * A site with a gateway of its own process, whose page is walked through: full images come to it when somebody says yes, its racks want charge before they restart, and its EMS says what
 * the walk has it say. The fleet server is in this process: the walk stops it.
 */
export class GatewayPlant {
  readonly world: World
  readonly #children: Children
  readonly #ems: Server
  readonly #seed: number
  charge = 18

  private constructor(world: World, ems: Server, seed: number) {
    this.world = world
    this.#ems = ems
    this.#seed = seed
    this.#children = new Children(world.folder)
    ems.on('request', (_, response) => {
      const readings = [{ point: 'state-of-charge', value: this.charge, at: Date.now() }]
      response.end(JSON.stringify({ readings }))
    })
  }

  static async open(seed: number): Promise<GatewayPlant> {
    const described = parse(readFileSync(HARBOUR, 'utf8')) as { readonly classes: object }
    const limits = { permissives: [{ point: 'state-of-charge', min: NEEDED, maxAgeMillis: '30s' }] }
    const factory = Object.fromEntries(
      Object.keys(described.classes).map((name, at) => [name, imageOf(seed + at, IMAGE_BYTES)]),
    )
    const site = { ...described, limits }
    const world = await World.make({ site, factory, maxRestarting: 2, tick: '100ms', poll: '100ms' })
    const now = instant(Date.now())
    const authority = await createAuthority('plant', now)
    const identity = { kind: 'fleet', id: 'ems' } as const
    const ems = createServer(await certifyNewKey(authority, { identity, hosts: [world.host] }, now))
    const plant = new GatewayPlant(world, ems, seed)
    try {
      await new Promise<void>(resolve => ems.listen(0, world.host, resolve))
      writeFileSync(world.at('gateway', 'plant-ca.pem'), authority.cert)
      const url = `https://${world.host}:${(ems.address() as AddressInfo).port}/readings`
      const console = { host: world.host, port: PAGE_PORT, url: `http://localhost:${PAGE_PORT}` }
      const more = {
        conditions: { url, ca: 'plant-ca.pem' },
        console,
        link: { bitsPerSecond: 9600, fullImages: 'ask' },
      }
      appendFileSync(world.at('gateway', 'gateway.yaml'), stringify(more))
      await world.startFleet()
      await world.enrol()
      await plant.#children.serve('gateway', CLI, ['gateway', 'serve', 'gateway'])
    } catch (error) {
      await plant.close()
      throw error
    }
    return plant
  }

  get address(): string {
    return this.world.host
  }

  /** Lets somebody in at the gateway, as a person on its machine does; answers their password. */
  async letIn(name: string): Promise<{ readonly id: string; readonly password: string }> {
    const password = `nine slow ferries cross ${this.#seed} fjords`
    const file = this.world.at(`${name}.password`)
    writeFileSync(file, `${password}\n`, { mode: 0o600 })
    await this.world.must('gateway', 'account', 'add', this.world.at('gateway'), name, '--password-file', file)
    return { id: name, password }
  }

  /** Makes and publishes a release of the racks. Its image fails a health probe on the controllers that are named; the site reads that when it starts. */
  async release(version: string, ...failsOn: string[]): Promise<string> {
    const image = imageOf(this.#seed + 700, IMAGE_BYTES)
    const unhealthy = { [toHex(nodeCrypto.sha256(image))]: { is: 'unhealthy', probe: 'ems-link', only: failsOn } }
    writeFileSync(this.world.at('site', 'faults.json'), JSON.stringify({ unhealthy }))
    return this.world.release('bms', version, image)
  }

  async powerUp(): Promise<void> {
    await this.#children.serve('site', SITE_DOOR, ['serve', 'site'])
    await this.world.reported()
  }

  /** Plans, approves and starts a campaign of one wave: all racks of the site, whatever becomes of some. */
  async campaign(id: string, title: string, release: string): Promise<void> {
    const { world } = this
    const path = world.at(`${id}.plan.json`)
    const wave = { name: 'racks', take: 'rest', soak: '1s', gate: { success: 0, failures: 4 } }
    const plan = { id, title, criticality: 'feature', validFor: '7d', releases: [release], waves: [wave] }
    writeFileSync(path, JSON.stringify({ ...plan, timeout: '1h', retry: { retries: 0 }, abort: { failures: 4 } }))
    await world.must('campaign', 'plan', path)
    await world.approve(id)
    await world.must('campaign', 'start', id)
  }

  async stopFleet(): Promise<void> {
    await this.world.fleet?.close()
    this.world.fleet = null
  }

  keepLogs(folder: string): void {
    const logs = this.world.at('logs')
    if (existsSync(logs)) for (const name of readdirSync(logs)) copyFileSync(join(logs, name), join(folder, name))
  }

  async close(): Promise<void> {
    await this.#children.stop()
    this.#ems.closeAllConnections()
    this.#ems.close()
    await this.world.stop()
  }
}
