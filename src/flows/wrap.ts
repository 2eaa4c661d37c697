import { toBase64 } from '../core/encoding/bytes.ts'
import { readWrap } from '../core/encoding/cose-recipient.ts'
import { refuseStranger } from '../core/firmware/encryption.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { FileRef } from '../core/trust/image-target.ts'
import { record } from './audit.ts'
import { contentKeyWith, type EncryptedRelease, rewrap } from './encrypt.ts'
import { type By, person } from './persons.ts'
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
  /**
   * Base64 of a controller's wrap; undefined: the release travels in the clear. Refuses `campaign-wraps-missing` (nobody has
   * made it, and the server holds no wrapping key), `controller-without-decryption-key`, `controller-unknown`, and what
   * `rewrap` refuses.
   */
  of(envelope: FileRef, controller: string): Promise<string | undefined | Refusal>
  readonly fresh: readonly WrapRow[]
}

/**
 * Looks wraps up as orders are written: the one of before, so that metadata changes only when an order does, or a new one.
 * What cannot be wrapped is not ordered: the controller could not use it, and its turn times out.
 */
export function wrapsOf(world: FleetWorld, site: string): SiteWraps {
  const encrypted = new Map<string, Known | null>()
  const fresh: WrapRow[] = []
  return {
    fresh,
    of: async (envelope, controller) => {
      let known = encrypted.get(envelope.sha256)
      if (known === undefined) {
        known = await knownWraps(world, envelope, site)
        encrypted.set(envelope.sha256, known)
      }
      if (known === null) return undefined
      const row = await world.store.controller(site, controller)
      if (row === null) return refuse('controller-unknown', `${site}/${controller}`, 'a controller of the site', 'none')
      const before = standing(world, known.wraps, row)
      if (before !== null) return toBase64(before)
      const subject = `${site}/${row.id}: ${envelope.path}`
      if (world.wrappingKey === null) return refuse('campaign-wraps-missing', subject, 'a wrap', 'none')
      if (row.decryptionKey === null) {
        return refuse('controller-without-decryption-key', subject, 'a decryption key', 'none')
      }
      known.release ??= await encryptedRelease(world, envelope)
      if (known.release === null) return undefined
      if (isRefusal(known.release)) return known.release
      const wrap = await rewrap(known.release, world.wrappingKey, row.decryptionKey, world, subject)
      if (isRefusal(wrap)) return wrap
      fresh.push({ envelope: envelope.sha256, site, controller: row.id, wrap })
      return toBase64(wrap)
    },
  }
}

/** A stored wrap, while it is for the key that its controller has: one that was replaced has another. */
function standing(
  { crypto }: FleetWorld,
  wraps: ReadonlyMap<string, Uint8Array>,
  { id, decryptionKey }: ControllerRow,
): Uint8Array | null {
  const wrap = wraps.get(id)
  if (wrap === undefined || decryptionKey === null) return null
  const read = readWrap(wrap, id)
  return isRefusal(read) || refuseStranger(read, decryptionKey, crypto, id) !== null ? null : wrap
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
 * is ordered. Refuses `campaign-wraps-missing`, and what `unwrapped` and `contentKeyWith` refuse.
 */
export async function refuseUnwrappable(
  world: FleetWorld,
  campaign: string,
  wanted: readonly Wanted[],
): Promise<null | Refusal> {
  const missing = await unwrapped(world, wanted)
  if (isRefusal(missing) || missing.length === 0) return isRefusal(missing) ? missing : null
  if (world.wrappingKey === null) {
    const actual = `${missing.length} without one`
    return refuse('campaign-wraps-missing', `campaign ${campaign}`, 'a wrap for each controller', actual)
  }
  const releases = new Map(missing.map(({ envelope, release }) => [envelope.path, release]))
  for (const [path, release] of releases) {
    const key = await contentKeyWith(release.contentKeys, release.encryption, world.wrappingKey, world, path)
    if (isRefusal(key)) return key
    key.fill(0)
  }
  return null
}

/** A controller that gets an encrypted release. `wrapped`: whether a wrap for it stands. */
type Encrypted = Wanted & { readonly release: EncryptedRelease; readonly row: ControllerRow; readonly wrapped: boolean }

/**
 * The controllers of a plan for which a content key is still to be wrapped. Refuses `controller-without-decryption-key`, and
 * what `encryptedRelease` refuses.
 */
export async function unwrapped(world: FleetWorld, wanted: readonly Wanted[]): Promise<readonly Encrypted[] | Refusal> {
  const all = await encrypted(world, wanted)
  return isRefusal(all) ? all : all.filter(({ wrapped }) => !wrapped)
}

/** The controllers of a plan that get an encrypted release, wrapped for or not. Refuses as `unwrapped`. */
export async function encrypted(world: FleetWorld, wanted: readonly Wanted[]): Promise<readonly Encrypted[] | Refusal> {
  const releases = new Map<string, EncryptedRelease | null>()
  const known = new Map<string, ReadonlyMap<string, Uint8Array>>()
  const all: Encrypted[] = []
  for (const one of wanted) {
    const { site, controller, envelope } = one
    const found = releases.has(envelope.sha256)
      ? (releases.get(envelope.sha256) as EncryptedRelease | null)
      : await encryptedRelease(world, envelope)
    if (isRefusal(found)) return found
    releases.set(envelope.sha256, found)
    if (found === null) continue
    const at = `${envelope.sha256} ${site}`
    const wraps = known.get(at) ?? (await world.store.wraps(envelope.sha256, site))
    known.set(at, wraps)
    const row = await world.store.controller(site, controller)
    // One that was taken out of the fleet since is ordered nothing.
    if (row === null) continue
    if (row.decryptionKey === null) {
      return refuse('controller-without-decryption-key', `${site}/${controller}`, 'a decryption key', 'none')
    }
    all.push({ ...one, release: found, row, wrapped: standing(world, wraps, row) !== null })
  }
  return all
}

/** A wrap that a person has made, as it comes. `envelope`: the SHA-256 of the release's envelope. */
export type BroughtWrap = {
  readonly site: string
  readonly controller: string
  readonly envelope: string
  readonly wrap: Uint8Array
}

/**
 * Takes wraps that the holder of the wrapping key has made for controllers of a campaign, all or none. Durable on return;
 * answers how many are still missing. What is in a wrap is the controller's to judge: here it is only known for whom it is.
 * So a wrap of nothing can stand, and a later one takes its place, whenever it comes. Where the server holds a wrapping key
 * for the release, its own wrap is stored and not the one that was brought: it knows what is in that. Refuses
 * `request-malformed` (a wrap for what the campaign does not order), `wrap-malformed`, `wrap-for-another-key`, what
 * `unwrapped` refuses, and but for `content-key-not-for-us` what `rewrap` refuses.
 */
export async function takeWraps(
  world: FleetWorld,
  by: By,
  campaign: string,
  wanted: readonly Wanted[],
  brought: readonly BroughtWrap[],
): Promise<{ readonly taken: number; readonly missing: number } | Refusal> {
  const all = await encrypted(world, wanted)
  if (isRefusal(all)) return all
  const keyOf = (site: string, controller: string, envelope: string): string => `${site}/${controller} ${envelope}`
  const asked = new Map(all.map(one => [keyOf(one.site, one.controller, one.envelope.sha256), one]))
  const wraps: WrapRow[] = []
  const met = new Set<Encrypted>()
  for (const one of brought) {
    const subject = `${one.site}/${one.controller}`
    const of = asked.get(keyOf(one.site, one.controller, one.envelope))
    if (of === undefined) {
      return refuse('request-malformed', subject, `a wrap of what campaign ${campaign} orders`, 'another one')
    }
    const read = readWrap(one.wrap, subject)
    if (isRefusal(read)) return read
    const key = of.row.decryptionKey as Uint8Array
    const stranger = refuseStranger(read, key, world.crypto, subject)
    if (stranger !== null) return stranger
    const own = world.wrappingKey === null ? null : await rewrap(of.release, world.wrappingKey, key, world, subject)
    if (isRefusal(own) && own.code !== 'content-key-not-for-us') return own
    wraps.push({ ...one, wrap: own === null || isRefusal(own) ? one.wrap : own })
    met.add(of)
  }
  const missing = all.filter(one => !one.wrapped && !met.has(one)).length
  const actor = person(by)
  const detail = { wraps: wraps.length, replaced: [...met].filter(({ wrapped }) => wrapped).length, missing }
  // If power fails before this commit, nothing was brought, what stood stands, and the same wraps are brought again.
  if (wraps.length > 0) await record(world, { wraps }, [{ kind: 'content-keys-wrapped', actor, campaign, detail }])
  return { taken: wraps.length, missing }
}
