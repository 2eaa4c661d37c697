import { fromUtf8, sameBytes, toHex } from '../../encoding/bytes.ts'
import type { Crypto } from '../../encoding/crypto.ts'
import { type Inflate, readZip, unpack, type ZipMember } from '../../encoding/zip.ts'
import { isRefusal, type Refusal, refuse } from '../../refusal/refusal.ts'
import type { Checkpoint } from '../checkpoint.ts'
import { type LogPolicy, readPolicy } from '../log-policy.ts'
import { verifyConsistency } from '../merkle.ts'
import { checkProof, readProof, type TlogProof } from '../tlog-proof.ts'
import { openTrusted } from '../trusted-head.ts'
import { readAddCheckpoint } from '../witness-request.ts'
import type { Standard } from './clauses.ts'
import { judgeChoice, judgeClauses, judgeCounts, judgeTable } from './derived.ts'
import { type Event, readEvents } from './events.ts'
import { CHECKPOINT, CONTINUES, isPackFile, MANIFEST, maxSize, PACK_LIMITS, proofName, SEAL, STATED } from './layout.ts'
import { type Manifest, readManifest } from './manifest.ts'
import { openSeal, type Seal } from './seal.ts'

/** Whom a reader trusts: the log by its key, and perhaps witnesses. Null: the pack's own word, which is a finding. */
export type PackTrust = { readonly policy: LogPolicy | null; readonly eventsOnly: boolean }

/**
 * What a verification found. Sound means: no finding. `proven`: how many of the events lead to the root that the log signed;
 * `cosigned`: which witnesses signed it, and when (seconds since 1970).
 */
export type PackVerdict = {
  readonly sound: boolean
  readonly findings: readonly Refusal[]
  /** How many findings there were beyond the first `MAX_FINDINGS`. */
  readonly dropped: number
  readonly manifest: Manifest | null
  readonly checkpoint: Checkpoint | null
  readonly cosigned: readonly (readonly [witness: string, seconds: number])[]
  readonly seal: Seal | null
  readonly events: readonly Event[]
  readonly proven: number
  readonly standards: readonly Standard[]
}

/** How far a verification is: events that were judged, of how many. */
export type Progress = { readonly done: number; readonly of: number }

export const MAX_FINDINGS = 100
const STEP = 200

/**
 * Verifies an evidence pack offline, all of it, and says what is wrong with each code at most once for each thing. Yields how far it is;
 * answers the verdict. Findings: `pack-truncated`, `pack-malformed`, `pack-too-large`, `pack-file-missing`, `pack-file-unexpected`,
 * `pack-file-changed`, `pack-csv-changed`, `pack-report-changed`, `pack-event-forged`, `pack-event-missing`, `pack-event-unasked`,
 * `pack-proof-foreign`, `pack-counts-wrong`, `pack-clauses-wrong`, `pack-manifest-changed`, `pack-unsealed`, `pack-key-unconfirmed`;
 * of the checkpoint what `openTrusted` refuses, `log-forked`; of a proof what `readProof` refuses.
 */
export function* verifyPack(
  crypto: Crypto,
  zip: Uint8Array,
  inflate: Inflate,
  trust: PackTrust,
): Generator<Progress, PackVerdict> {
  const members = readZip(zip, PACK_LIMITS)
  const none = new Reading(crypto, new Map(), inflate)
  if (!Array.isArray(members)) {
    const code = { cut: 'pack-truncated', malformed: 'pack-malformed', large: 'pack-too-large' } as const
    none.find(refuse(code[members.why], 'the pack', members.expected, members.actual))
    return none.verdict()
  }
  const reading = new Reading(crypto, new Map(members.map(one => [one.name, one])), inflate)
  if (reading.open(trust)) yield* reading.judge()
  return reading.verdict()
}

class Reading {
  readonly #crypto: Crypto
  readonly #members: ReadonlyMap<string, ZipMember>
  readonly #inflate: Inflate
  readonly #findings: Refusal[] = []
  #dropped = 0
  #manifest: Manifest | null = null
  #note = ''
  #checkpoint: Checkpoint | null = null
  #cosigned: PackVerdict['cosigned'] = []
  #seal: Seal | null = null
  #events: readonly Event[] = []
  #proven = 0
  readonly #lacking = new Set<string>()
  #standards: readonly Standard[] = []

  constructor(crypto: Crypto, members: ReadonlyMap<string, ZipMember>, inflate: Inflate) {
    this.#crypto = crypto
    this.#members = members
    this.#inflate = inflate
  }

  find(refusal: Refusal): void {
    if (this.#findings.length < MAX_FINDINGS) this.#findings.push(refusal)
    else this.#dropped += 1
  }

  verdict(): PackVerdict {
    return {
      sound: this.#findings.length === 0,
      findings: this.#findings,
      dropped: this.#dropped,
      manifest: this.#manifest,
      checkpoint: this.#checkpoint,
      cosigned: this.#cosigned,
      seal: this.#seal,
      events: this.#events,
      proven: this.#proven,
      standards: this.#standards,
    }
  }

  /** The statement and the checkpoint: without them nothing can be judged. */
  open(trust: PackTrust): boolean {
    const bytes = this.#file(MANIFEST)
    const manifest = bytes === null ? null : readManifest(bytes)
    const note = this.#text(CHECKPOINT)
    if (isRefusal(manifest)) this.find(manifest)
    if (bytes === null || manifest === null || isRefusal(manifest) || note === null) return false
    this.#manifest = manifest
    this.#note = note
    const policy = trust.policy ?? this.#ownPolicy(manifest)
    if (policy === null) return false
    const checkpoint = this.#checkpointBy(policy, manifest)
    if (isRefusal(checkpoint)) {
      this.find(checkpoint)
      return false
    }
    this.#checkpoint = checkpoint
    this.#continues(manifest, checkpoint)
    this.#judgeSeal(bytes, checkpoint, trust)
    return true
  }

  *judge(): Generator<Progress> {
    const manifest = this.#manifest as Manifest
    const before = this.#count
    const bytes = this.#file('events.json')
    const events = bytes === null ? null : readEvents(bytes)
    if (isRefusal(events)) this.find(events)
    if (events !== null && !isRefusal(events)) {
      this.#events = events
      yield* this.#judgeEvents(events, manifest)
    }
    const good = this.#count === before
    // What changed one event changed the file: that is told once.
    this.#judgeFiles(manifest, good)
    if (good && events !== null && !isRefusal(events)) this.#judgeRest(events, manifest)
    const cited = new Set(manifest.events)
    for (const name of this.#members.keys()) {
      if (!isPackFile(name, cited))
        this.find(refuse('pack-file-unexpected', name, 'a file that pack.json states', 'another'))
    }
  }

  get #count(): number {
    return this.#findings.length + this.#dropped
  }

  /** A file; a finding when it is not there or cannot be unpacked. */
  #file(name: string): Uint8Array | null {
    const member = this.#members.get(name)
    // A file is asked for more than once; that it is not to be had is told once.
    if (this.#lacking.has(name)) return null
    if (member === undefined) return this.#lack(name, refuse('pack-file-missing', name, 'the file', 'none'))
    const limit = maxSize(name)
    if (member.size > limit)
      return this.#lack(name, refuse('pack-too-large', name, `at most ${limit} bytes`, `${member.size}`))
    const bytes = unpack(member, this.#inflate)
    if (bytes === null)
      return this.#lack(name, refuse('pack-malformed', name, `${member.size} bytes`, 'what cannot be unpacked'))
    return bytes
  }

  #lack(name: string, refusal: Refusal): null {
    this.#lacking.add(name)
    this.find(refusal)
    return null
  }

  #text(name: string): string | null {
    const bytes = this.#file(name)
    const text = bytes === null ? null : fromUtf8(bytes)
    if (bytes !== null && text === null) this.find(refuse('pack-malformed', name, 'text', 'bytes that are not UTF-8'))
    return text
  }

  #ownPolicy({ log }: Manifest): LogPolicy | null {
    const text = this.#text('keys.txt')
    const policy = text === null ? null : readPolicy(text, this.#crypto)
    if (isRefusal(policy)) this.find(policy)
    if (policy === null || isRefusal(policy)) return null
    this.find(refuse('pack-key-unconfirmed', log.origin, 'the key of the log, given with --key', 'the pack’s own word'))
    return policy
  }

  #checkpointBy(policy: LogPolicy, { log }: Manifest): Checkpoint | Refusal {
    const head = openTrusted(this.#note, policy, this.#crypto)
    if (isRefusal(head)) return head
    const { checkpoint, cosigned } = head
    if (checkpoint.origin !== log.origin) {
      return refuse('checkpoint-origin-mismatch', 'the pack', log.origin, checkpoint.origin)
    }
    this.#cosigned = [...cosigned]
    return checkpoint
  }

  /** The log that was searched must be the beginning of the one that is signed. */
  #continues({ log }: Manifest, checkpoint: Checkpoint): void {
    const text = this.#text(CONTINUES)
    const request = text === null ? null : readAddCheckpoint(text)
    if (isRefusal(request)) this.find(request)
    if (request === null || isRefusal(request)) return
    const claim = {
      from: log.size,
      fromRoot: Uint8Array.fromHex(log.root),
      to: checkpoint.size,
      toRoot: checkpoint.root,
    }
    const same = request.old === log.size && request.checkpoint === this.#note
    if (same && verifyConsistency(this.#crypto, claim, request.proof)) return
    this.find(
      refuse('log-forked', CONTINUES, `a log that continues the ${log.size} entries that were searched`, 'another'),
    )
  }

  #judgeSeal(manifest: Uint8Array, checkpoint: Checkpoint, { eventsOnly }: PackTrust): void {
    if (!this.#members.has(SEAL)) {
      if (!eventsOnly) this.find(refuse('pack-unsealed', 'the pack', 'an entry that seals it', 'none'))
      return
    }
    const proof = this.#proof(SEAL)
    const seal = proof === null ? null : openSeal(this.#crypto, proof, checkpoint, manifest)
    if (isRefusal(seal)) this.find(seal)
    else this.#seal = seal
  }

  /** A proof under the checkpoint of the pack. */
  #proof(name: string): TlogProof | null {
    const text = this.#text(name)
    const proof = text === null ? null : readProof(text)
    if (isRefusal(proof)) this.find({ ...proof, subject: name })
    if (proof === null || isRefusal(proof)) return null
    if (proof.checkpoint === this.#note) return proof
    this.find(refuse('pack-proof-foreign', name, 'the checkpoint of the pack', 'another one'))
    return null
  }

  *#judgeEvents(events: readonly Event[], manifest: Manifest): Generator<Progress> {
    const stated = new Set(manifest.events)
    const there = new Set(events.map(({ index }) => index))
    for (const index of manifest.events) {
      if (there.has(index)) continue
      this.find(refuse('pack-event-missing', `entry ${index}`, 'an event that pack.json states', 'none'))
    }
    for (const [at, event] of events.entries()) {
      if (at % STEP === 0) yield { done: at, of: events.length }
      if (stated.has(event.index)) this.#judgeEvent(event)
      else this.find(refuse('pack-event-unasked', `entry ${event.index}`, 'an event that pack.json states', 'another'))
    }
    yield { done: events.length, of: events.length }
  }

  #judgeEvent({ index, bytes }: Event): void {
    const name = proofName(index)
    const proof = this.#proof(name)
    if (proof === null) return
    const subject = `entry ${index}`
    const wrong = checkProof(this.#crypto, proof, bytes, this.#checkpoint as Checkpoint)
    if (wrong !== null) {
      this.find(refuse('pack-event-forged', subject, wrong.expected, wrong.actual))
      return
    }
    if (proof.index !== index) {
      this.find(refuse('pack-event-forged', subject, `entry ${index}`, `entry ${proof.index}`))
      return
    }
    // A proof that is read alone must tell of the same event.
    if (proof.extra === null || !sameBytes(proof.extra, bytes)) {
      this.find(refuse('pack-event-forged', name, 'the event of events.json', 'another one'))
      return
    }
    this.#proven += 1
  }

  #judgeFiles({ files }: Manifest, eventsGood: boolean): void {
    const codes: Readonly<Record<string, Refusal['code']>> = {
      'events.csv': 'pack-csv-changed',
      'report.pdf': 'pack-report-changed',
    }
    for (const name of STATED) {
      if (!Object.hasOwn(files, name)) {
        this.find(refuse('pack-malformed', MANIFEST, `the digest of ${name}`, 'none'))
        continue
      }
      if (name === 'events.json' && !eventsGood) continue
      const bytes = this.#file(name)
      if (bytes === null) continue
      const expected = files[name]?.sha256 as string
      const actual = toHex(this.#crypto.sha256(bytes))
      if (actual === expected) continue
      this.find(
        refuse(
          codes[name] ?? 'pack-file-changed',
          name,
          `SHA-256 ${expected.slice(0, 16)}…`,
          `${actual.slice(0, 16)}…`,
        ),
      )
    }
  }

  /** What follows from the events is made again from them. */
  #judgeRest(events: readonly Event[], manifest: Manifest): void {
    const csv = this.#file('events.csv')
    const told = this.#findings.some(({ code }) => code === 'pack-csv-changed')
    if (csv !== null && !told) for (const fault of judgeTable(csv, events)) this.find(fault)
    for (const fault of judgeChoice(manifest, events)) this.find(fault)
    for (const fault of judgeCounts(manifest, events)) this.find(fault)
    const clauses = this.#file('clauses.json')
    if (clauses === null) return
    const { standards, faults } = judgeClauses(clauses, events)
    this.#standards = standards
    for (const fault of faults) this.find(fault)
  }
}
