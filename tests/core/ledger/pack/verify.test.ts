import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nodeCrypto as crypto } from '../../../../src/adapters/crypto-node.ts'
import { inflateNode } from '../../../../src/adapters/inflate-node.ts'
import { toBase64, toHex, utf8 } from '../../../../src/core/encoding/bytes.ts'
import { noWitness } from '../../../../src/core/ledger/log-policy.ts'
import { proofName } from '../../../../src/core/ledger/pack/layout.ts'
import { manifestBytes, readManifest } from '../../../../src/core/ledger/pack/manifest.ts'
import { type PackTrust, type PackVerdict, verifyPack } from '../../../../src/core/ledger/pack/verify.ts'
import { orThrow } from '../../../../src/core/refusal/refusal.ts'
import { bytesOf, campaignEntries, packOf, pseudonym, sealOf, textOf, zipOf } from '../../../worlds/evidence-log.ts'
import { logKey } from '../keys.ts'

const KNOWN: PackTrust = { policy: noWitness(logKey(1)), eventsOnly: false }
const EVENTS_ONLY: PackTrust = { ...KNOWN, eventsOnly: true }

function judge(zip: Uint8Array, trust: PackTrust = KNOWN): PackVerdict {
  const verifying = verifyPack(crypto, zip, inflateNode, trust)
  for (let step = verifying.next(); ; step = verifying.next()) if (step.done) return step.value
}

const codesOf = (pack: Files, trust?: PackTrust): string[] => [
  ...new Set(judge(zipOf(pack), trust).findings.map(({ code }) => code)),
]

type Files = Map<string, Uint8Array>
type Edit = (pack: Files) => void

const ENTRIES = campaignEntries({ sites: 2, controllers: 3, months: 2 })
const QUERY = { sites: ['harbour-1'] }
const sealed = await packOf({ entries: ENTRIES, query: QUERY })
const unsealed = await packOf({ entries: ENTRIES, query: QUERY, sealed: false })
const foreign = await packOf({ entries: ENTRIES.slice(0, -1), query: QUERY })
const forged = await packOf({ entries: ENTRIES, query: QUERY, seed: 2 })
const otherKind = await packOf({
  entries: ENTRIES,
  query: QUERY,
  instead: seal => ({ ...seal, kind: 'policy-changed' }),
})
const ofGateway = await packOf({
  entries: ENTRIES,
  query: QUERY,
  instead: seal => ({
    ...seal,
    origin: { gateway: 'harbour-1', sequence: 1, kind: 'entry', item: 'ab'.repeat(32), head: 'cd'.repeat(32) },
  }),
})
const indices = orThrow(readManifest(sealed.get('pack.json') as Uint8Array)).events
const [, second, third] = indices as [number, number, number]

const set =
  (name: string, text: string): Edit =>
  pack =>
    void pack.set(name, utf8(text))
const change =
  (name: string, from: string | RegExp, to: string): Edit =>
  pack => {
    const text = textOf(pack, name)
    const changed = text.replace(from, to)
    assert.notEqual(changed, text, `${name} has nothing to change`)
    pack.set(name, utf8(changed))
  }
const drop =
  (name: string): Edit =>
  pack =>
    void assert.ok(pack.delete(name), name)
const take =
  (name: string, other: Files): Edit =>
  pack =>
    void pack.set(name, other.get(name) as Uint8Array)

/** As a forger who knows the format does it: the statement says what the files are by now. */
const restate: Edit = pack => {
  const manifest = orThrow(readManifest(pack.get('pack.json') as Uint8Array))
  const files = Object.fromEntries(
    Object.keys(manifest.files).map(name => {
      const bytes = pack.get(name) as Uint8Array
      return [name, { sha256: toHex(crypto.sha256(bytes)), bytes: bytes.length }]
    }),
  )
  pack.set('pack.json', manifestBytes({ ...manifest, files }))
}

/** As a forger writes an entry that seals the changed statement. */
const reseal: Edit = pack => {
  const seal = sealOf(pack.get('pack.json') as Uint8Array, { size: ENTRIES.length }, indices.length, QUERY)
  change('seal.tlog-proof', /extra \S+/, `extra ${toBase64(bytesOf(seal))}`)(pack)
}
const dropEvent =
  (index: number): Edit =>
  pack => {
    const lines = textOf(pack, 'events.json').slice(2, -3).split(',\n')
    pack.set('events.json', utf8(`[\n${lines.filter(line => !line.includes(`"index":${index},`)).join(',\n')}\n]\n`))
  }

/** What was done to a pack, and what the verifier says of it: exactly these codes, and no other. */
const ATTACKS: readonly (readonly [
  what: string,
  from: Files,
  edits: readonly Edit[],
  codes: readonly string[],
  trust?: PackTrust,
])[] = [
  [
    'an event is written anew',
    sealed,
    [change('events.json', '"version":"1.4.0"', '"version":"1.5.0"')],
    ['pack-event-forged'],
  ],
  [
    'an event is written anew, and the statement with it',
    unsealed,
    [change('events.json', '"version":"1.4.0"', '"version":"1.5.0"'), restate],
    ['pack-event-forged'],
    EVENTS_ONLY,
  ],
  [
    'the event inside a proof is another',
    sealed,
    [change(proofName(second), /extra \S+/, 'extra e30=')],
    ['pack-event-forged'],
  ],
  [
    'the proof of another event of the log',
    sealed,
    [pack => void pack.set(proofName(second), pack.get(proofName(third)) as Uint8Array)],
    ['pack-event-forged'],
  ],
  [
    'a hash of a proof is another',
    sealed,
    [change(proofName(second), /\n[A-Za-z0-9+/]{43}=\n/, `\n${'A'.repeat(43)}=\n`)],
    ['pack-event-forged'],
  ],
  ['a proof for another tree', sealed, [take(proofName(second), foreign)], ['pack-proof-foreign']],
  ['a proof is taken out', sealed, [drop(proofName(second))], ['pack-file-missing']],
  [
    'the table is changed',
    sealed,
    [change('events.csv', 'controller-failed', 'controller-confirmed')],
    ['pack-csv-changed'],
  ],
  [
    'the table is changed, and the statement with it',
    unsealed,
    [change('events.csv', 'controller-failed', 'controller-confirmed'), restate],
    ['pack-csv-changed'],
    EVENTS_ONLY,
  ],
  ['the report is changed', sealed, [set('report.pdf', '%PDF-1.7 all is well')], ['pack-report-changed']],
  [
    'the report is changed, and the statement with it',
    sealed,
    [set('report.pdf', '%PDF-1.7 all is well'), restate],
    ['pack-manifest-changed'],
  ],
  [
    'the report is changed, the statement with it, and the seal is taken out',
    sealed,
    [set('report.pdf', '%PDF-1.7 all is well'), restate, drop('seal.tlog-proof')],
    ['pack-unsealed'],
  ],
  ['the verifier is changed', sealed, [set('verify.html', '<p>VERIFIED</p>')], ['pack-file-changed']],
  ['an event is taken out', sealed, [dropEvent(second)], ['pack-event-missing']],
  [
    'an event is taken out of the statement too',
    sealed,
    [dropEvent(second), drop(proofName(second)), change('pack.json', `,${second},`, ','), restate],
    ['pack-manifest-changed', 'pack-csv-changed', 'pack-counts-wrong'],
  ],
  [
    'an event is put in that nobody asked for',
    sealed,
    [change('pack.json', `,${second},`, ','), drop(proofName(second))],
    ['pack-manifest-changed', 'pack-event-unasked'],
  ],
  [
    'the reason of an event is another',
    unsealed,
    [change('events.json', '"why":"server"', '"why":"asked"'), restate],
    ['pack-csv-changed', 'pack-event-unasked'],
    EVENTS_ONLY,
  ],
  [
    'the query is another',
    unsealed,
    [change('pack.json', '"sites":["harbour-1"]', '"sites":["harbour-2"]')],
    ['pack-event-unasked'],
    EVENTS_ONLY,
  ],
  [
    'kinds are counted otherwise',
    unsealed,
    [change('pack.json', /("access-refused":\{"cited":)2/, '$11')],
    ['pack-counts-wrong'],
    EVENTS_ONLY,
  ],
  [
    'the log is said to be smaller than its kinds',
    unsealed,
    [change('pack.json', /("controller-failed":\{"cited":2,"log":)4/, '$12')],
    ['pack-counts-wrong'],
    EVENTS_ONLY,
  ],
  [
    'a clause that is missing is called shown',
    unsealed,
    [change('clauses.json', '"standing":"missing"', '"standing":"shown"'), restate],
    ['pack-clauses-wrong'],
    EVENTS_ONLY,
  ],
  ['a file is put in', sealed, [set('update.exe', 'MZ')], ['pack-file-unexpected']],
  [
    'a proof is put in that belongs to no event',
    sealed,
    [pack => void pack.set(proofName(999_999), pack.get(proofName(second)) as Uint8Array)],
    ['pack-file-unexpected'],
  ],
  ['another log, by a key that the reader does not know', forged, [], ['checkpoint-key-unknown']],
  ['another log, and the reader has no key', forged, [], ['pack-key-unconfirmed'], { policy: null, eventsOnly: false }],
  ['the checkpoint of another tree', sealed, [take('checkpoint', foreign)], ['log-forked', 'pack-proof-foreign']],
  ['the checkpoint is changed', sealed, [change('checkpoint', /\n\d+\n/, '\n7\n')], ['checkpoint-signature-invalid']],
  [
    'the log that was searched is said to be another',
    unsealed,
    [change('pack.json', /"root":"[0-9a-f]{4}/, '"root":"0000')],
    ['log-forked'],
    EVENTS_ONLY,
  ],
  ['the seal is that of another pack', sealed, [take('seal.tlog-proof', foreign)], ['pack-proof-foreign']],
  [
    'the seal is another entry',
    sealed,
    [pack => void pack.set('seal.tlog-proof', pack.get(proofName(second)) as Uint8Array)],
    ['pack-manifest-changed'],
  ],
  ['the seal is taken out', sealed, [drop('seal.tlog-proof')], ['pack-unsealed']],
  [
    'the events are spelled otherwise',
    unsealed,
    [change('events.json', '"why":"server"', '"why": "server"'), restate],
    ['pack-malformed'],
    EVENTS_ONLY,
  ],
  ['the statement is no JSON', sealed, [set('pack.json', '{')], ['pack-malformed']],
  ['the statement is not there', sealed, [drop('pack.json')], ['pack-file-missing']],
  ['the seal is an entry of another kind', otherKind, [], ['pack-manifest-changed']],
  ['the seal is an entry of a gateway', ofGateway, [], ['pack-manifest-changed']],
  [
    'the report is changed, the statement with it, and an entry is written that seals it',
    sealed,
    [set('report.pdf', '%PDF-1.7 all is well'), restate, reseal],
    ['pack-event-forged'],
  ],
]

describe('verifyPack', () => {
  test('a pack as it was made: nothing is found, and every event is proven', () => {
    const verdict = judge(zipOf(sealed))
    assert.deepEqual(verdict.findings, [])
    assert.equal(verdict.sound, true)
    assert.equal(verdict.proven, indices.length)
    assert.equal(verdict.seal?.index, ENTRIES.length)
    assert.equal(verdict.seal?.by.id, pseudonym('audrey'))
    assert.ok(verdict.proven > 20 && verdict.proven < ENTRIES.length)
  })

  test('a pack from a copy of a log: its events, to who asks for no more', () => {
    assert.deepEqual(codesOf(unsealed), ['pack-unsealed'])
    assert.deepEqual(codesOf(unsealed, EVENTS_ONLY), [])
  })

  test('the pack’s own key is no reason to believe it', () => {
    const verdict = judge(zipOf(sealed), { policy: null, eventsOnly: false })
    assert.deepEqual(
      verdict.findings.map(({ code }) => code),
      ['pack-key-unconfirmed'],
    )
    assert.equal(verdict.proven, indices.length)
  })

  for (const [what, from, edits, codes, trust] of ATTACKS) {
    test(`attack: ${what}`, () => {
      const pack = new Map(from)
      for (const edit of edits) edit(pack)
      assert.deepEqual(codesOf(pack, trust), codes)
    })
  }

  test('attack: a pack that is cut short anywhere', () => {
    const zip = zipOf(sealed)
    for (let at = 4; at < zip.length; at += 397) {
      assert.deepEqual(
        judge(zip.subarray(0, at)).findings.map(({ code }) => code),
        ['pack-truncated'],
        `${at} bytes`,
      )
    }
  })

  test('attack: a bit of a pack that is turned over anywhere', () => {
    const zip = zipOf(sealed)
    for (let at = 0; at < zip.length; at += 1511) {
      const bad = zip.slice()
      bad[at] = (bad[at] as number) ^ 1
      const verdict = judge(bad)
      // The date of a file, and how hard it was packed, mean nothing.
      if (verdict.sound) assert.equal(verdict.proven, indices.length)
      else assert.ok(verdict.findings.length > 0)
    }
  })
})
