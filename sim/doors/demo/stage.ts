import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { stringify } from 'yaml'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { toHex } from '../../../src/core/encoding/bytes.ts'
import type { Site } from '../../../src/core/fleet/topology.ts'
import type { ChangeReport } from '../../../src/core/ledger/change-report.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import type { CampaignView, ControllerView } from '../../../src/wire/fleet-views.ts'
import type { Totals } from '../../plant/bill.ts'
import { CLOCK_WARNING, FastClock } from '../fast-clock.ts'
import type { StampedEvent } from '../site/events.ts'
import { readSiteFile } from '../site/folder.ts'
import type { Children, Ended, Server } from './children.ts'
import { type DemoImage, FACTORY, UPDATE, unpackFirmware } from './firmware.ts'
import type { Screen } from './screen.ts'
import { beginningOf, type Setting } from './setting.ts'

/** A command of the demo was refused, or failed: its exit code, and what it said. */
export class CommandFailed extends Error {
  readonly exit: number

  constructor(command: string, { code, stderr, stdout }: Ended) {
    super(
      `${command}\nended with exit code ${code}:\n${(stderr.trim() || stdout.trim()).split('\n').slice(-20).join('\n')}`,
    )
    this.exit = code
  }
}

const CLI = join('src', 'apps', 'cli', 'main.ts')
const SITE_DOOR = join('sim', 'doors', 'site.ts')
const VENDOR = 'voltworks.example'
const PROBES = 'ems-link,cell-voltages'
const FAST = join('sim', 'doors', 'fast.ts')
const PLANT = join('sim', 'doors', 'plant.ts')
/** In the demo's folder: what all programs of a demo on a simulated clock go by. */
const CLOCK = 'clock.json'
const WEAK_LINK = join('sim', 'doors', 'weak-link.ts')
export const CAMPAIGN = 'pybricks-7-28'
/** How long controllers may take to report for the first time, in milliseconds. */
const PATIENCE = 60_000
const root = join(import.meta.dirname, '../../..')

/** What the plant's process answers: see sim/doors/plant.ts. `early`: everything at once, a minute after the demo began. */
export type PlantBill = {
  readonly update: Totals
  readonly nature: Totals
  readonly naive: Totals
  readonly early: Totals
  readonly held: number
  readonly absences: readonly { readonly unit: string; readonly from: number; readonly to: number }[]
}

/** Where the demo's parts are, and what happens in them. */
export type StageParts = {
  readonly folder: string
  readonly host: string
  readonly port: number
  /** Where the console is shown to browsers on this machine; null: nowhere. */
  readonly console: { readonly host: string; readonly port: number } | null
  readonly children: Children
  readonly screen: Screen
  readonly setting: Setting
  /** Free ports for the plant and for the weak link. */
  readonly plantPort: number
  readonly linkPort: number
  onEvent(event: StampedEvent): void
}

/**
 * The demo's stage: a development fleet, its site, its keys and releases, made and run by the very commands that a
 * person would type in the demo's folder.
 */
export class Stage {
  readonly #parts: StageParts
  readonly images: readonly DemoImage[]
  readonly site: Site
  readonly clock: FastClock | null
  /** The first instant of the demo, by its clock. */
  readonly began: number
  #site: Server | null = null
  #plant: Server | null = null
  #link: Server | null = null
  /** What happens at the site while the link is taken away. */
  readonly offline: StampedEvent[] = []
  #down = false
  #billed: (bill: PlantBill) => void = () => {}

  constructor(parts: StageParts) {
    this.#parts = parts
    const { folder, setting } = parts
    this.images = unpackFirmware(folder, bytes => toHex(nodeCrypto.sha256(bytes)), setting)
    copyFileSync(join(root, 'sim', 'sites', `${setting.site}.site.yaml`), join(folder, 'site.yaml'))
    this.site = orThrow(readSiteFile(join(folder, 'site.yaml')))
    const beginning = beginningOf(setting, this.site.zone, Date.now())
    this.clock = beginning === null ? null : FastClock.begin(join(folder, CLOCK), beginning)
    this.began = beginning?.simulated ?? Date.now()
    if (this.clock !== null) parts.screen.say(parts.screen.ink('warn', CLOCK_WARNING))
  }

  get folder(): string {
    return this.#parts.folder
  }

  get fleetUrl(): string {
    return `https://${this.#parts.host}:${this.#parts.port}`
  }

  get gatewayUrl(): string {
    return `https://${this.#parts.host}:${this.#parts.port + 1}`
  }

  get consoleUrl(): string | null {
    const at = this.#parts.console
    return at === null ? null : `http://${at.host}:${at.port}/`
  }

  /** Keys, releases, and the folders of fleet, gateway and site. */
  async prepare(): Promise<void> {
    const { host, port, folder, screen } = this.#parts
    screen.step('Work in the folder', `cd ${shownPath(folder)}`)
    await Promise.all([
      this.command('Key of the firmware’s vendor', ['key', 'generate', 'keys/firmware.key']),
      this.command('Key that publishes', ['key', 'generate', 'keys/release.key']),
      this.command('Key of the approver', ['key', 'generate', 'keys/approver.key']),
    ])
    await Promise.all(this.images.map(image => this.#release(image)))
    const keys = ['--firmware-key', 'keys/firmware.key.pub', '--release-key', 'keys/release.key']
    const shown = this.#parts.console === null ? [] : ['--console-port', String(this.#parts.console.port)]
    const { setting, linkPort } = this.#parts
    const pace = ['--one-organisation', '--tick', '100ms', '--host', host, '--port', String(port), ...shown]
    const init = ['fleet', 'init', 'fleet', '--name', 'demo', ...keys, '--approver-key', 'keys/approver.key', ...pace]
    const door = ['--host', host, '--port', String(port + 1), '--poll', '200ms']
    const budget = ['--max-restarting', String(setting.maxRestarting)]
    const fleet = setting.link === null ? this.fleetUrl : `https://${host}:${linkPort}`
    const gateway = ['gateway', 'init', 'gateway', '--site', 'site.yaml', '--fleet', fleet]
    await Promise.all([
      this.command('Fleet server', init),
      this.command('Gateway', [...gateway, ...door, ...budget]),
      this.#makeSite(),
    ])
    await this.#surround()
  }

  /** What of the world around the site is simulated: its plant, and a weak way to the fleet. */
  async #surround(): Promise<void> {
    const { host, port, folder, screen, children, setting, plantPort, linkPort } = this.#parts
    if (setting.link !== null) {
      const { bytesPerSecond, loss } = setting.link
      const way = ['--listen', `${host}:${linkPort}`, '--to', `${host}:${port}`]
      const weak = ['--bytes-per-second', String(bytesPerSecond), '--loss', String(loss), '--seed', '7']
      screen.step('A weak link', `node ${shownPath(join(root, WEAK_LINK), folder)} ${[...way, ...weak].join(' ')}`)
      this.#link = await children.serve('link', WEAK_LINK, [...way, ...weak])
    }
    if (!setting.plant || this.clock === null) return
    const args = ['site.yaml', 'plant', host, String(plantPort), CLOCK]
    screen.step('A plant behind it', `node ${shownPath(join(root, PLANT), folder)} ${args.join(' ')}`)
    this.#plant = await children.serve('plant', PLANT, args, value => {
      if ('update' in value) this.#billed(value as unknown as PlantBill)
    })
    const config = join(folder, 'gateway', 'gateway.yaml')
    const conditions = { url: `https://${host}:${plantPort}/v1/conditions`, ca: '../plant/ca.pem' }
    writeFileSync(config, `${readFileSync(config, 'utf8')}${stringify({ conditions })}`)
    screen.step('The gateway asks it', 'gateway/gateway.yaml: conditions')
  }

  /** Takes the link away, or gives it back. */
  link(way: 'down' | 'up'): void {
    this.#parts.screen.step(way === 'down' ? 'The link goes' : 'The link is back', `echo ${way} > (stdin of the link)`)
    this.#link?.write(way)
    this.#down = way === 'down'
  }

  /** What the plant paid for all of this, and what it would have paid had everything restarted at once. */
  bill(): Promise<PlantBill | null> {
    const plant = this.#plant
    if (plant === null) return Promise.resolve(null)
    const ids = this.site.controllers.filter(one => this.#parts.setting.updated.includes(one.class)).map(({ id }) => id)
    return new Promise(resolve => {
      this.#billed = resolve
      plant.write(JSON.stringify({ bill: ids }))
    })
  }

  /** Starts the three processes, and takes the site into the fleet. `faults` is what goes wrong at the site. */
  async open(faults: object | null): Promise<void> {
    const { children, folder, screen } = this.#parts
    screen.step('The fleet server serves', 'voltseal fleet serve fleet')
    await children.serve('fleet', ...this.#program(['fleet', 'serve', 'fleet']))
    if (this.consoleUrl !== null) screen.say(`  Watch it in a browser: ${this.consoleUrl}`)
    await this.command('The site joins the fleet', ['site', 'enrol', '--gateway', 'gateway', '--controllers', 'site'])
    screen.step('The gateway serves', 'voltseal gateway serve gateway')
    await children.serve('gateway', ...this.#program(['gateway', 'serve', 'gateway']))
    if (faults !== null) writeFileSync(join(folder, 'site', 'faults.json'), `${JSON.stringify(faults, null, 2)}\n`)
    screen.step('The controllers power up', `${this.#siteDoor()} serve site`)
    this.#site = await children.serve('site', SITE_DOOR, ['serve', 'site', ...this.#clock()], value =>
      this.#line(value),
    )
  }

  /**
   * Publishes for these classes, waits for every controller's report, plans, approves, starts. Answers what each ran
   * before, by its id.
   */
  async launch(classes: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const updates = this.images.filter(image => image.version === UPDATE && classes.includes(image.class))
    const folders = updates.map(image => image.release)
    await this.command('Publish', ['publish', ...folders, '--key', 'keys/release.key'])
    const before = await this.#allReported()
    await this.#plan(updates, classes)
    await this.command('Approve it', [
      ...['campaign', 'approve', CAMPAIGN, '--key', 'keys/approver.key'],
      ...['--profile', 'fleet/profiles/approver/profile.yaml'],
    ])
    await this.command('Start it', ['campaign', 'start', CAMPAIGN])
    const { clock } = this.#parts.setting
    if (clock !== null) {
      this.#parts.screen.step('Time goes fast from here on', `${clock.rate} simulated seconds each second`)
      this.clock?.goOnAt(clock.rate)
    }
    return before
  }

  /** Makes the plan: from the site's plan file, after a look at what it would do, or in few words. */
  async #plan(updates: readonly DemoImage[], classes: readonly string[]): Promise<void> {
    const { site, times, planFile } = this.#parts.setting
    if (planFile) {
      copyFileSync(join(root, 'sim', 'sites', `${site}.plan.yaml`), join(this.folder, 'plan.yaml'))
      const preview = await this.text('What the plan would do', ['campaign', 'plan', 'plan.yaml', '--dry-run'])
      for (const line of preview.trimEnd().split('\n')) this.#parts.screen.say(`  ${line}`)
      await this.command('Plan the campaign', ['campaign', 'plan', 'plan.yaml'])
      return
    }
    const releases = updates.flatMap(({ class: name, version }) => ['--release', `${name}/${version}/envelope.suit`])
    const select = ['--site', site, '--class', classes.join(',')]
    const pace = ['--soak', times.soak, '--timeout', times.timeout]
    const title = ['--title', `Pybricks ${FACTORY} to ${UPDATE}`]
    const about = ['campaign', 'create', '--id', CAMPAIGN, ...title]
    await this.command('Plan the campaign', [...about, ...releases, ...select, ...pace])
  }

  /** Follows the campaign to its end; answers the exit code: 0 when every controller is confirmed. */
  async watch(onSaid: (line: string) => void): Promise<number> {
    const args = ['campaign', 'watch', CAMPAIGN]
    this.#parts.screen.step('Watch it', `voltseal ${args.join(' ')}`)
    const ended = await this.#parts.children.run(...this.#program(['--json', ...args]), onSaid)
    const view = Object(json(ended.stdout)) as Partial<CampaignView>
    // A view comes with the campaign's end, whichever it is; anything else is why it could not be watched.
    if (!Array.isArray(view.controllers)) throw new CommandFailed(`voltseal ${args.join(' ')}`, ended)
    return ended.code
  }

  /** Verifies the export, as an auditor would: offline, with nothing but the log's key. As `text` answers it. */
  verifyLog(asJson: boolean): Promise<string> {
    return this.text('Verify it, offline', ['audit', 'verify', 'audit.json'], asJson)
  }

  /** The campaign as it stands. */
  async campaign(): Promise<CampaignView> {
    return (await this.command(null, ['campaign', 'show', CAMPAIGN])) as CampaignView
  }

  /** Exports the audit log; answers its entries, one to a line, and the signed checkpoint over them. */
  async exportLog(): Promise<{ readonly entries: string; readonly checkpoint: string }> {
    await this.command('Export the audit log', ['audit', 'export', 'audit.json'])
    const text = readFileSync(join(this.#parts.folder, 'audit.json'), 'utf8')
    const { entries, checkpoint } = JSON.parse(text) as { entries: readonly string[]; checkpoint: string }
    return { entries: entries.map(entry => Buffer.from(entry, 'base64').toString()).join('\n'), checkpoint }
  }

  /** What each controller runs, as it attested, by its id. */
  async versions(): Promise<ReadonlyMap<string, string>> {
    const list = (await this.command('The version map of the site', [
      'controller',
      'list',
    ])) as readonly ControllerView[]
    return new Map(list.map(one => [one.id, one.version ?? '–']))
  }

  /** The report of changes as an auditor would make it: offline, from the export alone. Kept as JSON and as CSV. */
  async changes(): Promise<ChangeReport> {
    const files = ['--out', 'changes.json', '--csv', 'changes.csv']
    return (await this.command('The change report', [
      'audit',
      'changes',
      CAMPAIGN,
      'audit.json',
      ...files,
    ])) as ChangeReport
  }

  /** The record that each of these controllers leaves behind, kept in `records/ID.json`; answers whose there are. */
  async records(ids: readonly string[]): Promise<readonly string[]> {
    mkdirSync(join(this.folder, 'records'), { recursive: true })
    const kept: string[] = []
    for (const id of ids) {
      const title = kept.length === 0 ? 'The record of each device' : null
      const history = await this.command(title, ['controller', 'history', `${this.site.site}/${id}`])
      if (history === null) continue
      writeFileSync(join(this.folder, 'records', `${id}.json`), `${JSON.stringify(history, null, 2)}\n`)
      kept.push(id)
    }
    return kept
  }

  /** Lets somebody with a debug probe at a controller. */
  attack(controller: string): void {
    const line = JSON.stringify({ attack: 'tampered-slot', controller })
    this.#parts.screen.step('A debug probe', `echo '${line}' > (stdin of the site)`)
    this.#site?.write(line)
  }

  /** Runs a command of `voltseal` and shows it; answers what it printed with `--json`. */
  async command(title: string | null, args: readonly string[]): Promise<unknown> {
    return json(await this.text(title, args, true))
  }

  /** As `command`, but answers what a person would have read. */
  async text(title: string | null, args: readonly string[], asJson = false): Promise<string> {
    const shown = `voltseal ${args.map(quoted).join(' ')}`
    if (title !== null) this.#parts.screen.step(title, shown)
    const ended = await this.#parts.children.run(...this.#program(asJson ? ['--json', ...args] : args))
    if (ended.code !== 0) throw new CommandFailed(shown, ended)
    return ended.stdout
  }

  async #release(image: DemoImage): Promise<void> {
    const { class: name, hardware, version, sequence, counter, file, release } = image
    const facts = ['--vendor', VENDOR, '--class', name, '--hardware', hardware, '--version', version]
    const numbers = ['--sequence', String(sequence), '--counter', String(counter)]
    const health = ['--health-window', this.#parts.setting.times.health, '--probe', PROBES]
    const create = ['release', 'create', '--image', file, ...facts, ...numbers, ...health]
    await this.command(`Release ${name} ${version}`, create)
    await this.command(`Sign ${name} ${version}`, ['sign', release, '--key', 'keys/firmware.key'])
  }

  async #makeSite(): Promise<void> {
    const factory = this.images
      .filter(image => image.version === FACTORY)
      .flatMap(image => ['--factory', `${image.class}=${image.release}`])
    const args = ['make', '--site', 'site.yaml', '--data', 'site', '--anchor', 'keys/firmware.key.pub', ...factory]
    const shown = `${this.#siteDoor()} ${args.join(' ')}`
    this.#parts.screen.step('Simulated controllers', shown)
    const ended = await this.#parts.children.run(SITE_DOOR, args)
    if (ended.code !== 0) throw new CommandFailed(shown, ended)
  }

  /** Plans are made of what controllers attested: every one must have been heard of. */
  async #allReported(): Promise<ReadonlyMap<string, string>> {
    const given = performance.now() + PATIENCE
    for (;;) {
      const list = (await this.command(null, ['controller', 'list'])) as readonly ControllerView[]
      const silent = list.filter(one => one.version === null)
      if (list.length > 0 && silent.length === 0) {
        this.#parts.screen.step('All of them have reported', 'voltseal controller list')
        return new Map(list.map(one => [one.id, one.version ?? '–']))
      }
      if (performance.now() > given) {
        throw new Error(
          `no report within ${PATIENCE / 1000} s from: ${silent.map(one => one.id).join(', ') || 'anybody'}`,
        )
      }
      await new Promise(resolve => setTimeout(resolve, 200))
    }
  }

  #line(value: Readonly<Record<string, unknown>>): void {
    if (typeof value.event !== 'string' || typeof value.controller !== 'string') return
    const event = value as unknown as StampedEvent
    this.#feel(event)
    if (this.#down) this.offline.push(event)
    this.#parts.onEvent(event)
  }

  /** A controller that restarts takes its part of the plant away; one that is through gives it back. */
  #feel({ event, controller }: StampedEvent): void {
    const away = event === 'activating' || event === 'power-lost' || event === 'halted'
    const back = event === 'confirmed' || event === 'reverted'
    if (away || back) this.#plant?.write(JSON.stringify(away ? { away: controller } : { back: controller }))
  }

  /** The program that is `voltseal` here, and its arguments: the real one, or the one on a simulated clock. */
  #program(args: readonly string[]): [program: string, args: readonly string[]] {
    return this.clock === null ? [CLI, args] : [FAST, [CLOCK, ...args]]
  }

  #clock(): string[] {
    return this.clock === null ? [] : [CLOCK]
  }

  #siteDoor(): string {
    return `node ${shownPath(join(root, SITE_DOOR), this.#parts.folder)}`
  }
}

/** A path as a person would type it: from where they are, unless it is shorter from the root. */
export function shownPath(path: string, from = process.cwd()): string {
  const near = relative(from, path) || '.'
  return near.length < path.length ? near : path
}

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`)

function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null
  }
}
