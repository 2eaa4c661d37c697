import { sameBytes } from '../core/encoding/bytes.ts'
import type { Instant } from '../core/encoding/units.ts'
import { formatUtc } from '../core/encoding/utc-time.ts'
import type { PatchChange } from '../core/fleet/patch-rows.ts'
import type { Actor } from '../core/ledger/entry.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { goOn } from '../core/trust/after-rotation.ts'
import { checkBins } from '../core/trust/hash-bins.ts'
import type { Common, Document, Target, Targets } from '../core/trust/metadata.ts'
import { readMetadata, signableBytes } from '../core/trust/read-metadata.ts'
import { refresh } from '../core/trust/refresh.ts'
import { verifySigned } from '../core/trust/signatures.ts'
import { type TrustedSet, updateRoot } from '../core/trust/trusted-set.ts'
import { type Event, record } from './audit.ts'
import { directorRoot } from './direct.ts'
import { drive } from './drive.ts'
import { allTargets, nextFiles, openRepository, rootFiles } from './keep.ts'
import { type By, person } from './persons.ts'
import type { FleetWorld, RepoFile, WrapRow } from './ports.ts'
import { changedTargets, revocations, targetAfter } from './publish.ts'
import { resignSites } from './renew.ts'

/**
 * A signed root, and with it what must come into force at the same moment: targets that enough keys of the new root have
 * signed, when the ones in force no longer have; with them all bins, by name, of a repository that has bins. Without a
 * root: targets that delegate otherwise, or leave some out. Bytes of the files as a ceremony has made them.
 */
export type NewRoot = {
  readonly root?: Uint8Array
  readonly targets?: Uint8Array
  readonly bins?: ReadonlyMap<string, Uint8Array>
}

/**
 * Whoever has a say before anything is put in force: judges it against what is in force now, and answers what is to be
 * recorded with it, or refuses.
 */
export type Judge = (inForce: TrustedSet, now: Instant) => readonly Event[] | Refusal

/** What came of it: the root's version, and in how many repositories it is (the director's: one for each site). */
export type Rotated = { readonly version: number; readonly repositories: number }

/**
 * Puts a new root in force: the next version, signed by enough keys of the root before and of its own
 * (TUF 1.0.34 §5.3.4 to §5.3.5), with everything that the server signs online signed anew by the keys that it names. All of
 * it in one transaction, after the client workflow has been run over it from what was in force before: what no client
 * would take is refused, and nothing has changed. The director's root goes to every site at once. Durable on return.
 * The same documents again, with whichever of their signatures, are answered as before.
 *
 * How a ceremony uses it: `nextRoot` (core/trust/repository.ts) writes the root, its signers sign `signableBytes`, `seal`
 * makes the file; where the keys of the targets change, the targets in force are signed anew beside it
 * (`withTargets(previous, {}, version + 1, expires)`; with bins `publicationInBins` of all of them), and all are handed in
 * together. The private halves of new online
 * keys lie at the server first (`spares` of its world): before this they sign nothing, after it they do. Keys of
 * timestamp and snapshot that the root takes away make clients forget what versions they saw, which ends a fast-forward
 * attack (TUF 1.0.34 §5.3.11).
 *
 * Refuses as `updateRoot`, `metadata-expired`, `root-orphans-targets` (too few keys of the new root have signed the
 * targets in force, and none were handed in), `root-targets-differ` (those that were say something new),
 * `publish-version-conflict`, what `checkBins` refuses, `online-key-missing` (the server lacks a key that the root names), and
 * what `refresh` and `judge` refuse.
 */
export function acceptRoot(
  world: FleetWorld,
  by: By,
  repo: 'image' | 'approval' | 'director',
  handed: NewRoot,
  judge: Judge = () => [],
): Promise<Rotated | Refusal> {
  return world.store.exclusive(async () => {
    const now = world.clock.now()
    const current = repo === 'director' ? await directorRoot(world) : await openRepository(world, repo)
    if (isRefusal(current)) return current
    const sites = (await world.store.sites()).map(({ id }) => id)
    const repositories = repo === 'director' ? sites.length : 1
    if (isInForce(current, handed)) return { version: current.root.signed.version, repositories }
    const judged = judge(current, now)
    if (isRefusal(judged)) return judged
    const actor = person(by)
    const after = handed.root === undefined ? current : updateRoot(current, handed.root, world.crypto)
    if (isRefusal(after)) return after
    const next =
      repo === 'director'
        ? await directorFiles(world, current, after, sites, now)
        : await filesOf(world, repo, current, after, handed, now, actor)
    if (isRefusal(next)) return next
    const { version } = after.root.signed
    const kind = handed.root === undefined ? 'repository-updated' : 'root-rotated'
    const event = { kind, actor, detail: { repository: repo, version, repositories } } as const
    // If power fails before this commit, the old root is in force with all that stands below it; after it, the new one.
    await record(world, { ...next.patches, files: next.files, wraps: next.wraps ?? [] }, [
      event,
      ...judged,
      ...next.events,
    ])
    return { version, repositories }
  })
}

/** Whether what is handed in is in force already: the answer was lost. Of a root and targets, the root says it. */
function isInForce({ root, targets }: TrustedSet, handed: NewRoot): boolean {
  const same = (type: 'root' | 'targets', bytes: Uint8Array, current: Document<Common> | null): boolean => {
    const read = readMetadata(type, bytes, type)
    return (
      !isRefusal(read) &&
      current !== null &&
      sameBytes(signableBytes(read.signed.raw), signableBytes(current.signed.raw))
    )
  }
  if (handed.root !== undefined) return same('root', handed.root, root)
  return handed.targets !== undefined && same('targets', handed.targets, targets)
}

/** What comes into force, and what is to be told of it. */
type InForce = {
  readonly files: readonly RepoFile[]
  readonly events: readonly Event[]
  readonly wraps?: readonly WrapRow[]
  readonly patches?: PatchChange
}

async function filesOf(
  world: FleetWorld,
  repo: 'image' | 'approval',
  current: TrustedSet,
  after: TrustedSet,
  handed: NewRoot,
  now: Instant,
  actor: Actor,
): Promise<InForce | Refusal> {
  const targets = handed.targets === undefined ? current.targets : signedAnew(current, handed.targets, now)
  if (isRefusal(targets)) return targets
  if (targets === null) return refuse('store-without-root', repo, 'targets.json', 'none')
  const root = after.root.signed
  const { threshold } = root.roles.targets
  if (verifySigned(targets, root.keys, root.roles.targets, `${repo}: targets`, world.crypto) !== null) {
    const expected = `targets that ${threshold} of its keys have signed`
    const actual = `targets ${targets.signed.version} without them`
    return refuse('root-orphans-targets', `${repo}: root ${root.version}`, expected, actual)
  }
  const announced = current.snapshot?.signed.meta ?? new Map()
  const inForce = { root, before: current.targets?.signed ?? null, announced }
  const bins = checkBins(repo, inForce, targets.signed, handed.bins ?? new Map(), now, world.crypto)
  if (isRefusal(bins)) return bins
  // Targets may be left out, for a stolen key may have put some in. What is new goes through `publishRelease`, or the
  // approvers: here nothing looks at its blobs.
  const changed = await changedTargets(world, current, targets.signed, bins)
  if (isRefusal(changed)) return changed
  const [first] = changed
  if (first !== undefined) {
    return refuse('root-targets-differ', `${repo}: ${first.path}`, 'what is published', 'something else')
  }
  const next = await nextFiles(world, repo, goOn(current, after, now), targets, now, { bins })
  if (isRefusal(next)) return next
  const files = [...rootFiles(repo, after.root), ...next.files]
  const stood = repo === 'image' ? await allTargets(world, current) : new Map<string, Target>()
  if (isRefusal(stood)) return stood
  const look = (path: string) => targetAfter(world, next.set, bins, path)
  const events = await revocations([...stood.values()], look, actor, targets.signed.version)
  if (isRefusal(events)) return events
  return (await taken(world, current, files, now)) ?? { files, events }
}

/** Targets that were signed anew for the new root: the next version of the ones in force. */
function signedAnew({ repo, targets }: TrustedSet, bytes: Uint8Array, now: Instant): Document<Targets> | Refusal {
  const subject = `${repo}: targets`
  const read = readMetadata('targets', bytes, subject)
  if (isRefusal(read)) return read
  const { version, expires } = read.signed
  const next = (targets?.signed.version ?? 0) + 1
  if (version !== next) return refuse('publish-version-conflict', subject, `version ${next}`, `version ${version}`)
  if (now < expires) return read
  return refuse('metadata-expired', subject, `a time after ${formatUtc(now)}`, formatUtc(expires))
}

async function directorFiles(
  world: FleetWorld,
  current: TrustedSet,
  after: TrustedSet,
  sites: readonly string[],
  now: Instant,
): Promise<InForce | Refusal> {
  const signed = await resignSites(world, sites, now, after.root)
  if (isRefusal(signed)) return signed
  const files = [...rootFiles('director', current.root), ...rootFiles('director', after.root), ...signed.files]
  for (const site of sites) {
    const before = { ...current, repo: `director/${site}`, site }
    const fault = await taken(world, before, files, now)
    if (fault !== null) return fault
  }
  return { files, events: signed.events, wraps: signed.wraps, patches: signed.patches }
}

/** Whether a client that had what was in force before takes these files. Refuses as `refresh` does. */
async function taken(
  world: FleetWorld,
  before: TrustedSet,
  files: readonly RepoFile[],
  now: Instant,
): Promise<Refusal | null> {
  const written = new Map(files.filter(({ repo }) => repo === before.repo).map(({ path, bytes }) => [path, bytes]))
  const result = await drive(
    refresh(before, now, world.crypto),
    async ({ path }) => written.get(path) ?? world.store.file(before.repo, path),
  )
  return result.at === 'current' ? null : result.refusal
}
