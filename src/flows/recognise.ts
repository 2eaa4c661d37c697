import { anchorOf, chainedAnchors } from '../core/firmware/anchor-chain.ts'
import type { ReleaseFacts } from '../core/firmware/release-facts.ts'
import type { Anchor } from '../core/firmware/suit-open.ts'
import { isRefusal, type Refusal } from '../core/refusal/refusal.ts'
import { type FileRef, readImageTarget } from '../core/trust/image-target.ts'
import type { Target } from '../core/trust/metadata.ts'
import { allTargets, openRepository } from './keep.ts'
import type { FleetWorld, SiteWorld } from './ports.ts'

/**
 * Which keys' releases a fleet server and a gateway take. Each begins with the keys that it was given, and follows the
 * transition releases from there, as controllers do: a key counts once a release adds it that a key before it has signed.
 * Nobody has to bring a new key to every gateway. What comes of a release is each controller's own judgement still.
 */

// --- At the fleet server: from what is published ---

/** Transition releases by the digest of the envelope. */
type Seen = ReadonlyMap<string, { readonly ref: FileRef; readonly bytes: Uint8Array }>
type Ring = { readonly anchors: readonly Anchor[]; readonly seen: Seen }

const rings = new WeakMap<FleetWorld, Ring>()

/**
 * The keys that the fleet takes: those of its config, and those that the published transition releases lead to. They are
 * followed when it is asked first, and at each publication. Refuses what `openRepository` and `allTargets` refuse.
 */
export async function recognised(world: FleetWorld): Promise<readonly Anchor[] | Refusal> {
  const ring = await ringOf(world)
  return isRefusal(ring) ? ring : ring.anchors
}

/** The same, as it would be with some targets that are not published yet. */
export async function recognisedWith(
  world: FleetWorld,
  fresh: readonly Target[],
): Promise<readonly Anchor[] | Refusal> {
  const ring = await ringOf(world)
  return isRefusal(ring) ? ring : (await grown(world, ring, fresh)).anchors
}

/** The published transition releases. Refuses as `recognised`. */
export async function transitions(world: FleetWorld): Promise<readonly FileRef[] | Refusal> {
  const ring = await ringOf(world)
  return isRefusal(ring) ? ring : [...ring.seen.values()].map(({ ref }) => ref)
}

/** Follows targets that have been published. If power fails before, the next start follows them. */
export async function follow(world: FleetWorld, published: readonly Target[]): Promise<null | Refusal> {
  const ring = await ringOf(world)
  if (isRefusal(ring)) return ring
  rings.set(world, await grown(world, ring, published))
  return null
}

async function ringOf(world: FleetWorld): Promise<Ring | Refusal> {
  const known = rings.get(world)
  if (known !== undefined) return known
  const targets = await publishedTargets(world)
  if (isRefusal(targets)) return targets
  const ring = await grown(world, { anchors: world.anchors, seen: new Map() }, targets)
  rings.set(world, ring)
  return ring
}

/** An envelope that cannot be read adds nothing, and is refused by whoever opens it. */
async function grown(world: FleetWorld, ring: Ring, targets: readonly Target[]): Promise<Ring> {
  const seen = new Map(ring.seen)
  for (const target of targets) {
    const release = readImageTarget(target)
    if (isRefusal(release) || release.transition === undefined || seen.has(target.sha256)) continue
    const { path, length, sha256 } = target
    const bytes = await world.blobs.read({ sha256, length })
    if (!isRefusal(bytes)) seen.set(sha256, { ref: { path, length, sha256 }, bytes })
  }
  if (seen.size === ring.seen.size) return ring
  const envelopes = [...seen.values()].map(({ bytes }) => bytes)
  const anchors = chainedAnchors(world.anchors, envelopes, world.crypto)
  // The same keys stay the same list: what was opened by them need not be opened again.
  return { seen, anchors: anchors.length === ring.anchors.length ? ring.anchors : anchors }
}

async function publishedTargets(world: FleetWorld): Promise<readonly Target[] | Refusal> {
  const set = await openRepository(world, 'image')
  if (isRefusal(set)) return set
  const all = await allTargets(world, set)
  return isRefusal(all) ? all : [...all.values()]
}

// --- At the gateway: from what its controllers were given ---

/** The repository under whose name a gateway keeps the envelopes that added keys. */
const KEPT = 'anchors'
const kept = new WeakMap<SiteWorld, readonly Anchor[]>()

/** The keys that a gateway takes: verified anew, at each start, from the envelopes that brought them. */
export async function recognisedAt(world: SiteWorld): Promise<readonly Anchor[]> {
  const known = kept.get(world)
  if (known !== undefined) return known
  const anchors = chainedAnchors(world.anchors, (await world.store.files(KEPT)).values(), world.crypto)
  kept.set(world, anchors)
  return anchors
}

/**
 * Keeps an envelope that was opened and adds a key. Durable on return. If power fails before the commit, the same
 * assignment is verified again, and the key is kept then.
 */
export async function keepAdded(world: SiteWorld, envelope: Uint8Array, { transition }: ReleaseFacts): Promise<void> {
  const added = anchorOf(transition)
  if (added === null || (await recognisedAt(world)).some(({ kid }) => kid === added.kid)) return
  await world.store.commit({ files: [{ repo: KEPT, path: `${added.kid}.suit`, bytes: envelope }] })
  kept.delete(world)
}
