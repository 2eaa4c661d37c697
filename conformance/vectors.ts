import { nodeCrypto as crypto } from '../src/adapters/crypto-node.ts'
import { concat, toHex, utf8 } from '../src/core/encoding/bytes.ts'
import { canonicalJson, type Json, type JsonObject } from '../src/core/encoding/canonical-json.ts'
import { instant } from '../src/core/encoding/units.ts'
import { parseFacts } from '../src/core/firmware/facts.ts'
import { measureChunks } from '../src/core/firmware/payload.ts'
import { authorManifest, wrappedSha256 } from '../src/core/firmware/suit-author.ts'
import { assembleEnvelope, signingInput } from '../src/core/firmware/suit-envelope.ts'
import { checkpointText } from '../src/core/ledger/checkpoint.ts'
import { consistencyProof, inclusionProof, leafHash, rootOfLeaves } from '../src/core/ledger/merkle.ts'
import { noteKeyId, verifierKey, writeNote } from '../src/core/ledger/signed-note.ts'
import { orThrow } from '../src/core/refusal/refusal.ts'
import { encodeCell, type HistoryEntry } from '../src/core/slot/history.ts'
import { encodeSlotHeader } from '../src/core/slot/layout.ts'
import type { BootState, Memory } from '../src/core/slot/memory.ts'
import { encodeRecord } from '../src/core/slot/record.ts'
import { UNKNOWN_NOTE } from '../src/core/slot/slot.ts'
import { keyId, keyObject } from '../src/core/trust/keys.ts'
import { type Report, reportBytes, sealReport } from '../src/core/trust/report.ts'
import { encryptedPayload } from './encryption-vectors.ts'
import { ed25519, p256, signWith, type VectorKey } from './keys.ts'

/** What the vectors hold, one function to a file. Bytes are lower-case hex. */

/** ECDSA signatures over the messages below: made once, and kept, because every signing gives other bytes. */
export const SIGNED_ONCE = {
  envelope:
    '6324bedd955fb1e479df1405beadde78d95bea175409839e525dab6893ce1b06149518d2355f9fd7950b4fe45c3a40123b4f578d6c52fbd2e2fff68a85b7c309',
  report:
    '304402207bb4c1fbf3bfa09d9292e5149bbb2e1c34ce4d0c8ce97f5bf64e9f577f7bff9802206b255b0eff09eb9e704d602a67048419283a3c4f7c48ab3959d80102a1a2fd0f',
} as const

const IMAGE = new Uint8Array(1000).map((_, index) => index % 251)
const COMPONENTS = [{ name: 'app', size: IMAGE.length }]

function facts() {
  const stated = {
    vendor: 'voltworks.example',
    class: 'bms-rack',
    hardware: ['a'],
    version: '2.3.0',
    sequence: 7,
    counter: 3,
    components: COMPONENTS,
    chunks: measureChunks(IMAGE, COMPONENTS, 512, crypto),
    transition: null,
    imageSize: IMAGE.length,
    imageDigest: toHex(crypto.sha256(IMAGE)),
    bootloader: { min: 2, max: 5 },
    dependencies: [{ class: 'ems', min: '1.4.0', below: '2.0.0' }],
    health: { windowMillis: 60_000, probes: ['ems-link', 'cell-spread'] },
  }
  return orThrow(parseFacts(stated, 'the vectors'))
}

/** docs/release-format.md: the fixed manifest of that page, and a signed envelope with what is signed. */
export function suitEnvelope(): Json {
  const chunks = { bytes: 1024, digests: ['00'.repeat(16)] }
  const zeros = { ...facts(), imageDigest: '00'.repeat(32), chunks, dependencies: [] }
  const page = authorManifest({ ...zeros, health: { windowMillis: 1000, probes: [] } })
  const manifest = authorManifest(facts())
  const signers = [signed('ed25519', ed25519(1)), signed('ecdsa-p256', p256(2))]
  const blocks = signers.map(({ block }) => block)
  const envelope = assembleEnvelope(manifest, blocks, crypto)
  const altered = manifest.with(manifest.length - 1, (manifest.at(-1) as number) ^ 1)
  return {
    source: 'docs/release-format.md; draft-ietf-suit-manifest-34; RFC 9052',
    pageManifest: toHex(page),
    image: 'byte n of 1000 is n modulo 251',
    facts: facts() as unknown as JsonObject,
    manifest: toHex(manifest),
    manifestDigest: toHex(wrappedSha256(manifest, crypto)),
    signers: signers.map(({ json }) => json),
    envelope: toHex(envelope),
    accepted: [
      { name: 'both keys are anchors, two are asked for', anchors: [0, 1], threshold: 2 },
      { name: 'one key is an anchor', anchors: [1], threshold: 1 },
    ],
    refused: [
      { name: 'nobody signed', envelope: toHex(assembleEnvelope(manifest, [], crypto)), code: 'envelope-unsigned' },
      {
        name: 'the manifest was altered, and its digest with it',
        envelope: toHex(assembleEnvelope(altered, blocks, crypto)),
        code: 'envelope-signature-invalid',
      },
      { name: 'a byte of the digest is another', envelope: flipped(envelope), code: 'envelope-digest-mismatch' },
    ],
  }

  function signed(name: string, key: VectorKey) {
    const kid = keyId(key.public, crypto)
    const { protectedHeader, message } = orThrow(signingInput(manifest, key.public.alg, kid, crypto))
    const signature = name === 'ed25519' ? signWith(key, message, 'p1363') : Uint8Array.fromHex(SIGNED_ONCE.envelope)
    const json = {
      algorithm: name,
      spki: toHex(key.public.spki),
      keyId: kid,
      protectedHeader: toHex(protectedHeader),
      signedBytes: toHex(message),
      signature: toHex(signature),
    }
    return { block: { protectedHeader, signature }, json }
  }
}

/** The first byte of the digest that the authentication wrapper names is another one. */
function flipped(envelope: Uint8Array): string {
  const digest = wrappedSha256(authorManifest(facts()), crypto)
  const at = envelope.findIndex((_, index) => digest.every((byte, offset) => envelope[index + offset] === byte))
  return toHex(envelope.with(at, (envelope[at] as number) ^ 1))
}

/** docs/controller.md, "Flash": the 16 bytes before an envelope in a slot. */
export function slotHeader(): Json {
  const good = encodeSlotHeader({ envelopeBytes: 440, imageBytes: 210_000 })
  const bounds = { slotBytes: 1_064_960, imageOffset: 16_384 }
  const sized = (envelopeBytes: number, imageBytes: number): string =>
    toHex(encodeSlotHeader({ envelopeBytes, imageBytes }))
  return {
    source: 'docs/controller.md, Flash',
    bounds,
    accepted: [{ header: toHex(good), envelopeBytes: 440, imageBytes: 210_000 }],
    refused: [
      { name: 'erased flash', header: 'ff'.repeat(16), code: 'slot-empty' },
      { name: 'another magic', header: toHex(good.with(0, 0)), code: 'slot-empty' },
      { name: 'a layout of the future', header: toHex(good.with(4, 2)), code: 'slot-header-invalid' },
      { name: 'no envelope', header: sized(0, 1), code: 'slot-header-invalid' },
      { name: 'an envelope into the image', header: sized(16_369, 1), code: 'slot-header-invalid' },
      { name: 'no image', header: sized(440, 0), code: 'slot-header-invalid' },
      { name: 'an image beyond the slot', header: sized(440, 1_048_577), code: 'slot-header-invalid' },
    ],
  }
}

/** docs/controller.md, "The boot record" and "History": one record for each state, and a cell of the history. */
export function bootRecord(): Json {
  const key = new Uint8Array(32).fill(7)
  const mac = (message: Uint8Array): Uint8Array => crypto.hmacSha256(key, message)
  const entry: HistoryEntry = {
    decision: 41,
    at: 1_767_225_600_000,
    event: 'trial',
    phase: 'boot',
    reset: 'software',
    slot: 'b',
    sequence: 7,
    version: '2.3.0',
    digest: '0123456789abcdef0123456789abcdef',
    cause: '',
  }
  const states: BootState[] = [
    { at: 'blank' },
    { at: 'stable', active: 'a', keys: { kind: 'none' }, floor: 2 },
    { at: 'candidate', active: 'a', keys: { kind: 'add', kid: 'c0ffee0123456789' }, floor: 2 },
    { at: 'armed', active: 'a', keys: { kind: 'retire', kid: 'c0ffee0123456789' }, floor: 2 },
    { at: 'trial', slot: 'b', triesLeft: 2, lossesLeft: 20 },
  ]
  const records = states.map((state, index) => {
    const memory: Memory = {
      state,
      slots: {
        a: { state: 'confirmed', digest: 'aa'.repeat(16), sequence: 6, version: '2.2.0', counter: 2 },
        b:
          index === 0
            ? UNKNOWN_NOTE
            : { state: 'trial', digest: entry.digest, sequence: 7, version: '2.3.0', counter: 3 },
      },
      failed: [{ sequence: 5, digest: 'bb'.repeat(16) }],
      update: 'cc'.repeat(16),
    }
    const record = { sequence: 100 + index, memory, entry }
    return { record: record as unknown as JsonObject, bytes: toHex(encodeRecord(record, mac)) }
  })
  const last = Uint8Array.fromHex((records[4] as { bytes: string }).bytes)
  return {
    source: 'docs/controller.md, The boot record and History',
    recordKey: toHex(key),
    records,
    unreadable: [
      { name: 'erased flash', bytes: 'ff'.repeat(512) },
      { name: 'the last byte was not programmed', bytes: toHex(last.with(511, 0xff)) },
      { name: 'one bit of the state is another', bytes: toHex(last.with(5, 5)) },
      { name: 'cut half-way', bytes: toHex(concat(last.subarray(0, 256), new Uint8Array(256).fill(0xff))) },
    ],
    historyCell: { entry: entry as unknown as JsonObject, bytes: toHex(encodeCell(entry, mac)) },
  }
}

/** RFC 6962 §2.1: roots, audit paths and proofs of consistency over 21 small entries. */
export function merkle(): Json {
  const entries = Array.from({ length: 21 }, (_, index) => utf8(`entry ${index}`))
  const leaves = entries.map(entry => leafHash(crypto, entry))
  const hex = (hashes: readonly Uint8Array[] | null): string[] => (hashes ?? []).map(toHex)
  const roots = Array.from({ length: 22 }, (_, size) => toHex(rootOfLeaves(crypto, leaves.slice(0, size))))
  const places = [0, 1, 6, 7, 15, 16, 20]
  return {
    source: 'RFC 6962 §2.1; RFC 9162 §2.1',
    entries: entries.map(toHex),
    roots,
    inclusion: places.map(index => ({ index, size: 21, path: hex(inclusionProof(crypto, leaves, index)) })),
    consistency: [1, 2, 3, 6, 8, 16, 20, 21].map(from => ({
      from,
      to: 21,
      proof: hex(consistencyProof(crypto, leaves, from)),
    })),
  }
}

/** C2SP tlog-checkpoint and signed-note, over the tree of `merkle`. */
export function checkpoint(): Json {
  const key = ed25519(3)
  const name = 'fleet.voltworks.example'
  const leaves = Array.from({ length: 21 }, (_, index) => leafHash(crypto, utf8(`entry ${index}`)))
  const text = checkpointText({ origin: name, size: 21, root: rootOfLeaves(crypto, leaves), extensions: [] })
  const noteKey = { name, key: key.public }
  const id = noteKeyId(crypto, noteKey) as Uint8Array
  const signature = signWith(key, utf8(text), 'p1363')
  const note = writeNote({ text, signatures: [{ name, id, signature }] })
  return {
    source: 'C2SP tlog-checkpoint v1.0.0, signed-note v1.0.0',
    spki: toHex(key.public.spki),
    verifierKey: verifierKey(crypto, noteKey),
    text,
    note,
    refused: [
      { name: 'another size', note: note.replace('\n21\n', '\n20\n'), code: 'checkpoint-signature-invalid' },
      { name: 'no signature', note: note.slice(0, text.length + 1), code: 'checkpoint-malformed' },
    ],
  }
}

/** TUF 1.0.34 §4.2.1: canonical JSON, and the ids of keys. */
export function tufKeys(): Json {
  const values: Json[] = [
    {},
    { b: 1, a: [true, null, 'x'], '': -0 },
    { '\u{1f50b}': 1, '\uffee': 2, é: 'ü' },
    'a "quote", a \\ and a\nline',
    { nested: { deep: [[[]]] }, large: Number.MAX_SAFE_INTEGER },
  ]
  const keys = [ed25519(1), ed25519(3), p256(2)]
  return {
    source: 'TUF 1.0.34 §4.2.1; OLPC canonical JSON',
    canonical: values.map(value => ({ value, bytes: toHex(canonicalJson(value)) })),
    keys: keys.map(key => {
      const object = keyObject(key.public) as unknown as JsonObject
      const bytes = toHex(canonicalJson(object))
      return { spki: toHex(key.public.spki), object, bytes, keyId: keyId(key.public, crypto) }
    }),
  }
}

/** A controller's signed report (src/core/trust/report.ts). */
export function report(): Json {
  const key = p256(4)
  const content: Report = {
    kind: 'voltseal-report',
    v: 1,
    site: 'harbour',
    controller: 'bms-1',
    sequence: 12,
    at: instant(1_767_225_600_000),
    event: 'confirmed',
    state: 'stable',
    running: { version: '2.3.0', sequence: 7, digest: 'ab'.repeat(32), slot: 'b' },
    previous: { version: '2.2.0', sequence: 6, digest: 'aa'.repeat(16) },
    counter: 3,
    anchors: ['0a'.repeat(32)],
    attempts: [],
    assignment: 'spring/0123456789abcdef/1',
  }
  const bytes = orThrow(reportBytes(content))
  const sealed = sealReport(content, Uint8Array.fromHex(SIGNED_ONCE.report))
  const replaced = new TextDecoder().decode(sealed).replace('"counter":3', '"counter":9')
  return {
    source: 'src/core/trust/report.ts; Uptane 2.1.0 §5.4.2.2',
    spki: toHex(key.public.spki),
    report: content as unknown as JsonObject,
    signedBytes: toHex(bytes),
    signature: SIGNED_ONCE.report,
    sealed: toHex(sealed),
    refused: [{ name: 'another counter', sealed: toHex(utf8(replaced)), code: 'report-signature-invalid' }],
  }
}

/** Every file of conformance/vectors, by its name. */
export const VECTORS: Readonly<Record<string, () => Json>> = {
  'suit-envelope.json': suitEnvelope,
  'encrypted-payload.json': encryptedPayload,
  'slot-header.json': slotHeader,
  'boot-record.json': bootRecord,
  'merkle.json': merkle,
  'checkpoint.json': checkpoint,
  'tuf-keys.json': tufKeys,
  'report.json': report,
}

/** A vector file's text. */
export const vectorText = (make: () => Json): string => `${JSON.stringify(make(), null, 2)}\n`
