import type { HttpsServer } from '../../../adapters/http-server.ts'
import { FROM_NOTHING, type NumberedPatch, type PatchRow } from '../../../core/fleet/patch-rows.ts'
import { isRefusal, type Refusal } from '../../../core/refusal/refusal.ts'
import { wantPatch } from '../../../flows/make-patches.ts'
import type { FleetWorld } from '../../../flows/ports.ts'
import { publishedReleases } from '../../../flows/publish.ts'
import type { PatchView } from '../../../wire/patch-api.ts'
import * as routes from '../../../wire/routes/patches.ts'
import { pageOf } from './page.ts'
import type { FleetDoor } from './parts.ts'
import { changes, shows } from './serve-route.ts'

/** Patches between images: which there are, and having one made. */
export function patchRoutes(server: HttpsServer, door: FleetDoor): void {
  const { world } = door

  shows(server, routes.listPatches, async ({ query }) => {
    const page = await pageOf(query, {
      name: 'patches',
      sorts: ['number'],
      keyOf: ({ number }: NumberedPatch) => [number] as const,
      behind: (after: readonly [number] | null, count) => world.store.patches.page(after?.[0] ?? null, count),
    })
    if (isRefusal(page)) return page
    const known = await images(world)
    return isRefusal(known) ? known : { ...page, items: page.items.map(row => viewOf(row, known)) }
  })

  changes(server, door, routes.makePatch, ({ peer, body }) => ({
    attempt: 'patch',
    run: async () => {
      const known = await images(world)
      const row = isRefusal(known) ? known : await wantPatch(world, peer, body)
      return isRefusal(known) ? known : isRefusal(row) ? row : viewOf(row, known)
    },
  }))
}

/** What is published of an image: its class and version, and how long it is. */
type Image = { readonly class: string; readonly version: string; readonly bytes: number }

/** Published images by their SHA-256; of several releases of one image, one. Refuses as `publishedReleases`. */
async function images(world: FleetWorld): Promise<ReadonlyMap<string, Image> | Refusal> {
  const releases = await publishedReleases(world)
  if (isRefusal(releases)) return releases
  return new Map(
    [...releases.values()].map(({ facts: { class: of, version, imageDigest, imageSize } }) => {
      return [imageDigest, { class: of, version, bytes: imageSize }]
    }),
  )
}

function viewOf(row: PatchRow, known: ReadonlyMap<string, Image>): PatchView {
  const { base, target, since } = row
  const named = (digest: string): PatchView['from'] => {
    const image = known.get(digest)
    return image === undefined ? null : { class: image.class, version: image.version }
  }
  const to = { from: named(base), to: named(target), fromNothing: base === FROM_NOTHING }
  const view = { base, target, ...to, state: row.at, since, full: known.get(target)?.bytes ?? null }
  if (row.at === 'wanted') return { ...view, made: null, reason: null }
  if (row.at === 'none') {
    const { code, expected, actual } = row
    return { ...view, made: null, reason: { code, expected, actual } }
  }
  const { by, sha256, length, memory, took } = row
  return { ...view, made: { by, sha256, bytes: length, memory, millis: took }, reason: null }
}
