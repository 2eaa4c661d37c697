import { isRefusal, orThrow, type Refusal } from '../core/refusal/refusal.ts'
import { readMetadata } from '../core/trust/read-metadata.ts'
import { openSiteManifest, type RootVersions, type SiteManifest } from '../core/trust/site-manifest.ts'
import { note } from './audit.ts'
import type { FleetWorld, RepoFile, SiteRow, SiteWorld } from './ports.ts'

/**
 * Which root of each repository a gateway trusts: it says so in its signed manifest, and the fleet keeps what it said, so
 * that whoever takes an old root key away sees first who still needs it.
 */

const REPOS = ['image', 'approval', 'director'] as const
type Repo = (typeof REPOS)[number]

// --- At the gateway ---

const trusted = new WeakMap<SiteWorld, Map<Repo, number>>()

/** The versions of the roots that a gateway trusts, from its store when nothing was refreshed since the start. */
export async function trustedRoots(world: SiteWorld): Promise<RootVersions> {
  const known = trusted.get(world) ?? new Map<Repo, number>()
  trusted.set(world, known)
  for (const repo of REPOS) {
    if (known.has(repo)) continue
    const stored = (await world.store.files(repo)).get('root.json') ?? world.roots[repo]
    known.set(repo, orThrow(readMetadata('root', stored, `${repo}: root`)).signed.version)
  }
  return Object.fromEntries(known) as RootVersions
}

const orders = new WeakMap<SiteWorld, number>()

/** Takes down by which orders a site goes: a version of the director's targets, of which all that is withdrawn was taken back. */
export function goesBy(world: SiteWorld, version: number): void {
  orders.set(world, version)
}

/** The orders that a site goes by; null before it has heard any since its start. */
export const takenOrders = (world: SiteWorld): number | null => orders.get(world) ?? null

/**
 * Takes down that a repository's root is of this version now. A newer one is an event of its own, which goes to the fleet
 * with a manifest that says it. If power fails before it, the next start knows the version from the store, and the next
 * manifest says it.
 */
export async function sawRoot(world: SiteWorld, repo: Repo, version: number): Promise<void> {
  const before = (await trustedRoots(world))[repo]
  trusted.get(world)?.set(repo, version)
  if (version > before) await note(world, { kind: 'key-event', detail: { repository: repo, root: version } })
}

// --- At the fleet ---

/** Where the manifest of a site is kept that last said something new of its roots. */
const kept = (site: string) => ({ repo: `manifest/${site}`, path: 'manifest.json' })
const said = new WeakMap<FleetWorld, Map<string, string>>()

/** The manifest as a file to be kept, when its roots are not those that the site's gateway named before. */
export async function newRoots(
  world: FleetWorld,
  row: SiteRow,
  { roots }: SiteManifest,
  manifest: Uint8Array,
): Promise<readonly RepoFile[]> {
  if (roots === undefined) return []
  const before = said.get(world) ?? new Map<string, string>()
  said.set(world, before)
  if (!before.has(row.id)) before.set(row.id, JSON.stringify(await rootsAt(world, row)))
  if (before.get(row.id) === JSON.stringify(roots)) return []
  // Said again only when this commit is through: until then the next batch compares with what is stored.
  before.delete(row.id)
  return [{ ...kept(row.id), bytes: manifest }]
}

/**
 * What a site's gateway last said that it trusts, from the manifest that it signed; null when it never said. A manifest
 * that does not verify any more says nothing: its store was changed by somebody else, or the gateway's key is another one.
 */
export async function rootsAt(world: FleetWorld, { id, gatewayKey }: SiteRow): Promise<RootVersions | null> {
  const bytes = await world.store.file(kept(id).repo, kept(id).path)
  if (bytes === null) return null
  const key = { alg: 'ecdsa-p256', spki: gatewayKey } as const
  const opened: SiteManifest | Refusal = openSiteManifest(bytes, { site: id, key }, 0, world.crypto)
  return isRefusal(opened) ? null : (opened.roots ?? null)
}
