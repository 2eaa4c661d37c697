import type { JsonObject } from '../../../core/encoding/canonical-json.ts'
import { type Instant, instant } from '../../../core/encoding/units.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { type CeremonyFiles, type InForce, openCeremony } from '../../../core/trust/ceremony.ts'
import { type BinDocuments, binsNeedSigning, changedBins } from '../../../core/trust/ceremony-bins.ts'
import type { CeremonyNote, Repository } from '../../../core/trust/ceremony-note.ts'
import { changedRoot, changedTargets, saysMore, type TargetsChanges } from '../../../core/trust/changed-document.ts'
import { binNames, hasBins, succinctOf } from '../../../core/trust/hash-bins.ts'
import { type Document, MAX_METADATA_BYTES, type Root, type Targets } from '../../../core/trust/metadata.ts'
import { readSigned } from '../../../core/trust/read-metadata.ts'
import { seal } from '../../../core/trust/repository.ts'
import { followRoots } from '../../../core/trust/root-chain.ts'
import { verifySigned } from '../../../core/trust/signatures.ts'
import { trustRoot } from '../../../core/trust/trusted-set.ts'
import type { Cli } from '../cli.ts'
import { openRepository } from '../repository.ts'
import type { Session } from '../session.ts'
import { type Asked, type ChangeOptions, readChanges } from './changes.ts'
import { createCeremony, refuseTaken } from './folder.ts'

export type StartOptions = ChangeOptions & {
  readonly repository: Repository
  readonly name?: string
  readonly deadline: number
  readonly expires: number
}

/** What is in force, with every root up to it that the server gave. */
export type Base = {
  readonly inForce: InForce & { readonly bins: BinDocuments }
  readonly roots: ReadonlyMap<number, Uint8Array>
}

/** The next documents as they are to be signed; null where one stays as it is. */
export type NextDocuments = {
  readonly root: JsonObject | null
  readonly targets: JsonObject | null
  readonly bins: ReadonlyMap<string, JsonObject>
}

/**
 * Fetches what is in force and verifies it on this machine, from the newest root that was ever verified here. Refuses
 * what the client workflow refuses.
 */
export async function fetchBase(cli: Cli, session: Session, repository: Repository): Promise<Base | Refusal> {
  if (repository === 'director') return fetchDirector(cli, session)
  const opened = await openRepository(cli, session, repository, { renewing: true })
  if (isRefusal(opened)) return opened
  const { set } = opened
  const targets = set.targets
  const bins = hasBins(targets.signed) ? await opened.binFiles(binNames(succinctOf(targets.signed))) : new Map()
  if (isRefusal(bins)) return bins
  const inForce = { repository, root: set.root, targets, bins }
  const roots = await fetchRoots(session, repository, set.root.signed.version)
  if (isRefusal(roots)) return roots
  return { inForce, roots: new Map([...roots, [set.root.signed.version, set.root.bytes]]) }
}

/** The director's root is all that sites have in common: its chain is followed, and nothing below it is asked for. */
async function fetchDirector(cli: Cli, session: Session): Promise<Base | Refusal> {
  const trusted = session.root('director')
  if (isRefusal(trusted)) return trusted
  const first = trustRoot('director', trusted, cli.world.crypto)
  if (isRefusal(first)) return first
  const known = first.root.signed.version
  const roots = await fetchRoots(session, 'director', null)
  if (isRefusal(roots)) return roots
  const chain = new Map([...roots, ...(roots.has(known) ? [] : ([[known, trusted]] as const))])
  const set = followRoots('director', trusted, chain, cli.world.crypto)
  if (isRefusal(set)) return set
  const unkept = session.trusted.keep(set, first)
  if (unkept !== null) return unkept
  return { inForce: { repository: 'director', root: set.root, targets: null, bins: new Map() }, roots: chain }
}

const MAX_ROOTS = 1024

/** Roots as the server has them, from the first to `last`, or to the end: whoever trusts an old one can follow. */
async function fetchRoots(
  session: Session,
  repository: Repository,
  last: number | null,
): Promise<ReadonlyMap<number, Uint8Array> | Refusal> {
  const roots = new Map<number, Uint8Array>()
  for (let version = 1; version <= (last ?? MAX_ROOTS); version += 1) {
    const bytes = await session.repoFile(repository, `${version}.root.json`, MAX_METADATA_BYTES.root)
    if (isRefusal(bytes)) return bytes
    if (bytes !== null) roots.set(version, bytes)
    // A first root that is not served is the one that everybody was given.
    else if (last === null && version > 1) break
  }
  return roots
}

/** When a ceremony is held, and for how long what it makes is valid. */
type Terms = { readonly note: CeremonyNote; readonly expires: Instant }

function termsOf(cli: Cli, options: StartOptions): Terms {
  const now = cli.world.clock.now()
  const seconds = (millis: number): Instant => instant(Math.ceil((now + millis) / 1000) * 1000)
  const { repository, deadline } = options
  const name = options.name ?? `${repository}-${new Date(now).toISOString().slice(0, 10)}`
  const note = { name, repository, deadline: seconds(deadline), rehearsal: false }
  return { note, expires: seconds(options.expires) }
}

/**
 * The next documents: the root when keys of its roles change, the targets when delegations do, and the targets once more
 * when the next root's keys have not signed the ones in force, or these have expired. Refuses what `changedRoot` and
 * `changedTargets` refuse.
 */
function nextDocuments({ inForce }: Base, asked: Asked, { note, expires }: Terms, cli: Cli): NextDocuments | Refusal {
  const { crypto } = cli.world
  const root = asked.root === null ? null : changedRoot(inForce.root.signed, asked.root, { note, expires }, crypto)
  if (isRefusal(root)) return root
  const { targets } = inForce
  if (targets === null) {
    return asked.targets === null
      ? { root, targets: null, bins: new Map() }
      : refuse('usage-error', `the ${inForce.repository} repository`, 'changes of its root', 'changes of its targets')
  }
  const left = root === null ? null : readSigned('root', root, 'the next root')
  if (isRefusal(left)) return left
  if (hasBins(targets.signed)) return nextInBins({ inForce, root, left }, asked, { note, expires }, cli)
  if (asked.targets === null && (left === null || stillSigned(left, inForce, cli))) {
    return { root, targets: null, bins: new Map() }
  }
  const { changes, keys } = asked.targets ?? { changes: NO_CHANGE, keys: null }
  // Approvals hold for as long as they were given for: who changes the keys does not make them shorter.
  const until = instant(Math.max(expires, targets.signed.expires))
  const written = changedTargets(targets.signed, changes, keys, { note, expires: until }, crypto)
  return isRefusal(written) ? written : { root, targets: written, bins: new Map() }
}

/**
 * The same in a repository with hash bins: targets and bins are signed by the same keys, and change together. Bins that have
 * expired come along.
 */
function nextInBins(
  { inForce, root, left }: { inForce: Base['inForce']; root: JsonObject | null; left: Root | null },
  { targets: asked }: Asked,
  { note, expires }: Terms,
  cli: Cli,
): NextDocuments | Refusal {
  const before = (inForce.targets as Document<Targets>).signed
  const { delegate, undelegate, withdraw } = asked?.changes ?? NO_CHANGE
  if (delegate !== null || undelegate.length > 0 || (asked !== null && asked.keys !== null)) {
    return refuse('usage-error', `the ${inForce.repository} repository`, 'no delegations beside its hash bins', 'some')
  }
  const next = left ?? inForce.root.signed
  const bins = new Map([...inForce.bins].map(([name, { signed }]) => [name, signed]))
  const hold = [before, ...bins.values()].every(targets => !hasExpired(targets, cli))
  if (asked === null && hold && !binsNeedSigning(next, before)) return { root, targets: null, bins: new Map() }
  const now = cli.world.clock.now()
  const written = changedBins(next, before, bins, withdraw, { note, expires, now }, cli.world.crypto)
  return isRefusal(written) ? written : { root, ...written }
}

const NO_CHANGE: TargetsChanges = { delegate: null, undelegate: [], withdraw: [] }

/**
 * Whether enough keys of the next root have signed the targets in force, and these have not expired: the server puts no
 * root above expired targets, for no client would take it.
 */
function stillSigned(root: Root, { targets }: InForce, cli: Cli): boolean {
  if (targets === null) return true
  if (hasExpired(targets.signed, cli)) return false
  return verifySigned(targets, root.keys, root.roles.targets, 'targets', cli.world.crypto) === null
}

const hasExpired = ({ expires }: Targets, cli: Cli): boolean => expires <= cli.world.clock.now()

/** What a ceremony starts from, whether it is the real thing or a rehearsal. */
export type Prepared = { readonly base: Base; readonly next: NextDocuments; readonly note: CeremonyNote }

/**
 * What is in force, and the next documents as they were asked for; nothing is written. Refuses a folder that is taken,
 * what `fetchBase`, `readChanges` and `nextDocuments` refuse, and `ceremony-unchanged`.
 */
export async function prepareCeremony(
  cli: Cli,
  session: Session,
  folder: string,
  options: StartOptions,
): Promise<Prepared | Refusal> {
  const taken = refuseTaken(folder)
  if (taken !== null) return taken
  const base = await fetchBase(cli, session, options.repository)
  if (isRefusal(base)) return base
  const asked = readChanges(base.inForce, options, cli.world.crypto)
  if (isRefusal(asked)) return asked
  const terms = termsOf(cli, options)
  const next = nextDocuments(base, asked, terms, cli)
  if (isRefusal(next)) return next
  return unchanged(base, next, options) ?? { base, next, note: terms.note }
}

/** Starts a ceremony of the real thing: nothing but a folder is made. Refuses as `prepareCeremony` and `createCeremony`. */
export async function startCeremony(
  cli: Cli,
  session: Session,
  folder: string,
  options: StartOptions,
): Promise<null | Refusal> {
  const prepared = await prepareCeremony(cli, session, folder, options)
  return isRefusal(prepared) ? prepared : writeCeremony(cli, folder, prepared.base, prepared.next)
}

/** A ceremony that says nothing new has to be meant. Refuses `ceremony-unchanged`. */
function unchanged({ inForce }: Base, { root, targets }: NextDocuments, { renew }: StartOptions): null | Refusal {
  const more =
    (root !== null && saysMore(inForce.root.signed.raw, root)) ||
    (targets !== null && inForce.targets !== null && saysMore(inForce.targets.signed.raw, targets))
  if (more || renew === true) return null
  return refuse('ceremony-unchanged', `the ${inForce.repository} repository`, 'something to change', 'what is in force')
}

/** Writes a ceremony's folder once its documents can be opened as every signer will open them. */
export function writeCeremony(cli: Cli, folder: string, { inForce, roots }: Base, next: NextDocuments): null | Refusal {
  const opened = openCeremony(inForce, unsigned(next), cli.world.crypto)
  if (isRefusal(opened)) return opened
  const kept = [...inForce.bins]
    .filter(([name]) => next.bins.has(name))
    .map(([name, { bytes }]) => [name, bytes] as const)
  return createCeremony(folder, { roots, targets: inForce.targets?.bytes ?? null, bins: new Map(kept) }, next)
}

const unsigned = ({ root, targets, bins }: NextDocuments): CeremonyFiles => ({
  bins: new Map([...bins].map(([name, raw]) => [name, seal(raw, [])])),
  root: root === null ? null : seal(root, []),
  targets: targets === null ? null : seal(targets, []),
})
