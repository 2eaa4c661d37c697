import { toHex } from '../core/encoding/bytes.ts'
import { canonicalJson } from '../core/encoding/canonical-json.ts'
import type { OutboxItem, SentItem } from '../core/ledger/own-log-rows.ts'
import { firstHead, headBehind } from '../core/ledger/site-chain.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { claimedReporter } from '../core/trust/report.ts'
import { batchDigest, sealSiteManifest, writeSiteManifest } from '../core/trust/site-manifest.ts'
import { continueCopy, goBack } from './go-back.ts'
import type { SiteWorld } from './ports.ts'
import { routineDue, routineHanded } from './routine.ts'
import { shownOrders } from './shown-orders.ts'
import { trustedRoots } from './tell.ts'
import { tellsStanding, toldStanding } from './upstream.ts'

/** Items that one call hands over at most, and their bytes: reports as large as they may be still make a small batch. */
const BATCH = 200
const BATCH_BYTES = 512 * 1024

/**
 * Hands the outbox over, in order, until it is empty. What the fleet acknowledged is durable there before it counts
 * as handed over here; an answer that is lost costs a repetition and nothing else. Behind it go the regular reports whose time has
 * come. Refuses what the link refuses.
 */
export async function flushOutbox(world: SiteWorld, again = false): Promise<null | Refusal> {
  const behind = await continueCopy(world)
  if (behind !== null) return behind
  // A fleet that was restored, and says so, is told again what it has lost, as far as this gateway still has it.
  if (tellsStanding(world)) await goBack(world)
  for (;;) {
    const items = batchOf(await world.store.outbox(BATCH))
    if (items.length === 0) return (await handStanding(world)) ?? handRoutine(world, again)
    const { lostFrom } = await world.store.ownLog()
    const manifest = await siteManifest(world, items.at(-1)!.sequence, items, newestOf(items), lostFrom)
    if (isRefusal(manifest)) return manifest
    const acknowledged = await world.fleet.send(items.map(withoutHead), manifest)
    if (isRefusal(acknowledged)) {
      // A fleet that was restored from an older copy has lost what this gateway still has: once, it is told again.
      if (acknowledged.code === 'upstream-gap' && !again && (await goBack(world))) return flushOutbox(world, true)
      return acknowledged
    }
    const [first, last] = [items[0]!.sequence, items.at(-1)!.sequence]
    // What was not handed over is not forgotten, whatever the fleet says of it.
    if (acknowledged > last || acknowledged < first) {
      return refuse('answer-unexpected', 'the fleet', `${last} acknowledged`, `${acknowledged}`)
    }
    await world.store.commit({ acknowledged })
  }
}

/**
 * Says how far the outbox is, though there is nothing in it, to a fleet server that was restored: with a signed manifest of no items.
 * It then says in the log what it lost.
 */
async function handStanding(world: SiteWorld): Promise<null | Refusal> {
  if (!tellsStanding(world)) return null
  const log = await world.store.exclusive(async () => {
    const empty = (await world.store.outbox(1)).length === 0
    return empty ? world.store.ownLog() : null
  })
  if (log === null) return null
  const manifest = await siteManifest(world, log.last, [], new Map(), log.lostFrom, log.head)
  if (isRefusal(manifest)) return manifest
  const taken = await world.fleet.send([], manifest)
  // Whatever comes of it: the next check-in asks again, if it has to.
  toldStanding(world)
  return isRefusal(taken) ? taken : null
}

/**
 * Hands the regular reports over that wait beside the outbox: in the site's signed manifest, with no item. They have no
 * number of the gateway's, so nothing of the order of events depends on them, and one that is lost leaves no gap.
 */
async function handRoutine(world: SiteWorld, again: boolean): Promise<null | Refusal> {
  const now = world.steady()
  if (routineDue(world.store, now).size === 0) return null
  const seen = await world.store.exclusive(async () => {
    // None overtakes an event: the fleet would take the report of the event for an old one.
    const empty = (await world.store.outbox(1)).length === 0
    return { due: empty ? routineDue(world.store, now) : new Map(), log: await world.store.ownLog() }
  })
  for (let rest: [string, Uint8Array][] = [...seen.due]; rest.length > 0; ) {
    const fits = rest.slice(0, batchOf(rest.map(([, bytes]) => ({ bytes }))).length).slice(0, BATCH)
    rest = rest.slice(fits.length)
    const manifest = await siteManifest(world, seen.log.last, [], new Map(fits), seen.log.lostFrom, seen.log.head)
    if (isRefusal(manifest)) return manifest
    const taken = await world.fleet.send([], manifest)
    if (isRefusal(taken)) {
      if (taken.code === 'upstream-gap' && !again && (await goBack(world))) return flushOutbox(world, true)
      return taken
    }
    routineHanded(world.store, new Map(fits), now)
  }
  return null
}

const withoutHead = ({ sequence, kind, bytes }: OutboxItem): SentItem => ({ sequence, kind, bytes })

/** The first items, at least one, as far as their bytes go. */
function batchOf<T extends { readonly bytes: Uint8Array }>(items: readonly T[]): readonly T[] {
  let bytes = 0
  const end = items.findIndex((item, index) => {
    bytes += item.bytes.length
    return index > 0 && bytes > BATCH_BYTES
  })
  return end < 0 ? items : items.slice(0, end)
}

/** The newest report of each controller among the items. */
function newestOf(items: readonly OutboxItem[]): ReadonlyMap<string, Uint8Array> {
  const reports = items.filter(({ kind }) => kind === 'report')
  return new Map(reports.map(({ bytes }) => [claimedReporter(bytes)?.controller ?? '', bytes]))
}

/** The gateway's signature over what it hands over: every item, and one report of a controller at most. */
async function siteManifest(
  world: SiteWorld,
  sequence: number,
  items: readonly OutboxItem[],
  reports: ReadonlyMap<string, Uint8Array>,
  lostFrom: number | undefined,
  end?: Uint8Array,
): Promise<Uint8Array | Refusal> {
  const before = items[0]?.before ?? end ?? firstHead()
  const body = writeSiteManifest({
    site: world.site.site,
    sequence,
    at: world.clock.now(),
    batch: batchDigest(items, world.crypto),
    before: toHex(before),
    head: toHex(headBehind(world.crypto, before, items)),
    ...(lostFrom === undefined ? {} : { lostFrom }),
    reports: [...reports.values()],
    roots: await trustedRoots(world),
    ...(await shownOrders(world)),
  })
  const signature = await world.signer.sign(canonicalJson(body), 'der')
  return isRefusal(signature) ? signature : sealSiteManifest(body, signature)
}
