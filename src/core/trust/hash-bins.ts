import type { JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'
import type { Instant } from '../encoding/units.ts'
import { formatUtc } from '../encoding/utc-time.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { BIN_ROLE, checkBinRole } from './bin-role.ts'
import { NOTE } from './ceremony-note.ts'
import { binOf } from './delegation.ts'
import type { Document, RoleKeys, Root, SuccinctRoles, Target, Targets } from './metadata.ts'
import { readMetadata } from './read-metadata.ts'
import { type TargetChanges, withTargets, writeTargets } from './repository.ts'
import { keysOf, verifySigned } from './signatures.ts'

/**
 * Hash bins on the writing side (TAP 15). Below `BINS_FROM` targets all of them stand in the top-level targets. From there
 * on they stand in 2^`BIN_BITS` bins, and the top-level targets have none of their own: a client that looks one target up
 * downloads the bin of its path and not all that was ever published. A repository that has bins keeps them, with the same
 * number and names: clients never see a target move. The bins are signed by the keys of the top-level targets: they are a
 * way to store, and hand no trust to anybody (docs/adr/0016).
 */
export const BINS_FROM = 1000
export const BIN_BITS = 10
export const BIN_PREFIX = 'bin'
/** The most bins that are taken from a publisher, in bits. */
export const MAX_BIN_BITS = 14

/** The names of all bins, in order. */
export function binNames({ bitLength, prefix }: SuccinctRoles): string[] {
  const digits = Math.ceil(bitLength / 4)
  return Array.from({ length: 2 ** bitLength }, (_, at) => `${prefix}-${at.toString(16).padStart(digits, '0')}`)
}

/** The `signed` objects that a publication signs: the top-level targets, and the bins that change, by name. */
export type Publication = { readonly targets: JsonObject; readonly bins: ReadonlyMap<string, JsonObject> }

/**
 * The targets after some changes, in a repository without bins: with it the bins, when there are now enough targets for
 * them and no roles are delegated to. Refuses as `withTargets`.
 */
export function publication(
  root: Root,
  before: Targets,
  changes: TargetChanges,
  expires: Instant,
  crypto: Crypto,
): Publication | Refusal {
  const flat = withTargets(before, changes, before.version + 1, expires)
  if (isRefusal(flat)) return flat
  const all = flat.targets as JsonObject
  if (Object.keys(all).length < BINS_FROM || hasRoles(before)) return { targets: flat, bins: new Map() }
  const { keyids, threshold } = root.roles.targets
  const layout: SuccinctRoles = { keyids, threshold, bitLength: BIN_BITS, prefix: BIN_PREFIX }
  const sorted = new Map<string, Record<string, JsonObject>>(binNames(layout).map(name => [name, {}]))
  for (const [path, target] of Object.entries(all)) {
    sorted.get(binOf(layout, path, crypto).name)![path] = target as JsonObject
  }
  const empty = writeTargets({ version: 1, expires }, [])
  const bins = new Map([...sorted].map(([name, targets]) => [name, { ...empty, [BIN_ROLE]: name, targets }]))
  return { targets: { ...flat, targets: {}, delegations: delegations(root, BIN_BITS, BIN_PREFIX) }, bins }
}

/**
 * The same in a repository with bins. `bins`: the bins of all paths that change, as they are, by name (`binsOf` says which);
 * further ones are signed anew as they are. When the keys of the targets have changed, that has to be all of them.
 */
export function publicationInBins(
  root: Root,
  before: Targets,
  bins: ReadonlyMap<string, Targets>,
  { add = [], remove = [] }: TargetChanges,
  expires: Instant,
  crypto: Crypto,
): Publication | Refusal {
  const layout = succinctOf(before)
  const changes = new Map<string, { add: Target[]; remove: string[] }>()
  for (const name of bins.keys()) changes.set(name, { add: [], remove: [] })
  for (const target of add) changes.get(binOf(layout, target.path, crypto).name)?.add.push(target)
  for (const path of remove) changes.get(binOf(layout, path, crypto).name)?.remove.push(path)
  const written = new Map<string, JsonObject>()
  for (const [name, bin] of bins) {
    const next = withTargets(bin, changes.get(name)!, bin.version + 1, expires)
    if (isRefusal(next)) return next
    written.set(name, next)
  }
  // As in `withTargets`: the note of a ceremony is of one version.
  const { [NOTE]: _, ...kept } = before.raw
  const targets = {
    ...kept,
    version: before.version + 1,
    expires: formatUtc(expires),
    delegations: delegations(root, layout.bitLength, layout.prefix),
  }
  return { targets, bins: written }
}

/** The names of the bins that hold some paths. */
export function binsOf(targets: Targets, paths: Iterable<string>, crypto: Crypto): Set<string> {
  const layout = succinctOf(targets)
  return new Set([...paths].map(path => binOf(layout, path, crypto).name))
}

/** The bins of a role that has some. Throws where it has none: the caller has asked before. */
export function succinctOf({ delegations }: Targets): SuccinctRoles {
  if (delegations?.succinct == null) throw new Error('a repository without bins')
  return delegations.succinct
}

export const hasBins = ({ delegations }: Targets): boolean => delegations?.succinct != null

/** Whether targets delegate to roles by name. Such never get bins: a role has either (TAP 15), and the roles would be gone. */
const hasRoles = (targets: Targets | null): boolean => (targets?.delegations?.roles.length ?? 0) > 0

/** The delegation of the bins to the keys of the top-level targets themselves. */
function delegations(root: Root, bitLength: number, prefix: string): JsonObject {
  const { keyids, threshold } = root.roles.targets
  const keys = root.raw.keys as JsonObject
  return {
    keys: Object.fromEntries(keyids.map(id => [id, keys[id]!])),
    succinct_roles: { bit_length: bitLength, keyids, name_prefix: prefix, threshold },
  }
}

/** What `checkBins` compares with: the root, what was in force, and the version of each bin that the snapshot announces. */
export type InForce = {
  readonly root: Root
  readonly before: Targets | null
  readonly announced: ReadonlyMap<string, { readonly version: number }>
}

/**
 * Bins that came with new top-level targets, `after`, which are verified already: the bins that change, or all of them
 * when the repository gets them, or when its keys have changed. Answers them by name. Refuses what `readMetadata` refuses,
 * `metadata-below-threshold`, `metadata-wrong-role`, `bins-layout-changed` (bins are given up, or become others, or targets stand beside them),
 * `bins-keys-differ`, `bin-missing`, `bin-unknown`, `target-outside-bin`, `publish-version-conflict`, `metadata-expired`.
 */
export function checkBins(
  repo: string,
  { root, before, announced }: InForce,
  after: Targets,
  handed: ReadonlyMap<string, Uint8Array>,
  now: Instant,
  crypto: Crypto,
): ReadonlyMap<string, Document<Targets>> | Refusal {
  const subject = `${repo}: targets ${after.version}`
  const old = before?.delegations?.succinct ?? null
  const layout = after.delegations?.succinct ?? null
  const changed = (actual: string): Refusal =>
    refuse('bins-layout-changed', subject, old === null ? 'targets or bins' : shown(old), actual)
  if (layout === null) {
    if (old !== null) return changed('no bins')
    const [stray] = handed.keys()
    return stray === undefined ? new Map() : refuse('bin-unknown', `${repo}: ${stray}`, 'no bins', 'one')
  }
  if (old === null && hasRoles(before)) return changed('bins in the place of delegated roles')
  if (old !== null && shown(old) !== shown(layout)) return changed(shown(layout))
  if (layout.bitLength > MAX_BIN_BITS) return changed(shown(layout))
  if (after.targets.size > 0) return changed(`${after.targets.size} targets beside the bins`)
  const keys = after.delegations!.keys
  if (!sameKeys(keysOf(keys, layout), keysOf(root.keys, root.roles.targets)) || !sameThreshold(layout, root)) {
    const expected = `the keys of the targets, ${root.roles.targets.threshold} of them`
    return refuse('bins-keys-differ', subject, expected, `${layout.threshold} of ${layout.keyids.length} others`)
  }
  const names = new Set(binNames(layout))
  const stray = [...handed.keys()].find(name => !names.has(name))
  if (stray !== undefined) return refuse('bin-unknown', `${repo}: ${stray}`, shown(layout), 'another name')
  const allAnew =
    old === null ||
    !sameKeys(keysOf(keys, layout), keysOf(before!.delegations!.keys, old)) ||
    layout.threshold !== old.threshold
  if (allAnew && handed.size < names.size) {
    const missing = [...names].find(name => !handed.has(name))
    return refuse('bin-missing', `${repo}: ${missing}`, `all ${names.size} bins`, `${handed.size} of them`)
  }
  const bins = new Map<string, Document<Targets>>()
  for (const [name, bytes] of handed) {
    const version = (announced.get(name)?.version ?? 0) + 1
    const bin = checkBin(`${repo}: ${name}`, layout, name, bytes, version, keys, now, crypto)
    if (isRefusal(bin)) return bin
    bins.set(name, bin)
  }
  return bins
}

function checkBin(
  subject: string,
  layout: SuccinctRoles,
  name: string,
  bytes: Uint8Array,
  version: number,
  keys: Root['keys'],
  now: Instant,
  crypto: Crypto,
): Document<Targets> | Refusal {
  const bin = readMetadata('targets', bytes, subject)
  if (isRefusal(bin)) return bin
  const unsigned = verifySigned(bin, keys, layout, subject, crypto)
  if (unsigned !== null) return unsigned
  const { signed } = bin
  if (signed.version !== version) {
    return refuse('publish-version-conflict', subject, `version ${version}`, `version ${signed.version}`)
  }
  if (signed.expires <= now) {
    return refuse('metadata-expired', subject, `a time after ${formatUtc(now)}`, formatUtc(signed.expires))
  }
  return checkBinRole(layout, name, signed, subject, crypto) ?? bin
}

const shown = ({ bitLength, prefix }: SuccinctRoles): string => `${2 ** bitLength} bins named ${prefix}-…`
const sameKeys = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean => a.symmetricDifference(b).size === 0
const sameThreshold = (a: RoleKeys, root: Root): boolean => a.threshold === root.roles.targets.threshold
