import { sameBytes, utf8 } from '../../../src/core/encoding/bytes.ts'
import { canonicalJson, type Json, JsonFault } from '../../../src/core/encoding/canonical-json.ts'
import { CborFault, decodeCbor, encodeCbor, Tagged } from '../../../src/core/encoding/cbor.ts'
import { MAX_SIGN1_BYTES, protectedHeader, readSign1, writeSign1 } from '../../../src/core/encoding/cose.ts'
import { MAX_WRAPS_BYTES, readWrap, readWraps, writeWraps } from '../../../src/core/encoding/cose-recipient.ts'
import { derToP1363, P256_WIDTH, P384_WIDTH, p1363ToDer } from '../../../src/core/encoding/ecdsa-form.ts'
import { readForeignJson, readJson } from '../../../src/core/encoding/strict-json.ts'
import { formatUtc, parseUtc } from '../../../src/core/encoding/utc-time.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import type { Target } from '../input.ts'
import { hold, outcomeOf, TAKEN } from '../outcome.ts'

const LIMIT = 64 * 1024
const text = (value: unknown): Uint8Array => utf8(JSON.stringify(value))
const plain = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes))

const DOCUMENTS = [
  { a: [1, -1, 9007199254740991, true, false, null], b: { c: 'é😀\u2028', '': [] } },
  [[[['x']]], {}, { z: 1, a: 2, '10': 3, '9': 4 }],
  {
    _type: 'targets',
    expires: '2030-01-01T00:00:00Z',
    targets: { 'a/b.bin': { length: 5, hashes: { sha256: '00' } } },
  },
]
const WORDS = [
  '"',
  '\\u0061',
  '\\ud800',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  'null',
  '1e9',
  '-0',
  '\ufeff',
  '__proto__',
  '"a":',
]

const json: Target = {
  name: 'json',
  form: { of: 'json', spelling: 'any' },
  limit: LIMIT,
  share: 12,
  seeds: DOCUMENTS.map(text),
  words: WORDS,
  read: bytes => {
    const value = readJson(bytes, LIMIT)
    if (value instanceof JsonFault) return outcomeOf(value)
    const canonical = canonicalJson(value)
    hold(sameBytes(canonical, canonicalJson(plain(bytes) as Json)), 'two readers of JSON see two documents')
    const again = readJson(canonical, 8 * LIMIT)
    // Canonical JSON may hold what JSON may not: control characters stand in it as they are.
    hold(again instanceof JsonFault || sameBytes(canonicalJson(again), canonical), 'canonical JSON reads differently')
    return TAKEN
  },
}

const foreignJson: Target = {
  name: 'foreign-json',
  form: { of: 'json', spelling: 'any' },
  limit: LIMIT,
  share: 4,
  seeds: [...DOCUMENTS, { score: 9.8, list: [1e-7, -0.5, 1e21, 0] }].map(text),
  words: [...WORDS, '1.5', '1E+2', '1e999', '.5', '0x1'],
  read: bytes => {
    const value = readForeignJson(bytes, LIMIT)
    if (value instanceof JsonFault) return outcomeOf(value)
    hold(JSON.stringify(value) === JSON.stringify(plain(bytes)), 'two readers of JSON see two documents')
    return TAKEN
  },
}

const cbor: Target = {
  name: 'cbor',
  form: { of: 'cbor' },
  limit: LIMIT,
  share: 6,
  seeds: [
    encodeCbor([1, -1, 'text', Uint8Array.of(1, 2, 3), true, null, [[]], 4294967296]),
    encodeCbor(
      new Map<number | string, never>([
        [1, new Map([[-2, 'x']]) as never],
        ['a', new Tagged(18, [1]) as never],
      ]),
    ),
    encodeCbor(new Tagged(107, new Map([[2, encodeCbor([encodeCbor([-16, new Uint8Array(32)])])]]))),
  ],
  words: ['\u0018', '\u0019', '\u001a'],
  read: bytes => {
    const value = decodeCbor(bytes, LIMIT)
    if (value instanceof CborFault) return `${value.kind} ${outcomeOf(value)}`
    hold(sameBytes(encodeCbor(value), bytes), 'CBOR with a second spelling was taken')
    return TAKEN
  },
}

const KID = new Uint8Array(32).fill(7)
const cose: Target = {
  name: 'cose',
  form: { of: 'cbor' },
  limit: MAX_SIGN1_BYTES,
  share: 5,
  seeds: (['ed25519', 'ecdsa-p256', 'ecdsa-p384', 'ml-dsa-65'] as const).map(alg =>
    writeSign1(protectedHeader(alg, KID) as Uint8Array, new Uint8Array(64).fill(9)),
  ),
  words: ['\u0018', '&', '\u0001'],
  read: bytes => {
    const sign1 = readSign1(bytes, 'fuzz')
    if (isRefusal(sign1)) return outcomeOf(sign1)
    hold(sameBytes(writeSign1(sign1.protectedHeader, sign1.signature), bytes), 'a COSE_Sign1 with a second spelling')
    return TAKEN
  },
}

const point = new Map<number, never>([
  [1, 2],
  [-1, 1],
  [-2, new Uint8Array(32).fill(1)],
  [-3, new Uint8Array(32).fill(2)],
] as never)
const oneWrap = encodeCbor([
  encodeCbor(new Map([[1, -31]])),
  new Map<number, never>([
    [4, KID],
    [-1, point],
  ] as never),
  new Uint8Array(40).fill(3),
])

/** Wraps of a content key, as they lie beside a release. */
const wrap: Target = {
  name: 'wrap',
  form: { of: 'cbor' },
  limit: MAX_WRAPS_BYTES,
  share: 3,
  seeds: [writeWraps([oneWrap]), writeWraps([oneWrap, oneWrap])],
  words: ['\u0018', ' ', '&'],
  read: bytes => {
    const wraps = readWraps(bytes, 'fuzz')
    if (isRefusal(wraps)) return outcomeOf(wraps)
    hold(sameBytes(writeWraps(wraps), bytes), 'wraps with a second spelling')
    for (const one of wraps) hold(!isRefusal(readWrap(one, 'fuzz')), 'a wrap that is read once only')
    return TAKEN
  },
}

/** DER signatures grow from their two integers. */
const der: Target = {
  name: 'der',
  form: {
    of: 'fields',
    grow: draw => {
      const integer = (): number[] => {
        const value = draw.bytes(draw.from(0, 50))
        return [draw.chance(0.95) ? 2 : draw.below(256), draw.chance(0.95) ? value.length : draw.below(256), ...value]
      }
      const body = [...integer(), ...integer(), ...(draw.chance(0.1) ? [0] : [])]
      return Uint8Array.of(0x30, draw.chance(0.95) ? body.length : draw.below(256), ...body)
    },
  },
  limit: 256,
  share: 3,
  seeds: [1, 127, 128, 255].map(byte => p1363ToDer(new Uint8Array(64).fill(byte))),
  words: ['0', '\u0002', '\u0000'],
  read: bytes => {
    let taken = false
    for (const width of [P256_WIDTH, P384_WIDTH]) {
      const raw = derToP1363(bytes, width)
      if (raw === null) continue
      taken = true
      hold(raw.length === 2 * width && sameBytes(p1363ToDer(raw), bytes), 'a DER signature with a second spelling')
    }
    return taken ? TAKEN : 'not DER'
  },
}

const time: Target = {
  name: 'time',
  form: { of: 'lines' },
  limit: 64,
  share: 2,
  seeds: ['1970-01-01T00:00:00Z', '2028-02-29T23:59:59Z', '9999-12-31T23:59:59Z'].map(utf8),
  words: ['0', '-', ':', 'T', 'Z', '29', '24', '60', '+01:00', '.5'],
  read: bytes => {
    const written = new TextDecoder().decode(bytes)
    const at = parseUtc(written)
    if (at === null) return 'no time'
    hold(formatUtc(at) === written, 'a time with a second spelling')
    return TAKEN
  },
}

export const ENCODING: readonly Target[] = [json, foreignJson, cbor, cose, wrap, der, time]
