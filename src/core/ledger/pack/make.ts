import { toHex, utf8 } from '../../encoding/bytes.ts'
import { canonicalText } from '../../encoding/canonical-json.ts'
import type { Crypto } from '../../encoding/crypto.ts'
import type { Instant } from '../../encoding/units.ts'
import { formatUtc } from '../../encoding/utc-time.ts'
import type { Checkpoint } from '../checkpoint.ts'
import type { LogPolicy } from '../log-policy.ts'
import { verifierKey } from '../signed-note.ts'
import { clausesJson, type Standard } from './clauses.ts'
import { type Event, eventsCsv, eventsJson } from './events.ts'
import { CHECKPOINT, CONTINUES, MANIFEST, proofName, SEAL, STATED, type Stated } from './layout.ts'
import { countKinds, type Manifest, manifestBytes, type Tally } from './manifest.ts'
import { type Query, queryLines } from './query.ts'

/** What a pack is made of: what was found, in which log, and what is put beside it. */
export type Findings = {
  readonly query: Query
  readonly searched: Checkpoint
  readonly events: readonly Event[]
  /** How many entries of each kind the whole log has. */
  readonly kinds: ReadonlyMap<string, number>
  readonly standards: readonly Standard[]
  readonly made: Instant
  /** The program that makes it, with its version. */
  readonly maker: string
}

/** What stands beside the events: the keys as a policy (C2SP tlog-policy), and files for whoever reads the pack. */
export type Beside = {
  readonly keys: string
  readonly report: Uint8Array
  readonly page: Uint8Array
  readonly script: Uint8Array
}

export type MadePack = { readonly manifest: Uint8Array; readonly stated: ReadonlyMap<Stated, Uint8Array> }

/** The files that a pack states, and the statement. */
export function makePack(crypto: Crypto, findings: Findings, beside: Beside): MadePack {
  const { query, searched, events, standards, made, maker } = findings
  const contents: Readonly<Record<Stated, Uint8Array>> = {
    'events.json': eventsJson(events),
    'events.csv': eventsCsv(events),
    'report.pdf': beside.report,
    'clauses.json': utf8(`${canonicalText(clausesJson(standards, countKinds(events)))}\n`),
    'keys.txt': utf8(beside.keys),
    'verify.html': beside.page,
    'verify.mjs': beside.script,
    'readme.txt': utf8(readme(findings)),
  }
  const stated = new Map(STATED.map(name => [name, contents[name]]))
  const files = Object.fromEntries(
    [...stated].map(([name, bytes]) => [name, { sha256: toHex(crypto.sha256(bytes)), bytes: bytes.length }]),
  )
  const manifest: Manifest = {
    maker,
    made: wholeSecond(made),
    query,
    log: { origin: searched.origin, size: searched.size, root: toHex(searched.root) },
    events: events.map(({ index }) => index),
    counts: tallyOf(findings),
    files,
  }
  return { manifest: manifestBytes(manifest), stated }
}

/** For each kind of the log, how many entries it has and how many are cited. */
export function tallyOf({ events, kinds }: Pick<Findings, 'events' | 'kinds'>): Tally {
  const cited = countKinds(events)
  const rows = [...kinds].sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(rows.map(([kind, log]) => [kind, { log, cited: cited.get(kind) ?? 0 }]))
}

const wholeSecond = (at: Instant): Instant => (Math.floor(at / 1000) * 1000) as Instant

/** What a reader's proofs are: under one checkpoint, which is the head of the log when the pack was sealed. */
export type Proofs = {
  readonly checkpoint: string
  readonly continues: string
  readonly proofs: ReadonlyMap<number, string>
  readonly seal: string | null
}

/** A policy as `keys.txt` (C2SP tlog-policy): the keys that the maker of a pack went by. It asks for no witness: whom to ask for is the reader's choice. */
export function keysText(crypto: Crypto, { logs, witnesses }: LogPolicy): string {
  const lines = [
    ...logs.map(({ key }) => `log ${verifierKey(crypto, key)}`),
    ...[...witnesses].map(([name, { key }]) => `witness ${name} ${verifierKey(crypto, key, 'cosignature')}`),
    'quorum none',
  ]
  return `${lines.join('\n')}\n`
}

/** All files of a pack, in the order in which they lie in it: what people look for first. */
export function packFiles({ manifest, stated }: MadePack, proven: Proofs): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  for (const name of ['readme.txt', 'report.pdf', 'verify.html', 'verify.mjs'] as const) {
    files.set(name, stated.get(name) as Uint8Array)
  }
  files.set(MANIFEST, manifest)
  for (const [name, bytes] of stated) files.set(name, bytes)
  files.set(CHECKPOINT, utf8(proven.checkpoint))
  files.set(CONTINUES, utf8(proven.continues))
  if (proven.seal !== null) files.set(SEAL, utf8(proven.seal))
  for (const [index, proof] of proven.proofs) files.set(proofName(index), utf8(proof))
  return files
}

function readme({ query, searched, events, made }: Findings): string {
  const asked = queryLines(query).map(([name, value]) => `  ${`${name}:`.padEnd(16)} ${value}`)
  return `EVIDENCE PACK
${events.length} events of the audit log ${searched.origin}
made ${formatUtc(made)}, from the first ${searched.size} entries of the log

Asked for:
${asked.join('\n')}

To read it:      report.pdf
To reckon:       events.csv (a table), events.json (the events as they were logged)
To check it:     open verify.html in a browser and give it the ZIP file, or run
                   node verify.mjs FILE.zip --key KEY
                 Neither needs a network. KEY is the key of the log. The pack names one in keys.txt,
                 but anybody can make a pack with a key of their own: get the key from somebody
                 you trust. For the same reason, a verifier from a source of your own is worth
                 more than the one in the pack: voltseal evidence verify FILE.zip

What it proves:  each event in it was in the log, at its place, when the log signed the checkpoint; and
                 nothing in the pack was changed since it was sealed.
What it cannot:  a proof shows that something is in the log, not that nothing else is. pack.json states what
                 was asked for, how much of the log was searched, and how many events of each kind the
                 whole log has beside those that are cited. Whoever can read the log can repeat
                 the search: voltseal evidence verify FILE.zip --log FOLDER-OR-URL
                 And the log holds what was told to it: that a sensor or a person told the truth is not
                 proven by any signature.

Files:           pack.json states all of this, and the SHA-256 of each file; seal.tlog-proof is the entry of the
                 log that seals pack.json; checkpoint is the signed head of the log, with the signatures
                 of its witnesses; proofs/ has one proof for each event; continues.txt proves that the
                 log which was searched is the beginning of the one that the proofs are of; clauses.json
                 says which clauses of which standards the events bear on.
Formats:         C2SP tlog-checkpoint, tlog-proof, tlog-policy, tlog-witness; RFC 6962; RFC 4180; RFC 8259.
`
}
