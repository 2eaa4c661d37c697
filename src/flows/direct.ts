import { lets } from '../core/campaign/rollout-state.ts'
import type { Turn } from '../core/campaign/turn.ts'
import { sameBytes } from '../core/encoding/bytes.ts'
import type { Instant } from '../core/encoding/units.ts'
import type { PatchChange } from '../core/fleet/patch-rows.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { goOn } from '../core/trust/after-rotation.ts'
import { directorTarget, type Order } from '../core/trust/director-target.ts'
import type { FileRef } from '../core/trust/image-target.ts'
import type { Document, Root, Target } from '../core/trust/metadata.ts'
import { writeTargets } from '../core/trust/repository.ts'
import { resumeBelow } from '../core/trust/stored-set.ts'
import { type TrustedSet, trustRoot, underRoot } from '../core/trust/trusted-set.ts'
import type { Event } from './audit.ts'
import { currentFiles, headOf, nextFiles, rootFiles, signed } from './keep.ts'
import { type Opened, openCampaign } from './opened.ts'
import { OrderPatches } from './patch-orders.ts'
import type { FleetWorld, RepoFile, WrapRow } from './ports.ts'
import { orderedRelease, Turns } from './turns.ts'
import { type SiteWraps, wrapsOf } from './wrap.ts'

/** The director's root: one for all sites. Refuses `store-without-root`, and what `trustRoot` refuses. */
export async function directorRoot(world: FleetWorld): Promise<TrustedSet | Refusal> {
  const root = await world.store.file('director', 'root.json')
  if (root === null) return refuse('store-without-root', 'director', 'root.json', 'none')
  const known = rootsRead.get(world)
  if (known !== undefined && sameBytes(known.root.bytes, root)) return known
  const trusted = trustRoot('director', root, world.crypto)
  if (!isRefusal(trusted)) rootsRead.set(world, trusted)
  return trusted
}

/** The director's root as it was read last: the sets of all sites stand under this very one. */
const rootsRead = new WeakMap<FleetWorld, TrustedSet>()

/** The first director's files of a new site: no orders. The roots are all that the fleet ever had. */
export async function foundDirector(world: FleetWorld, site: string): Promise<RepoFile[] | Refusal> {
  const director = await directorRoot(world)
  if (isRefusal(director)) return director
  const repo = `director/${site}` as const
  const bundle = await bundleOf(world, { ...director, repo, site }, [], 0, world.clock.now())
  if (isRefusal(bundle)) return bundle
  const chain: RepoFile[] = []
  // A gateway is given the first root and follows the chain: every root since then is under its name.
  for (let version = 1; version < director.root.signed.version; version += 1) {
    const bytes = await world.store.file('director', `${version}.root.json`)
    if (bytes !== null) chain.push({ repo, path: `${version}.root.json`, bytes })
  }
  return [...chain, ...rootFiles(repo, director.root), ...bundle.files]
}

/** What came of signing for several sites: the files, what is to be recorded, and the sites that were left out. */
export type Directed = {
  readonly files: RepoFile[]
  readonly events: Event[]
  /** Sites whose orders were to stay as they are, and are not to be read any more. */
  readonly unread: readonly string[]
  /** The version of each site's targets. */
  readonly versions: ReadonlyMap<string, number>
}

/**
 * Signs the director's bundles of several sites in one pass: targets, snapshot and timestamp of each. `wanted` gives the
 * orders by site; null keeps them as they stand. With `root`, which `updateRoot` has verified, the bundles go over to it. Their
 * versions are above `above`.
 *
 * A stored file that does not verify stops nobody: it is recorded, and the bundle is written anew above every version
 * that is left, since a site's orders are derived from the campaigns and need no copy of their own (decision 10). Where
 * the orders were to stay and are lost, the site is in `unread`: the caller derives them and asks again.
 *
 * Nothing is durable yet: the caller commits everything in one transaction. Refuses what the signers refuse,
 * `online-key-missing`, and a director's root that does not verify.
 */
export async function directSites(
  world: FleetWorld,
  wanted: ReadonlyMap<string, readonly Target[] | null>,
  now: Instant,
  { root = null, above = 0 }: { readonly root?: Document<Root> | null; readonly above?: number } = {},
): Promise<Directed | Refusal> {
  const director = await directorRoot(world)
  if (isRefusal(director)) return director
  const [files, events, unread]: [RepoFile[], Event[], string[]] = [[], [], []]
  const versions = new Map<string, number>()
  for (const [site, orders] of wanted) {
    const { set: before, damage } = await standing(world, director, site)
    if (damage !== null) events.push(damaged(world, site, damage))
    const set = root === null ? before : goOn(before, underRoot(before, root, world.crypto), now)
    const targets = orders ?? set.targets?.signed.targets.values()
    if (targets === undefined) {
      unread.push(site)
      continue
    }
    const taken = Math.max(above, damage === null ? 0 : highest(set, now))
    const bundle = await bundleOf(world, set, [...targets], taken, now)
    if (isRefusal(bundle)) return bundle
    if (root !== null) files.push(...rootFiles(set.repo, root))
    files.push(...bundle.files)
    versions.set(site, bundle.set.targets?.signed.version ?? 0)
    remember(world, site, bundle.set)
  }
  return { files, events, unread, versions }
}

/** The orders of a site as a bundle. `taken`: the versions that clients may have seen. */
async function bundleOf(world: FleetWorld, set: TrustedSet, orders: readonly Target[], taken: number, now: Instant) {
  const version = Math.max(set.targets?.signed.version ?? 0, taken) + 1
  const written = writeTargets({ ...headOf(world, set.repo, now), version }, orders)
  const targets = await signed(world, set.repo, set.root.signed, 'targets', written)
  return isRefusal(targets) ? targets : nextFiles(world, set.repo, set, targets, now, { taken })
}

/**
 * The three online roles of a site are numbered alike, for they are always written together: any one that is left says
 * how far the others had come. With none left, the seconds since 1970 are above what was ever reached.
 */
function highest({ timestamp, snapshot, targets }: TrustedSet, now: Instant): number {
  const versions = [timestamp, snapshot, targets].flatMap(document => document?.signed.version ?? [])
  return versions.length === 0 ? Math.floor(now / 1000) : Math.max(...versions)
}

/** The sites' sets as they were written last: in a fleet of thousands, verifying anew what was just signed costs most. */
const written = new WeakMap<FleetWorld, Map<string, TrustedSet>>()
/** Sets that are kept at most. */
const KEPT_SETS = 4096

function remember(world: FleetWorld, site: string, set: TrustedSet): void {
  const sets = written.get(world) ?? new Map<string, TrustedSet>()
  written.set(world, sets)
  sets.delete(site)
  sets.set(site, set)
  if (sets.size > KEPT_SETS) sets.delete(sets.keys().next().value as string)
}

/**
 * Where a site's bundle stands. The one that was written last when the store's timestamp is its own: a commit that never
 * came about leaves the older timestamp there. Else what is stored, verified anew, and what was wrong with it.
 */
async function standing(
  world: FleetWorld,
  director: TrustedSet,
  site: string,
): Promise<{ readonly set: TrustedSet; readonly damage: Refusal | null }> {
  const repo = `director/${site}`
  const known = written.get(world)?.get(site)
  const timestamp = await world.store.file(repo, 'timestamp.json')
  if (
    timestamp !== null &&
    known?.timestamp != null &&
    sameBytes(known.timestamp.bytes, timestamp) &&
    sameBytes(known.root.bytes, director.root.bytes)
  ) {
    return { set: known, damage: null }
  }
  const begun = { ...director, repo, site }
  const { set, discarded } = resumeBelow(begun, await currentFiles(world, repo), world.crypto)
  const gone = (['timestamp', 'snapshot', 'targets'] as const).find(role => set[role] === null)
  const lost = gone === undefined ? null : refuse('metadata-missing', `${repo}: ${gone}.json`, 'the file', 'none')
  return { set, damage: discarded[0] ?? lost }
}

const damaged = (world: FleetWorld, site: string, { code, subject, expected, actual }: Refusal): Event => ({
  kind: 'intrusion-signal',
  actor: { kind: 'fleet', id: world.name },
  site,
  code,
  detail: { subject, expected, actual, done: 'the bundle of the site was written anew' },
})

const unwrappable = (
  world: FleetWorld,
  ref: { readonly site: string; readonly controller: string; readonly campaign: string },
  { code, subject, expected, actual }: Refusal,
): Event => ({
  kind: 'intrusion-signal',
  actor: { kind: 'fleet', id: world.name },
  ...ref,
  code,
  detail: { subject, expected, actual, done: 'nothing is ordered for it' },
})

// --- What is ordered ---

/**
 * What is ordered, by site, and the wraps in it that are new and not stored yet. `patches`: which are wanted from now on, and who waits for
 * them, to be committed with the orders. `events`: who is ordered nothing because no wrap is to be had.
 */
export type Ordered = {
  readonly orders: Map<string, Target[]>
  readonly wraps: readonly WrapRow[]
  readonly patches: PatchChange
  readonly events: readonly Event[]
}

/** Decisions that are not stored yet: the turns that they change, and the campaigns as they leave them. */
export type Underway = { readonly turns: Turns; readonly heads: ReadonlyMap<string, Opened> }

/** A turn that is ordered, with its campaign. */
type OrderedTurn = { readonly of: Opened; readonly turn: Turn }

/**
 * What the director orders at some sites: every turn there that is ordered and whose campaign lets it be carried out, and
 * nothing else. Reads the turns of these sites alone. Refuses what `openCampaign` refuses.
 */
export async function ordersFor(
  world: FleetWorld,
  sites: ReadonlySet<string>,
  { turns, heads }: Underway = { turns: new Turns(world), heads: new Map() },
): Promise<Ordered> {
  const orders = new Map<string, Target[]>()
  const fresh: WrapRow[] = []
  const events: Event[] = []
  const patches = new OrderPatches(world, sites)
  for (const site of sites) {
    const ordered: OrderedTurn[] = []
    for (const [key, turn] of await turns.orderedAt(site)) {
      const campaign = key.slice(0, key.indexOf(' '))
      const of = heads.get(campaign) ?? orThrow(await openCampaign(world, campaign))
      if (lets(of.rollout, turn)) ordered.push({ of, turn })
    }
    const wraps = wrapsOf(world, site)
    orders.set(site, ordered.length === 0 ? [] : await ordersAt(world, site, ordered, { wraps, patches }, events))
    fresh.push(...wraps.fresh)
  }
  return { orders, wraps: fresh, patches: patches.change, events }
}

async function ordersAt(
  world: FleetWorld,
  site: string,
  ordered: readonly OrderedTurn[],
  { wraps, patches }: { readonly wraps: SiteWraps; readonly patches: OrderPatches },
  events: Event[],
): Promise<Target[]> {
  const rows = new Map((await world.store.orderables(site)).map(row => [row.id, row]))
  const byPath = new Map<string, { envelope: FileRef; orders: Map<string, Order> }>()
  for (const { of, turn } of ordered) {
    const row = rows.get(turn.controller)
    // One that was taken out of the site since would make its gateway refuse every order: it times out by itself.
    if (row === undefined) continue
    const release = orderedRelease(of.terms, turn)
    const envelope = release === null ? undefined : of.plan.releases[release]
    if (envelope === undefined) continue
    const wrap = await wraps.of(envelope, row.id)
    if (isRefusal(wrap)) {
      events.push(unwrappable(world, { site, controller: row.id, campaign: of.plan.id }, wrap))
      continue
    }
    const entry = byPath.get(envelope.path) ?? { envelope, orders: new Map() }
    byPath.set(envelope.path, entry)
    const { attempt } = turn
    const order = { attempt, campaign: of.plan.id, class: row.class, hardware: row.hardware }
    const patch = await patches.of(site, envelope, row.running)
    const more = { ...(wrap === undefined ? {} : { wrap }), ...(patch === undefined ? {} : { patch }) }
    entry.orders.set(row.id, { ...order, ...more })
  }
  return [...byPath.values()].map(({ envelope: { path, length, sha256 }, orders }) =>
    directorTarget({ path, length, sha256 }, orders),
  )
}
