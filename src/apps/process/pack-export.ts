import { inflateNode } from '../../adapters/inflate-node.ts'
import { renderReport } from '../../adapters/report-pdf/report.ts'
import { packZip } from '../../adapters/zip-files.ts'
import { toHex } from '../../core/encoding/bytes.ts'
import type { Crypto } from '../../core/encoding/crypto.ts'
import type { Instant } from '../../core/encoding/units.ts'
import type { LogPolicy } from '../../core/ledger/log-policy.ts'
import { type Findings, keysText, makePack, packFiles } from '../../core/ledger/pack/make.ts'
import { type Query, queryJson } from '../../core/ledger/pack/query.ts'
import { reportOf } from '../../core/ledger/pack/report.ts'
import { type PackVerdict, verifyPack } from '../../core/ledger/pack/verify.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { gather, headOf, proveContinues, proveEvents, readEntry, type ServedHead } from '../../flows/gather.ts'
import type { LogFiles } from '../../flows/ports.ts'
import type { SealPack } from '../../wire/evidence-api.ts'
import { readStandards, readVerifier, STANDARDS } from './pack-parts.ts'

/** Where a pack is made from. `seal`: has the log seal its statement and answers which entry does; null: a copy of a log cannot. */
export type PackSource = {
  readonly files: LogFiles
  readonly policy: LogPolicy
  readonly seal: ((claim: SealPack) => Promise<{ index: number } | Refusal>) | null
}

export type Exported = { readonly zip: Uint8Array; readonly verdict: PackVerdict }

/** What a pack is made with, and who hears how far it is. */
export type Making = {
  readonly crypto: Crypto
  readonly now: () => Instant
  /** The program that makes it, with its version. */
  readonly maker: string
  readonly tell: (stage: Stage, done: number, of: number) => void
  readonly warn: (text: string) => void
}

/** What is being done: entries are read, witnesses waited for, events proven, the pack verified as who gets it will. */
export type Stage = 'reading' | 'waiting' | 'proving' | 'verifying'

/**
 * Makes an evidence pack and verifies it as whoever gets it will. Nothing is written. Refuses what `gather` and the verifier refuse,
 * `pack-verifier-missing`, and what the fleet server refuses to seal.
 */
export async function exportPack(
  making: Making,
  { files, policy, seal }: PackSource,
  query: Query,
  verifierFolder: string,
): Promise<Exported | Refusal> {
  const { crypto, maker, tell, warn } = making
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
  const findings: Findings = {
    query,
    searched: head.checkpoint,
    events,
    kinds,
    standards,
    made: making.now(),
    maker,
  }
  const foot = `${head.checkpoint.origin} · ${events.length} events · root ${toHex(head.checkpoint.root).slice(0, 16)}…`
  const facts = { title: 'Evidence pack', foot, made: findings.made, maker }
  const report = await renderReport(reportOf(findings), facts)
  const pack = makePack(crypto, findings, { keys: keysText(crypto, policy), report, ...verifier })
  const manifest = toHex(crypto.sha256(pack.manifest))
  const claim = {
    manifest,
    query: queryJson(query) as SealPack['query'],
    size: head.checkpoint.size,
    events: events.length,
  }
  // If the power fails behind this, the log knows of a pack that nobody has: the next export is another one.
  const sealed = seal === null ? null : await seal(claim)
  if (isRefusal(sealed)) return sealed
  const proven = await prove(making, { files, policy, head, events, sealed: sealed?.index ?? null })
  if (isRefusal(proven)) return proven
  const zip = packZip(packFiles(pack, proven), findings.made)
  const verdict = judge(making, zip, { policy, eventsOnly: seal === null })
  const [first] = verdict.findings
  return first ?? { zip, verdict }
}

/** The proofs, under the head of the log that has the seal in it. */
async function prove(
  making: Making,
  {
    files,
    policy,
    head: searched,
    events,
    sealed,
  }: Pick<PackSource, 'files' | 'policy'> & {
    readonly head: ServedHead
    readonly events: Findings['events']
    readonly sealed: number | null
  },
) {
  const { crypto, tell } = making
  const head = sealed === null ? searched : await headBehind(making, { files, policy }, sealed)
  if (isRefusal(head)) return head
  const proofs = await proveEvents(files, head, events, crypto, (done, of) => tell('proving', done, of))
  if (isRefusal(proofs)) return proofs
  const continues = await proveContinues(files, searched.checkpoint, head, crypto)
  if (isRefusal(continues)) return continues
  const seal = sealed === null ? null : await sealProof(files, head, sealed, crypto)
  return isRefusal(seal) ? seal : { checkpoint: head.signed, continues, proofs, seal }
}

/** How often the checkpoint is asked for until witnesses have signed it, and how long after one another, in milliseconds. */
const ASKED = 40
const PAUSE = 500

/** The head of a log that has an entry in it; waits for the witnesses that the policy wants, 20 seconds at most. */
async function headBehind(
  { crypto, tell }: Making,
  { files, policy }: Pick<PackSource, 'files' | 'policy'>,
  index: number,
): Promise<ServedHead | Refusal> {
  for (let asked = 1; ; asked += 1) {
    const head = await headOf(files, policy, crypto)
    // What is served is the newest that enough have signed: until they have signed the one with the entry, that of before.
    const isEarly = isRefusal(head) ? head.code === 'cosignatures-too-few' : head.checkpoint.size <= index
    if (!isEarly) return head
    if (asked === ASKED) {
      if (isRefusal(head)) return head
      return refuse('log-index-beyond', 'the checkpoint', `more than ${index} entries`, `${head.checkpoint.size}`)
    }
    tell('waiting', asked, ASKED)
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
