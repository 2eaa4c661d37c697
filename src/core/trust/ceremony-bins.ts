import { sameBytes } from '../encoding/bytes.ts'
import { canonicalJson, type Json, type JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'
import type { Instant } from '../encoding/units.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { type CeremonyNote, NOTE, writeNote } from './ceremony-note.ts'
import type { Difference } from './differences.ts'
import { binNames, binsOf, hasBins, publicationInBins, succinctOf } from './hash-bins.ts'
import { keyMaterial } from './keys.ts'
import type { Document, Root, Targets } from './metadata.ts'
import type { Electorate, Quorum } from './quorum.ts'
import { readMetadata } from './read-metadata.ts'
import { judgeSignature, keysOf } from './signatures.ts'

/**
 * Hash bins at a ceremony. They are signed by the keys of the top-level targets (docs/adr/0016): when those change, all bins
 * are signed anew beside the targets, with the same content; when targets are withdrawn, the bins that held them are.
 */
export type BinDocuments = ReadonlyMap<string, Document<Targets>>

/** Whether the keys of a root's targets are others than those that the bins are delegated to. */
export function binsNeedSigning(root: Root, targets: Targets): boolean {
  if (!hasBins(targets)) return false
  const layout = succinctOf(targets)
  const [were, are] = [keysOf(targets.delegations!.keys, layout), keysOf(root.keys, root.roles.targets)]
  return were.symmetricDifference(are).size > 0 || layout.threshold !== root.roles.targets.threshold
}

/**
 * The next targets of a repository with bins, and the bins that go with them: those that hold a withdrawn target, those
 * that have expired at `now`, and all of them when the keys changed. `bins`: all that are in force. Refuses
 * `ceremony-key-unknown` for a target that is not there.
 */
export function changedBins(
  root: Root,
  before: Targets,
  bins: ReadonlyMap<string, Targets>,
  withdraw: readonly string[],
  { expires, note, now }: { readonly expires: Instant; readonly note: CeremonyNote; readonly now: Instant },
  crypto: Crypto,
): { readonly targets: JsonObject; readonly bins: ReadonlyMap<string, JsonObject> } | Refusal {
  const published = (path: string): boolean => [...bins.values()].some(({ targets }) => targets.has(path))
  const gone = withdraw.find(path => !published(path))
  if (gone !== undefined) return refuse('ceremony-key-unknown', gone, 'a target of the repository', 'none of that path')
  const all = binsNeedSigning(root, before)
  const held = binsOf(before, withdraw, crypto)
  const touched = new Map([...bins].filter(([name, bin]) => all || held.has(name) || bin.expires <= now))
  const written = publicationInBins(root, before, touched, { remove: withdraw }, expires, crypto)
  if (isRefusal(written)) return written
  const noted = (raw: JsonObject): JsonObject => ({ ...raw, [NOTE]: writeNote(note) })
  return { targets: noted(written.targets), bins: new Map([...written.bins].map(([name, raw]) => [name, noted(raw)])) }
}

/**
 * Reads the bins of a ceremony as successors of those in force. Refuses what `readMetadata` refuses, `ceremony-malformed`,
 * `ceremony-not-next`, `root-targets-differ`, and `bin-missing` when the keys changed and a bin is left out.
 */
export function openBins(
  root: Root,
  before: Targets,
  after: Targets,
  inForce: BinDocuments,
  files: ReadonlyMap<string, Uint8Array>,
  note: CeremonyNote,
): BinDocuments | Refusal {
  const bins = new Map<string, Document<Targets>>()
  if (!hasBins(before)) {
    const [stray] = files.keys()
    if (stray === undefined && !hasBins(after)) return bins
    return refuse('ceremony-malformed', 'the next targets', 'no bins, as before', 'bins')
  }
  if (!hasBins(after)) return refuse('ceremony-malformed', 'the next targets', 'bins, as before', 'none')
  const names = new Set(binNames(succinctOf(before)))
  for (const [name, bytes] of files) {
    const subject = `the next ${name}`
    const old = inForce.get(name)
    if (!names.has(name) || old === undefined) return refuse('ceremony-malformed', subject, 'a bin in force', 'none')
    const bin = readMetadata('targets', bytes, subject)
    if (isRefusal(bin)) return bin
    const fault = checkBin(subject, old.signed, bin.signed, note)
    if (fault !== null) return fault
    bins.set(name, bin)
  }
  const missing = binsNeedSigning(root, before) ? [...names].find(name => !bins.has(name)) : undefined
  return missing === undefined
    ? bins
    : refuse('bin-missing', `the next ${missing}`, `all ${names.size} bins`, `${bins.size}`)
}

function checkBin(
  subject: string,
  old: Targets,
  { raw, version, delegations }: Targets,
  note: CeremonyNote,
): null | Refusal {
  if (version !== old.version + 1) {
    return refuse('ceremony-not-next', subject, `version ${old.version + 1}`, `version ${version}`)
  }
  const { targets, version: _, expires: __, [NOTE]: said, ...more } = raw
  const { targets: were, version: ___, expires: ____, [NOTE]: _____, ...other } = old.raw
  if (
    delegations !== null ||
    !same(more as Json, other as Json) ||
    said === undefined ||
    !same(said, writeNote(note))
  ) {
    return refuse('ceremony-malformed', subject, 'a bin as before, with the note of the ceremony', 'something else')
  }
  for (const [path, target] of Object.entries(targets as JsonObject)) {
    const published = (were as JsonObject)[path]
    if (published !== undefined && same(published, target)) continue
    return refuse(
      'root-targets-differ',
      `${subject}: ${path}`,
      'the target that is published',
      'another one, or a new one',
    )
  }
  return null
}

/** What the bins change, for people: how many are signed anew, and each target that goes. */
export function binDifferences(inForce: BinDocuments, bins: BinDocuments): readonly Difference[] {
  if (bins.size === 0) return []
  const gone = [...bins].flatMap(([name, { signed }]) =>
    [...(inForce.get(name)?.signed.targets.keys() ?? [])].filter(path => !signed.targets.has(path)),
  )
  return [
    { what: 'bins that are signed anew', before: null, after: String(bins.size), known: true },
    ...gone.map(path => ({ what: `target ${path}`, before: 'published', after: null, known: true })),
  ]
}

/** Who has signed every bin: whoever signed only some of them is missing. */
export function binQuorum({ by, keys, role, owners }: Electorate, bins: BinDocuments, crypto: Crypto): Quorum {
  const holders = role.keyids.map(keyid => ({ keyid, owner: owners.get(keyid) ?? null }))
  const messages = new Map([...bins].map(([name, { signed }]) => [name, canonicalJson(signed.raw)]))
  const materials = new Set<string>()
  const all = (keyid: string): boolean => {
    const key = keys.get(keyid) ?? null
    if (key === null) return false
    for (const [name, { signatures }] of bins) {
      const signature = signatures.find(one => one.keyid === keyid)
      if (signature === undefined) return false
      if (judgeSignature(key, messages.get(name)!, signature, name, crypto) !== null) return false
    }
    materials.add(keyMaterial(key))
    return true
  }
  const [signed, missing] = [holders.filter(({ keyid }) => all(keyid)), [] as typeof holders]
  for (const holder of holders) if (!signed.includes(holder)) missing.push(holder)
  const have = materials.size
  return { by: `${by}, all bins`, threshold: role.threshold, have, enough: have >= role.threshold, signed, missing }
}

const same = (a: Json, b: Json): boolean => sameBytes(canonicalJson(a), canonicalJson(b))
