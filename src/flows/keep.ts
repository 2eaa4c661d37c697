import { toHex, utf8 } from '../core/encoding/bytes.ts'
import { canonicalText, type JsonObject } from '../core/encoding/canonical-json.ts'
import type { Crypto } from '../core/encoding/crypto.ts'
import { type Instant, instant } from '../core/encoding/units.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { binNamed, binOf } from '../core/trust/delegation.ts'
import { binNames, hasBins, succinctOf } from '../core/trust/hash-bins.ts'
import { keyId } from '../core/trust/keys.ts'
import type {
  Common,
  Document,
  MetadataType,
  Root,
  Signature,
  Signed,
  Target,
  Targets,
} from '../core/trust/metadata.ts'
import { readSigned } from '../core/trust/read-metadata.ts'
import { fileName, nextSnapshot, nextTimestamp, sealText } from '../core/trust/repository.ts'
import { resume } from '../core/trust/stored-set.ts'
import { readDelegated, type TrustedSet } from '../core/trust/trusted-set.ts'
import type { FleetWorld, RepoFile, Signer } from './ports.ts'

/**
 * A repository whose targets people sign. What the director says stands in one repository for each site: flows/direct.ts.
 *
 * A repository's files stand twice in the store: under the names that clients ask for
 * (`7.snapshot.json`), and the current ones under their plain names (`snapshot.json`), from which the server itself goes
 * on: verified again each time, except for expiry, which the server is there to renew.
 */
export type RepoName = 'image' | 'approval'

const CURRENT = ['root.json', 'timestamp.json', 'snapshot.json', 'targets.json'] as const

/** The current files of a repository that are there, by their plain names. Nothing is verified. */
export async function currentFiles(world: FleetWorld, repo: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  for (const path of CURRENT) {
    const bytes = await world.store.file(repo, path)
    if (bytes !== null) files.set(path, bytes)
  }
  return files
}

/** Opens a repository of the store. Refuses what `resume` refuses, and the first stored file that does not verify. */
export async function openRepository(world: FleetWorld, repo: RepoName): Promise<TrustedSet | Refusal> {
  const resumed = resume(repo, await currentFiles(world, repo), world.crypto)
  if (isRefusal(resumed)) return resumed
  return resumed.discarded[0] ?? resumed.set
}

/** Bins by their names (core/trust/hash-bins.ts). */
export type Bins = ReadonlyMap<string, Document<Targets>>

/** What comes into force together: the files, and the set that a client has which took them. */
export type Written = { readonly files: RepoFile[]; readonly set: TrustedSet }

/**
 * The files that put new targets in force: the targets as they were signed, the next snapshot and the next timestamp.
 * Nothing is durable yet: the caller commits all of them in one transaction, so a reader sees the old or the new set.
 * With it the bins that change. Versions are above `taken`. Refuses `online-key-missing`, and what the signers refuse.
 */
export async function nextFiles(
  world: FleetWorld,
  repo: string,
  set: TrustedSet,
  targets: Document<Targets>,
  now: Instant,
  { taken = 0, bins = new Map() }: { readonly taken?: number; readonly bins?: Bins } = {},
): Promise<Written | Refusal> {
  const { crypto } = world
  const head = { ...headOf(world, repo, now), taken }
  const root = set.root.signed
  const changed = new Map([['targets', targets], ...bins])
  const content = nextSnapshot(set.snapshot?.signed ?? null, changed, head, crypto)
  const snapshot = await signed(world, repo, root, 'snapshot', content)
  if (isRefusal(snapshot)) return snapshot
  const written = nextTimestamp(set.timestamp?.signed ?? null, snapshot, head, crypto)
  const timestamp = await signed(world, repo, root, 'timestamp', written)
  if (isRefusal(timestamp)) return timestamp
  const twice = (role: string, { bytes, signed: { version } }: Document<Common>): RepoFile[] => [
    { repo, path: fileName(role, version), bytes },
    { repo, path: `${role}.json`, bytes },
  ]
  const files = [
    ...[...changed].flatMap(([role, document]) => twice(role, document)),
    ...twice('snapshot', snapshot),
    { repo, path: 'timestamp.json', bytes: timestamp.bytes },
  ]
  return { files, set: { ...set, targets, snapshot, timestamp } }
}

/** Bins that were read and verified, by name, with the delegation that they were verified by. */
const readBins = new WeakMap<FleetWorld, Map<string, { readonly bin: Document<Targets>; readonly by: string }>>()

/**
 * A bin of the store, verified by the targets in force, except for its expiry. A bin of the same version and the same
 * delegation is verified once. Refuses as `readDelegated`, and `metadata-missing`.
 */
export async function storedBin(
  world: FleetWorld,
  set: TrustedSet,
  name: string,
): Promise<Document<Targets> | Refusal> {
  const { repo, snapshot, targets } = set
  const path = `${name}.json`
  if (snapshot === null || targets === null) return refuse('metadata-missing', `${repo}: ${path}`, 'a snapshot', 'none')
  const known = readBins.get(world) ?? new Map<string, { bin: Document<Targets>; by: string }>()
  readBins.set(world, known)
  const by = JSON.stringify(targets.signed.raw.delegations)
  const kept = known.get(name)
  if (kept?.by === by && kept.bin.signed.version === snapshot.signed.meta.get(name)?.version) return kept.bin
  const bytes = await world.store.file(repo, path)
  if (bytes === null) return refuse('metadata-missing', `${repo}: ${path}`, 'the file', 'none of that name')
  const role = binNamed(succinctOf(targets.signed), name)
  const bin = readDelegated({ ...set, snapshot }, targets.signed, role, bytes, instant(0), world.crypto)
  if (!isRefusal(bin)) known.set(name, { bin, by })
  return bin
}

/** A target of the server's own repository, wherever it stands; null when there is none of that path. */
export async function targetAt(world: FleetWorld, set: TrustedSet, path: string): Promise<Target | null | Refusal> {
  const targets = set.targets?.signed
  if (targets === undefined) return null
  if (!hasBins(targets)) return targets.targets.get(path) ?? null
  const bin = await storedBin(world, set, binOf(succinctOf(targets), path, world.crypto).name)
  return isRefusal(bin) ? bin : (bin.signed.targets.get(path) ?? null)
}

/** Every target of the server's own repository, by path. Refuses the first bin that does not verify. */
export async function allTargets(world: FleetWorld, set: TrustedSet): Promise<ReadonlyMap<string, Target> | Refusal> {
  const targets = set.targets?.signed
  if (targets === undefined) return new Map()
  if (!hasBins(targets)) return targets.targets
  const all = new Map<string, Target>()
  for (const name of binNames(succinctOf(targets))) {
    const bin = await storedBin(world, set, name)
    if (isRefusal(bin)) return bin
    for (const [path, target] of bin.signed.targets) all.set(path, target)
  }
  return all
}

/** The online keys that a server holds, by their ids. */
const held = new WeakMap<FleetWorld, ReadonlyMap<string, Signer>>()

function heldBy(world: FleetWorld): ReadonlyMap<string, Signer> {
  const known = held.get(world)
  if (known !== undefined) return known
  const { image, approval, director } = world.online
  const signers = [image, approval, director].flatMap(roles => Object.values(roles) as Signer[])
  // A key of its own role comes before a spare one: it is looked at last, and takes the place.
  const all = new Map([...world.spares, ...signers].map(signer => [keyId(signer.key, world.crypto), signer]))
  held.set(world, all)
  return all
}

/**
 * A `signed` object as a file, signed by as many of the server's keys as the root asks for. The root says which keys
 * those are, not the server's config: a server that holds the old keys and the new ones signs with the right ones
 * before and after a rotation. Refuses `online-key-missing`: what the root's keys have not signed no client takes, so it
 * is not written.
 */
export async function signed<Type extends Exclude<MetadataType, 'root'>>(
  world: FleetWorld,
  repo: string,
  root: Root,
  type: Type,
  written: JsonObject,
): Promise<Document<Signed[Type]> | Refusal> {
  const { keyids, threshold } = root.roles[type]
  const mine = heldBy(world)
  const signers = keyids.flatMap(id => (mine.has(id) ? [[id, mine.get(id)!] as const] : [])).slice(0, threshold)
  if (signers.length < threshold) {
    const wanted = `${threshold} of the keys that root ${root.version} names`
    return refuse('online-key-missing', `${repo}: ${type}`, wanted, `${signers.length} held by this server`)
  }
  // What `signableBytes` answers, as the text that stands in the file.
  const text = canonicalText(written)
  const message = utf8(text)
  const signatures: Signature[] = []
  for (const [keyid, signer] of signers) {
    const signature = await signer.sign(message, 'der')
    if (isRefusal(signature)) return signature
    signatures.push({ keyid, sig: toHex(signature) })
  }
  const read = readSigned(type, written, `${repo}: ${type}`)
  return isRefusal(read) ? read : { bytes: sealText(written, text, signatures), signed: read, signatures }
}

/** Whether a client that trusts the root would take these files: what none would take is not put in force. */
export function acceptable(set: TrustedSet, files: readonly RepoFile[], crypto: Crypto): Refusal | null {
  const written = files.filter(({ path }) => (CURRENT as readonly string[]).includes(path))
  const current = new Map([['root.json', set.root.bytes], ...written.map(({ path, bytes }) => [path, bytes] as const)])
  const resumed = resume(set.repo, current, crypto, { site: set.site })
  return isRefusal(resumed) ? resumed : (resumed.discarded[0] ?? null)
}

/** The site whose repository it is; null when it is no director's. */
export const siteOf = (repo: string): string | null =>
  repo.startsWith('director/') ? repo.slice('director/'.length) : null

/** What online metadata says of itself from now on: how long it holds, and of which site it is. */
export function headOf(world: FleetWorld, repo: string, now: Instant): { expires: Instant; site?: string } {
  // Metadata writes whole seconds.
  const expires = instant(Math.ceil((now + world.metadataLife) / 1000) * 1000)
  const site = siteOf(repo)
  return site === null ? { expires } : { expires, site }
}

/** The names under which a root is stored: the one that clients ask for, and the current one's. */
export const rootFiles = (repo: string, { bytes, signed: { version } }: Document<Root>): RepoFile[] => [
  { repo, path: fileName('root', version), bytes },
  { repo, path: 'root.json', bytes },
]

/**
 * A file as a site's gateway asks for it: of its own director, and of plans only the sheets that are its own, by the
 * campaign's name. Null when there is none.
 */
export function fileFor({ store }: FleetWorld, site: string, repo: string, path: string): Promise<Uint8Array | null> {
  if (repo === 'sheets') return store.file(`sheets/${path.replace(/\.json$/, '')}`, `${site}.json`)
  return store.file(repo === 'director' ? `director/${site}` : repo, path)
}
