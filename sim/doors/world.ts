import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { systemClock } from '../../src/adapters/clock-system.ts'
import { readConfig } from '../../src/adapters/config-file.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { run } from '../../src/apps/cli/program.ts'
import { fleetFiles } from '../../src/apps/fleet/files.ts'
import { startFleet } from '../../src/apps/fleet/serve.ts'
import { readGatewayFolder } from '../../src/apps/gateway/files.ts'
import { startGateway } from '../../src/apps/gateway/serve.ts'
import type { Serving } from '../../src/apps/process/serve.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { FleetConfig, parseConfig } from '../../src/wire/config.ts'
import type { StampedEvent } from './site/events.ts'
import { makeSite } from './site/make.ts'
import { type ServedSite, serveSite } from './site/serve.ts'

/** What a command line came to: its exit code, its JSON, and what it said on the way. */
export type Ran = { readonly exit: number; readonly json: unknown; readonly said: string }

export type WorldOptions = {
  /** The site description, as `site.yaml` would hold it. */
  readonly site: object
  /** The image that each class leaves its factory with, as version 1.0.0. */
  readonly factory: Readonly<Record<string, Uint8Array>>
  readonly maxRestarting?: number
  readonly poll?: string
  readonly tick?: string
  readonly approvers?: number
  readonly approvalThreshold?: number
  /** Whether people may sign in with a password, and services come with a token. */
  readonly signIn?: boolean
  /** Whether the fleet makes patches: it does not unless told, as most tests are about something else. */
  readonly patches?: boolean
}

let worlds = 0
/** More worlds than one process makes: the next process has the next number, and addresses behind all of them. */
const WORLDS = 256

/** A loopback address that no other process and no other world of this one uses: ports need no luck then. */
export function ownAddress(): string {
  worlds += 1
  const id = (process.pid * WORLDS + worlds) % (1 << 22)
  return `127.${64 + (id >> 16)}.${(id >> 8) & 255}.${Math.max(1, id & 255)}`
}

/**
 * A fleet server, one gateway and a simulated site in this process, over real mutual TLS on a loopback address of its
 * own, in a folder of its own: what tests and benchmarks run against. Everything is made and told by the command line.
 */
export class World {
  readonly folder: string
  readonly host: string
  readonly options: WorldOptions
  readonly events: StampedEvent[] = []
  fleet: Serving | null = null
  gateway: Serving | null = null
  site: ServedSite | null = null
  #siteStop = new AbortController()
  readonly #faults: string[] = []
  /** Where both servers log: nobody reads it, but for faults. */
  readonly #log = pino(
    { level: 'error' },
    {
      write: line => {
        const { err } = JSON.parse(line) as { err?: { type?: unknown; stack?: string } }
        if (FAULTS.has(err?.type)) this.#faults.push(err?.stack ?? line)
      },
    },
  )

  private constructor(options: WorldOptions) {
    this.folder = mkdtempSync(join(tmpdir(), 'voltseal-world-'))
    this.host = ownAddress()
    this.options = options
  }

  /** Makes everything and starts it: on return the site's controllers are on their way to their first report. */
  static async start(options: WorldOptions): Promise<World> {
    const world = new World(options)
    await world.make()
    await world.startFleet()
    await world.enrol()
    await world.startGateway()
    world.startSite()
    return world
  }

  /** As `start`, but nothing runs yet, and the site is not enrolled. */
  static async make(options: WorldOptions): Promise<World> {
    const world = new World(options)
    await world.make()
    return world
  }

  at(...names: string[]): string {
    return join(this.folder, ...names)
  }

  /** Runs a command line in this process, with `--json` and the administrator's profile. */
  async run(...argv: string[]): Promise<Ran> {
    let out = ''
    let said = ''
    const sink = (write: (text: string) => void) => ({ write, isTTY: false })
    const exit = await run([...argv, '--json'], {
      stdout: sink(text => {
        out += text
      }),
      stderr: sink(text => {
        said += text
      }),
      env: { VOLTSEAL_PROFILE: this.at('fleet', 'profile', 'profile.yaml') },
      crypto: nodeCrypto,
      clock: systemClock,
      onStop: () => new AbortController().signal,
    })
    return { exit, json: out === '' ? null : JSON.parse(out), said }
  }

  /** Runs a command line that must succeed; answers its JSON. */
  async must(...argv: string[]): Promise<unknown> {
    const { exit, json, said } = await this.run(...argv)
    if (exit !== 0) throw new Error(`voltseal ${argv.join(' ')}: exit ${exit}: ${said}`)
    return json
  }

  /** Makes a signed release; answers its folder. `more` are further options of `release create`. */
  async release(className: string, version: string, image: Uint8Array, ...more: string[]): Promise<string> {
    const file = this.at(`${className}-${version}.bin`)
    const folder = this.at(`${className}-${version}.release`)
    writeFileSync(file, image)
    const classes = (this.options.site as { classes: Record<string, { hardware: string }> }).classes
    const hardware = classes[className]!.hardware
    const sequence = version.split('.').reduce((sum, part) => sum * 1000 + Number(part), 0)
    const facts = ['--vendor', 'voltworks.example', '--class', className, '--hardware', hardware, '--version', version]
    const health = ['--sequence', String(sequence), '--health-window', '400ms', '--probe', 'ems-link']
    await this.must('release', 'create', '--image', file, ...facts, ...health, '--out', folder, ...more)
    await this.must('sign', folder, '--key', this.at('keys', 'firmware'))
    return folder
  }

  /** Publishes releases; answers their target paths. */
  async publish(...folders: string[]): Promise<string[]> {
    const result = await this.must('publish', ...folders, '--key', this.at('keys', 'release'))
    return (result as { releases: string[] }).releases
  }

  /** Plans, approves and starts a campaign. `more` are further options of `campaign create`. */
  async campaign(id: string, releases: readonly string[], ...more: string[]): Promise<void> {
    const wanted = releases.flatMap(path => ['--release', path])
    await this.must('campaign', 'create', '--id', id, '--soak', '100ms', ...wanted, ...more)
    for (let n = 0; n < (this.options.approvalThreshold ?? 1); n += 1) {
      await this.approve(id, n)
    }
    await this.must('campaign', 'start', id)
  }

  /** Approves a plan as one of the approvers: with their account and their key. */
  approve(id: string, n = 0): Promise<unknown> {
    const name = `approver-${n}`
    return this.must('campaign', 'approve', id, '--key', this.at('keys', name), '--profile', this.profileOf(name))
  }

  /** The profile of somebody whom `fleet init` made an account for. */
  profileOf(name: string): string {
    return this.at('fleet', 'profiles', name, 'profile.yaml')
  }

  /** Waits until a condition holds, looking often; throws after `seconds`. */
  async until(what: string, condition: () => Promise<boolean> | boolean, seconds = 60): Promise<void> {
    const end = performance.now() + seconds * 1000
    while (!(await condition())) {
      if (performance.now() > end) throw new Error(`not in ${seconds} s: ${what}`)
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }

  /** Waits until every controller has reported. */
  reported(): Promise<void> {
    return this.until('every controller reported', async () => {
      const controllers = (await this.must('controller', 'list')) as { sequence: number }[]
      return controllers.length > 0 && controllers.every(one => one.sequence > 0)
    })
  }

  async startFleet(): Promise<void> {
    const path = fleetFiles(this.at('fleet')).config
    const config = orThrow(parseConfig<FleetConfig>(FleetConfig, orThrow(readConfig(path)), path))
    this.fleet = orThrow(await startFleet(this.at('fleet'), config, this.#log))
  }

  async startGateway(): Promise<void> {
    const folder = this.at('gateway')
    this.gateway = orThrow(await startGateway(folder, orThrow(readGatewayFolder(folder)), this.#log))
  }

  /** Starts the site's controllers, but for those that are asleep. */
  startSite(...asleep: readonly string[]): void {
    this.#siteStop = new AbortController()
    this.site = orThrow(
      serveSite(this.at('site'), systemClock, event => void this.events.push(event), this.#siteStop.signal, asleep),
    )
  }

  async stopSite(): Promise<void> {
    this.#siteStop.abort()
    await this.site?.ended
    this.site = null
  }

  /** Stops everything and removes the folder. Throws when a server's log has a fault of its own in it: the answer may have hidden it. */
  async stop(): Promise<void> {
    await this.stopSite()
    await this.gateway?.close()
    await this.fleet?.close()
    rmSync(this.folder, { recursive: true, force: true })
    const [fault] = this.#faults
    if (fault !== undefined) throw new Error(`${this.#faults.length} faults in the servers' logs, the first: ${fault}`)
  }

  async enrol(): Promise<void> {
    await this.must('site', 'enrol', '--gateway', this.at('gateway'), '--controllers', this.at('site'))
  }

  private async make(): Promise<void> {
    const { options, host } = this
    writeFileSync(this.at('site.yaml'), JSON.stringify(options.site))
    const approvers = Array.from({ length: options.approvers ?? 1 }, (_, n) => this.at('keys', `approver-${n}`))
    await this.must('key', 'generate', this.at('keys', 'firmware'))
    for (const key of [this.at('keys', 'release'), ...approvers])
      await this.must('key', 'generate', key, '-a', 'ed25519')
    const keys = ['--firmware-key', this.at('keys', 'firmware.pub'), '--release-key', this.at('keys', 'release')]
    const approval = [
      ...approvers.flatMap(key => ['--approver-key', key]),
      '--approval-threshold',
      `${options.approvalThreshold ?? 1}`,
    ]
    const where = ['--host', host, '--port', '8443', '--tick', options.tick ?? '50ms']
    const people = ['--one-organisation', ...(options.signIn === true ? ['--sign-in'] : [])]
    await this.must('fleet', 'init', this.at('fleet'), ...keys, ...approval, ...where, ...people)
    if (this.options.patches !== true) appendFileSync(this.at('fleet', 'fleet.yaml'), 'patches: off\n')
    const gateway = [
      '--fleet',
      `https://${host}:8443`,
      '--host',
      host,
      '--port',
      '8444',
      '--poll',
      options.poll ?? '50ms',
    ]
    const budget = ['--max-restarting', String(options.maxRestarting ?? 1)]
    await this.must('gateway', 'init', this.at('gateway'), '--site', this.at('site.yaml'), ...gateway, ...budget)
    const factory: Record<string, string> = {}
    for (const [name, image] of Object.entries(options.factory))
      factory[name] = await this.release(name, '1.0.0', image)
    const made = {
      site: this.at('site.yaml'),
      data: this.at('site'),
      anchors: [this.at('keys', 'firmware.pub')],
      factory,
    }
    orThrow(await makeSite(made, systemClock))
  }
}

/** An error in a log that nobody foresaw: a fault of the program's own. */
const FAULTS: ReadonlySet<unknown> = new Set(['TypeError', 'ReferenceError', 'RangeError'])
