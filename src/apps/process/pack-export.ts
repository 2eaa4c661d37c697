import { inflateNode } from '../../adapters/inflate-node.ts'
import { renderReport } from '../../adapters/report-pdf/report.ts'
import { packZip } from '../../adapters/zip-files.ts'
import { toHex } from '../../core/encoding/bytes.ts'
import { canonicalText } from '../../core/encoding/canonical-json.ts'
import type { Crypto } from '../../core/encoding/crypto.ts'
import type { Instant } from '../../core/encoding/units.ts'
import { formatUtc } from '../../core/encoding/utc-time.ts'
import { readZip, unpack, type ZipMember } from '../../core/encoding/zip.ts'
import type { Checkpoint } from '../../core/ledger/checkpoint.ts'
import type { LogPolicy } from '../../core/ledger/log-policy.ts'
import type { Event } from '../../core/ledger/pack/events.ts'
import { MANIFEST, PACK_LIMITS, STATED } from '../../core/ledger/pack/layout.ts'
import { type Findings, keysText, type MadePack, makePack, packFiles } from '../../core/ledger/pack/make.ts'
import type { Manifest } from '../../core/ledger/pack/manifest.ts'
import { type Query, queryJson } from '../../core/ledger/pack/query.ts'
import { reportOf } from '../../core/ledger/pack/report.ts'
import { type PackVerdict, verifyPack } from '../../core/ledger/pack/verify.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import {
  findSeal,
  gather,
  headOf,
  proveContinues,
  proveEvents,
  readEntry,
  type ServedHead,
} from '../../flows/gather.ts'
import type { LogFiles } from '../../flows/ports.ts'
import type { SealPack } from '../../wire/evidence-api.ts'
import { readStandards, readVerifier, STANDARDS } from './pack-parts.ts'

/**
 * Where a pack is made from. `seal`: has the log seal its statement and answers which entry does; null: a copy of a log cannot. `room`: the
 * bytes that the pack takes at most, for whoever has to keep it.
 */
export type PackSource = {
  readonly files: LogFiles
  readonly policy: LogPolicy
  readonly seal: ((claim: SealPack, room: number) => Promise<{ index: number } | Refusal>) | null
}

export type Exported = { readonly zip: Uint8Array; readonly verdict: PackVerdict }

/** What a pack is made with, and who hears how far it is. */
export type Making = {
  readonly crypto: Crypto
  readonly now: () => Instant
  /** The program that makes it, with its version. */
  readonly maker: string
  /** How often the checkpoint is asked for until witnesses have signed it, `PAUSE` after one another. */
  readonly patience: number
  readonly tell: (stage: Stage, done: number, of: number) => void
  readonly warn: (text: string) => void
}

/** What is being done: entries are read, witnesses waited for, events proven, the pack verified as who gets it will. */
export type Stage = 'reading' | 'waiting' | 'proving' | 'verifying'

/**
 * Where a pack lies from before the log seals it until it is finished. `begun`: one of before, of which nobody knows whether the log has sealed
 * it. `keep`: durable on return. `sealed` hears of the entry that seals it.
 */
export type Drafts = {
  readonly begun: Uint8Array | null
  readonly keep: (zip: Uint8Array) => void
  readonly sealed: (index: number) => void
}

/** A pack whose statement is made: what it holds but for the proofs. */
type Stated = {
  readonly pack: MadePack
  readonly searched: Checkpoint
  readonly events: readonly Event[]
  readonly made: Instant
}

/**
 * Makes an evidence pack and verifies it as whoever gets it will. Nothing is written but to `drafts`: there, all of the pack but its seal is durable
 * before the log seals it, and a pack that was begun is taken up again, under the seal that it has. Refuses what `gather` and the
 * verifier refuse, `pack-verifier-missing`, what the fleet server refuses to seal, and `file-exists` for a draft of something else.
 */
export async function exportPack(
  making: Making,
  source: PackSource,
  query: Query,
  verifierFolder: string,
  drafts: Drafts | null = null,
): Promise<Exported | Refusal> {
  const { seal } = source
  const begun = drafts?.begun ?? null
  const stated =
    begun === null ? await state(making, source, query, verifierFolder) : takeUp(making, source, begun, query)
  if (isRefusal(stated)) return stated
  if (seal === null) return finish(making, source, stated, null)
  if (drafts !== null && begun === null) {
    const draft = await zipOf(making, source, stated, null)
    if (isRefusal(draft)) return draft
    drafts.keep(draft)
  }
  // If power fails behind this, the draft lies where the next run finds it, and looks in the log for its seal.
  const sealed = await sealOf(making, source, seal, stated, query, begun !== null)
  if (isRefusal(sealed)) return sealed
  drafts?.sealed(sealed.index)
  return finish(making, source, stated, sealed.index)
}

/** Searches the log, and states what was found. */
async function state(
  { crypto, maker, tell, warn, now }: Making,
  { files, policy }: PackSource,
  query: Query,
  verifierFolder: string,
): Promise<Stated | Refusal> {
  const standards = readStandards(STANDARDS)
  if (isRefusal(standards)) return standards
  const verifier = readVerifier(verifierFolder)
  if (isRefusal(verifier)) return verifier
  const head = await headOf(files, policy, crypto)
  if (isRefusal(head)) return head
  const found = await gather(files, head, query, crypto, (done, of) => tell('reading', done, of))
  if (isRefusal(found)) return found
  const { events, kinds } = found
  for (const site of query.sites ?? []) {
    const isNamed = events.some(({ entry }) => entry.site === site)
    if (!isNamed) warn(`No event is of the site ${site}: look that its name is right, and the period.`)
  }
  const searched = head.checkpoint
  const findings: Findings = { query, searched, events, kinds, standards, made: now(), maker }
  const foot = `${searched.origin} · ${events.length} events · root ${toHex(searched.root).slice(0, 16)}…`
  const facts = { title: 'Evidence pack', foot, made: findings.made, maker }
  const report = await renderReport(reportOf(findings), facts)
  const pack = makePack(crypto, findings, { keys: keysText(crypto, policy), report, ...verifier })
  return { pack, searched, events, made: findings.made }
}

/** A pack that was begun before, read again and verified: what lies on a disk is believed by nobody. */
function takeUp(making: Making, { policy }: PackSource, zip: Uint8Array, query: Query): Stated | Refusal {
  const { manifest, findings, events } = judge(making, zip, { policy, eventsOnly: true })
  const [first] = findings
  if (first !== undefined) return first
  const files = new Map((readZip(zip, PACK_LIMITS) as ZipMember[]).map(one => [one.name, unpack(one, inflateNode)]))
  const { log, made, query: asked } = manifest as Manifest
  if (canonicalText(queryJson(asked)) !== canonicalText(queryJson(query))) {
    return refuse('file-exists', 'the pack that was begun', 'one of the same query', 'one of another')
  }
  making.warn(`Going on with the pack that was begun: it cites what the log had at ${formatUtc(made)}.`)
  const stated = new Map(STATED.map(name => [name, files.get(name) as Uint8Array]))
  const pack = { manifest: files.get(MANIFEST) as Uint8Array, stated }
  const searched = { origin: log.origin, size: log.size, root: Uint8Array.fromHex(log.root), extensions: [] }
  return { pack, searched, events, made }
}

/** A proof of an event, packed: twice of what is usual. */
const PROOF_BYTES = 4096

/** The entry that seals a pack: the one that does already, where it `mayBe`, else a new one. */
async function sealOf(
  { crypto }: Making,
  { files, policy }: PackSource,
  seal: NonNullable<PackSource['seal']>,
  { pack, searched, events }: Stated,
  query: Query,
  mayBe: boolean,
): Promise<{ readonly index: number } | Refusal> {
  const manifest = toHex(crypto.sha256(pack.manifest))
  const before = mayBe ? await findSeal(files, policy, { manifest, from: searched.size }, crypto) : null
  if (before !== null) return before
  const claim = { manifest, query: queryJson(query) as SealPack['query'], size: searched.size, events: events.length }
  const parts = [pack.manifest, ...pack.stated.values()]
  return seal(claim, parts.reduce((sum, { length }) => sum + length, 0) + events.length * PROOF_BYTES)
}

async function finish(
  making: Making,
  source: PackSource,
  stated: Stated,
  sealed: number | null,
): Promise<Exported | Refusal> {
  const zip = await zipOf(making, source, stated, sealed)
  if (isRefusal(zip)) return zip
  const verdict = judge(making, zip, { policy: source.policy, eventsOnly: sealed === null })
  const [first] = verdict.findings
  return first ?? { zip, verdict }
}

/** The pack with its proofs, under the head of the log that has the seal in it. */
async function zipOf(
  making: Making,
  { files, policy }: PackSource,
  { pack, searched, events, made }: Stated,
  sealed: number | null,
): Promise<Uint8Array | Refusal> {
  const { crypto, tell } = making
  const head =
    sealed === null ? await headOf(files, policy, crypto) : await headBehind(making, { files, policy }, sealed)
  if (isRefusal(head)) return head
  const proofs = await proveEvents(files, head, events, crypto, (done, of) => tell('proving', done, of))
  if (isRefusal(proofs)) return proofs
  const continues = await proveContinues(files, searched, head, crypto)
  if (isRefusal(continues)) return continues
  const seal = sealed === null ? null : await sealProof(files, head, sealed, crypto)
  if (isRefusal(seal)) return seal
  return packZip(packFiles(pack, { checkpoint: head.signed, continues, proofs, seal }), made)
}

/** Between two questions for the checkpoint, in milliseconds. */
export const PAUSE = 500

/** The head of a log that has an entry in it; waits for the witnesses that the policy wants, as long as `patience` says. */
async function headBehind(
  { crypto, tell, patience }: Making,
  { files, policy }: Pick<PackSource, 'files' | 'policy'>,
  index: number,
): Promise<ServedHead | Refusal> {
  for (let asked = 1; ; asked += 1) {
    const head = await headOf(files, policy, crypto)
    // What is served is the newest that enough have signed: until they have signed the one with the entry, that of before.
    const isEarly = isRefusal(head) ? head.code === 'cosignatures-too-few' : head.checkpoint.size <= index
    if (!isEarly) return head
    if (asked >= patience) {
      if (isRefusal(head)) return head
      return refuse('log-index-beyond', 'the checkpoint', `more than ${index} entries`, `${head.checkpoint.size}`)
    }
    tell('waiting', asked, patience)
    await new Promise(resolve => setTimeout(resolve, PAUSE))
  }
}

async function sealProof(files: LogFiles, head: ServedHead, index: number, crypto: Crypto): Promise<string | Refusal> {
  const bytes = await readEntry(files, head, index, crypto)
  if (isRefusal(bytes)) return bytes
  const proofs = await proveEvents(files, head, [{ index, bytes }], crypto)
  return isRefusal(proofs) ? proofs : (proofs.get(index) as string)
}

/** Verifies a pack as who gets it will, and tells how far it is. */
export function judge(
  { crypto, tell }: Pick<Making, 'crypto' | 'tell'>,
  zip: Uint8Array,
  trust: { readonly policy: LogPolicy | null; readonly eventsOnly: boolean },
): PackVerdict {
  const verifying = verifyPack(crypto, zip, inflateNode, trust)
  for (let step = verifying.next(); ; step = verifying.next()) {
    if (step.done) return step.value
    tell('verifying', step.value.done, step.value.of)
  }
}
