import { readFileSync, writeFileSync } from 'node:fs'
import { World } from '../sim/doors/world.ts'
import { gatewayFiles } from '../src/apps/gateway/files.ts'
import { CountingRelay, type Traffic } from './counting-relay.ts'

/** The site of a bench: so many controllers of one class. */
export function siteOf(controllers: number): object {
  return {
    site: 'bench',
    name: 'Bench',
    region: 'bench',
    zone: 'Europe/Amsterdam',
    vendor: 'voltworks.example',
    gateway: { id: 'bench-gateway' },
    links: [{ id: 'lan', kind: 'ethernet', bitsPerSecond: 1_000_000_000 }],
    classes: { bms: { hardware: 'primehub', slot: '1MiB', bootloader: 1 } },
    controllers: Array.from({ length: controllers }, (_, at) => ({
      id: `bms-${at + 1}`,
      class: 'bms',
      cabinet: `c-${Math.floor(at / 20) + 1}`,
      link: 'lan',
    })),
  }
}

/** Bytes of an image, different for each version: no compression and no cache helps. */
export function imageOf(version: number, length: number): Uint8Array {
  const image = new Uint8Array(length)
  let state = version + 1
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    image[at] = state >>> 24
  }
  return image
}

/** When an update got how far, in seconds after its release was begun to be published. */
export type Milestones = {
  /** The campaign runs: published, planned, approved, started. */
  readonly started: number
  /** The canary is confirmed. */
  readonly canary: number
  /** The last controller has verified the image from its flash. */
  readonly staged: number
  /** The last controller has confirmed. */
  readonly confirmed: number
  /** The fleet server knows of all of them, and the campaign is done. */
  readonly done: number
}

/** `processorSeconds` is what this process spent, user and system: fleet server, gateway and controllers together. */
export type Update = {
  readonly milestones: Milestones
  readonly traffic: Traffic
  readonly processorSeconds: number
}

/** Restarts at a time, as a site of that size would allow. */
const MAX_RESTARTING = 50
const RELAY_PORT = 8446

/**
 * A world (sim/doors/world.ts) of one site that updates again and again, with a relay that counts what its gateway
 * fetches. Everything runs in this process: fleet server, gateway, and every simulated controller.
 */
export class SiteBench {
  readonly controllers: number
  readonly imageBytes: number
  readonly #world: World
  readonly #relay: CountingRelay
  #version = 1

  private constructor(world: World, relay: CountingRelay, controllers: number, imageBytes: number) {
    this.#world = world
    this.#relay = relay
    this.controllers = controllers
    this.imageBytes = imageBytes
  }

  static async start(controllers: number, imageBytes: number): Promise<SiteBench> {
    const factory = { bms: imageOf(1, imageBytes) }
    const world = await World.make({ site: siteOf(controllers), factory, maxRestarting: MAX_RESTARTING })
    await world.startFleet()
    await world.enrol()
    const relay = await CountingRelay.start(world.host, RELAY_PORT, 8443)
    const { config } = gatewayFiles(world.at('gateway'))
    writeFileSync(config, readFileSync(config, 'utf8').replace(':8443', `:${RELAY_PORT}`))
    await world.startGateway()
    world.startSite()
    await world.reported()
    return new SiteBench(world, relay, controllers, imageBytes)
  }

  /** Brings the whole site to the next version; answers when what was done. */
  async update(): Promise<Update> {
    const world = this.#world
    this.#version += 1
    const version = `${this.#version}.0.0`
    const release = await world.release('bms', version, imageOf(this.#version, this.imageBytes))
    world.events.length = 0
    this.#relay.take()
    const spent = process.cpuUsage()
    const begun = Date.now()
    const since = (at: number): number => (at - begun) / 1000
    const paths = await world.publish(release)
    await world.campaign(`to-${this.#version}`, paths)
    const started = since(Date.now())
    // The command line is asked only once the controllers have said that they are ready: it would cost what is measured.
    await world.until(`${version} on every controller`, () => this.#times('confirmed').length === this.controllers, 300)
    await world.until('the campaign is done', () => this.#done(), 60)
    const done = since(Date.now())
    const confirmed = this.#times('confirmed')
    const milestones = {
      started,
      canary: since(Math.min(...confirmed)),
      staged: since(Math.max(...this.#times('staged'))),
      confirmed: since(Math.max(...confirmed)),
      done,
    }
    const { user, system } = process.cpuUsage(spent)
    return { milestones, traffic: this.#relay.take(), processorSeconds: (user + system) / 1e6 }
  }

  async stop(): Promise<void> {
    await this.#world.stop()
    this.#relay.stop()
  }

  #times(event: 'confirmed' | 'staged'): number[] {
    return this.#world.events.filter(one => one.event === event).map(one => one.at)
  }

  async #done(): Promise<boolean> {
    const view = (await this.#world.must('campaign', 'show', `to-${this.#version}`)) as { state: string }
    if (view.state === 'halted') throw new Error('the campaign was halted')
    return view.state === 'done'
  }
}
