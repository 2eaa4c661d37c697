import { sameBytes, toHex } from '../encoding/bytes.ts'
import { canonicalJson, type Json, type JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'
import type { Instant } from '../encoding/units.ts'
import { formatUtc } from '../encoding/utc-time.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { type BinDocuments, binDifferences, binQuorum, binsNeedSigning, openBins } from './ceremony-bins.ts'
import { type CeremonyNote, isRehearsal, noteOf, ownersOf, type Repository, writeNote } from './ceremony-note.ts'
import { type Difference, differences } from './differences.ts'
import { checkRoles } from './key-change.ts'
import { keyIdOf } from './keys.ts'
import type { Common, Document, Root, Signed, Targets } from './metadata.ts'
import { type Electorate, type Quorum, quorumOf } from './quorum.ts'
import { readMetadata, refusePasskeys, signableBytes } from './read-metadata.ts'
import { checkSignature, verifySigned } from './signatures.ts'

/**
 * A ceremony: people sign the next root of a repository, its next targets, or both, on machines of their own. What they
 * are shown and asked is worked out from the documents' bytes and from what they trust, never from what somebody says.
 */

/**
 * What is in force. `targets`: null where people do not sign them (the director's). `bins`: those that the ceremony signs
 * anew; null where somebody else judges them.
 */
export type InForce = {
  readonly repository: Repository
  readonly root: Document<Root>
  readonly targets: Document<Targets> | null
  readonly bins: BinDocuments | null
}

export type PendingType = 'root' | 'targets'

/** A document that is being signed. `digest`: SHA-256 of what is signed, in hex. `electorates`: each must reach its threshold. */
export type Pending<Type extends PendingType = PendingType> = {
  readonly type: Type
  readonly document: Document<Signed[Type]>
  readonly digest: string
  readonly electorates: readonly Electorate[]
  readonly differences: readonly Difference[]
  /** The bins that are signed with it, by name. */
  readonly bins: BinDocuments
}

export type Ceremony = {
  readonly note: CeremonyNote
  readonly root: Pending<'root'> | null
  readonly targets: Pending<'targets'> | null
}

/** The files of a ceremony: metadata files, whatever signatures they have; bins by name. */
export type CeremonyFiles = {
  readonly root: Uint8Array | null
  readonly targets: Uint8Array | null
  readonly bins: ReadonlyMap<string, Uint8Array>
}

/**
 * Reads a ceremony's documents as successors of what is in force, and works out what they change and who must sign them.
 * Says nothing about time and signatures: see `checkTime`, `checkGiven`, `checkComplete`.
 *
 * Refuses what `readMetadata`, `noteOf` and `ownersOf` refuse, `ceremony-malformed`, `ceremony-not-next`,
 * `ceremony-rehearsal`, `ceremony-key-misnamed`, `root-targets-differ`, `root-orphans-targets`, `passkey-not-allowed`, and what
 * `checkRoles` refuses.
 */
export function openCeremony(inForce: InForce, files: CeremonyFiles, crypto: Crypto): Ceremony | Refusal {
  const root = files.root === null ? null : readMetadata('root', files.root, 'the next root')
  const targets = files.targets === null ? null : readMetadata('targets', files.targets, 'the next targets')
  if (isRefusal(root)) return root
  if (isRefusal(targets)) return targets
  const note = commonNote([root, targets], inForce)
  if (isRefusal(note)) return note
  const first = root === null ? null : openRoot(inForce, root, crypto)
  if (isRefusal(first)) return first
  const strange = checkBinNotes(targets, files.bins, note)
  if (strange !== null) return strange
  const second = targets === null ? null : openTargets(inForce, root, targets, files.bins, note, crypto)
  if (isRefusal(second)) return second
  const left = second === null && root !== null ? checkLeft(inForce, root, crypto) : null
  return left ?? { note, root: first, targets: second }
}

/** The documents of a ceremony, those that there are. */
export function pendingOf({ root, targets }: Ceremony): readonly Pending[] {
  return [root, targets].filter(pending => pending !== null)
}

/** Whether there is still time to sign. Refuses `ceremony-over`, `metadata-expired`. */
export function checkTime(ceremony: Ceremony, now: Instant): null | Refusal {
  const { name, deadline } = ceremony.note
  if (now >= deadline) {
    const expected = `a time before ${formatUtc(deadline)}`
    return refuse('ceremony-over', `ceremony ${name}`, expected, formatUtc(now))
  }
  for (const { type, document } of pendingOf(ceremony)) {
    const { expires } = document.signed
    if (now >= expires) {
      return refuse('metadata-expired', `the next ${type}`, `a time before ${formatUtc(expires)}`, formatUtc(now))
    }
  }
  return null
}

/**
 * Whether every signature that was given holds over the document as it is now, and is by somebody who may sign: one that
 * does not was given in another's name, or the document was changed after it. Refuses `ceremony-altered`.
 */
export function checkGiven(ceremony: Ceremony, crypto: Crypto): null | Refusal {
  for (const { type, document, electorates, bins } of pendingOf(ceremony)) {
    const documents = [[type, document], ...bins] as readonly (readonly [string, Document<Common>])[]
    for (const [name, { signed, signatures }] of documents) {
      const stranger = signatures.find(
        signature =>
          !electorates.some(
            ({ keys, role }) => checkSignature(signed.raw, signature, keys, role, name, crypto) === null,
          ),
      )
      if (stranger === undefined) continue
      const subject = `the next ${name}, signature of key ${stranger.keyid.slice(0, 16)}`
      return refuse('ceremony-altered', subject, 'a signature over this document by a key that may sign it', 'another')
    }
  }
  return null
}

/** How far each electorate of a document has come, by its signatures so far. */
export function quorums({ document, electorates, bins }: Pending, crypto: Crypto): readonly Quorum[] {
  const own = electorates.map(electorate => quorumOf(electorate, document.signed, document.signatures, crypto))
  return bins.size === 0 ? own : [...own, ...electorates.map(electorate => binQuorum(electorate, bins, crypto))]
}

/** Whether everybody has signed who is needed. Refuses `ceremony-signatures-missing`, with the names. */
export function checkComplete(ceremony: Ceremony, crypto: Crypto): null | Refusal {
  for (const pending of pendingOf(ceremony)) {
    const short = quorums(pending, crypto).find(({ enough }) => !enough)
    if (short === undefined) continue
    const names = short.missing.map(({ keyid, owner }) => owner ?? keyid.slice(0, 16)).join(', ')
    const actual = `${short.have}; not yet: ${names}`
    const clause = pending.type === 'root' ? 'TUF 1.0.34 §5.3.4' : 'TUF 1.0.34 §5.6.3'
    return refuse('ceremony-signatures-missing', short.by, `${short.threshold} signatures`, actual, clause)
  }
  return null
}

/** The note that all documents have alike, for this repository, of a rehearsal only on a rehearsal's root. */
function commonNote(documents: readonly (Document<Common> | null)[], inForce: InForce): CeremonyNote | Refusal {
  let found: CeremonyNote | null = null
  for (const document of documents) {
    if (document === null) continue
    const note = noteOf(document.signed, 'the ceremony')
    if (isRefusal(note)) return note
    if (note === null) return refuse('ceremony-malformed', 'the ceremony', 'a note of it in each document', 'none')
    if (found !== null && !sameJson(writeNote(found), writeNote(note))) {
      return refuse('ceremony-malformed', 'the ceremony', 'one note in all documents', 'different ones')
    }
    found = note
  }
  if (found === null) return refuse('ceremony-malformed', 'the ceremony', 'a next root or next targets', 'neither')
  if (found.repository !== inForce.repository) {
    const expected = `the ${inForce.repository} repository`
    return refuse('ceremony-malformed', `ceremony ${found.name}`, expected, `the ${found.repository} repository`)
  }
  const base = isRehearsal(inForce.root.signed)
  if (found.rehearsal === base) return found
  const word = (rehearsal: boolean): string => (rehearsal ? 'a rehearsal' : 'the real thing')
  return refuse('ceremony-rehearsal', `ceremony ${found.name}`, word(base), word(found.rehearsal))
}

function openRoot(inForce: InForce, root: Document<Root>, crypto: Crypto): Pending<'root'> | Refusal {
  const [old, next] = [inForce.root.signed, root.signed]
  const { repository } = inForce
  const step =
    checkStep('root', old.version, next.version) ??
    checkKeyIds(next.raw.keys as JsonObject, 'root', crypto) ??
    (repository === 'approval' ? null : refusePasskeys(next.keys, `the ${repository} repository`, 'the next root'))
  if (step !== null) return step
  const [was, is] = [ownersOf(old, 'root'), ownersOf(next, 'the next root')]
  if (isRefusal(was)) return was
  if (isRefusal(is)) return is
  const fault = checkRoles(Object.entries(next.roles), next.keys, is)
  if (fault !== null) return fault
  const electorates: Electorate[] = [
    { by: `holders of root ${old.version}`, keys: old.keys, role: old.roles.root, owners: was },
    { by: `holders of root ${next.version}`, keys: next.keys, role: next.roles.root, owners: is },
  ]
  return pending(
    'root',
    root,
    electorates,
    differences(old.raw, next.raw, { before: was, after: is }),
    new Map(),
    crypto,
  )
}

function openTargets(
  inForce: InForce,
  nextRoot: Document<Root> | null,
  targets: Document<Targets>,
  files: ReadonlyMap<string, Uint8Array>,
  note: CeremonyNote,
  crypto: Crypto,
): Pending<'targets'> | Refusal {
  const before = inForce.targets?.signed
  if (before === undefined) {
    return refuse(
      'ceremony-malformed',
      'the next targets',
      'a repository whose targets people sign',
      inForce.repository,
    )
  }
  const next = targets.signed
  const delegations = next.raw.delegations as { readonly keys: JsonObject } | undefined
  const step =
    checkStep('targets', before.version, next.version) ?? checkKeyIds(delegations?.keys ?? {}, 'targets', crypto)
  if (step !== null) return step
  const [was, is] = [ownersOf(before, 'targets'), ownersOf(next, 'the next targets')]
  if (isRefusal(was)) return was
  if (isRefusal(is)) return is
  const roles = (next.delegations?.roles ?? []).map(role => [role.name, role] as const)
  const fault = checkRoles(roles, next.delegations?.keys ?? new Map(), is) ?? checkNoneAdded(before, next)
  if (fault !== null) return fault
  const root = (nextRoot ?? inForce.root).signed
  const owners = ownersOf(root, 'root')
  if (isRefusal(owners)) return owners
  const by = `${inForce.repository === 'approval' ? 'approvers' : 'targets signers'} of root ${root.version}`
  const electorates: Electorate[] = [{ by, keys: root.keys, role: root.roles.targets, owners }]
  const bins = inForce.bins === null ? new Map() : openBins(root, before, next, inForce.bins, files, note)
  if (isRefusal(bins)) return bins
  const changed = [
    ...differences(before.raw, next.raw, { before: was, after: is }),
    ...binDifferences(inForce.bins ?? new Map(), bins),
  ]
  return pending('targets', targets, electorates, changed, bins, crypto)
}

/** Bins come with targets, and were signed at the same ceremony: those of one that is over do not come back with another. */
function checkBinNotes(
  targets: Document<Targets> | null,
  files: ReadonlyMap<string, Uint8Array>,
  note: CeremonyNote,
): null | Refusal {
  for (const [name, bytes] of files) {
    const subject = `the next ${name}`
    if (targets === null) return refuse('ceremony-malformed', subject, 'the next targets beside it', 'none')
    const bin = readMetadata('targets', bytes, subject)
    if (isRefusal(bin)) return bin
    const own = noteOf(bin.signed, subject)
    if (isRefusal(own)) return own
    if (own !== null && sameJson(writeNote(own), writeNote(note))) continue
    return refuse('ceremony-malformed', subject, `a bin of ceremony ${note.name}`, own === null ? 'of none' : own.name)
  }
  return null
}

/** Targets in force that the next root's keys have not signed would be worth nothing: they are signed at the same ceremony. */
function checkLeft({ targets, repository }: InForce, { signed }: Document<Root>, crypto: Crypto): null | Refusal {
  if (targets === null) return null
  const subject = `${repository}: targets ${targets.signed.version}`
  const short = verifySigned(targets, signed.keys, signed.roles.targets, subject, crypto)
  if (short === null && !binsNeedSigning(signed, targets.signed)) return null
  const expected = `the next targets too, signed as root ${signed.version} asks`
  return refuse('root-orphans-targets', `the next root of ${repository}`, expected, 'the root alone')
}

/** A ceremony takes targets away and never adds one: what is published passes the checks of publishing. */
function checkNoneAdded(before: Targets, next: Targets): null | Refusal {
  const [was, is] = [before.raw.targets as JsonObject, next.raw.targets as JsonObject]
  for (const [path, target] of Object.entries(is)) {
    if (Object.hasOwn(was, path) && sameJson(was[path] as Json, target)) continue
    const actual = Object.hasOwn(was, path) ? 'another one' : 'a new one'
    return refuse('root-targets-differ', `target ${path}`, 'the target that is published', actual)
  }
  return null
}

/** Each key under the id that it has everywhere (TUF 1.0.34 §4.2.1): one key cannot come in under two names. */
function checkKeyIds(keys: JsonObject, role: string, crypto: Crypto): null | Refusal {
  for (const [keyid, key] of Object.entries(keys)) {
    const own = keyIdOf(key as JsonObject, crypto)
    if (own !== keyid) return refuse('ceremony-key-misnamed', `a key of the next ${role}`, own, keyid.slice(0, 128))
  }
  return null
}

function checkStep(type: PendingType, before: number, next: number): null | Refusal {
  if (next === before + 1) return null
  return refuse(
    'ceremony-not-next',
    `the next ${type}`,
    `version ${before + 1}`,
    `version ${next}`,
    'TUF 1.0.34 §5.3.5',
  )
}

function pending<Type extends PendingType>(
  type: Type,
  document: Document<Signed[Type]>,
  electorates: readonly Electorate[],
  changed: readonly Difference[],
  bins: BinDocuments,
  crypto: Crypto,
): Pending<Type> {
  const digest = toHex(crypto.sha256(signableBytes(document.signed.raw)))
  return { type, document, digest, electorates, differences: changed, bins }
}

const sameJson = (a: Json, b: Json): boolean => sameBytes(canonicalJson(a), canonicalJson(b))
