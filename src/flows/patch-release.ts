import { memoryOf } from '../core/delta/patch.ts'
import { readPatch } from '../core/delta/whole.ts'
import { toHex } from '../core/encoding/bytes.ts'
import { millis } from '../core/encoding/units.ts'
import { readSealedHead, SEALED_HEAD_BYTES } from '../core/firmware/patch-encryption.ts'
import { FROM_NOTHING, type PatchChange, type PatchRow } from '../core/fleet/patch-rows.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { describe, type ImageTarget, imageOf, patchPath, sameFile } from '../core/trust/image-target.ts'
import type { LookUp } from './attest.ts'
import type { Event } from './audit.ts'
import { toldNotMade } from './patch-told.ts'
import type { FleetWorld } from './ports.ts'

/**
 * The patches that a release comes with are targets beside its envelope, are here, and are what they say they are. Of an encrypted release the head
 * alone can be read here. Refuses `release-patch-refused`, what `Blobs.read` and the readers of patches refuse.
 */
export async function refusePatches(
  world: FleetWorld,
  path: string,
  release: ImageTarget,
  look: LookUp,
): Promise<null | Refusal> {
  const image = imageOf(release)
  for (const patch of release.patches ?? []) {
    const subject = `${path}: ${patch.path}`
    const bad = (expected: string, actual: string) => refuse('release-patch-refused', subject, expected, actual)
    if (patch.path !== patchPath(path, patch.base)) return bad(patchPath(path, patch.base), patch.path)
    if (patch.base === image) return bad('a base that is another image', image)
    if (patch.length >= release.payload.length)
      return bad(`less than ${release.payload.length} bytes`, `${patch.length}`)
    const target = await look(patch.path)
    if (isRefusal(target)) return target
    if (target === null || !sameFile(target, patch)) {
      return bad(`${describe(patch)} as a target`, target === null ? 'none' : describe(target))
    }
    const bytes = await world.blobs.read(target)
    if (isRefusal(bytes)) return { ...bytes, subject }
    if (release.encrypted !== undefined) {
      const head = readSealedHead(bytes.subarray(0, SEALED_HEAD_BYTES), bytes.length, subject)
      if (isRefusal(head)) return head
      continue
    }
    const header = readPatch(world.crypto, bytes, subject)
    if (isRefusal(header)) return header
    const { base, target: made } = header
    const between = (one: string, other: string) => `from ${one} to ${other}`
    if (toHex(base.digest) !== patch.base || toHex(made.digest) !== image) {
      return bad(between(patch.base, image), between(toHex(base.digest), toHex(made.digest)))
    }
    if (memoryOf(header) !== patch.memory) return bad(`${memoryOf(header)} bytes of memory`, `${patch.memory}`)
  }
  return null
}

/** What a publication does about patches, to be committed with it: what the publisher brought, what is wanted, and what the log says of it. */
export type PublishedPatches = { readonly change: PatchChange; readonly events: readonly Event[] }

/**
 * Wants, for each release that travels in the clear, patches from the images that most controllers of its class attest to run, and the patch from
 * nothing. Where its publisher has brought one, that is taken. Releases that are gone are made nothing for, and offered no more.
 */
export async function publishedPatches(
  world: FleetWorld,
  releases: readonly ImageTarget[],
  gone: readonly ImageTarget[],
): Promise<PublishedPatches> {
  const { store, blobs, clock, patches: policy } = world
  const unpatched = gone.filter(({ encrypted }) => encrypted === undefined).map(imageOf)
  if (policy === undefined) return { change: { unpatched }, events: [] }
  const rows = new Map<string, PatchRow>()
  const events: Event[] = []
  let room = policy.queue - (await store.patches.counts()).wanted
  for (const release of releases) {
    if (release.encrypted !== undefined) continue
    const target = imageOf(release)
    const since = clock.now()
    for (const patch of release.patches ?? []) {
      const { base, sha256, length, memory } = patch
      rows.set(`${base} ${target}`, {
        ...{ base, target, since, at: 'made', by: 'publisher' },
        ...{ sha256, length, memory, took: millis(0) },
      })
    }
    const running = await store.patches.running(release.class, policy.bases)
    for (const base of [...running.map(({ digest }) => digest), FROM_NOTHING]) {
      const key = `${base} ${target}`
      if (base === target || rows.has(key) || (await store.patches.patch({ base, target })) !== null) continue
      const fault = base === FROM_NOTHING || (await blobs.size(base)) !== null ? null : missing(base)
      if (fault !== null) {
        rows.set(key, { base, target, since, at: 'none', ...fault })
      } else if (room > 0) {
        room -= 1
        rows.set(key, { base, target, since, at: 'wanted' })
      } else {
        // It is made when it is ordered, if there is room by then.
        const full = refuse('patch-queue-full', 'patches', `fewer than ${policy.queue}`, `${policy.queue}`)
        events.push(toldNotMade(world, { base, target }, full))
      }
    }
  }
  return { change: { unpatched, patches: [...rows.values()] }, events }
}

function missing(base: string): Pick<Refusal, 'code' | 'expected' | 'actual'> {
  const { code, expected, actual } = refuse(
    'blob-missing',
    `blob ${base}`,
    'the image that runs there, as a blob',
    'none',
  )
  return { code, expected, actual }
}
