import type { PublishedRelease } from '../core/campaign/draft-fit.ts'
import { concat, fromBase64, sameBytes } from '../core/encoding/bytes.ts'
import { canonicalJson, type JsonObject } from '../core/encoding/canonical-json.ts'
import { readWrap } from '../core/encoding/cose-recipient.ts'
import { agreesWithTarget } from '../core/firmware/acceptance.ts'
import { isMcuboot, mcubootAgrees } from '../core/firmware/mcuboot/agree.ts'
import { MAGIC_BYTES } from '../core/firmware/mcuboot/layout.ts'
import type { ReleaseFacts } from '../core/firmware/release-facts.ts'
import { MAX_ENVELOPE_BYTES } from '../core/firmware/suit-envelope.ts'
import { type Anchor, type Envelope, openEnvelope } from '../core/firmware/suit-open.ts'
import type { Actor } from '../core/ledger/entry.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { NOTE } from '../core/trust/ceremony-note.ts'
import { binOf } from '../core/trust/delegation.ts'
import { checkBins, hasBins, succinctOf } from '../core/trust/hash-bins.ts'
import {
  describe,
  ENVELOPE_NAME,
  type FileRef,
  type ImageTarget,
  readImageTarget,
  sameFile,
} from '../core/trust/image-target.ts'
import type { Target, Targets } from '../core/trust/metadata.ts'
import { readMetadata } from '../core/trust/read-metadata.ts'
import { verifySigned } from '../core/trust/signatures.ts'
import type { TrustedSet } from '../core/trust/trusted-set.ts'
import { evidenceDetail, keepsEvidence, type LookUp, publishedEvidence } from './attest.ts'
import { type Event, record } from './audit.ts'
import { contentKeyWith } from './encrypt.ts'
import { acceptable, allTargets, type Bins, nextFiles, openRepository, storedBin, targetAt } from './keep.ts'
import { publishedPatches, refusePatches } from './patch-release.ts'
import { type By, person } from './persons.ts'
import type { BlobId, FleetWorld } from './ports.ts'
import { follow, recognised, recognisedWith, transitions } from './recognise.ts'

/** Top-level targets as they were signed, and the bins that change with them, by name. Bytes of the files. */
export type SignedTargets = { readonly metadata: Uint8Array; readonly bins?: ReadonlyMap<string, Uint8Array> }

/**
 * Publishes: takes new image targets that were signed elsewhere, checks that every blob they speak of is here and every
 * envelope is what its target says, and puts them in force. In a repository with bins, or one that gets them, the bins that
 * change come with the top-level targets (core/trust/hash-bins.ts). All or nothing; durable on return. The same metadata
 * again is answered as before.
 *
 * Refuses what `readMetadata` refuses, `metadata-below-threshold`, `publish-version-conflict` (somebody published in
 * between), `metadata-expired`, what `checkBins` refuses, `ceremony-as-publication`, `target-conflict` (a published target with other content),
 * `evidence-changed`, `blob-missing`, `blob-digest-mismatch`, what `openEnvelope`, `agreesWithTarget`, `refusePatches` and
 * `publishedEvidence` refuse.
 */
export function publishRelease(
  world: FleetWorld,
  by: By,
  { metadata, bins: handed = new Map() }: SignedTargets,
): Promise<{ version: number; published: string[] } | Refusal> {
  return world.store.exclusive(async () => {
    const set = await openRepository(world, 'image')
    if (isRefusal(set)) return set
    const targets = readMetadata('targets', metadata, 'image: targets')
    if (isRefusal(targets)) return targets
    const { keys, roles } = set.root.signed
    const unsigned = verifySigned(targets, keys, roles.targets, 'image: targets', world.crypto)
    if (unsigned !== null) return unsigned
    const before = set.targets?.signed ?? null
    const { version, expires } = targets.signed
    const again = set.targets !== null && sameBytes(set.targets.bytes, metadata)
    if (again && (await areInForce(world, handed))) return { version, published: [] }
    if (version !== (before?.version ?? 0) + 1) {
      return refuse('publish-version-conflict', 'image: targets', `version ${(before?.version ?? 0) + 1}`, `${version}`)
    }
    const now = world.clock.now()
    if (expires <= now) {
      return refuse('metadata-expired', 'image: targets', `a time after ${now}`, `${expires}`, 'TUF 1.0.34 §5.6.6')
    }
    const announced = set.snapshot?.signed.meta ?? new Map()
    const inForce = { root: set.root.signed, before, announced }
    const bins = checkBins('image', inForce, targets.signed, handed, now, world.crypto)
    if (isRefusal(bins)) return bins
    const signedAt = [targets, ...bins.values()].find(({ signed }) => Object.hasOwn(signed.raw, NOTE))
    if (signedAt !== undefined) {
      return refuse('ceremony-as-publication', 'image: targets', 'targets signed to be published', 'a ceremony’s')
    }
    const added = await changedTargets(world, set, targets.signed, bins)
    if (isRefusal(added)) return added
    const next = await nextFiles(world, 'image', set, targets, now, { bins })
    if (isRefusal(next)) return next
    const { files } = next
    const unfit = acceptable(set, files, world.crypto)
    if (unfit !== null) return unfit
    const look = (path: string) => targetAfter(world, next.set, bins, path)
    const stood = await targetsBefore(world, set, bins)
    if (isRefusal(stood)) return stood
    const changed = await keepsEvidence(stood, look)
    if (changed !== null) return changed
    const events: Event[] = []
    // A release may be signed by a key that another one adds, published before it or together with it.
    const anchors = await recognisedWith(world, added)
    if (isRefusal(anchors)) return anchors
    for (const target of added) {
      const checked = await checkBlob(world, target, anchors, look)
      if (isRefusal(checked)) return checked
      if (checked !== null) events.push(published(by, target, checked))
    }
    const actor = person(by)
    events.push({ kind: 'repository-updated', actor, detail: { repository: 'image', version } })
    const gone = await revocations(stood, look, actor, version)
    if (isRefusal(gone)) return gone
    events.push(...gone)
    const revoked = stood.filter(({ sha256 }) => gone.some(({ release }) => release === sha256))
    const patches = await publishedPatches(world, releasesIn(added), releasesIn(revoked))
    // If power fails before this commit, the blobs are here and nothing speaks of them; after it, all of it is public, and its patches wait to be made.
    await record(world, { files, ...patches.change }, [...events, ...patches.events])
    const unread = await follow(world, added)
    if (unread !== null) return unread
    return { version, published: added.map(target => target.path) }
  })
}

/** The releases among some targets, as far as they can be read. */
const releasesIn = (targets: readonly Target[]): ImageTarget[] =>
  targets
    .filter(({ path }) => path.endsWith(ENVELOPE_NAME))
    .map(readImageTarget)
    .flatMap(read => (isRefusal(read) ? [] : [read]))

/** The targets that were where a publication changes something: in the bins that come with it, or all of them. */
async function targetsBefore(world: FleetWorld, set: TrustedSet, bins: Bins): Promise<readonly Target[] | Refusal> {
  const targets = set.targets?.signed
  if (targets === undefined) return []
  if (!hasBins(targets)) return [...targets.targets.values()]
  const before: Target[] = []
  for (const name of bins.keys()) {
    const bin = await storedBin(world, set, name)
    if (isRefusal(bin)) return bin
    for (const target of bin.signed.targets.values()) before.push(target)
  }
  return before
}

/** The releases of before that are no targets any more: nobody is given them from now on. */
export async function revocations(
  before: readonly Target[],
  look: LookUp,
  actor: Actor,
  version: number,
): Promise<Event[] | Refusal> {
  const events: Event[] = []
  for (const { path, sha256 } of before) {
    if (!path.endsWith(ENVELOPE_NAME)) continue
    const after = await look(path)
    if (isRefusal(after)) return after
    if (after === null) events.push({ kind: 'release-revoked', actor, release: sha256, detail: { path, version } })
  }
  return events
}

/** Whether these very bins are in force. The targets above them may be the same for two publications into other bins. */
async function areInForce(world: FleetWorld, bins: ReadonlyMap<string, Uint8Array>): Promise<boolean> {
  for (const [name, bytes] of bins) {
    const stored = await world.store.file('image', `${name}.json`)
    if (stored === null || !sameBytes(stored, bytes)) return false
  }
  return true
}

/** A target as it is after a publication: in a bin that came with it, or where it stood. */
export async function targetAfter(
  world: FleetWorld,
  after: TrustedSet,
  bins: Bins,
  path: string,
): Promise<Target | null | Refusal> {
  const targets = after.targets!.signed
  const bin = hasBins(targets) ? bins.get(binOf(succinctOf(targets), path, world.crypto).name) : undefined
  return bin === undefined ? targetAt(world, after, path) : (bin.signed.targets.get(path) ?? null)
}

/**
 * Targets that are new, or of which something else is said than before. What was published under a path stays what it
 * is. Refuses `target-conflict`, and what `targetAt` refuses.
 */
export async function changedTargets(
  world: FleetWorld,
  before: TrustedSet,
  after: Targets,
  bins: Bins,
): Promise<Target[] | Refusal> {
  const changed: Target[] = []
  const all = [after, ...[...bins.values()].map(({ signed }) => signed)]
  for (const target of all.flatMap(({ targets }) => [...targets.values()])) {
    const old = await targetAt(world, before, target.path)
    if (isRefusal(old)) return old
    if (old !== null && !sameFile(old, target)) {
      return refuse('target-conflict', target.path, describe(old), describe(target))
    }
    const same = old !== null && sameBytes(canonicalJson(old.custom), canonicalJson(target.custom))
    if (!same) changed.push(target)
  }
  return changed
}

/** A release whose envelope and evidence hold; `evidence` is what the log says of the latter. */
type Checked = Envelope & { readonly evidence: JsonObject }

const published = (by: By, target: Target, { facts, signers, evidence }: Checked): Event => ({
  kind: 'release-published',
  actor: person(by),
  release: target.sha256,
  detail: {
    path: target.path,
    class: facts.class,
    version: facts.version,
    sequence: facts.sequence,
    counter: facts.counter,
    image: facts.imageDigest,
    signers: [...signers],
    evidence,
  },
})

/**
 * A blob that a target speaks of is here, whole; an envelope is opened and compared with what its target says, and its
 * evidence is judged.
 */
async function checkBlob(
  world: FleetWorld,
  target: Target,
  anchors: readonly Anchor[],
  look: LookUp,
): Promise<Checked | null | Refusal> {
  const { path, sha256, length } = target
  const named = (refusal: Refusal): Refusal => ({ ...refusal, subject: `${path}: ${refusal.subject}` })
  if (!path.endsWith(ENVELOPE_NAME)) {
    const fault = await world.blobs.verify({ sha256, length })
    return fault === null ? null : named(fault)
  }
  const release = readImageTarget(target)
  if (isRefusal(release)) return release
  const payload = await look(release.payload.path)
  if (isRefusal(payload)) return payload
  if (payload?.sha256 !== release.payload.sha256 || payload.length !== release.payload.length) {
    const actual = payload === null ? 'none' : payload.sha256
    return refuse('assignment-target-disagrees', path, `the payload ${release.payload.sha256} as a target`, actual)
  }
  if (length > MAX_ENVELOPE_BYTES) {
    return refuse('envelope-too-large', path, `at most ${MAX_ENVELOPE_BYTES} bytes`, `${length}`)
  }
  const bytes = await world.blobs.read({ sha256, length })
  if (isRefusal(bytes)) return named(bytes)
  const envelope = openEnvelope(bytes, anchors, world.crypto)
  if (isRefusal(envelope)) return named(envelope)
  const disagreement =
    agreesWithTarget(envelope.facts, release) ??
    (await unwrappable(world, envelope, release, path)) ??
    (await unbootable(world, envelope.facts, payload)) ??
    (await refusePatches(world, path, release, look))
  if (disagreement !== null) return disagreement
  const evidence = await publishedEvidence(world, path, release, envelope.facts, look)
  if (isRefusal(evidence)) return evidence
  return { ...envelope, evidence: evidenceDetail(evidence, release, world.publishPolicy) }
}

/**
 * An image for MCUboot that its own release contradicts is not published: each device that takes it would refuse to start it.
 * A payload that is not here is refused as the target that it is.
 */
async function unbootable(
  world: FleetWorld,
  facts: ReleaseFacts,
  { path, sha256, length }: Target,
): Promise<null | Refusal> {
  if (facts.encryption !== null || !(await world.blobs.has({ sha256, length }))) return null
  let start = 0
  for (const { size } of facts.components) {
    const parts: Uint8Array[] = []
    for await (const part of world.blobs.stream({ sha256, length }, start, start + MAGIC_BYTES)) parts.push(part)
    start += size
    if (!isMcuboot(concat(...parts))) continue
    const payload = await world.blobs.read({ sha256, length })
    const fault = isRefusal(payload) ? payload : mcubootAgrees(facts, payload, world.crypto)
    return fault === null ? null : { ...fault, subject: `${path}: ${fault.subject}` }
  }
  return null
}

/** A release that this fleet could never wrap for a controller is not published here. */
async function unwrappable(
  world: FleetWorld,
  { facts: { encryption } }: Envelope,
  release: ImageTarget,
  path: string,
): Promise<null | Refusal> {
  if (encryption === null) return null
  const wraps = decodedWraps(release, path)
  if (isRefusal(wraps)) return wraps
  for (const wrap of wraps) {
    const read = readWrap(wrap, path)
    if (isRefusal(read)) return read
  }
  if (world.wrappingKey === null) return null
  const key = await contentKeyWith(wraps, encryption, world.wrappingKey, world, path)
  if (isRefusal(key)) return key
  key.fill(0)
  return null
}

/**
 * The releases of the image repository with the facts of their verified envelopes: all that are signed by a key that the
 * fleet takes, or those of some paths, as far as they are published.
 */
export async function publishedReleases(
  world: FleetWorld,
  paths: readonly string[] | null = null,
): Promise<Map<string, PublishedRelease> | Refusal> {
  const set = await openRepository(world, 'image')
  if (isRefusal(set)) return set
  const targets = paths === null ? await allTargets(world, set) : await targetsAt(world, set, paths)
  if (isRefusal(targets)) return targets
  const releases = new Map<string, PublishedRelease>()
  for (const target of targets.values()) {
    const { path, sha256, length } = target
    if (!path.endsWith(ENVELOPE_NAME) || length > MAX_ENVELOPE_BYTES) continue
    const release = await releaseAt(world, { path, sha256, length })
    // Its keys were taken out of the config since, as those of a stolen key are: nobody is given it any more.
    if (paths === null && isRefusal(release) && release.code === 'envelope-signers-unknown') continue
    if (isRefusal(release)) return release
    releases.set(path, release)
  }
  return releases
}

async function targetsAt(
  world: FleetWorld,
  set: TrustedSet,
  paths: readonly string[],
): Promise<ReadonlyMap<string, Target> | Refusal> {
  const found = new Map<string, Target>()
  for (const path of paths) {
    const target = await targetAt(world, set, path)
    if (isRefusal(target)) return target
    if (target !== null) found.set(path, target)
  }
  return found
}

/**
 * The content key of a published release, wrapped for holders of wrapping keys; none when it travels in the clear. Refuses
 * `content-keys-missing`: there is no such release.
 */
export async function contentKeysOf(world: FleetWorld, path: string): Promise<readonly Uint8Array[] | Refusal> {
  const set = await openRepository(world, 'image')
  if (isRefusal(set)) return set
  const target = await targetAt(world, set, path)
  if (isRefusal(target)) return target
  if (target === null) return refuse('content-keys-missing', path, 'a published release', 'none of that path')
  const release = readImageTarget(target)
  return isRefusal(release) ? release : decodedWraps(release, path)
}

function decodedWraps({ encrypted }: ImageTarget, path: string): readonly Uint8Array[] | Refusal {
  const wraps: Uint8Array[] = []
  for (const encoded of encrypted?.contentKeys ?? []) {
    const wrap = fromBase64(encoded)
    if (wrap === null) return refuse('wrap-malformed', path, 'canonical base64', 'something else')
    wraps.push(wrap)
  }
  return wraps
}

/** Verified envelopes by their digest: a digest means the same bytes for ever. Opened anew when there are more keys. */
const opened = new WeakMap<readonly Anchor[], Map<string, PublishedRelease>>()

/** A published release with the facts of its verified envelope. Refuses what `Blobs.read` and `openEnvelope` refuse. */
export async function releaseAt(world: FleetWorld, envelope: FileRef): Promise<PublishedRelease | Refusal> {
  const { path, sha256, length } = envelope
  const anchors = await recognised(world)
  if (isRefusal(anchors)) return anchors
  const cache = opened.get(anchors) ?? new Map<string, PublishedRelease>()
  opened.set(anchors, cache)
  const known = cache.get(sha256)
  if (known !== undefined) return { ...known, path }
  const bytes = await world.blobs.read({ sha256, length })
  if (isRefusal(bytes)) return { ...bytes, subject: `${path}: ${bytes.subject}` }
  const envelopeOf = openEnvelope(bytes, anchors, world.crypto)
  if (isRefusal(envelopeOf)) return { ...envelopeOf, subject: `${path}: ${envelopeOf.subject}` }
  const release = { path, sha256, length, facts: envelopeOf.facts, signers: envelopeOf.signers }
  cache.set(sha256, release)
  return release
}

/** The published transition releases: what a controller's way to another key leads over. Refuses as `releaseAt`. */
export async function transitionReleases(world: FleetWorld): Promise<readonly PublishedRelease[] | Refusal> {
  const refs = await transitions(world)
  if (isRefusal(refs)) return refs
  const releases: PublishedRelease[] = []
  for (const ref of refs) {
    const release = await releaseAt(world, ref)
    if (isRefusal(release) && release.code === 'envelope-signers-unknown') continue
    if (isRefusal(release)) return release
    releases.push(release)
  }
  return releases
}

/** Takes a blob in. Refuses `blob-too-large`, and what `Blobs.append` refuses. Durable on return. */
export async function storeBlob(
  world: FleetWorld,
  id: BlobId,
  maxBytes: number,
  body: AsyncIterable<Uint8Array>,
): Promise<null | Refusal> {
  const subject = `blob ${id.sha256}`
  if (!/^[0-9a-f]{64}$/.test(id.sha256) || !Number.isSafeInteger(id.length) || id.length < 1) {
    return refuse('request-malformed', subject, 'a SHA-256 as the name, and the length', `${id.length} bytes`)
  }
  if (id.length > maxBytes) return refuse('blob-too-large', subject, `at most ${maxBytes} bytes`, `${id.length}`)
  if (await world.blobs.has(id)) {
    if ((await world.blobs.verify(id)) === null) return null
    // It was changed on the disk since: it is set aside, and comes again.
    await world.blobs.quarantine(id)
  }
  return world.blobs.append(id, 0, body)
}

/** A blob by its name. Refuses `blob-missing`. */
export async function blobOf(world: FleetWorld, sha256: string): Promise<BlobId | Refusal> {
  const length = await world.blobs.size(sha256)
  return length === null ? refuse('blob-missing', `blob ${sha256}`, 'a blob of that name', 'none') : { sha256, length }
}
