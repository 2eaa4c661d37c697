import { fromHex, sameBytes, toHex } from '../core/encoding/bytes.ts'
import { canonicalJson, type Json, type JsonObject } from '../core/encoding/canonical-json.ts'
import type { BreakRow, ControllerRow, HistoryRow, SiteRow } from '../core/fleet/rows.ts'
import {
  type DevicePlace,
  type HistoryBreak,
  judgeAttested,
  judgeHistory,
  NOTHING_TOLD,
} from '../core/ledger/device-place.ts'
import type { EntryOrigin } from '../core/ledger/entry.ts'
import type { SentItem, ToldRow } from '../core/ledger/own-log-rows.ts'
import { itemDigest, nextHead } from '../core/ledger/site-chain.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { claimedHistory, openHistory } from '../core/trust/device-history.ts'
import { keyId } from '../core/trust/keys.ts'
import type { Report } from '../core/trust/report.ts'
import type { SiteManifest } from '../core/trust/site-manifest.ts'
import type { Event } from './audit.ts'
import type { FleetWorld, SiteWorld } from './ports.ts'
import { noteRefusalAt } from './refused.ts'
import { unknown } from './relay.ts'

// --- At the gateway: a controller's history ---

/** The digest of a report key, by which a history is known. */
export const keyOf = (world: Pick<FleetWorld | SiteWorld, 'crypto'>, reportKey: Uint8Array): string =>
  toHex(world.crypto.sha256(reportKey))

/** What was told under another key was told by another device. */
export function placeAt(row: ToldRow | HistoryRow | null, key: string): DevicePlace {
  return row === null || row.key !== key ? NOTHING_TOLD : { ...NOTHING_TOLD, ...row }
}

/** The next decision that the gateway wants to hear from a controller. Refuses `controller-unknown`. */
export async function historyWanted(world: SiteWorld, id: string): Promise<{ next: number } | Refusal> {
  const row = await world.store.controller(id)
  if (row === null) return unknown(world, id)
  return { next: placeAt(await world.store.told(id), keyOf(world, row.reportKey)).told + 1 }
}

/**
 * Takes in a stretch of a controller's history: verifies it and puts it into the gateway's own log, as it is signed. Durable on
 * return; the controller goes on behind it. The same again is answered as before. What does not follow what was told before
 * is taken in all the same: the fleet says so in its log. Refuses `controller-unknown`, what `openHistory` refuses,
 * `history-replayed`: recorded.
 */
export function acceptHistory(world: SiteWorld, id: string, bytes: Uint8Array): Promise<{ next: number } | Refusal> {
  return world.store.exclusive(async () => {
    const row = await world.store.controller(id)
    if (row === null) return rejected(world, id, unknown(world, id))
    const key = { alg: 'ecdsa-p256', spki: row.reportKey } as const
    const told = openHistory(bytes, { site: world.site.site, controller: id, key }, world.crypto)
    if (isRefusal(told)) return rejected(world, id, told)
    const name = keyOf(world, row.reportKey)
    const place = placeAt(await world.store.told(id), name)
    // Its answer was lost: it is the one that was taken in last.
    if (told.sequence === place.sequence && told.to === place.told) return { next: place.told + 1 }
    const judged = judgeHistory(place, told, world.crypto)
    if (isRefusal(judged)) return rejected(world, id, judged)
    const { told: to, digest, sequence } = judged.place
    // If power fails before this commit, the controller was not answered, and tells the stretch again.
    await world.store.commit({
      told: [{ controller: id, key: name, told: to, digest, sequence }],
      outbox: [{ kind: 'history', bytes }],
    })
    return { next: to + 1 }
  })
}

async function rejected(world: SiteWorld, controller: string, refusal: Refusal): Promise<Refusal> {
  await noteRefusalAt(world, { controller, attempt: 'history', kind: 'report-refused' }, refusal)
  return refusal
}

// --- At the fleet: a gateway's own log ---

/** What a batch adds to the gateway's log as the fleet has it: its new items in their places, and what is missing in front of them. */
export type Continued = {
  readonly fresh: readonly { readonly item: SentItem; readonly origin: EntryOrigin }[]
  readonly gap: Gap | null
  readonly head: Uint8Array
}

/**
 * Items that nobody has any more, or not here: the gateway lost them, or this fleet's store did, since it was restored from an older copy
 * (it takes such a gap once). `head`: behind it, in hex.
 */
export type Gap = LostByGateway | LostByStore
type LostByGateway = {
  readonly by: 'gateway'
  readonly from: number
  readonly to: number
  readonly origin: EntryOrigin
}
type LostByStore = { readonly by: 'store'; readonly from: number; readonly to: number; readonly head: string }

/**
 * Whether what a gateway hands over continues what it told before: number by number, and by the heads that it signs. An item
 * that was taken in before has to be the very same. Only what the manifest says is gone may be left out: the gateway lost it, or had no
 * need of it any more, and a store that was restored (`behind`) has forgotten it.
 *
 * Refuses `upstream-gap`: something is left out; `upstream-forked`: it tells what it told before in another way;
 * `site-manifest-batch-differs`: its heads are not those of its items.
 */
export function continues(
  row: SiteRow,
  manifest: SiteManifest,
  items: readonly SentItem[],
  behind: boolean,
  { crypto }: Pick<FleetWorld, 'crypto'>,
): Continued | Refusal {
  const { id: gateway, upstream } = row
  const subject = `outbox of ${gateway}`
  const first = items[0]?.sequence ?? manifest.sequence + 1
  const left = items.findIndex(({ sequence }, index) => sequence !== first + index)
  if (left >= 0) return refuse('upstream-gap', subject, `${first + left}`, `${items[left]!.sequence}`)
  const isLost = manifest.lostFrom !== undefined && manifest.lostFrom <= upstream + 1
  const isAhead = first > upstream + 1
  // A store that was restored takes no other gap either: a gateway that has not heard of it yet still has what this one has lost.
  if (isAhead && !isLost) return refuse('upstream-gap', subject, `${upstream + 1}`, `${first}`)
  let head = fromHex(manifest.before) as Uint8Array
  const range = { from: upstream + 1, to: first - 1 }
  const gap: Gap | null = !isAhead
    ? null
    : behind
      ? { by: 'store', ...range, head: manifest.before }
      : { by: 'gateway', ...range, origin: originOf(gateway, first - 1, 'lost', itemOfLost(crypto, range), head) }
  const forked = (at: Uint8Array): Refusal =>
    refuse('upstream-forked', subject, `the head ${short(row.head)} at ${upstream}`, short(at))
  if (first === upstream + 1 && !sameBytes(head, row.head)) return forked(head)
  const fresh: { item: SentItem; origin: EntryOrigin }[] = []
  for (const item of items) {
    const { sequence, kind, bytes } = item
    const digest = itemDigest(crypto, kind, bytes)
    head = nextHead(crypto, head, sequence, digest)
    if (sequence === upstream && !sameBytes(head, row.head)) return forked(head)
    if (sequence > upstream) fresh.push({ item, origin: originOf(gateway, sequence, kind, digest, head) })
  }
  if (toHex(head) === manifest.head) return { fresh, gap, head }
  return refuse('site-manifest-batch-differs', `manifest of ${gateway}`, `the head ${manifest.head}`, toHex(head))
}

/** How far the fleet has a gateway's own log. Refuses `site-unknown`. */
export async function upstreamEnd(
  { store }: Pick<FleetWorld, 'store'>,
  site: string,
): Promise<{ sequence: number; head: string; restored: boolean } | Refusal> {
  const row = await store.site(site)
  if (row === null) return refuse('site-unknown', `site ${site}`, 'a registered site', 'none of that name')
  const restored = (await store.upstream(site))?.behind === true
  return { sequence: row.upstream, head: toHex(row.head), restored }
}

/**
 * A gateway's log that forked, or that ends in front of what it handed over, stands among the breaks of its site until it goes on. The
 * gate has what was refused in the log.
 */
export async function refusedUpstream({ store, clock }: FleetWorld, site: string, { code }: Refusal): Promise<void> {
  if (code !== 'upstream-forked' && code !== 'site-manifest-replayed') return
  await store.exclusive(async () => {
    const to = (await store.site(site))?.upstream ?? 0
    const one = { site, controller: '', to }
    await store.commit({ mended: [one], breaks: [{ ...one, code: 'upstream-forked', from: to, at: clock.now() }] })
  })
}

const itemOfLost = (crypto: FleetWorld['crypto'], range: JsonObject): Uint8Array =>
  itemDigest(crypto, 'lost', canonicalJson(range))

const originOf = (
  gateway: string,
  sequence: number,
  kind: EntryOrigin['kind'],
  item: Uint8Array,
  head: Uint8Array,
): EntryOrigin => ({ gateway, sequence, kind, item: toHex(item), head: toHex(head) })

const short = (head: Uint8Array): string => `${toHex(head.subarray(0, 8))}…`

/** What a gateway says of what it lost, as an entry. */
export function lostEvent(gateway: string, { from, to, origin }: LostByGateway): Event {
  const actor = { kind: 'gateway', id: gateway } as const
  return { kind: 'site-log-lost', actor, site: gateway, code: 'upstream-lost', detail: { from, to }, origin }
}

/** The histories of a site's controllers in one batch on its way in: what it changes, gathered for one commit. */
export class Histories {
  readonly #world: FleetWorld
  readonly #site: string
  readonly #rows = new Map<string, HistoryRow>()
  readonly breaks: BreakRow[] = []
  readonly mended: { site: string; controller: string; to: number }[] = []

  constructor(world: FleetWorld, site: string) {
    this.#world = world
    this.#site = site
  }

  get rows(): readonly HistoryRow[] {
    return [...this.#rows.values()]
  }

  /**
   * A stretch of history: its entry holds all of it with its signature, and says what does not follow. `rowOf` finds a
   * controller. Refuses `controller-unknown`, what `openHistory` refuses, `history-replayed`.
   */
  async take(
    bytes: Uint8Array,
    origin: EntryOrigin,
    rowOf: (id: string) => Promise<ControllerRow | null>,
  ): Promise<Event | Refusal> {
    const { crypto } = this.#world
    const id = claimedHistory(bytes)?.signed.controller ?? ''
    const row = await rowOf(id)
    if (row === null) {
      return refuse('controller-unknown', `${this.#site}/${id || '?'}`, 'a controller of the site', 'none of that id')
    }
    const key = { alg: 'ecdsa-p256', spki: row.reportKey } as const
    const told = openHistory(bytes, { site: this.#site, controller: id, key }, crypto)
    if (isRefusal(told)) return told
    const judged = judgeHistory(await this.#place(row), told, crypto)
    if (isRefusal(judged)) return judged
    this.#keep(row, judged.place, judged.breaks)
    this.mended.push({ site: this.#site, controller: id, to: judged.place.told })
    const signature = toHex((claimedHistory(bytes) as NonNullable<ReturnType<typeof claimedHistory>>).signature)
    const actor = { kind: 'controller', id: `${this.#site}/${id}`, key: keyId(key, crypto) } as const
    const [worst] = judged.breaks
    return {
      kind: 'device-history',
      actor,
      site: this.#site,
      controller: id,
      ...(worst === undefined ? {} : { code: worst.code }),
      detail: { ...breaksOf(judged.breaks), sig: signature, signed: told as unknown as Json },
      origin,
    }
  }

  /** What a report adds that becomes an entry: how many decisions it attests, and whether the ones before it were told. */
  async attest(row: ControllerRow, report: Report): Promise<JsonObject> {
    const decisions = report.figures?.decisions
    if (decisions === undefined) return {}
    const { place, withheld } = judgeAttested(await this.#place(row), decisions)
    const breaks = withheld === null ? [] : [withheld]
    this.#keep(row, place, breaks)
    return { decisions, ...breaksOf(breaks) }
  }

  async #place(row: ControllerRow): Promise<DevicePlace> {
    const known = this.#rows.get(row.id) ?? (await this.#world.store.histories.history(this.#site, row.id))
    return placeAt(known, keyOf(this.#world, row.reportKey))
  }

  #keep({ id, reportKey }: ControllerRow, place: DevicePlace, breaks: readonly HistoryBreak[]): void {
    const { told, digest, sequence, attested, missed } = place
    const key = keyOf(this.#world, reportKey)
    this.#rows.set(id, { site: this.#site, controller: id, key, told, digest, sequence, attested, missed })
    const at = this.#world.clock.now()
    for (const one of breaks) this.breaks.push({ site: this.#site, controller: id, ...one, at })
  }
}

const breaksOf = (breaks: readonly HistoryBreak[]): JsonObject =>
  breaks.length === 0 ? {} : { breaks: breaks.map(({ code, from, to }) => ({ code, from, to })) }
