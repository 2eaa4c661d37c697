import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { toHex } from '../../../src/core/encoding/bytes.ts'
import type { CampaignView, ControllerView } from '../../../src/wire/fleet-views.ts'
import type { StampedEvent } from '../site/events.ts'
import type { Children, Ended, Server } from './children.ts'
import { type DemoImage, FACTORY, UPDATE, unpackFirmware } from './firmware.ts'
import type { Screen } from './screen.ts'

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
export const CAMPAIGN = 'pybricks-7-28'
export const HEALTH_WINDOW = '1500ms'
/** How long controllers may take to report for the first time, in milliseconds. */
const PATIENCE = 60_000
const root = join(import.meta.dirname, '../../..')

/** Where the demo's parts are, and what happens in them. */
export type StageParts = {
  readonly folder: string
  readonly host: string
  readonly port: number
  /** Where the console is shown to browsers on this machine; null: nowhere. */
  readonly console: { readonly host: string; readonly port: number } | null
  readonly children: Children
  readonly screen: Screen
  onEvent(event: StampedEvent): void
}

/**
 * The demo's stage: a development fleet, its site, its keys and releases, made and run by the very commands that a
 * person would type in the demo's folder.
 */
export class Stage {
  readonly #parts: StageParts
  readonly images: readonly DemoImage[]
  #site: Server | null = null

  constructor(parts: StageParts) {
    this.#parts = parts
    this.images = unpackFirmware(parts.folder, bytes => toHex(nodeCrypto.sha256(bytes)))
    copyFileSync(join(root, 'sim', 'sites', 'harbour.site.yaml'), join(parts.folder, 'site.yaml'))
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
    const pace = ['--one-organisation', '--tick', '100ms', '--host', host, '--port', String(port), ...shown]
    const init = ['fleet', 'init', 'fleet', '--name', 'demo', ...keys, '--approver-key', 'keys/approver.key', ...pace]
    const door = ['--host', host, '--port', String(port + 1), '--poll', '200ms', '--max-restarting', '2']
    await Promise.all([
      this.command('Fleet server', init),
      this.command('Gateway', ['gateway', 'init', 'gateway', '--site', 'site.yaml', '--fleet', this.fleetUrl, ...door]),
      this.#makeSite(),
    ])
  }

  /** Starts the three processes, and takes the site into the fleet. `faults` is what goes wrong at the site. */
  async open(faults: object | null): Promise<void> {
    const { children, folder, screen } = this.#parts
    screen.step('The fleet server serves', 'voltseal fleet serve fleet')
    await children.serve('fleet', CLI, ['fleet', 'serve', 'fleet'])
    if (this.consoleUrl !== null) screen.say(`  Watch it in a browser: ${this.consoleUrl}`)
    await this.command('The site joins the fleet', ['site', 'enrol', '--gateway', 'gateway', '--controllers', 'site'])
    screen.step('The gateway serves', 'voltseal gateway serve gateway')
    await children.serve('gateway', CLI, ['gateway', 'serve', 'gateway'])
    if (faults !== null) writeFileSync(join(folder, 'site', 'faults.json'), `${JSON.stringify(faults, null, 2)}\n`)
    screen.step('The controllers power up', `${this.#siteDoor()} serve site`)
    this.#site = await children.serve('site', SITE_DOOR, ['serve', 'site'], value => this.#line(value))
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
    const releases = updates.flatMap(({ class: name, version }) => ['--release', `${name}/${version}/envelope.suit`])
    const select = ['--site', 'harbour', '--class', classes.join(',')]
    const pace = ['--soak', '500ms', '--timeout', '60s']
    const title = ['--title', `Pybricks ${FACTORY} to ${UPDATE}`]
    await this.command('Plan the campaign', [
      'campaign',
      'create',
      '--id',
      CAMPAIGN,
      ...title,
      ...releases,
      ...select,
      ...pace,
    ])
    await this.command('Approve it', [
      ...['campaign', 'approve', CAMPAIGN, '--key', 'keys/approver.key'],
      ...['--profile', 'fleet/profiles/approver/profile.yaml'],
    ])
    await this.command('Start it', ['campaign', 'start', CAMPAIGN])
    return before
  }

  /** Follows the campaign to its end; answers the exit code: 0 when every controller is confirmed. */
  async watch(onSaid: (line: string) => void): Promise<number> {
    const args = ['campaign', 'watch', CAMPAIGN]
    this.#parts.screen.step('Watch it', `voltseal ${args.join(' ')}`)
    const ended = await this.#parts.children.run(CLI, ['--json', ...args], onSaid)
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
    const ended = await this.#parts.children.run(CLI, asJson ? ['--json', ...args] : args)
    if (ended.code !== 0) throw new CommandFailed(shown, ended)
    return ended.stdout
  }

  async #release(image: DemoImage): Promise<void> {
    const { class: name, hardware, version, sequence, counter, file, release } = image
    const facts = ['--vendor', VENDOR, '--class', name, '--hardware', hardware, '--version', version]
    const numbers = ['--sequence', String(sequence), '--counter', String(counter)]
    const health = ['--health-window', HEALTH_WINDOW, '--probe', PROBES]
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
    this.#parts.screen.step('Seven simulated controllers', shown)
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
    this.#parts.onEvent(value as unknown as StampedEvent)
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
