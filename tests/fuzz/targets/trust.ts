import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { sameBytes } from '../../../src/core/encoding/bytes.ts'
import { canonicalJson, type Json } from '../../../src/core/encoding/canonical-json.ts'
import { judgeHistory, NOTHING_TOLD } from '../../../src/core/ledger/device-place.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import {
  type CeremonyNote,
  isRehearsal,
  NOTE,
  noteOf,
  OWNERS,
  ownersOf,
  writeNote,
} from '../../../src/core/trust/ceremony-note.ts'
import {
  claimedHistory,
  type DeviceHistory,
  historyBytes,
  MAX_HISTORY_BYTES,
  openHistory,
  sealHistory,
} from '../../../src/core/trust/device-history.ts'
import { dsseSigners, MAX_DSSE_BYTES, readDsse, writeDsse } from '../../../src/core/trust/evidence/dsse.ts'
import { readProvenance } from '../../../src/core/trust/evidence/provenance.ts'
import { MAX_SBOM_BYTES, MAX_SBOM_COMPONENTS, matchSbom, readSbom } from '../../../src/core/trust/evidence/sbom.ts'
import { beside, readImageTarget } from '../../../src/core/trust/image-target.ts'
import { type Dialect, MAX_METADATA_BYTES, type MetadataType } from '../../../src/core/trust/metadata.ts'
import { readMetadata, signableBytes } from '../../../src/core/trust/read-metadata.ts'
import { MAX_REPORT_BYTES, openReport, reportBytes, sealReport } from '../../../src/core/trust/report.ts'
import { writeDelegations } from '../../../src/core/trust/repository.ts'
import {
  MAX_SITE_MANIFEST_BYTES,
  openSiteManifest,
  sealSiteManifest,
  writeSiteManifest,
} from '../../../src/core/trust/site-manifest.ts'
import { bill, builderKey, json, RELEASE, sealed, statement } from '../../core/trust/evidence/statements.ts'
import { report as REPORT } from '../../core/trust/report-sample.ts'
import { NOW, SimulatedRepository, signWith, target, testKey } from '../../core/trust/simulated-repository.ts'
import type { Target } from '../input.ts'
import { hold, outcomeOf, TAKEN, trusting } from '../outcome.ts'

/** A repository as it is served: its files by their names. */
function served(): ReadonlyMap<string, Uint8Array> {
  const repository = new SimulatedRepository('image')
  repository.publishRoot()
  const line = { name: 'line', keys: [testKey(9).key], threshold: 1, paths: ['bms/*/*'], terminating: true }
  const custom = {
    class: 'bms',
    hardware: ['a', 'b'],
    version: '1.4.0',
    sequence: 7,
    counter: 2,
    payload: { path: 'bms/1.4.0/payload.bin', length: 9, sha256: 'ab'.repeat(32) },
    sbom: { path: 'bms/1.4.0/sbom.cdx.json', length: 9, sha256: 'cd'.repeat(32) },
  }
  const targets = [target('bms/1.4.0/envelope.suit', 'x', custom as unknown as Json), target('bms/1.4.0/payload.bin')]
  repository.publish(targets, orThrow(writeDelegations([line], trusting)))
  return repository.files
}
const FILES = served()
const file = (name: string): Uint8Array => FILES.get(name) as Uint8Array
/** A root that was signed at a ceremony. */
function fromCeremony(): Uint8Array {
  const { signatures, signed } = JSON.parse(new TextDecoder().decode(file('1.root.json')))
  const note = writeNote({ name: 'spring', repository: 'image', deadline: NOW, rehearsal: true })
  return canonicalJson({
    signatures,
    signed: { ...signed, [NOTE]: note, [OWNERS]: { ['ab'.repeat(32)]: 'first holder' } },
  })
}
const succinct = canonicalJson({
  signatures: [],
  signed: {
    _type: 'targets',
    version: 1,
    spec_version: '1.0.34',
    expires: '2030-01-01T00:00:00Z',
    targets: {},
    delegations: {
      keys: {},
      succinct_roles: { keyids: ['a'], threshold: 1, bit_length: 10, name_prefix: 'bin' },
    },
  },
})

const metadata = (
  type: MetadataType,
  share: number,
  seeds: readonly Uint8Array[],
  dialect: Dialect = 'voltseal',
): Target => ({
  name: `tuf-${dialect === 'tuf' ? 'foreign-' : ''}${type}`,
  form: { of: 'json', spelling: 'any' },
  limit: MAX_METADATA_BYTES[type],
  share,
  seeds,
  words: [
    '"signed":',
    '"signatures":',
    '"_type":',
    `"${type}"`,
    '"keyids":',
    '"threshold":',
    '"version":',
    '"sha256":',
  ],
  read: bytes => {
    const read = readMetadata(type, bytes, 'fuzz', dialect)
    if (isRefusal(read)) return outcomeOf(read)
    signableBytes(read.signed.raw)
    hold(read.signed.version >= 1, 'a version below 1')
    // What the document says of the ceremony that it was signed at, and of who holds the keys.
    const [note, owners] = [noteOf(read.signed, 'fuzz'), ownersOf(read.signed, 'fuzz')]
    for (const part of [note, owners]) if (isRefusal(part)) return outcomeOf(part)
    hold(isRehearsal(read.signed) === (note as CeremonyNote | null)?.rehearsal || note === null, 'a rehearsal and none')
    if (type !== 'targets') return TAKEN
    // What each target says of a release is read as well.
    const { targets } = read.signed as unknown as {
      targets: ReadonlyMap<string, Parameters<typeof readImageTarget>[0]>
    }
    for (const one of targets.values()) {
      const release = readImageTarget(one)
      if (!isRefusal(release)) beside(one.path, 'sbom.cdx.json')
    }
    return TAKEN
  },
})

const device = testKey(41)
const sealedReport = sealReport(REPORT, signWith(device, orThrow(reportBytes(REPORT))))

const report: Target = {
  name: 'report',
  form: { of: 'json', spelling: 'canonical' },
  limit: MAX_REPORT_BYTES,
  share: 5,
  seeds: [sealedReport],
  words: ['"sig":', '"signed":', '"confirmed"', '"attempts":', '"nonce":'],
  read: bytes => {
    const opened = openReport(bytes, { site: 'harbour', controller: 'bms-1', key: device.key }, trusting)
    if (isRefusal(opened)) return outcomeOf(opened)
    hold(!isRefusal(reportBytes(opened)), 'a report that was taken and cannot be written')
    return TAKEN
  },
}

const gateway = testKey(40)
const manifestOf = (...reports: Uint8Array[]): Uint8Array => {
  const [batch, before, head] = ['ab', 'cd', 'ef'].map(byte => byte.repeat(32)) as [string, string, string]
  const signed = writeSiteManifest({ site: 'harbour', sequence: 4, at: NOW, batch, before, head, lostFrom: 2, reports })
  return sealSiteManifest(signed, signWith(gateway, canonicalJson(signed)))
}
const siteManifest: Target = {
  name: 'site-manifest',
  form: { of: 'json', spelling: 'canonical' },
  limit: MAX_SITE_MANIFEST_BYTES,
  share: 4,
  seeds: [manifestOf(), manifestOf(sealedReport)],
  words: ['"sig":', '"signed":', '"reports":', '"batch":', '"sequence":'],
  read: bytes => {
    const opened = openSiteManifest(bytes, { site: 'harbour', key: gateway.key }, 3, trusting)
    if (isRefusal(opened)) return outcomeOf(opened)
    const again = sealSiteManifest(writeSiteManifest(opened), Uint8Array.of(1))
    hold(
      !isRefusal(openSiteManifest(again, { site: 'harbour', key: gateway.key }, 3, trusting)),
      'a manifest once only',
    )
    return TAKEN
  },
}

const HISTORY: DeviceHistory = {
  kind: 'voltseal-history',
  v: 1,
  site: 'harbour',
  controller: 'bms-1',
  sequence: 7,
  at: NOW,
  before: 'ab'.repeat(32),
  from: 3,
  to: 6,
  decisions: [3, 6].map(decision => ({
    decision,
    at: 0,
    event: 'boot',
    phase: 'boot',
    reset: 'power-loss',
    slot: 'a',
    sequence: 1,
    version: '1.0.0',
    digest: 'cd'.repeat(16),
    cause: '',
  })),
  lost: [{ from: 4, to: 5 }],
}
const sealedHistory = sealHistory(HISTORY, signWith(device, orThrow(historyBytes(HISTORY))))
const history: Target = {
  name: 'history',
  form: { of: 'json', spelling: 'canonical' },
  limit: MAX_HISTORY_BYTES,
  share: 5,
  seeds: [sealedHistory, sealHistory({ ...HISTORY, decisions: [], lost: [{ from: 3, to: 6 }] }, Uint8Array.of(1))],
  words: ['"sig":', '"signed":', '"decisions":', '"lost":', '"from":', '"to":', '9007199254740991', '0'],
  read: bytes => {
    const opened = openHistory(bytes, { site: 'harbour', controller: 'bms-1', key: device.key }, trusting)
    if (isRefusal(opened)) return outcomeOf(opened)
    const { from, to, decisions, lost } = opened
    const told = decisions.length + lost.reduce((sum, range) => sum + range.to - range.from + 1, 0)
    hold(told === to - from + 1, 'a history that does not account for each number once')
    hold(!isRefusal(historyBytes(opened)), 'a history that was taken and cannot be told again')
    const claimed = claimedHistory(bytes)
    hold(
      claimed !== null && sameBytes(sealHistory(claimed.signed, claimed.signature), bytes),
      'a history with a second spelling',
    )
    const judged = judgeHistory(NOTHING_TOLD, opened, nodeCrypto)
    hold(!isRefusal(judged) && judged.place.told === to, 'a first history that is not taken in')
    return TAKEN
  },
}

const nested = { type: 'library', name: 'outer', components: [{ type: 'library', name: 'inner', version: '1' }] }
const sbom: Target = {
  name: 'sbom',
  form: { of: 'json', spelling: 'any' },
  limit: MAX_SBOM_BYTES,
  share: 5,
  seeds: [json(bill()), json(bill({ components: [nested], vulnerabilities: [{ ratings: [{ score: 9.8 }] }] }))],
  words: ['"components":', '"hashes":', '"SHA-256"', '"specVersion":', '"1.7"', '"CycloneDX"', '"metadata":'],
  read: bytes => {
    const read = readSbom(bytes, 'fuzz')
    if (isRefusal(read)) return outcomeOf(read)
    hold(read.components <= MAX_SBOM_COMPONENTS, 'more components than are read')
    hold(!/\p{Cc}/u.test(`${read.subject?.name}${read.subject?.version}`), 'a name that steers a terminal')
    return outcomeOf(matchSbom(read, RELEASE, 'fuzz'))
  },
}

const envelope = sealed(statement(), builderKey)
const dsse: Target = {
  name: 'dsse',
  form: { of: 'json', spelling: 'any' },
  limit: MAX_DSSE_BYTES,
  share: 4,
  seeds: [envelope],
  words: ['"payload":', '"signatures":', '"sig":', '"keyid":', '"payloadType":', '=='],
  read: bytes => {
    const read = readDsse(bytes, 'fuzz')
    if (isRefusal(read)) return outcomeOf(read)
    const again = orThrow(readDsse(writeDsse(read), 'fuzz'))
    hold(sameBytes(again.payload, read.payload) && again.payloadType === read.payloadType, 'an envelope once only')
    dsseSigners(read, [{ kid: 'a', key: builderKey.key }], trusting)
    return outcomeOf(readProvenance(read, 'fuzz'))
  },
}

/** The statement by itself: inside the envelope's base64 a change of it would seldom be well-formed. */
const provenance: Target = {
  name: 'provenance',
  form: { of: 'json', spelling: 'any' },
  limit: MAX_DSSE_BYTES,
  share: 4,
  seeds: [json(statement())],
  words: ['"subject":', '"digest":', '"sha256":', '"predicate":', '"builder":', '"https://slsa.dev/provenance/v1"'],
  read: bytes => {
    const payloadType = 'application/vnd.in-toto+json'
    return outcomeOf(readProvenance({ payloadType, payload: bytes, signatures: [] }, 'fuzz'))
  },
}

export const TRUST: readonly Target[] = [
  metadata('root', 4, [file('1.root.json'), fromCeremony()]),
  metadata('targets', 5, [file('1.targets.json'), succinct]),
  metadata('targets', 3, [file('1.targets.json'), succinct], 'tuf'),
  metadata('snapshot', 3, [file('1.snapshot.json')]),
  metadata('timestamp', 3, [file('timestamp.json')]),
  report,
  history,
  siteManifest,
  sbom,
  dsse,
  provenance,
]
