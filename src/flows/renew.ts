import type { Instant } from '../core/encoding/units.ts'
import type { PatchChange } from '../core/fleet/patch-rows.ts'
import { isRefusal, type Refusal } from '../core/refusal/refusal.ts'
import type { Document, Root } from '../core/trust/metadata.ts'
import { readMetadata } from '../core/trust/read-metadata.ts'
import { type Event, record } from './audit.ts'
import { type Directed, directSites, type Ordered, ordersFor } from './direct.ts'
import { nextFiles, openRepository } from './keep.ts'
import type { FleetWorld, RepoFile, WrapRow } from './ports.ts'

/** What a renewal came to: how many repositories were renewed, and why others could not be. */
export type Renewal = { readonly renewed: number; readonly refused: readonly Refusal[] }

/**
 * Renews what the server signs online when half of its life is over, for all repositories at once, all sites in one pass.
 * A server that was off for longer than that life renews as soon as it is on. A repository that cannot be renewed keeps
 * none of the others from it: its refusal is answered, and recorded once. A site's bundle that is damaged is written
 * anew (flows/direct.ts). Durable on return.
 */
export function renew(world: FleetWorld): Promise<Renewal> {
  return world.store.exclusive(async () => {
    const now = world.clock.now()
    const files: RepoFile[] = []
    const events: Event[] = []
    const wraps: WrapRow[] = []
    let patches: PatchChange = {}
    const refused: Refusal[] = []
    for (const repo of ['image', 'approval'] as const) {
      const next = await renewed(world, repo, now)
      if (isRefusal(next)) refused.push(next)
      else files.push(...next)
    }
    const due = new Set<string>()
    for (const { id } of await world.store.sites()) if (await isDue(world, `director/${id}`, now)) due.add(id)
    const directed = await resignSites(world, due, now)
    if (isRefusal(directed)) refused.push(directed)
    else {
      files.push(...directed.files)
      events.push(...directed.events)
      wraps.push(...directed.wraps)
      patches = directed.patches
    }
    const repos = new Set(files.map(file => file.repo)).size
    const actor = { kind: 'fleet', id: world.name } as const
    if (repos > 0) events.push({ kind: 'repository-updated', actor, detail: { renewed: repos } })
    events.push(...news(world, refused).map(refusal => alarm(world, refusal)))
    // If power fails before this commit, nothing was renewed, and the next start renews at once.
    if (events.length > 0) await record(world, { ...patches, files, wraps }, events)
    return { renewed: repos, refused }
  })
}

/** The new snapshot and timestamp of a repository, when half of the life of the last ones is over. */
async function renewed(world: FleetWorld, repo: 'image' | 'approval', now: Instant): Promise<RepoFile[] | Refusal> {
  if (!(await isDue(world, repo, now))) return []
  const set = await openRepository(world, repo)
  if (isRefusal(set)) return set
  if (set.targets === null) return []
  const next = await nextFiles(world, repo, set, set.targets, now)
  return isRefusal(next) ? next : next.files
}

/** What signing some sites anew came to. */
type Resigned = Pick<Directed, 'files' | 'events'> & Pick<Ordered, 'wraps' | 'patches'>

/**
 * Signs the bundles of some sites anew: the orders as they stand, or derived from the campaigns where they are lost. With
 * `root`, which `updateRoot` has verified, they go over to it. Nothing is durable yet. Refuses as `directSites`,
 */
export async function resignSites(
  world: FleetWorld,
  sites: Iterable<string>,
  now: Instant,
  root: Document<Root> | null = null,
): Promise<Resigned | Refusal> {
  const kept = await directSites(world, new Map([...sites].map(site => [site, null])), now, { root })
  if (isRefusal(kept)) return kept
  if (kept.unread.length === 0) return { ...kept, wraps: [], patches: {} }
  const derived = await ordersFor(world, new Set(kept.unread))
  const anew = await directSites(world, derived.orders, now, { root })
  // The damage was found twice and is one event.
  if (isRefusal(anew)) return anew
  const { wraps, patches } = derived
  return { files: [...kept.files, ...anew.files], events: [...kept.events, ...derived.events], wraps, patches }
}

/** When a timestamp ends, by its bytes: the store answers the same ones until others are committed. Null: not to be read. */
const ends = new WeakMap<Uint8Array, Instant | null>()

/** When a repository's timestamp ends; null when it is not there or not to be read. Nothing is verified for it. */
export async function endOf(world: FleetWorld, repo: string): Promise<Instant | null> {
  const bytes = await world.store.file(repo, 'timestamp.json')
  if (bytes === null) return null
  let end = ends.get(bytes)
  if (end === undefined) {
    const read = readMetadata('timestamp', bytes, repo)
    end = isRefusal(read) ? null : read.signed.expires
    ends.set(bytes, end)
  }
  return end
}

/** Whether more than half of a repository's online life is over, or nobody can tell. */
async function isDue(world: FleetWorld, repo: string, now: Instant): Promise<boolean> {
  const end = await endOf(world, repo)
  return end === null || end - now <= world.metadataLife / 2
}

/** Refusals that were told last: the same one, met again at every look, is one event and not one a minute. */
const told = new WeakMap<FleetWorld, ReadonlySet<string>>()

function news(world: FleetWorld, refused: readonly Refusal[]): Refusal[] {
  const before = told.get(world) ?? new Set()
  const name = ({ code, subject }: Refusal): string => `${code} ${subject}`
  told.set(world, new Set(refused.map(name)))
  return refused.filter(refusal => !before.has(name(refusal)))
}

const alarm = (world: FleetWorld, { code, subject, expected, actual }: Refusal): Event => ({
  kind: 'repository-alarm',
  actor: { kind: 'fleet', id: world.name },
  code,
  detail: { subject, expected, actual },
})
