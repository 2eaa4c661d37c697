import { execFile } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parse, stringify } from 'yaml'
import { imageOf } from '../../bench/site-world.ts'
import { Children } from '../../sim/doors/demo/children.ts'
import { World } from '../../sim/doors/world.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { fleetFiles } from '../../src/apps/fleet/files.ts'
import { toHex } from '../../src/core/encoding/bytes.ts'

const CLI = join('src', 'apps', 'cli', 'main.ts')
const SITE_DOOR = join('sim', 'doors', 'site.ts')
const BIN = join(import.meta.dirname, '../../bin')
const HARBOUR = join(import.meta.dirname, '../../sim/sites/harbour.site.yaml')
export const CONSOLE_PORT = 8447
/** Where a browser of a walk finds the console: `localhost` is an address of this walk’s own there. */
export const ORIGIN = `http://localhost:${CONSOLE_PORT}`
const IMAGE_BYTES = 48 * 1024

type Described = { readonly classes: object; readonly controllers: readonly { readonly class: string }[] }
/** What the controllers of the harbour battery switch: it is what a plan puts at risk. */
const POWER: Readonly<Record<string, object>> = {
  pcs: { power: '1MW' },
  bms: { power: '500kW', energy: '750kWh' },
}

/**
 * `site`: what of the description of the site is other than in sim/sites. `fleet`: says what is other in `fleet.yaml`, once there
 * is a folder for files that it names. `patches`: whether it makes patches.
 */
export type PlantOptions = {
  readonly site?: object
  readonly fleet?: (world: World) => Promise<object>
  readonly patches?: boolean
}

/** Somebody of this walk: their account, and the password that they came with. */
export type Somebody = { readonly id: string; readonly password: string }

/**
 * What the walk is walked through: a fleet server, a gateway and the simulated controllers of the harbour battery, each a process of
 * its own on a loopback address of its own, made and started by the commands that a person types.
 */
export class WalkPlant {
  readonly world: World
  readonly #children: Children
  readonly #seed: number

  private constructor(world: World, seed: number) {
    this.world = world
    this.#seed = seed
    this.#children = new Children(world.folder)
  }

  static async open(
    seed: number,
    { site: changes = {}, fleet = async () => ({}), patches = false }: PlantOptions,
  ): Promise<WalkPlant> {
    const described = parse(readFileSync(HARBOUR, 'utf8')) as Described
    const controllers = described.controllers.map(one => ({ ...one, ...POWER[one.class] }))
    const site = { ...described, controllers, ...changes }
    const factory = Object.fromEntries(
      Object.keys(site.classes).map((name, at) => [name, imageOf(seed + at, IMAGE_BYTES)]),
    )
    const world = await World.make({
      site,
      factory,
      signIn: true,
      approvers: 2,
      approvalThreshold: 2,
      maxRestarting: 2,
      tick: '100ms',
      poll: '100ms',
      patches,
    })
    const plant = new WalkPlant(world, seed)
    try {
      plant.#configure(await fleet(world))
      await plant.#children.serve('fleet', CLI, ['fleet', 'serve', 'fleet'])
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

  #configure(more: object): void {
    const path = fleetFiles(this.world.at('fleet')).config
    const config = parse(readFileSync(path, 'utf8')) as object
    const shown = { host: this.world.host, port: CONSOLE_PORT, url: ORIGIN }
    writeFileSync(path, stringify({ ...config, ...more, console: shown }))
  }

  /** Makes a signed release of a class. Its image fails a health probe on the controllers that are named. */
  async release(name: string, version: string, failsOn: readonly string[] = []): Promise<string> {
    const number = version.split('.').reduce((sum, part) => sum * 100 + Number(part), name.length)
    // Most of it stays as the factory made it, as in any update.
    const isNew = (at: number): boolean => at % 1024 === number % 1024
    const image = this.world.options.factory[name]!.map((byte, at) => (isNew(at) ? byte ^ 0x5a : byte))
    if (failsOn.length > 0) this.#spoil(toHex(nodeCrypto.sha256(image)), failsOn)
    return this.world.release(name, version, image)
  }

  /** The release that the controllers of a class left their factory with. */
  factoryRelease(name: string): string {
    return this.world.at(`${name}-1.0.0.release`)
  }

  /** The site reads what goes wrong there once, when it starts. */
  #spoil(sha256: string, only: readonly string[]): void {
    const unhealthy = { [sha256]: { is: 'unhealthy', probe: 'ems-link', only } }
    writeFileSync(this.world.at('site', 'faults.json'), JSON.stringify({ unhealthy }))
  }

  /** Powers the controllers up, and waits until the fleet has heard each of them. */
  async powerUp(): Promise<void> {
    await this.#children.serve('site', SITE_DOOR, ['serve', 'site'])
    await this.world.reported()
  }

  /** Makes an account for a person who signs in with a password. */
  async somebody(id: string, name: string, ...roles: string[]): Promise<Somebody> {
    const granted = roles.flatMap(role => ['--role', role])
    await this.world.must('account', 'add', id, '--name', name, ...granted)
    return this.#passworded(id)
  }

  /** The approver with a key in a file, whom the fleet was made with: lets them sign in with a password too. */
  keyHolder(): Promise<Somebody> {
    return this.#passworded('approver-0')
  }

  async #passworded(id: string): Promise<Somebody> {
    const password = `seven copper lanterns drift past ${this.#seed} harbours`
    const file = this.world.at(`${id}.password`)
    writeFileSync(file, `${password}\n`, { mode: 0o600 })
    chmodSync(file, 0o600)
    await this.world.must('account', 'password', id, '--password-file', file)
    return { id, password }
  }

  /** Lets somebody's passkey into the root of the approval repository: the ceremony that the root's holders hold. */
  async admitPasskey(id: string, file: string): Promise<void> {
    const { world } = this
    const folder = world.at(`${id}.ceremony`)
    const add = ['--repository', 'approval', '--role', 'targets', '--add-signer', `${id}=${file}`]
    await world.must('ceremony', 'start', folder, ...add)
    await world.must('ceremony', 'sign', folder, '--key', world.at('fleet', 'keys', 'approval-root'))
    await world.must('ceremony', 'close', folder)
    await world.must('account', 'key', id, '--add', file)
  }

  /**
   * What somebody types into a shell of their own machine, with their profile and `KEY` for the key that they have there. Throws
   * what it said when it ends with another code than 0.
   */
  async type(line: string, who: string): Promise<void> {
    const { world } = this
    const key = world.at('keys', who)
    const env = { ...process.env, PATH: `${BIN}:${process.env.PATH}`, VOLTSEAL_PROFILE: world.profileOf(who) }
    await promisify(execFile)('/bin/sh', ['-c', line.replace('KEY', key)], { env, cwd: world.folder })
  }

  /** Copies the logs of the processes to where they are kept behind a failure. */
  keepLogs(folder: string): void {
    const logs = this.world.at('logs')
    if (existsSync(logs)) for (const name of readdirSync(logs)) copyFileSync(join(logs, name), join(folder, name))
  }

  /** Ends the processes, the last started first, and removes the folder. */
  async close(): Promise<void> {
    await this.#children.stop()
    await this.world.stop()
  }
}
