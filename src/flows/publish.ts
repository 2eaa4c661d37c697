import type { PublishedRelease } from '../core/campaign/draft.ts'
import { sameBytes } from '../core/encoding/bytes.ts'
import { canonicalJson, type JsonObject } from '../core/encoding/canonical-json.ts'
import { type Instant, instant } from '../core/encoding/units.ts'
import { agreesWithTarget } from '../core/firmware/acceptance.ts'
import { MAX_ENVELOPE_BYTES } from '../core/firmware/suit-envelope.ts'
import { type Envelope, openEnvelope } from '../core/firmware/suit-open.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { describe, type FileRef, readImageTarget, sameFile } from '../core/trust/image-target.ts'
import type { Document, Target, Targets } from '../core/trust/metadata.ts'
import { readMetadata, signableBytes } from '../core/trust/read-metadata.ts'
import { fileName, nextSnapshot, nextTimestamp, seal, signatureBy, writeTargets } from '../core/trust/repository.ts'
import { verifySigned } from '../core/trust/signatures.ts'
import { resume } from '../core/trust/stored-set.ts'
import type { TrustedSet } from '../core/trust/trusted-set.ts'
import { type Event, record } from './audit.ts'
import type { BlobId, FleetWorld, OnlineRoles, RepoFile, Signer } from './ports.ts'

/**
 * A repository as the server has it. Its files stand twice in the store: under the names that clients ask for
 * (`7.snapshot.json`), and the current ones under their plain names (`snapshot.json`), from which the server itself goes
 * on: verified again each time, except for expiry, which the server is there to renew.
 */
export type RepoName = 'image' | 'approval' | `director/${string}`

const CURRENT = ['root.json', 'timestamp.json', 'snapshot.json', 'targets.json'] as const

/** Opens a repository of the store. Refuses what `resume` refuses, and the first stored file that does not verify. */
export async function openRepository(world: FleetWorld, repo: RepoName): Promise<TrustedSet | Refusal> {
  const files = new Map<string, Uint8Array>()
  for (const path of CURRENT) {
    const bytes = await world.store.file(repo, path)
    if (bytes !== null) files.set(path, bytes)
  }
  const resumed = resume(repo, files, world.crypto, { site: siteOf(repo) })
  if (isRefusal(resumed)) return resumed
  return resumed.discarded[0] ?? resumed.set
}

/**
 * The files that put new targets in force: the targets as they were signed, the next snapshot and the next timestamp.
 * Nothing is durable yet: the caller commits all of them in one transaction, so a reader sees the old or the new set.
 */
export async function nextFiles(
  world: FleetWorld,
  repo: RepoName,
  set: TrustedSet,
  targets: Document<Targets>,
  now: Instant,
): Promise<RepoFile[] | Refusal> {
  const { crypto } = world
  const roles = rolesOf(world, repo)
  const head = headOf(world, repo, now)
  const changed = new Map([['targets', targets]])
  const snapshotFile = await signed(
    world,
    nextSnapshot(set.snapshot?.signed ?? null, changed, head, crypto),
    roles.snapshot,
  )
  if (isRefusal(snapshotFile)) return snapshotFile
  const snapshot = readMetadata('snapshot', snapshotFile, `${repo}: snapshot`)
  if (isRefusal(snapshot)) return snapshot
  const written = nextTimestamp(set.timestamp?.signed ?? null, snapshot, head, crypto)
  const timestampFile = await signed(world, written, roles.timestamp)
  if (isRefusal(timestampFile)) return timestampFile
  return [
    { repo, path: fileName('targets', targets.signed.version), bytes: targets.bytes },
    { repo, path: 'targets.json', bytes: targets.bytes },
    { repo, path: fileName('snapshot', snapshot.signed.version), bytes: snapshotFile },
    { repo, path: 'snapshot.json', bytes: snapshotFile },
    { repo, path: 'timestamp.json', bytes: timestampFile },
  ]
}

/** A `signed` object as a file, signed by one online key. */
export async function signed(world: FleetWorld, written: JsonObject, signer: Signer): Promise<Uint8Array | Refusal> {
  const signature = await signer.sign(signableBytes(written), 'der')
  return isRefusal(signature) ? signature : seal(written, [signatureBy(signer.key, signature, world.crypto)])
}

/** The first director's files of a new site: no orders. The root is the one that the fleet was made with. */
export async function foundDirector(world: FleetWorld, site: string): Promise<RepoFile[] | Refusal> {
  const repo: RepoName = `director/${site}`
  const root = await world.store.file('director', 'root.json')
  if (root === null) return refuse('store-without-root', 'director', 'root.json', 'none')
  const set = resume(repo, new Map([['root.json', root]]), world.crypto, { site })
  if (isRefusal(set)) return set
  const now = world.clock.now()
  const targets = await directorTargets(world, repo, [], 1, now)
  if (isRefusal(targets)) return targets
  const files = await nextFiles(world, repo, set.set, targets, now)
  if (isRefusal(files)) return files
  return [{ repo, path: 'root.json', bytes: root }, { repo, path: '1.root.json', bytes: root }, ...files]
}

/** The director's targets for a site, signed online. */
export async function directorTargets(
  world: FleetWorld,
  repo: RepoName,
  targets: readonly Target[],
  version: number,
  now: Instant,
): Promise<Document<Targets> | Refusal> {
  const written = writeTargets({ ...headOf(world, repo, now), version }, targets)
  const file = await signed(world, written, world.online.director.targets)
  return isRefusal(file) ? file : readMetadata('targets', file, `${repo}: targets`)
}

/**
 * Publishes: takes new image targets that were signed elsewhere, checks that every blob they speak of is here and every
 * envelope is what its target says, and puts them in force. All or nothing; durable on return. The same metadata again is
 * answered as before.
 *
 * Refuses what `readMetadata` refuses, `metadata-below-threshold`, `publish-version-conflict` (somebody published in
 * between), `metadata-expired`, `target-conflict` (a published target with other content), `blob-missing`, `blob-digest-mismatch`, what `openEnvelope` and `agreesWithTarget` refuse.
 */
export function publishRelease(
  world: FleetWorld,
  person: string,
  metadata: Uint8Array,
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
    if (again) return { version, published: [] }
    if (version !== (before?.version ?? 0) + 1) {
      return refuse('publish-version-conflict', 'image: targets', `version ${(before?.version ?? 0) + 1}`, `${version}`)
    }
    const now = world.clock.now()
    if (expires <= now) {
      return refuse('metadata-expired', 'image: targets', `a time after ${now}`, `${expires}`, 'TUF 1.0.34 §5.6.6')
    }
    const added = changedTargets(before, targets.signed)
    if (isRefusal(added)) return added
    const events: Event[] = []
    for (const target of added) {
      const fault = await checkBlob(world, target, targets.signed)
      if (isRefusal(fault)) return fault
      if (fault !== null) events.push(published(person, target, fault))
    }
    const files = await nextFiles(world, 'image', set, targets, now)
    if (isRefusal(files)) return files
    const unfit = acceptable(world, set, files)
    if (unfit !== null) return unfit
    const actor = { kind: 'person', id: person } as const
    events.push({ kind: 'repository-updated', actor, detail: { repository: 'image', version } })
    // If power fails before this commit, the blobs are here and nothing speaks of them; after it, all of it is public.
    await record(world, { files }, events)
    return { version, published: added.map(target => target.path) }
  })
}

/**
 * Targets that are new, or of which something else is said than before. What was published under a path stays what it
 * is. Refuses `target-conflict`.
 */
function changedTargets(before: Targets | null, after: Targets): Target[] | Refusal {
  const changed: Target[] = []
  for (const target of after.targets.values()) {
    const old = before?.targets.get(target.path)
    if (old !== undefined && !sameFile(old, target)) {
      return refuse('target-conflict', target.path, describe(old), describe(target))
    }
    const same = old !== undefined && sameBytes(canonicalJson(old.custom), canonicalJson(target.custom))
    if (!same) changed.push(target)
  }
  return changed
}

/** Whether a client that trusts the root would take these files: what none would take is not put in force. */
function acceptable(world: FleetWorld, set: TrustedSet, files: readonly RepoFile[]): Refusal | null {
  const written = files.filter(({ path }) => (CURRENT as readonly string[]).includes(path))
  const current = new Map([['root.json', set.root.bytes], ...written.map(({ path, bytes }) => [path, bytes] as const)])
  const resumed = resume(set.repo, current, world.crypto, { site: set.site })
  return isRefusal(resumed) ? resumed : (resumed.discarded[0] ?? null)
}

const published = (person: string, target: Target, { facts, signers }: Envelope): Event => ({
  kind: 'release-published',
  actor: { kind: 'person', id: person },
  release: target.sha256,
  detail: {
    path: target.path,
    class: facts.class,
    version: facts.version,
    sequence: facts.sequence,
    counter: facts.counter,
    image: facts.imageDigest,
    signers: [...signers],
  },
})

/** A blob that a target speaks of is here, whole; an envelope is opened and compared with what its target says. */
async function checkBlob(world: FleetWorld, target: Target, targets: Targets): Promise<Envelope | null | Refusal> {
  const { path, sha256, length } = target
  const named = (refusal: Refusal): Refusal => ({ ...refusal, subject: `${path}: ${refusal.subject}` })
  if (!path.endsWith(ENVELOPE_NAME)) {
    const fault = await world.blobs.verify({ sha256, length })
    return fault === null ? null : named(fault)
  }
  const release = readImageTarget(target)
  if (isRefusal(release)) return release
  const payload = targets.targets.get(release.payload.path)
  if (payload?.sha256 !== release.payload.sha256 || payload.length !== release.payload.length) {
    const actual = payload === undefined ? 'none' : payload.sha256
    return refuse('assignment-target-disagrees', path, `the payload ${release.payload.sha256} as a target`, actual)
  }
  if (length > MAX_ENVELOPE_BYTES) {
    return refuse('envelope-too-large', path, `at most ${MAX_ENVELOPE_BYTES} bytes`, `${length}`)
  }
  const bytes = await world.blobs.read({ sha256, length })
  if (isRefusal(bytes)) return named(bytes)
  const envelope = openEnvelope(bytes, world.anchors, world.crypto)
  if (isRefusal(envelope)) return named(envelope)
  return agreesWithTarget(envelope.facts, release) ?? envelope
}

/** Target paths of envelopes end like this; the folder is CLASS/VERSION. */
export const ENVELOPE_NAME = '/envelope.suit'

/** The releases of the image repository with the facts of their verified envelopes. */
export async function publishedReleases(world: FleetWorld): Promise<Map<string, PublishedRelease> | Refusal> {
  const set = await openRepository(world, 'image')
  if (isRefusal(set)) return set
  const releases = new Map<string, PublishedRelease>()
  for (const target of set.targets?.signed.targets.values() ?? []) {
    const { path, sha256, length } = target
    if (!path.endsWith(ENVELOPE_NAME) || length > MAX_ENVELOPE_BYTES) continue
    const release = await releaseAt(world, { path, sha256, length })
    if (isRefusal(release)) return release
    releases.set(path, release)
  }
  return releases
}

/** Verified envelopes by their digest: a digest means the same bytes for ever, so each is read and opened once. */
const opened = new WeakMap<FleetWorld, Map<string, PublishedRelease>>()

/** A published release with the facts of its verified envelope. Refuses what `Blobs.read` and `openEnvelope` refuse. */
export async function releaseAt(world: FleetWorld, envelope: FileRef): Promise<PublishedRelease | Refusal> {
  const { path, sha256, length } = envelope
  const cache = opened.get(world) ?? new Map<string, PublishedRelease>()
  opened.set(world, cache)
  const known = cache.get(sha256)
  if (known !== undefined) return { ...known, path }
  const bytes = await world.blobs.read({ sha256, length })
  if (isRefusal(bytes)) return { ...bytes, subject: `${path}: ${bytes.subject}` }
  const envelopeOf = openEnvelope(bytes, world.anchors, world.crypto)
  if (isRefusal(envelopeOf)) return { ...envelopeOf, subject: `${path}: ${envelopeOf.subject}` }
  const release = { path, sha256, length, facts: envelopeOf.facts }
  cache.set(sha256, release)
  return release
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

/**
 * Renews what the server signs online when half of its life is over, for all repositories at once. A server that was off
 * for longer than that life renews as soon as it is on. Durable on return; answers whether anything was renewed.
 */
export function renew(world: FleetWorld): Promise<boolean | Refusal> {
  return world.store.exclusive(async () => {
    const now = world.clock.now()
    const repos: RepoName[] = ['image', 'approval']
    for (const { id } of await world.store.sites()) repos.push(`director/${id}`)
    const files: RepoFile[] = []
    for (const repo of repos) {
      const set = await openRepository(world, repo)
      if (isRefusal(set)) return set
      if (set.timestamp === null || set.targets === null) continue
      if (set.timestamp.signed.expires - now > world.metadataLife / 2) continue
      const targets = repo.startsWith('director/')
        ? await directorTargets(
            world,
            repo,
            [...set.targets.signed.targets.values()],
            set.targets.signed.version + 1,
            now,
          )
        : set.targets
      if (isRefusal(targets)) return targets
      const renewed = await nextFiles(world, repo, set, targets, now)
      if (isRefusal(renewed)) return renewed
      files.push(...renewed)
    }
    if (files.length === 0) return false
    const actor = { kind: 'fleet', id: world.name } as const
    const renewed = new Set(files.map(file => file.repo)).size
    const detail = { renewed }
    await record(world, { files }, [{ kind: 'repository-updated', actor, detail }])
    return true
  })
}

function rolesOf(world: FleetWorld, repo: RepoName): OnlineRoles {
  return repo === 'image' || repo === 'approval' ? world.online[repo] : world.online.director
}

const siteOf = (repo: RepoName): string | null => (repo.startsWith('director/') ? repo.slice('director/'.length) : null)

function headOf(world: FleetWorld, repo: RepoName, now: Instant): { expires: Instant; site?: string } {
  // Metadata writes whole seconds.
  const expires = instant(Math.ceil((now + world.metadataLife) / 1000) * 1000)
  const site = siteOf(repo)
  return site === null ? { expires } : { expires, site }
}
