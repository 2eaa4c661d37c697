import { appendFileSync, copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { toHex } from '../../../src/core/encoding/bytes.ts'
import type { Site } from '../../../src/core/fleet/topology.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import type { CampaignView, ControllerView } from '../../../src/wire/fleet-views.ts'
import { CLOCK_WARNING, FastClock } from '../fast-clock.ts'
import type { StampedEvent } from '../site/events.ts'
import { readSiteFile } from '../site/folder.ts'
import type { Server } from './children.ts'
import { CommandFailed, Desk, json, shownPath } from './desk.ts'
import { type DemoImage, FACTORY, UPDATE, unpackFirmware } from './firmware.ts'
import type { StageParts } from './parts.ts'
import { CAMPAIGN, POLICY, Proof } from './proof.ts'
import { beginningOf } from './setting.ts'
import { giveSignIns, letTechnicianIn, pageLines, signInLines } from './sign-ins.ts'
import { CLOCK, Surroundings } from './surroundings.ts'

const SITE_DOOR = join('sim', 'doors', 'site.ts')
const VENDOR = 'voltworks.example'
const PROBES = 'ems-link,cell-voltages'
/** How long controllers may take to report for the first time, in milliseconds. */
const PATIENCE = 60_000
const root = join(import.meta.dirname, '../../..')

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
  readonly desk: Desk
  readonly around: Surroundings
  readonly proof: Proof
  #site: Server | null = null
  /** What happens at the site while the link is taken away. */
  readonly offline: StampedEvent[] = []

  constructor(parts: StageParts) {
    this.#parts = parts
    const { folder, setting } = parts
    this.images = unpackFirmware(folder, bytes => toHex(nodeCrypto.sha256(bytes)), setting)
    copyFileSync(join(root, 'sim', 'sites', `${setting.site}.site.yaml`), join(folder, 'site.yaml'))
    this.site = orThrow(readSiteFile(join(folder, 'site.yaml')))
    const beginning = beginningOf(setting, this.site.zone, Date.now())
    this.clock = beginning === null ? null : FastClock.begin(join(folder, CLOCK), beginning)
    this.began = beginning?.simulated ?? Date.now()
    this.desk = new Desk(parts.children, parts.screen, beginning === null ? null : CLOCK)
    this.around = new Surroundings(parts, this.site, beginning !== null)
    this.proof = new Proof(this.desk, folder, this.site.site)
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
    return at === null ? null : `${at.url}/`
  }

  get pageUrl(): string | null {
    const at = this.#parts.page
    return at === null ? null : `${at.url}/`
  }

  /** Keys, releases, and the folders of fleet, gateway and site. */
  async prepare(): Promise<void> {
    const { host, port, folder, screen } = this.#parts
    screen.step('Work in the folder', `cd ${shownPath(folder)}`)
    await Promise.all([
      this.desk.command('Key of the firmware’s vendor', ['key', 'generate', 'keys/firmware.key']),
      this.desk.command('Key that publishes', ['key', 'generate', 'keys/release.key']),
      this.desk.command('Key of the approver', ['key', 'generate', 'keys/approver.key']),
    ])
    await Promise.all(this.images.map(image => this.#release(image)))
    const keys = ['--firmware-key', 'keys/firmware.key.pub', '--release-key', 'keys/release.key']
    const shown = this.#parts.console === null ? [] : ['--console-port', String(this.#parts.console.port)]
    const { setting, linkPort } = this.#parts
    const pace = ['--one-organisation', '--tick', '100ms', '--host', host, '--port', String(port), ...shown]
    const init = ['fleet', 'init', 'fleet', '--name', 'demo', ...keys, '--approver-key', 'keys/approver.key', ...pace]
    const { page } = this.#parts
    const paged = page === null ? [] : ['--console-port', String(page.port)]
    const door = ['--host', host, '--port', String(port + 1), '--poll', '200ms', ...paged]
    const budget = ['--max-restarting', String(setting.maxRestarting)]
    const fleet = setting.link === null ? this.fleetUrl : `https://${host}:${linkPort}`
    const gateway = ['gateway', 'init', 'gateway', '--site', 'site.yaml', '--fleet', fleet]
    const [, made] = await Promise.all([
      this.desk.command('Fleet server', init),
      this.desk.command('Gateway', [...gateway, ...door, ...budget]),
      this.#makeSite(),
    ])
    this.#letWitness((made as { witness: string }).witness)
    await this.around.begin()
  }

  /** Has the gateway sign the log. A fleet that is in earnest has witnesses of others beside it. */
  #letWitness(key: string): void {
    const fleet = join(this.folder, 'fleet')
    const { site } = this.site
    this.#parts.screen.step('The gateway must sign the log', `fleet/${POLICY}: quorum ${site}`)
    writeFileSync(join(fleet, POLICY), `witness ${site} ${key}\nquorum ${site}\n`)
    appendFileSync(join(fleet, 'fleet.yaml'), `witnesses:\n  policy: ${POLICY}\n`)
  }

  /** Starts the three processes, and takes the site into the fleet. `faults` is what goes wrong at the site. */
  async open(faults: object | null): Promise<void> {
    const { children, folder, screen } = this.#parts
    screen.step('The fleet server serves', 'voltseal fleet serve fleet')
    await children.serve('fleet', ...this.desk.program(['fleet', 'serve', 'fleet']))
    if (this.consoleUrl !== null) {
      await giveSignIns(this.desk, folder)
      for (const line of signInLines(folder, this.consoleUrl)) screen.say(`  ${line}`)
    }
    await this.desk.command('The site joins the fleet', [
      'site',
      'enrol',
      '--gateway',
      'gateway',
      '--controllers',
      'site',
    ])
    screen.step('The gateway serves', 'voltseal gateway serve gateway')
    await children.serve('gateway', ...this.desk.program(['gateway', 'serve', 'gateway']))
    if (this.pageUrl !== null) {
      await letTechnicianIn(this.desk, folder)
      for (const line of pageLines(folder, this.pageUrl)) screen.say(`  ${line}`)
    }
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
    await this.desk.command('Publish', ['publish', ...folders, '--key', 'keys/release.key'])
    const before = await this.#allReported()
    await this.#plan(updates, classes)
    await this.desk.command('Approve it', [
      ...['campaign', 'approve', CAMPAIGN, '--key', 'keys/approver.key'],
      ...['--profile', 'fleet/profiles/approver/profile.yaml'],
    ])
    await this.desk.command('Start it', ['campaign', 'start', CAMPAIGN])
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
      const preview = await this.desk.text('What the plan would do', ['campaign', 'plan', 'plan.yaml', '--dry-run'])
      for (const line of preview.trimEnd().split('\n')) this.#parts.screen.say(`  ${line}`)
      await this.desk.command('Plan the campaign', ['campaign', 'plan', 'plan.yaml'])
      return
    }
    const releases = updates.flatMap(({ class: name, version }) => ['--release', `${name}/${version}/envelope.suit`])
    const select = ['--site', site, '--class', classes.join(',')]
    const pace = ['--soak', times.soak, '--timeout', times.timeout]
    const title = ['--title', `Pybricks ${FACTORY} to ${UPDATE}`]
    const about = ['campaign', 'create', '--id', CAMPAIGN, ...title]
    await this.desk.command('Plan the campaign', [...about, ...releases, ...select, ...pace])
  }

  /** Follows the campaign to its end; answers the exit code: 0 when every controller is confirmed. */
  async watch(onSaid: (line: string) => void): Promise<number> {
    const args = ['campaign', 'watch', CAMPAIGN]
    this.#parts.screen.step('Watch it', `voltseal ${args.join(' ')}`)
    const ended = await this.#parts.children.run(...this.desk.program(['--json', ...args]), onSaid)
    const view = Object(json(ended.stdout)) as Partial<CampaignView>
    // A view comes with the campaign's end, whichever it is; anything else is why it could not be watched.
    if (!Array.isArray(view.controllers)) throw new CommandFailed(`voltseal ${args.join(' ')}`, ended)
    return ended.code
  }

  /** Lets somebody with a debug probe at a controller. */
  attack(controller: string): void {
    const line = JSON.stringify({ attack: 'tampered-slot', controller })
    this.#parts.screen.step('A debug probe', `echo '${line}' > (stdin of the site)`)
    this.#site?.write(line)
  }

  async #release(image: DemoImage): Promise<void> {
    const { class: name, hardware, version, sequence, counter, file, release } = image
    const facts = ['--vendor', VENDOR, '--class', name, '--hardware', hardware, '--version', version]
    const numbers = ['--sequence', String(sequence), '--counter', String(counter)]
    const health = ['--health-window', this.#parts.setting.times.health, '--probe', PROBES]
    const create = ['release', 'create', '--image', file, ...facts, ...numbers, ...health]
    await this.desk.command(`Release ${name} ${version}`, create)
    await this.desk.command(`Sign ${name} ${version}`, ['sign', release, '--key', 'keys/firmware.key'])
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
      const list = (await this.desk.command(null, ['controller', 'list'])) as readonly ControllerView[]
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
    this.around.feel(event)
    if (this.around.isDown) this.offline.push(event)
    this.#parts.onEvent(event)
  }

  #clock(): string[] {
    return this.clock === null ? [] : [CLOCK]
  }

  #siteDoor(): string {
    return `node ${shownPath(join(root, SITE_DOOR), this.#parts.folder)}`
  }
}
