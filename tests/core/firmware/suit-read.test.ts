import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import { type Cbor, decodeCbor, encodeCbor } from '../../../src/core/encoding/cbor.ts'
import { LIMITS, parseFacts } from '../../../src/core/firmware/facts.ts'
import { chunkCount, MAX_COMPONENTS, usualChunkBytes } from '../../../src/core/firmware/payload.ts'
import type { ReleaseFacts } from '../../../src/core/firmware/release-facts.ts'
import { authorManifest } from '../../../src/core/firmware/suit-author.ts'
import { MAX_STEPS } from '../../../src/core/firmware/suit-commands.ts'
import { MAX_MANIFEST_BYTES, readManifest } from '../../../src/core/firmware/suit-read.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { changed, FACTS, MANIFEST_BYTES } from './signing.ts'

type Changes = ReadonlyMap<number | string, Cbor | undefined>
type Edit = (commands: Cbor[]) => Cbor

const inner = (bytes: Cbor | undefined): Cbor => decodeCbor(bytes as Uint8Array, MAX_MANIFEST_BYTES) as Cbor
const MANIFEST = inner(MANIFEST_BYTES) as ReadonlyMap<number, Cbor>
const COMMON = inner(MANIFEST.get(3)) as ReadonlyMap<number, Cbor>

const manifestWith = (changes: Changes): Uint8Array => encodeCbor(changed(MANIFEST, changes))
const commonWith = (changes: Changes): Uint8Array => manifestWith(new Map([[3, encodeCbor(changed(COMMON, changes))]]))
const sharedWith = (edit: Edit): Uint8Array =>
  commonWith(new Map([[4, encodeCbor(edit([...(inner(COMMON.get(4)) as Cbor[])]))]]))
const sequenceWith = (label: number, edit: Edit): Uint8Array =>
  manifestWith(new Map([[label, encodeCbor(edit([...(inner(MANIFEST.get(label)) as Cbor[])]))]]))
/** The shared sequence's parameters stand at index 3: set component index 0, override parameters {...}. */
const parametersWith = (changes: Changes): Uint8Array =>
  sharedWith(commands => commands.with(3, changed(commands[3] as Cbor, changes)))

const chunksOf = (bytes: number, count: number): Uint8Array =>
  parametersWith(new Map([[-264, encodeCbor([bytes, new Uint8Array(16 * count)])]]))
const furtherWith = (rows: Cbor): Uint8Array => parametersWith(new Map([[-263, encodeCbor(rows)]]))
const encryptionWith = (parts: Cbor): Uint8Array => parametersWith(new Map([[-266, encodeCbor(parts)]]))
const transitionWith = (parts: Cbor): Uint8Array => parametersWith(new Map([[-265, encodeCbor(parts)]]))
const KID = new Uint8Array(32).fill(7)

function codeOf(bytes: Uint8Array): string {
  const answer = readManifest(bytes, 'manifest')
  return isRefusal(answer) ? answer.code : 'read'
}

const VALIDATE = 7
const INVOKE = 9
const INSTALL = 20

describe('readManifest', () => {
  it('reads what was authored', () => assert.deepEqual(readManifest(MANIFEST_BYTES, 'manifest'), FACTS))

  it('has a fixed layout: these bytes never change under a released verifier', () => {
    const facts = orThrow(
      parseFacts(
        {
          ...FACTS,
          imageDigest: '00'.repeat(32),
          chunks: { bytes: 1024, digests: ['00'.repeat(16)] },
          dependencies: [],
          hardware: ['a'],
          health: { windowMillis: 1000, probes: [] },
        },
        'test',
      ),
    )
    assert.equal(authorManifest(facts).toHex(), GOLDEN)
  })

  const refused: readonly (readonly [string, Uint8Array, string])[] = [
    ['no map', encodeCbor([1]), 'manifest-malformed'],
    ['no CBOR', Uint8Array.of(0xff), 'manifest-malformed'],
    ['too many bytes', new Uint8Array(MAX_MANIFEST_BYTES + 1), 'manifest-malformed'],
    ['another encoding version', manifestWith(new Map([[1, 2]])), 'manifest-malformed'],
    ['no sequence number', manifestWith(new Map([[2, undefined]])), 'manifest-malformed'],
    ['sequence number 0', manifestWith(new Map([[2, 0]])), 'release-fact-invalid'],
    ['a sequence number of 33 bits', manifestWith(new Map([[2, 2 ** 32]])), 'release-fact-invalid'],
    ['no validate sequence', manifestWith(new Map([[VALIDATE, undefined]])), 'manifest-malformed'],
    ['a load sequence', manifestWith(new Map([[8, encodeCbor([])]])), 'manifest-member-not-allowed'],
    ['a reference URI', manifestWith(new Map([[4, 'coaps://x']])), 'manifest-member-not-allowed'],
    ['a member by name', manifestWith(new Map([['x', 1]])), 'manifest-member-not-allowed'],
    ['dependencies of SUIT', commonWith(new Map([[1, new Map()]])), 'manifest-member-not-allowed'],
    ['one component', commonWith(new Map([[2, [[utf8('app')]]]])), 'manifest-malformed'],
    [
      'three components',
      commonWith(new Map([[2, [[utf8('app')], [utf8('counter')], [utf8('x')]]]])),
      'manifest-malformed',
    ],
    [
      'components the other way round',
      commonWith(new Map([[2, [[utf8('counter')], [utf8('app')]]]])),
      'manifest-malformed',
    ],
    ['two counters', commonWith(new Map([[2, [[utf8('counter')], [utf8('counter')]]]])), 'release-fact-invalid'],
    ['an odd number of items', sequenceWith(VALIDATE, list => list.slice(0, 3)), 'manifest-malformed'],
    ['component 2', sequenceWith(VALIDATE, list => list.with(1, 2)), 'manifest-malformed'],
    ['all components at once', sequenceWith(VALIDATE, list => list.with(1, true)), 'manifest-malformed'],
    ['a reporting policy of 16', sequenceWith(VALIDATE, list => list.with(3, 16)), 'manifest-malformed'],
    [
      'too many commands',
      sequenceWith(VALIDATE, () => new Array<Cbor>(MAX_STEPS + 1).fill([12, 0]).flat() as Cbor[]),
      'manifest-malformed',
    ],
    ['a sequence that is no bytes', manifestWith(new Map([[VALIDATE, [3, 15]]])), 'manifest-malformed'],
    ['no vendor name', parametersWith(new Map([[-256, undefined]])), 'release-fact-invalid'],
    ['a wrong vendor identifier', parametersWith(new Map([[1, new Uint8Array(16)]])), 'manifest-contradicts-itself'],
    ['a wrong class identifier', parametersWith(new Map([[2, new Uint8Array(16)]])), 'manifest-contradicts-itself'],
    [
      'a class name that is not its identifier',
      parametersWith(new Map([[-257, 'ems']])),
      'manifest-contradicts-itself',
    ],
    ['SHA-384', parametersWith(new Map([[3, encodeCbor([-43, new Uint8Array(48)])]])), 'manifest-malformed'],
    ['a short digest', parametersWith(new Map([[3, encodeCbor([-16, new Uint8Array(31)])]])), 'release-fact-invalid'],
    ['an image of no bytes', parametersWith(new Map([[14, 0]])), 'release-fact-invalid'],
    ['a huge image', parametersWith(new Map([[14, LIMITS.imageBytes + 1]])), 'release-fact-invalid'],
    ['a version with a v', parametersWith(new Map([[-258, 'v2.3.0']])), 'version-malformed'],
    ['no hardware', parametersWith(new Map([[-259, encodeCbor([])]])), 'release-fact-invalid'],
    ['hardware twice', parametersWith(new Map([[-259, encodeCbor(['a', 'a'])]])), 'release-fact-invalid'],
    ['a bootloader range upside down', parametersWith(new Map([[-260, encodeCbor([5, 2])]])), 'release-fact-invalid'],
    [
      'a dependency twice',
      parametersWith(
        new Map([
          [
            -261,
            encodeCbor([
              ['ems', '1.0.0', null],
              ['ems', '1.0.0', null],
            ]),
          ],
        ]),
      ),
      'release-fact-invalid',
    ],
    [
      'an empty range of versions',
      parametersWith(new Map([[-261, encodeCbor([['ems', '2.0.0', '2.0.0']])]])),
      'release-fact-invalid',
    ],
    ['no health window', parametersWith(new Map([[-262, encodeCbor([0, []])]])), 'release-fact-invalid'],
    ['a probe twice', parametersWith(new Map([[-262, encodeCbor([1, ['a', 'a']])]])), 'release-fact-invalid'],
    ['no chunks', parametersWith(new Map([[-264, undefined]])), 'manifest-malformed'],
    [
      'a chunk too few',
      parametersWith(new Map([[-264, encodeCbor([512, new Uint8Array(16)])]])),
      'release-fact-invalid',
    ],
    ['half a chunk', parametersWith(new Map([[-264, encodeCbor([512, new Uint8Array(24)])]])), 'manifest-malformed'],
    ['chunks of no power of two', chunksOf(1000, 1), 'release-fact-invalid'],
    ['chunks that are too small', chunksOf(128, 8), 'release-fact-invalid'],
    ['an empty list of further images', furtherWith([]), 'manifest-malformed'],
    ['a further image of no bytes', furtherWith([['afe', 0]]), 'release-fact-invalid'],
    ['a further image larger than all', furtherWith([['afe', 1000]]), 'release-fact-invalid'],
    ['a further image by the name of the first', furtherWith([['app', 8]]), 'release-fact-invalid'],
    ['a further image that is the counter', furtherWith([['counter', 8]]), 'release-fact-invalid'],
    ['five images', furtherWith(['b', 'c', 'd', 'e'].map(name => [name, 8])), 'release-fact-invalid'],
    ['a transition of another kind', transitionWith([2, KID]), 'manifest-malformed'],
    ['a retired key with a key', transitionWith([1, KID, 'ed25519', KID]), 'manifest-malformed'],
    ['an added key without one', transitionWith([0, KID]), 'manifest-malformed'],
    ['a short key id', transitionWith([1, new Uint8Array(31)]), 'release-fact-invalid'],
    ['a key of an unknown kind', transitionWith([0, KID, 'rsa', KID]), 'release-fact-invalid'],
    ['a huge key', transitionWith([0, KID, 'ed25519', new Uint8Array(2049)]), 'release-fact-invalid'],
    ['an encryption by another algorithm', encryptionWith([1, 4096, KID, KID]), 'manifest-malformed'],
    ['an encryption without a key check', encryptionWith([3, 4096, KID]), 'manifest-malformed'],
    ['an encryption in huge segments', encryptionWith([3, 65_536, KID, KID]), 'release-fact-invalid'],
    ['an encryption with a short digest', encryptionWith([3, 4096, KID.subarray(1), KID]), 'release-fact-invalid'],
    [
      'an encryption whose ciphertext is not what is fetched',
      encryptionWith([3, 4096, KID, KID]),
      'manifest-contradicts-itself',
    ],
    [
      'another image URI',
      sequenceWith(INSTALL, list => list.with(3, new Map([[21, 'https://evil.example/x']]))),
      'manifest-contradicts-itself',
    ],
    [
      'a counter of 8 bytes',
      sequenceWith(INSTALL, list => list.with(11, new Map([[18, new Uint8Array(8)]]))),
      'manifest-malformed',
    ],
    [
      'the image check left out of install',
      sequenceWith(INSTALL, list => list.toSpliced(6, 2)),
      'manifest-steps-wrong',
    ],
    ['the image check left out of validate', sequenceWith(VALIDATE, list => list.slice(0, 2)), 'manifest-steps-wrong'],
    ['the class check left out', sharedWith(list => list.slice(0, 6)), 'manifest-steps-wrong'],
    ['invoke before anything', sequenceWith(VALIDATE, list => [23, 15, ...list]), 'manifest-steps-wrong'],
    ['an invoke of the counter', sequenceWith(INVOKE, list => list.with(1, 1)), 'manifest-steps-wrong'],
    ['a check before its parameter', sharedWith(list => [1, 15, ...list]), 'manifest-malformed'],
    ['a fetch without URI', sequenceWith(INSTALL, list => list.toSpliced(2, 2)), 'manifest-malformed'],
  ]
  for (const [name, bytes, code] of refused) it(`refuses ${name}`, () => assert.equal(codeOf(bytes), code))

  it('attack: unknown command', () => {
    // Every command of the draft and its companions that is not on the allowlist, and private ones.
    for (const command of [
      0, 4, 5, 6, 7, 8, 11, 13, 14, 15, 19, 22, 24, 25, 26, 27, 28, 29, 31, 32, 33, 34, 35, 99, -1,
    ]) {
      for (const label of [VALIDATE, INVOKE, INSTALL]) {
        const bytes = sequenceWith(label, list => [...list, command, 15])
        assert.equal(codeOf(bytes), 'manifest-command-not-allowed', `command ${command}`)
      }
    }
    assert.equal(codeOf(sequenceWith(VALIDATE, list => [...list, 'x', 15])), 'manifest-command-not-allowed')
  })

  it('attack: unknown parameter', () => {
    for (const label of [4, 5, 12, 13, 19, 22, 23, 24, 26, 27, 28, 29, 30, -1, -7, -255, -267, -1000]) {
      assert.equal(
        codeOf(parametersWith(new Map([[label, 1]]))),
        'manifest-parameter-not-allowed',
        `parameter ${label}`,
      )
    }
    assert.equal(codeOf(parametersWith(new Map([['x', 1]]))), 'manifest-parameter-not-allowed')
  })

  it('attack: a parameter replaced after it was checked', () => {
    const again =
      (label: number, value: Cbor): Edit =>
      list => [...list, 20, new Map([[label, value]])]
    const digest = encodeCbor([-16, new Uint8Array(32)])
    assert.equal(codeOf(sharedWith(again(3, digest))), 'manifest-parameter-repeated')
    assert.equal(codeOf(sequenceWith(INSTALL, again(18, new Uint8Array(4)))), 'manifest-parameter-repeated')
    for (const label of [VALIDATE, INVOKE, INSTALL]) {
      assert.equal(codeOf(sequenceWith(label, again(3, digest))), 'manifest-parameter-not-allowed')
    }
  })

  it('attack: duplicate CBOR keys', () => {
    // Two sequence numbers in the manifest: a reader that takes the last one sees another release.
    const bytes = MANIFEST_BYTES
    const doubled = new Uint8Array([(bytes[0] as number) + 1, ...bytes.slice(1, 5), 2, 9, ...bytes.slice(5)])
    assert.equal(doubled[4], FACTS.sequence)
    assert.equal(codeOf(doubled), 'manifest-ambiguous')
  })

  it('reads back any facts that may be written', () => {
    const name = fc.stringMatching(/^[a-z0-9]([a-z0-9._-]{0,20}[a-z0-9])?$/)
    const names = (min: number, max: number) => fc.uniqueArray(name, { minLength: min, maxLength: max })
    const word = fc.nat(LIMITS.word)
    const version = fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99)).map(parts => parts.join('.'))
    const fields = fc.record({
      vendor: name.map(label => `${label.replace(/[._]/g, 'x')}.example`),
      class: name,
      hardware: names(1, LIMITS.hardware),
      version,
      sequence: word.map(value => Math.max(1, value)),
      counter: word,
      imageDigest: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytes => new Uint8Array(bytes).toHex()),
      bootloader: fc.tuple(word, word).map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) })),
      dependencies: names(0, 4).chain(classes =>
        fc.tuple(...classes.map(text => version.map(min => ({ class: text, min, below: '100.0.0' })))),
      ),
      health: fc.record({ windowMillis: fc.integer({ min: 1, max: LIMITS.windowMillis }), probes: names(0, 8) }),
    })
    const payload = fc
      .uniqueArray(
        name.filter(text => text !== 'counter'),
        { minLength: 1, maxLength: MAX_COMPONENTS },
      )
      .chain(all =>
        fc.tuple(
          ...all.map(text => fc.record({ name: fc.constant(text), size: fc.integer({ min: 1, max: 16_000_000 }) })),
        ),
      )
      .map(components => {
        const bytes = usualChunkBytes(components)
        const count = chunkCount({ components, chunks: { bytes } })
        const digests = Array.from({ length: count }, (_, at) => at.toString(16).padStart(32, '0'))
        return {
          components,
          chunks: { bytes, digests },
          imageSize: components.reduce((sum, { size }) => sum + size, 0),
        }
      })
    const kid = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytes => new Uint8Array(bytes).toHex())
    const transition = fc.option(
      fc.oneof(
        fc.record({ kind: fc.constant('retire'), kid }),
        fc.record({ kind: fc.constant('add'), kid, alg: fc.constant('ecdsa-p256'), spki: kid }),
      ),
    )
    const whole = fc
      .tuple(fields, payload, transition)
      .map(([one, two, three]) => ({ ...one, ...two, transition: three }))
    fc.assert(
      fc.property(whole, input => {
        const facts: ReleaseFacts = orThrow(parseFacts(input, 'test'))
        assert.deepEqual(readManifest(authorManifest(facts), 'manifest'), facts)
      }),
    )
  })
})

/** Broken down byte by byte in docs/release-format.md. */
const GOLDEN =
  'a6010102070358caa2028281436170708147636f756e7465720458b6880c0014ac0150e9b8a7e3b93f514e9ea92d044f3457960250f57e588e74d35ae69a3f9b63320026f0035824822f582000000000000000000000000000000000000000000000000000000000000000000e1903e838ff71766f6c74776f726b732e6578616d706c6539010068626d732d7261636b39010165322e332e303901024381616139010343820205390104418039010545821903e88039010755821904005000000000000000000000000000000000010f020f0745840c00030f0945840c00170f1458518e0c0014a11578396e693a2f2f2f7368612d3235363b41414141414141414141414141414141414141414141414141414141414141414141414141414141414141150f030f0c0114a1124400000003120f'
