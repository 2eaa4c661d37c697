import { toBase64 } from '../core/encoding/bytes.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { FileRef } from '../core/trust/image-target.ts'
import { contentKeyWith, type EncryptedRelease, rewrap } from './encrypt.ts'
import type { ControllerRow, FleetWorld, WrapRow } from './ports.ts'
import { contentKeysOf, releaseAt } from './publish.ts'

/** A release of a plan as wrapping needs it; null for one that travels in the clear. Refuses what the store refuses. */
export async function encryptedRelease(
  world: FleetWorld,
  envelope: FileRef,
): Promise<EncryptedRelease | null | Refusal> {
  const released = await releaseAt(world, envelope)
  if (isRefusal(released)) return released
  const { encryption } = released.facts
  if (encryption === null) return null
  const contentKeys = await contentKeysOf(world, envelope.path)
  return isRefusal(contentKeys) ? contentKeys : { contentKeys, encryption }
}

/** The wraps that the orders of a site carry, and those among them that are new. */
export type SiteWraps = {
  /** Base64 of a controller's wrap; undefined: the release travels in the clear; null: there is no wrap to be had. */
  of(envelope: FileRef, row: ControllerRow): Promise<string | undefined | null>
  readonly fresh: readonly WrapRow[]
}

/**
 * Looks wraps up as orders are written: the one of before, so that metadata changes only when an order does, or a new one.
 * What cannot be wrapped is not ordered: the controller could not use it, and its turn times out with all that it says.
 */
export function wrapsOf(world: FleetWorld, site: string): SiteWraps {
  const encrypted = new Map<string, Known | null>()
  const fresh: WrapRow[] = []
  return {
    fresh,
    of: async (envelope, row) => {
      let known = encrypted.get(envelope.sha256)
      if (known === undefined) {
        known = await knownWraps(world, envelope, site)
        encrypted.set(envelope.sha256, known)
      }
      if (known === null) return undefined
      const before = known.wraps.get(row.id)
      if (before !== undefined) return toBase64(before)
      if (world.wrappingKey === null || row.decryptionKey === null) return null
      known.release ??= await encryptedRelease(world, envelope)
      if (known.release === null || isRefusal(known.release)) return null
      const subject = `${site}/${row.id}: ${envelope.path}`
      const wrap = await rewrap(known.release, world.wrappingKey, row.decryptionKey, world, subject)
      if (isRefusal(wrap)) return null
      fresh.push({ envelope: envelope.sha256, site, controller: row.id, wrap })
      return toBase64(wrap)
    },
  }
}

/** What is known of an encrypted release at a site; the content key is looked up for the first wrap that is not there. */
type Known = { readonly wraps: ReadonlyMap<string, Uint8Array>; release?: EncryptedRelease | null | Refusal }

/** Null for a release in the clear, and for one that cannot be read here: nobody fetches it from here either. */
async function knownWraps(world: FleetWorld, envelope: FileRef, site: string): Promise<Known | null> {
  const released = await releaseAt(world, envelope)
  if (isRefusal(released) || released.facts.encryption === null) return null
  return { wraps: await world.store.wraps(envelope.sha256, site) }
}

/** A controller of a plan, and the release that it gets. */
export type Wanted = { readonly site: string; readonly controller: string; readonly envelope: FileRef }

/**
 * Whether the content keys of a plan's encrypted releases can be wrapped for its controllers, or are: asked before anything
 * is ordered. Refuses `campaign-wraps-missing`, `controller-without-decryption-key`, and what `contentKeyWith` refuses.
 */
export async function refuseUnwrappable(
  world: FleetWorld,
  campaign: string,
  wanted: readonly Wanted[],
): Promise<null | Refusal> {
  const releases = new Map<string, EncryptedRelease | null>()
  let missing = 0
  for (const { site, controller, envelope } of wanted) {
    let release = releases.get(envelope.sha256)
    if (release === undefined) {
      const found = await encryptedRelease(world, envelope)
      if (isRefusal(found)) return found
      const fault = found === null ? null : await cannotOpen(world, found, envelope.path)
      if (fault !== null) return fault
      releases.set(envelope.sha256, found)
      release = found
    }
    if (release === null) continue
    if ((await world.store.wraps(envelope.sha256, site)).has(controller)) continue
    const row = await world.store.controller(site, controller)
    if (row !== null && row.decryptionKey === null) {
      return refuse('controller-without-decryption-key', `${site}/${controller}`, 'a decryption key', 'none')
    }
    if (world.wrappingKey === null) missing += 1
  }
  if (missing === 0) return null
  return refuse(
    'campaign-wraps-missing',
    `campaign ${campaign}`,
    'a wrap for each controller',
    `${missing} without one`,
  )
}

async function cannotOpen(world: FleetWorld, release: EncryptedRelease, subject: string): Promise<null | Refusal> {
  if (world.wrappingKey === null) return null
  const key = await contentKeyWith(release.contentKeys, release.encryption, world.wrappingKey, world, subject)
  if (isRefusal(key)) return key
  key.fill(0)
  return null
}
