import { stateName } from '../../core/campaign/rollout-state.ts'
import { showDuration } from '../../core/encoding/quantity.ts'
import { parseEntry } from '../../core/ledger/entry.ts'
import { isRefusal } from '../../core/refusal/refusal.ts'
import type { Gathering } from '../../flows/ask-witnesses.ts'
import { standingOf } from '../../flows/cosigned.ts'
import { backlogs } from '../../flows/deliver.ts'
import { openRow } from '../../flows/opened.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import { reasonsAt } from '../../flows/reason.ts'
import type { WebhookStore } from '../../flows/webhook-ports.ts'
import { type Figure, figureText, Histogram, type Sample } from '../../wire/metrics-text.ts'
import { breathe } from '../process/breathe.ts'
import type { Siem } from './siem.ts'

/** Seconds: of what a disk does, and of what a link with gaps brings. */
const QUICK = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
const SLOW = [1, 5, 15, 60, 300, 900, 3600, 21_600, 86_400, 604_800]
/** Versions that are told apart; the others are one. A fleet has fewer, unless somebody reports what they like. */
const VERSIONS = 200
/** Looking at the whole fleet is shared by all who look within this time, in milliseconds. */
const SHARED = 5_000
/** Sites that one look at the store takes. */
const SITES = 500

/** The figures of a fleet server. What grows is counted as it happens, the rest is looked up when somebody looks. */
export class Metrics {
  readonly requests = new Histogram('voltseal_http_request_seconds', 'Requests by route and status.', QUICK)
  readonly commits = new Histogram('voltseal_store_commit_seconds', 'Transactions of the store, synced to disk.', QUICK)
  readonly lag = new Histogram('voltseal_upstream_lag_seconds', 'From what happened at a site to its arrival.', SLOW)
  readonly #heard = new Map<string, number>()
  readonly #world: FleetWorld
  readonly #webhooks: WebhookStore
  readonly #siem: Siem
  readonly #gathering: Gathering
  #looked: { readonly at: number; readonly text: Promise<string> } | null = null

  constructor(world: FleetWorld, webhooks: WebhookStore, siem: Siem, gathering: Gathering) {
    this.#world = world
    this.#gathering = gathering
    this.#webhooks = webhooks
    this.#siem = siem
  }

  /** A gateway has called. */
  hear(site: string): void {
    this.#heard.set(site, performance.now())
  }

  /** How long ago a site's gateway called, in milliseconds; null: not since the start. */
  silentFor(site: string): number | null {
    const heard = this.#heard.get(site)
    return heard === undefined ? null : Math.floor(performance.now() - heard)
  }

  /** A gateway's items were taken in: how long the oldest entry among them was under way, by the gateway's clock. */
  take(items: readonly { readonly kind: string; readonly bytes: Uint8Array }[]): void {
    const first = items.find(({ kind }) => kind === 'entry')
    const entry = first === undefined ? null : parseEntry(first.bytes, 'an outbox item')
    if (entry === null || isRefusal(entry)) return
    this.lag.observe(Math.max(0, this.#world.clock.now() - entry.at) / 1000)
  }

  async text(): Promise<string> {
    const now = performance.now()
    if (this.#looked === null || now - this.#looked.at > SHARED) this.#looked = { at: now, text: this.#look() }
    const own = [this.requests, this.commits, this.lag].map(one => one.text())
    return [await this.#looked.text, ...own].join('')
  }

  async #look(): Promise<string> {
    const figures = [
      await this.#campaigns(),
      await this.#controllers(),
      ...(await this.#sites()),
      ...(await this.#hooks()),
      ...(await this.#receivers()),
      ...(await this.#witnesses()),
      ...(await this.#breaks()),
      await this.#patches(),
      gauge('voltseal_log_entries', 'Entries of the audit log.', (await this.#world.store.log()).size),
      gauge('process_resident_memory_bytes', 'Memory of the server.', process.memoryUsage.rss()),
      counter('process_cpu_seconds_total', 'Time of processors that the server has used.', cpuSeconds()),
    ]
    return figures.map(figureText).join('')
  }

  async #campaigns(): Promise<Figure> {
    const states = new Map<string, number>()
    for (const row of await this.#world.store.campaigns()) {
      const opened = openRow(row)
      const state = isRefusal(opened) ? 'unreadable' : stateName(opened.rollout.state)
      states.set(state, (states.get(state) ?? 0) + 1)
    }
    return by('voltseal_campaigns', 'Campaigns by state.', 'state', states)
  }

  async #controllers(): Promise<Figure> {
    const counts = await this.#world.store.inventory.versions({}, 'fleet')
    const largest = counts.toSorted((a, b) => b.controllers - a.controllers)
    const samples: Sample[] = largest.slice(0, VERSIONS).map(row => {
      const { class: of, version, said, controllers } = row
      return { labels: { class: of, version: version === '' ? 'unknown' : version, said }, value: controllers }
    })
    const rest = largest.slice(VERSIONS).reduce((sum, { controllers }) => sum + controllers, 0)
    if (rest > 0) samples.push({ labels: { class: 'others', version: 'others', said: 'others' }, value: rest })
    const help = 'Controllers by class and version; said tells by whom.'
    return { name: 'voltseal_controllers', help, type: 'gauge', samples }
  }

  async #sites(): Promise<Figure[]> {
    const waits = new Map<string, number>()
    let [sites, silent] = [0, 0]
    const now = performance.now()
    const { gateways } = this.#world.silence
    for (let after = ''; ; ) {
      const page = await this.#world.store.siteNames(after, SITES)
      for (const id of page) {
        sites += 1
        if (now - (this.#heard.get(id) ?? 0) > gateways) silent += 1
        for (const { rule } of (await reasonsAt(this.#world, id)).values()) waits.set(rule, (waits.get(rule) ?? 0) + 1)
      }
      if (page.length < SITES) break
      after = page.at(-1) as string
      // Ten thousand sites take a while: others have their turn in between.
      await breathe()
    }
    return [
      gauge('voltseal_sites', 'Registered sites.', sites),
      gauge(
        'voltseal_sites_silent',
        `Sites whose gateway has not called this server for ${showDuration(gateways)}.`,
        silent,
      ),
      by('voltseal_waits', 'Controllers that wait for their turn, by the rule that says so.', 'rule', waits),
    ]
  }

  async #witnesses(): Promise<Figure[]> {
    const { size, since, alarms, troubled } = await standingOf(this.#gathering)
    const age = since === null ? 0 : Math.max(0, this.#world.clock.now() - since) / 1000
    return [
      gauge('voltseal_log_witnessed_entries', 'Entries of the newest checkpoint that enough witnesses signed.', size),
      gauge(
        'voltseal_log_unwitnessed_seconds',
        'How long the checkpoint under way has waited for enough signatures.',
        age,
      ),
      gauge('voltseal_log_witness_alarm', 'Whether a checkpoint got too few signatures in time: 1, or 0.', alarms),
      gauge('voltseal_log_witnesses_troubled', 'Witnesses that say that the log is not the one they know.', troubled),
    ]
  }

  async #breaks(): Promise<Figure[]> {
    const { codes, behind } = await this.#world.store.histories.counts()
    return [
      by('voltseal_breaks', 'Places where what sites tell does not go on, since the first of them.', 'code', codes),
      gauge('voltseal_histories_behind', 'Controllers that attest decisions which they have not told.', behind),
    ]
  }

  async #patches(): Promise<Figure> {
    const counts = Object.entries(await this.#world.store.patches.counts())
    return by('voltseal_patches', 'Patches by state: wanted, made, or none with its reason.', 'state', new Map(counts))
  }

  async #hooks(): Promise<Figure[]> {
    const rows = await backlogs(this.#world, this.#webhooks)
    const figure = (name: string, help: string, value: (row: (typeof rows)[number]) => number): Figure => {
      const samples = rows.map(row => ({ labels: { webhook: row.webhook }, value: value(row) }))
      return { name, help, type: 'gauge', samples }
    }
    return [
      figure('voltseal_webhook_behind', 'Entries of the log that a webhook has not come to.', ({ behind }) => behind),
      figure('voltseal_webhook_failures', 'How often the message that is next has failed.', ({ failures }) => failures),
      figure('voltseal_webhook_dead_letters', 'Messages that were set aside.', ({ letters }) => letters),
    ]
  }

  async #receivers(): Promise<Figure[]> {
    const rows = await Promise.all(this.#siem.forwardings.map(one => one.state()))
    type Row = (typeof rows)[number]
    const figure = (
      name: string,
      help: string,
      value: (row: Row) => number,
      type: Figure['type'] = 'gauge',
    ): Figure => ({
      name: `voltseal_siem_${name}`,
      help,
      type,
      samples: rows.map(row => ({ labels: { receiver: row.receiver }, value: value(row) })),
    })
    const faults = rows.flatMap(({ receiver, standing: { fault } }) =>
      fault === null ? [] : [{ labels: { receiver, code: fault.code }, value: 1 }],
    )
    return [
      figure('behind', 'Entries of the log that are still to be sent to a receiver.', row => row.size - row.sent),
      figure(
        'unconfirmed',
        'Entries that were sent, and that it has not shown to have read.',
        row => row.sent - row.confirmed,
      ),
      figure('connected', 'Whether there is a connection to the receiver.', row => (row.connected ? 1 : 0)),
      figure('messages_total', 'Messages that were sent to it.', row => row.messages, 'counter'),
      figure('repeated_total', 'Messages among them that were sent again.', row => row.repeated, 'counter'),
      figure('failures', 'How often it has failed in a row.', row => row.standing.failures),
      { name: 'voltseal_siem_fault', help: 'How a receiver fails, while it does.', type: 'gauge', samples: faults },
    ]
  }
}

const gauge = (name: string, help: string, value: number): Figure => ({
  name,
  help,
  type: 'gauge',
  samples: [{ labels: {}, value }],
})

const counter = (name: string, help: string, value: number): Figure => ({
  ...gauge(name, help, value),
  type: 'counter',
})

const by = (name: string, help: string, label: string, counts: ReadonlyMap<string, number>): Figure => ({
  name,
  help,
  type: 'gauge',
  samples: [...counts].map(([text, value]) => ({ labels: { [label]: text }, value })),
})

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
