import { campaignOf, type SiteWork } from '../../core/campaign/site-work.ts'
import { fromUtf8, toHex } from '../../core/encoding/bytes.ts'
import { lastReport } from '../../core/fleet/attested.ts'
import { parseEntry } from '../../core/ledger/entry.ts'
import type { OutboxItem } from '../../core/ledger/own-log-rows.ts'
import { reportDetail } from '../../core/ledger/report-detail.ts'
import { itemDigest, nextHead } from '../../core/ledger/site-chain.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { claimedHistory, openHistory } from '../../core/trust/device-history.ts'
import { openReport, type Report, readStoredReport } from '../../core/trust/report.ts'
import { heardAt } from '../../flows/catch-up.ts'
import { type Held, plansHeld } from '../../flows/hold.ts'
import { linkOf } from '../../flows/link-watch.ts'
import type { GatewayControllerRow, SiteWorld } from '../../flows/ports.ts'
import { waitOf } from '../../flows/reason.ts'
import { type Agreed, assigned, assignmentOf, unknown, workOf } from '../../flows/relay.ts'
import { plantHere } from '../../flows/show-plant.ts'
import { siteTime } from '../../flows/time.ts'
import { wallTime } from '../../flows/wall-time.ts'
import type { HistoryView } from '../../wire/fleet-views.ts'
import type { VersionSaidView } from '../../wire/inventory-views.ts'
import type { PlantSeen } from '../../wire/plant-api.ts'
import type { SiteItemView, SiteLinkView } from '../../wire/site-page-api.ts'
import type { PlannedTurn, SiteControllerView, SiteView } from '../../wire/site-views.ts'
import { breathe } from '../process/breathe.ts'
import { historyView } from '../process/history-view.ts'
import { attestedView, siteView } from '../process/site-view.ts'
import { VERSION } from '../process/version.ts'
import { linkStatus } from './link-status.ts'

/**
 * What a gateway shows of its site on its own page, in the words of the fleet's API: read from the gateway's own store at each question.
 * Nothing of it asks the fleet.
 */

/** The site as its file describes it. Refuses `site-unknown` for any other. */
export async function ownSite(world: SiteWorld, id: string): Promise<SiteView | Refusal> {
  const other = refuseOther(world, id)
  if (other !== null) return other
  const { acknowledged } = await world.store.ownLog()
  return siteView(world.site, world.clock.now(), acknowledged)
}

const refuseOther = ({ site: { site } }: SiteWorld, id: string): Refusal | null =>
  id === site ? null : refuse('site-unknown', `site ${id}`, `the site of this gateway, ${site}`, 'another one')

/** How the plant stands, read while somebody looks. Refuses `site-unknown`. */
export async function ownPlant(world: SiteWorld, id: string): Promise<PlantSeen | Refusal> {
  const other = refuseOther(world, id)
  if (other !== null) return other
  const { heardAt: at, view } = await plantHere(world)
  return { heardAt: at, plant: view }
}

/** Reports that are verified between two turns of the others. */
const VERIFIED = 50

/** Every enrolled controller: what it attested, what it is to install, why it waits. Refuses `site-unknown`. */
export async function ownControllers(world: SiteWorld, id: string): Promise<readonly SiteControllerView[] | Refusal> {
  const other = refuseOther(world, id)
  if (other !== null) return other
  const rows = await world.store.controllers()
  const plans = await plansOf(world, rows)
  const views: SiteControllerView[] = []
  for (const [index, row] of rows.entries()) {
    if (index % VERIFIED === VERIFIED - 1) await breathe()
    views.push(await controllerOf(world, row, plans))
  }
  return views
}

/** One of them. Refuses `site-unknown`, `controller-unknown`. */
export async function ownController(world: SiteWorld, site: string, id: string): Promise<SiteControllerView | Refusal> {
  const row = await rowOf(world, site, id)
  return isRefusal(row) ? row : controllerOf(world, row, await plansOf(world, [row]))
}

async function rowOf(world: SiteWorld, site: string, id: string): Promise<GatewayControllerRow | Refusal> {
  const other = refuseOther(world, site)
  if (other !== null) return other
  return (await world.store.controller(id)) ?? unknown(world, id)
}

type Plans = ReadonlyMap<string, Held>

async function plansOf(world: SiteWorld, rows: readonly GatewayControllerRow[]): Promise<Plans> {
  const campaigns = new Set(rows.flatMap(row => campaignOf(workOf(row)) ?? []))
  for (const { campaign } of await assigned(world)) campaigns.add(campaign)
  return new Map((await plansHeld(world, campaigns)).map(held => [held.plan.id, held]))
}

async function controllerOf(world: SiteWorld, row: GatewayControllerRow, plans: Plans): Promise<SiteControllerView> {
  const { id } = row
  // Verified for this answer: what somebody wrote into the store since shows as that.
  const report = lastReport({ site: world.site.site, ...row }, world.crypto)
  const held = isRefusal(report) ? null : report
  return {
    id,
    attested: held === null ? null : attestedView(held, seenAt(world, id, held)),
    fault: isRefusal(report) ? report.code : null,
    turns: await turnsOf(world, row, plans),
    waits: waitsOf(world, id),
  }
}

/** Why it waits, as the coordinator found at its last look. */
function waitsOf(world: SiteWorld, id: string): SiteControllerView['waits'] {
  const wait = waitOf(world, id)
  if (wait === null) return null
  const { rule, about, because, value, threshold, ageMillis, nextPossible } = wait
  // As the fleet's API says it: the coordinator's own sentence names the rack too, which stands beside it here.
  const sentence = `${id} waits: ${because}.`
  return { rule, about, sentence, value, threshold, ageMillis, nextPossible, at: world.clock.now() }
}

/** When it was heard last. Of one that was not since this gateway started, when it said so itself. */
function seenAt(world: SiteWorld, id: string, { at }: Report): number | null {
  const heard = heardAt(world, id)
  if (heard !== null) return heard
  return at === 0 ? null : Math.min(at, world.clock.now())
}

/** What it is to install, by the orders that the gateway has verified. */
async function turnsOf(world: SiteWorld, row: GatewayControllerRow, plans: Plans): Promise<PlannedTurn[]> {
  const work = workOf(row)
  const agreed = await assignmentOf(world, row.id)
  const campaign = campaignOf(work) ?? agreed?.campaign ?? null
  if (campaign === null) return []
  const held = plans.get(campaign)
  const wave = held?.sheet.turns.find(({ controller }) => controller === row.id)?.wave ?? 0
  const inForce = agreed !== undefined && (await siteTime(world)) < agreed.until
  return [
    {
      campaign,
      title: held?.plan.title ?? campaign,
      campaignState: agreed === undefined ? 'taken back' : inForce ? 'ordered' : 'expired: waits for the fleet',
      wave: wave + 1,
      version: agreed?.release.version ?? '',
      ...stageOf(work),
    },
  ]
}

type Stage = Pick<PlannedTurn, 'state' | 'stage' | 'since' | 'detail'>

function stageOf(work: SiteWork): Stage {
  const ordered = (stage: string, since = 0, detail: string | null = null): Stage => {
    return { state: 'assigned', stage, since, detail }
  }
  switch (work.at) {
    case 'idle':
    case 'staging':
      return ordered('ordered')
    case 'staged':
      return ordered('staged', work.since)
    case 'granted':
      return ordered('granted', work.since)
    case 'leaving':
      return ordered('granted', work.since, 'its order was taken back; it may still be restarting')
    case 'done':
      return work.result === 'confirmed'
        ? { state: 'confirmed', stage: null, since: 0, detail: null }
        : { state: 'failed', stage: null, since: 0, detail: work.result }
  }
}

/** Items of the gateway's own log about a controller that are shown at most: the newest. */
export const MOST_ITEMS = 300

/** What happened to a controller, oldest first, by the gateway's own log. `index`: the item's number. Refuses `site-unknown`, `controller-unknown`. */
export async function ownHistory(
  world: SiteWorld,
  site: string,
  id: string,
  newest: number,
): Promise<readonly HistoryView[] | Refusal> {
  const row = await rowOf(world, site, id)
  if (isRefusal(row)) return row
  const items = await world.store.loggedAbout(id, Math.min(newest, MOST_ITEMS))
  let last = 0
  return items.flatMap(item => {
    const view = historyOf(item, last)
    if (view !== null) last = view.at
    return view ?? []
  })
}

/** `before`: the time of the item before, for what knew no time. What cannot be read, the store being damaged, is left out here: the item itself shows it. */
function historyOf({ sequence, kind, bytes }: OutboxItem, before: number): HistoryView | null {
  if (kind === 'entry') {
    const entry = parseEntry(bytes, `item ${sequence}`)
    return isRefusal(entry) ? null : historyView(sequence, entry)
  }
  if (kind === 'report') {
    const report = readStoredReport(bytes)
    if (report === null) return null
    const code = report.refusal === undefined ? {} : { code: report.refusal.code }
    const at = (report.at === 0 ? before : report.at) as Report['at']
    return historyView(sequence, { kind: 'controller-report', at, ...code, detail: reportDetail(report) })
  }
  const claimed = claimedHistory(bytes)
  if (claimed === null) return null
  const { signed, signature } = claimed
  const detail = { sig: toHex(signature), signed: JSON.parse(JSON.stringify(signed)) }
  return historyView(sequence, { kind: 'device-history', at: signed.at, detail })
}

/** Which versions a controller attested, oldest first, as far as the gateway's own log reaches. Refuses `site-unknown`, `controller-unknown`. */
export async function ownVersions(
  world: SiteWorld,
  site: string,
  id: string,
): Promise<readonly VersionSaidView[] | Refusal> {
  const row = await rowOf(world, site, id)
  if (isRefusal(row)) return row
  const said: VersionSaidView[] = []
  for (const { kind, bytes } of await world.store.loggedAbout(id, MOST_ITEMS)) {
    const report = kind === 'report' ? readStoredReport(bytes) : null
    if (report === null) continue
    const { version, digest } = report.running
    const last = said.at(-1)
    if (last?.version !== version || last.digest !== digest)
      said.push({ at: report.at, said: 'attested', version, digest })
  }
  return said
}

/** An item of the gateway's own log. Refuses `not-found`: it was never given, or is not kept any more. */
export async function ownItem(world: SiteWorld, number: number): Promise<SiteItemView | Refusal> {
  const [item] = await world.store.logged(number - 1, 1)
  if (item?.sequence !== number) return refuse('not-found', `item ${number}`, 'an item that the gateway keeps', 'none')
  const { kind, bytes, before } = item
  const digest = itemDigest(world.crypto, kind, bytes)
  const { acknowledged } = await world.store.ownLog()
  return {
    number,
    kind,
    text: fromUtf8(bytes) ?? '',
    digest: toHex(digest),
    before: toHex(before),
    head: toHex(nextHead(world.crypto, before, number, digest)),
    atFleet: number <= acknowledged,
    signed: await holds(world, item),
  }
}

/** Whether what a controller signed holds under the key that it is enrolled with now. */
async function holds(world: SiteWorld, { kind, bytes }: OutboxItem): Promise<boolean | null> {
  if (kind === 'entry') return null
  const id = kind === 'report' ? readStoredReport(bytes)?.controller : claimedHistory(bytes)?.signed.controller
  const row = id === undefined ? null : await world.store.controller(id)
  if (row === null) return false
  const from = { site: world.site.site, controller: row.id, key: { alg: 'ecdsa-p256', spki: row.reportKey } } as const
  return !isRefusal(kind === 'report' ? openReport(bytes, from, world.crypto) : openHistory(bytes, from, world.crypto))
}

/** How the link stands, and what the site has to go on with. `since`: when this process began, by the gateway's clock. */
export async function ownLink(world: SiteWorld, fleet: string, since: number): Promise<SiteLinkView> {
  const { answered, silentMillis, fault, lostAt } = await linkOf(world)
  const { clock, doubts } = await wallTime(world)
  const { last, acknowledged, unsentBytes, lostFrom = null } = await world.store.ownLog()
  const orders = await assigned(world)
  return {
    fleet,
    at: fault !== null ? 'silent' : answered ? 'heard' : 'asking',
    heardAt: answered ? Math.round(clock - silentMillis) : null,
    startedAt: since,
    fault: fault?.code ?? null,
    lostAt,
    own: { items: last, acknowledged, unsentBytes, lostFrom },
    orders: { count: orders.length, until: firstEnd(orders), ...(await payloadsOf(world, orders)) },
    downloads: (await linkStatus(world)).downloads.map(({ sha256: _, waits, ...shown }) => {
      return { ...shown, asks: waits !== null && waits !== 'never' }
    }),
    restored: (await world.store.copied()) !== null,
    doubts: doubts.map(({ by, jumped, until }) => ({ by, jumped, until })),
    version: VERSION,
  }
}

const firstEnd = (orders: readonly Agreed[]): number | null =>
  orders.length === 0 ? null : Math.min(...orders.map(({ until }) => until))

async function payloadsOf(
  { blobs }: SiteWorld,
  orders: readonly Agreed[],
): Promise<{ readonly payloads: number; readonly here: number }> {
  const wanted = [...new Map(orders.map(({ payload }) => [payload.sha256, payload])).values()]
  const there = await Promise.all(wanted.map(id => blobs.has(id)))
  return { payloads: wanted.length, here: there.filter(Boolean).length }
}
