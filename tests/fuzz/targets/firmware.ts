import type { Device } from '../../../conformance/doors/suit/device.ts'
import { openForeign, processForeign } from '../../../conformance/doors/suit/process.ts'
import { isRefused } from '../../../conformance/doors/suit/refusal.ts'
import { showEnvelope } from '../../../conformance/doors/suit/show.ts'
import { concat, sameBytes, utf8 } from '../../../src/core/encoding/bytes.ts'
import { parseFacts } from '../../../src/core/firmware/facts.ts'
import { mcubootImage, mcubootSigned } from '../../../src/core/firmware/mcuboot/author.ts'
import { readMcuboot, verifyMcuboot } from '../../../src/core/firmware/mcuboot/read.ts'
import { authorManifest } from '../../../src/core/firmware/suit-author.ts'
import { assembleEnvelope, MAX_ENVELOPE_BYTES, takeApart } from '../../../src/core/firmware/suit-envelope.ts'
import { inspectEnvelope } from '../../../src/core/firmware/suit-open.ts'
import { MAX_MANIFEST_BYTES, readManifest } from '../../../src/core/firmware/suit-read.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { digestOf, envelopeOf, hex, manifestOf, parameters, sequence } from '../../conformance/suit-authoring.ts'
import { CLASS, EXAMPLES, published, VENDOR, WHOLE_EXAMPLES } from '../../conformance/suit-examples.ts'
import { FACTS, MANIFEST_BYTES, sealed, testKey } from '../../core/firmware/signing.ts'
import type { Draw } from '../draw.ts'
import type { Target } from '../input.ts'
import { hold, outcomeOf, TAKEN, trusting } from '../outcome.ts'

const GROUP = authorManifest(
  orThrow(
    parseFacts(
      {
        ...FACTS,
        components: [
          { name: 'app', size: 600 },
          { name: 'afe', size: 400 },
        ],
        chunks: { bytes: 512, digests: ['0a'.repeat(16), '0b'.repeat(16), '0c'.repeat(16)] },
        transition: { kind: 'retire', kid: '0d'.repeat(32) },
      },
      'fuzz',
    ),
  ),
)

const envelope: Target = {
  name: 'suit-envelope',
  form: { of: 'cbor' },
  limit: MAX_ENVELOPE_BYTES,
  share: 5,
  seeds: [sealed(MANIFEST_BYTES, testKey(1)), sealed(MANIFEST_BYTES, testKey(1), testKey(2)), sealed(GROUP)],
  words: ['\u00d8k', '\u0002', '\u0003'],
  read: bytes => {
    const parts = takeApart(bytes, trusting, 'fuzz')
    if (isRefusal(parts)) return outcomeOf(parts)
    hold(
      sameBytes(assembleEnvelope(parts.manifest, parts.signatures, trusting), bytes),
      'an envelope with a second spelling',
    )
    return outcomeOf(inspectEnvelope(bytes, trusting))
  },
}

/** The manifest by itself: in an envelope, a change of it is seen by its digest before it is read. */
const manifest: Target = {
  name: 'suit-manifest',
  form: { of: 'cbor' },
  limit: MAX_MANIFEST_BYTES,
  share: 6,
  seeds: [MANIFEST_BYTES, GROUP],
  words: ['bms-rack', '1.0.0', 'ni:///sha-256;'],
  read: bytes => {
    const facts = readManifest(bytes, 'fuzz')
    if (isRefusal(facts)) return outcomeOf(facts)
    // Other authors report otherwise and set parameters in other commands: what is the same are the facts.
    const again = readManifest(authorManifest(facts), 'fuzz')
    hold(JSON.stringify(again) === JSON.stringify(facts), 'facts that cannot be written as they were read')
    return TAKEN
  },
}

// The general processor of SUIT, for envelopes of other authors.

const KEYS = [
  { name: 'author', key: testKey(3).key },
  { name: 'example', key: { alg: 'ecdsa-p256', spki: new Uint8Array(91).fill(5) } as const },
]
const BLOCK = { header: Uint8Array.of(0xa1, 0x01, 0x32), signature: new Uint8Array(64) }
const NEW = utf8('the new image')
const DEVICE: Device = {
  vendor: [VENDOR],
  class: [CLASS],
  device: [],
  sequence: 0,
  components: new Map(['00', '01', '02'].map(key => [key, { slot: key === '01' ? 1 : null }])),
  image: key => (key === '00' ? NEW : null),
  payload: () => NEW,
}

/** Manifests that this device carries out: the examples of the drafts name digests of nothing. */
const CARRIED_OUT: readonly Uint8Array[] = [
  [7, sequence(3, 15)] as const,
  [20, sequence(20, parameters([21, 'https://updates.example/new.bin']), 21, 2, 3, 15)] as const,
  [
    20,
    sequence(15, [sequence(20, parameters([5, 9]), 5, 5), sequence(20, parameters([21, 'x']))], 21, 2, 3, 15),
  ] as const,
  [9, sequence(32, sequence(3, 15), 23, 2)] as const,
].map(more => {
  const image = parameters([1, hex(VENDOR)], [2, hex(CLASS)], [3, digestOf(NEW)], [14, NEW.length])
  return manifestOf({ shared: sequence(20, image, 1, 15, 2, 15), more: [more] })
})

const foreign: Target = {
  name: 'suit-foreign',
  form: { of: 'cbor' },
  limit: 1024 * 1024,
  share: 3,
  seeds: [...EXAMPLES, ...WHOLE_EXAMPLES].map(example => published(example, example.signatures[0]!)),
  words: ['\u00d8k', '#tc', 'http://'],
  read: bytes => {
    const opened = openForeign(bytes, KEYS, 1, trusting)
    if (isRefused(opened)) return opened.code
    JSON.stringify(showEnvelope(opened.outer, opened.manifest, trusting))
    return TAKEN
  },
}

const processed: Target = {
  name: 'suit-process',
  form: { of: 'cbor' },
  // That of the envelope, which is made around it here.
  limit: 1024 * 1024,
  share: 3,
  seeds: [...CARRIED_OUT, ...[...EXAMPLES, ...WHOLE_EXAMPLES].map(({ manifest }) => manifest)],
  words: ['\u000f', '\u0014', '\u0015', '\u0017', '\u0018', '\u0020'],
  read: bytes => {
    const ran = processForeign(envelopeOf(bytes, [BLOCK]), KEYS, 1, DEVICE, 'all', trusting)
    if (isRefused(ran)) return ran.code
    return ran.refusal === null ? TAKEN : `ran: ${ran.refusal.code}`
  },
}

// Images of MCUboot.

const KEY = { alg: 'ecdsa-p256', spki: new Uint8Array(91).fill(4) } as const
const IMAGE = Uint8Array.from({ length: 300 }, (_, index) => (index * 7) & 0xff)

function image(headerBytes: number, counter: number | undefined): Uint8Array {
  const dependencies = [{ image: 1, atLeast: { major: 2, minor: 0, revision: 1, build: 7 } }]
  const version = { major: 1, minor: 2, revision: 345, build: 0 }
  const signed = orThrow(mcubootSigned({ image: IMAGE, version, headerBytes, counter: counter ?? 0, dependencies }))
  return mcubootImage(signed, KEY, new Uint8Array(70).fill(0x30), trusting)
}

/** Header and areas field by field, each mostly right. */
function growImage(draw: Draw): Uint8Array {
  const word = (value: number, width: number): Uint8Array => {
    const out = new Uint8Array(width)
    const told = draw.chance(0.97) ? value : draw.pick([0, 1, 3, 0xff, 0xffff, 0x7fffffff, 0xffffffff])
    for (let index = 0; index < width; index += 1) out[index] = Math.floor(told / 256 ** index) & 0xff
    return out
  }
  const area = (magic: number): Uint8Array => {
    const entries = Array.from({ length: draw.pick([0, 1, 2, 3, 4, 63, 64, 65]) }, () => {
      const value = draw.bytes(draw.pick([0, 4, 12, 32, 70]))
      return concat(word(draw.pick([0x01, 0x10, 0x22, 0x40, 0x50, 0x99]), 2), word(value.length, 2), value)
    })
    const body = concat(...entries)
    return concat(word(magic, 2), word(4 + body.length, 2), body)
  }
  const header = draw.pick([32, 64, 512])
  const body = draw.bytes(draw.from(0, 64))
  const hashed = draw.chance(0.7) ? area(0x6908) : new Uint8Array(0)
  const head = concat(
    word(0x96f3b83d, 4),
    word(0, 4),
    word(header, 2),
    word(hashed.length, 2),
    word(body.length, 4),
    word(0, 12),
  )
  return concat(head, new Uint8Array(header - head.length), body, hashed, area(0x6907), draw.bytes(draw.from(0, 8)))
}

const mcuboot: Target = {
  name: 'mcuboot',
  form: { of: 'fields', grow: growImage },
  limit: 64 * 1024 * 1024,
  share: 8,
  seeds: [image(32, 9), image(512, undefined)],
  words: ['=\u00b8\u00f3\u0096', '\u0007i', '\u0008i'],
  read: bytes => {
    const read = readMcuboot(bytes, 'fuzz')
    if (isRefusal(read)) return outcomeOf(read)
    const open = read.open.reduce((sum, { value }) => sum + 4 + value.length, 4)
    hold(read.signed.length + open + read.trailing === bytes.length, 'parts that do not come to the whole')
    hold(read.image.length === read.facts.imageBytes, 'an image of another length than is stated')
    return outcomeOf(verifyMcuboot(read, KEY, 'fuzz', trusting))
  },
}

export const FIRMWARE: readonly Target[] = [envelope, manifest, foreign, processed, mcuboot]
