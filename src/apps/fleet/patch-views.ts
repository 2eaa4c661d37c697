import type { PublishedRelease } from '../../core/campaign/draft-fit.ts'
import { FROM_NOTHING, type NumberedPatch, type PatchPair, type PatchRow } from '../../core/fleet/patch-rows.ts'
import type { Reach } from '../../core/fleet/roles.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { MAX_PATCHES, readImageTarget } from '../../core/trust/image-target.ts'
import { openRepository, targetAt } from '../../flows/keep.ts'
import { refusesWanted, wantPatch } from '../../flows/make-patches.ts'
import type { By } from '../../flows/persons.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import { publishedReleases } from '../../flows/publish.ts'
import type { PatchView, ReleasePatches } from '../../wire/patch-api.ts'
import { type Page, pageOf, shown, type Wanted } from './api/page.ts'

/** What the fleet server answers about patches. */

/** Images that a class runs which are bases in an answer: those that most controllers run. */
const RUNNING = 16

/** All patches, the newest first. */
export async function patches(world: FleetWorld, page: Wanted): Promise<Page<PatchView> | Refusal> {
  const found = await pageOf(page, {
    name: 'patches',
    sorts: ['number'],
    keyOf: ({ number }: NumberedPatch) => [number] as const,
    behind: (after: readonly [number] | null, count) => world.store.patches.page(after?.[0] ?? null, count),
  })
  if (isRefusal(found)) return found
  const published = await publishedReleases(world)
  if (isRefusal(published)) return published
  const images = imagesOf(published)
  return shown(found, row => viewOf(world, row, images))
}

/** Has a patch made, and shows it. Refuses as `wantPatch`, and what `publishedReleases` refuses: nothing is wanted then. */
export async function wanted(world: FleetWorld, by: By, pair: PatchPair): Promise<PatchView | Refusal> {
  const published = await publishedReleases(world)
  if (isRefusal(published)) return published
  const row = await wantPatch(world, by, pair)
  return isRefusal(row) ? row : viewOf(world, row, imagesOf(published))
}

/**
 * The patches to a release: from each image that controllers of its class attest to run, from those besides that patches were made of, and from
 * nothing. Who runs what is counted within `reach`, and said to be. Refuses `not-found`, and what `publishedReleases` refuses.
 */
export async function patchesTo(world: FleetWorld, path: string, reach: Reach): Promise<ReleasePatches | Refusal> {
  const published = await publishedReleases(world)
  if (isRefusal(published)) return published
  const release = published.get(path)
  if (release === undefined) return refuse('not-found', path, 'the target path of a published release', 'none')
  const { class: of, version, imageDigest: target, imageSize: full, encryption } = release.facts
  const standings = encryption === null ? await fleets(world, target) : await publishers(world, path)
  if (isRefusal(standings)) return standings
  const images = imagesOf(published)
  const counted = countedIn(reach)
  const running = counted === 'none' ? new Map<string, Running>() : await runningSeen(world, of, reach)
  // Where none are counted it is not said that there are none.
  const nobody = counted === 'none' ? null : 0
  const nothing = new Set([FROM_NOTHING])
  const from = new Set([...running.keys(), ...standings.keys()]).difference(nothing).union(nothing)
  const refuses = encryption === null ? await refusesWanted(world, target) : async () => theirs(path)
  const bases: ReleasePatches['bases'][number][] = []
  for (const base of from) {
    if (base === target) continue
    const standing = standings.get(base) ?? UNASKED
    const refused = standing.state === 'made' ? null : await refuses(base)
    const { version = images.get(base)?.version ?? null, controllers = nobody } = running.get(base) ?? {}
    const runs = base === FROM_NOTHING ? { version: null, controllers: null } : { version, controllers }
    bases.push({ base, ...runs, ...standing, refused: refused && why(refused) })
  }
  return { path, class: of, version, target, full, encrypted: encryption !== null, counted, bases }
}

/** How a patch stands; of one that nobody asked for there is nothing to be said. */
type Standing = Pick<ReleasePatches['bases'][number], 'state' | 'ahead' | 'made' | 'reason'>
const UNASKED: Standing = { state: 'unasked', ahead: null, made: null, reason: null }

async function standingOf(world: FleetWorld, row: PatchRow): Promise<Standing & { readonly state: PatchRow['at'] }> {
  const at = { state: row.at, ahead: null, made: null, reason: null }
  if (row.at === 'wanted') return { ...at, ahead: await world.store.patches.ahead(row) }
  if (row.at === 'none') return { ...at, reason: why(row) }
  const { by, sha256, length, memory, took } = row
  return { ...at, made: { by, sha256, bytes: length, memory, millis: took } }
}

const why = ({ code, expected, actual }: NonNullable<PatchView['reason']>): NonNullable<PatchView['reason']> => {
  return { code, expected, actual }
}

/** Those that the fleet made, or was brought in the clear, by their base. */
async function fleets(world: FleetWorld, target: string): Promise<ReadonlyMap<string, Standing>> {
  const standings = new Map<string, Standing>()
  for (const row of await world.store.patches.to(target, MAX_PATCHES)) {
    standings.set(row.base, await standingOf(world, row))
  }
  return standings
}

/** Those that the publisher of an encrypted release brought: the fleet can make none. */
async function publishers(world: FleetWorld, path: string): Promise<ReadonlyMap<string, Standing> | Refusal> {
  const set = await openRepository(world, 'image')
  if (isRefusal(set)) return set
  const target = await targetAt(world, set, path)
  const release = target === null || isRefusal(target) ? target : readImageTarget(target)
  if (isRefusal(release)) return release
  return new Map(
    (release?.patches ?? []).map(({ base, sha256, length, memory }) => {
      const made = { by: 'publisher', sha256, bytes: length, memory, millis: 0 } as const
      return [base, { ...UNASKED, state: 'made', made }]
    }),
  )
}

const theirs = (path: string): Refusal =>
  refuse('release-encrypted', path, 'a release that travels in the clear', 'one whose images its publisher alone has')

/** Which controllers are counted for somebody. */
function countedIn(reach: Reach): ReleasePatches['counted'] {
  if (reach === 'all') return 'all'
  return reach.regions.size + reach.sites.size > 0 ? 'some' : 'none'
}

type Running = { readonly version: string; readonly controllers: number }

/** What controllers of a class attest to run, those images first that most run: as far as the caller may see them. */
async function runningSeen(world: FleetWorld, of: string, reach: Reach): Promise<ReadonlyMap<string, Running>> {
  const within = reach === 'all' ? {} : { reach: { regions: [...reach.regions], sites: [...reach.sites] } }
  const counts = await world.store.inventory.versions({ classes: [of], said: ['attested'], ...within }, 'fleet')
  const seen = new Map(counts.map(({ version, controllers }) => [version, controllers]))
  const running = (await world.store.patches.running(of, RUNNING)).flatMap(({ version, digest }) => {
    const controllers = seen.get(version) ?? 0
    return controllers === 0 ? [] : [[digest, { version, controllers }] as const]
  })
  return new Map(running.toSorted(([, a], [, b]) => b.controllers - a.controllers))
}

/** What is published of an image: its class and version, and how long it is. */
type Image = { readonly class: string; readonly version: string; readonly bytes: number }

/** Published images by their SHA-256; of several releases of one image, one. */
const imagesOf = (releases: ReadonlyMap<string, PublishedRelease>): ReadonlyMap<string, Image> =>
  new Map(
    [...releases.values()].map(({ facts: { class: of, version, imageDigest, imageSize } }) => {
      return [imageDigest, { class: of, version, bytes: imageSize }]
    }),
  )

async function viewOf(world: FleetWorld, row: PatchRow, images: ReadonlyMap<string, Image>): Promise<PatchView> {
  const { base, target, since } = row
  const named = (digest: string): PatchView['from'] => {
    const image = images.get(digest)
    return image === undefined ? null : { class: image.class, version: image.version }
  }
  const between = { base, target, from: named(base), to: named(target), fromNothing: base === FROM_NOTHING }
  return { ...between, since, full: images.get(target)?.bytes ?? null, ...(await standingOf(world, row)) }
}
