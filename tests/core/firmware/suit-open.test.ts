import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { type Cbor, decodeCbor, encodeCbor, Tagged } from '../../../src/core/encoding/cbor.ts'
import { protectedHeader, writeSign1 } from '../../../src/core/encoding/cose.ts'
import { authorManifest, suitDigest, wrappedSha256 } from '../../../src/core/firmware/suit-author.ts'
import { assembleEnvelope, MAX_ENVELOPE_BYTES, MAX_SIGNATURES } from '../../../src/core/firmware/suit-envelope.ts'
import { type Anchor, inspectEnvelope, openEnvelope } from '../../../src/core/firmware/suit-open.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import {
  anchorOf,
  changed,
  FACTS,
  keyOf,
  MANIFEST_BYTES,
  rawSignature,
  sealed,
  signatureOf,
  signatureUnder,
  testKey,
} from './signing.ts'

const [alice, bob, carol, mallory] = [testKey(1), testKey(2), testKey(3), testKey(66)]
const ANCHORS: readonly Anchor[] = [alice, bob, carol].map(anchorOf)
const ENVELOPE = sealed(MANIFEST_BYTES, alice)

/** An envelope with other members, its own digest right unless `wrapper` says otherwise. */
function envelopeOf(members: ReadonlyMap<number | string, Cbor | undefined>, tag = 107): Uint8Array {
  const whole = decodeCbor(ENVELOPE, MAX_ENVELOPE_BYTES) as Tagged
  return encodeCbor(new Tagged(tag, changed(whole.value, members)))
}

function codeOf(bytes: Uint8Array, anchors = ANCHORS, threshold = 1): string {
  const answer = openEnvelope(bytes, anchors, nodeCrypto, threshold)
  return isRefusal(answer) ? answer.code : 'opened'
}

describe('openEnvelope', () => {
  it('answers the facts, the original bytes and who signed', () => {
    const opened = orThrow(openEnvelope(ENVELOPE, ANCHORS, nodeCrypto))
    assert.deepEqual(opened.facts, FACTS)
    assert.deepEqual(opened.manifest, MANIFEST_BYTES)
    assert.equal(opened.manifestDigest, wrappedSha256(MANIFEST_BYTES, nodeCrypto).toHex())
    assert.deepEqual(opened.signers, [alice.kid])
  })

  it('takes each kind of key', () => {
    const pairs = [
      keyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'ecdsa-p256'),
      keyOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey, 'ecdsa-p384'),
      keyOf(generateKeyPairSync('ed25519').privateKey, 'ed25519'),
      keyOf(generateKeyPairSync('ml-dsa-65').privateKey, 'ml-dsa-65'),
    ]
    for (const pair of pairs)
      assert.equal(codeOf(sealed(MANIFEST_BYTES, pair), [anchorOf(pair)]), 'opened', pair.key.alg)
    const all = orThrow(openEnvelope(sealed(MANIFEST_BYTES, ...pairs), pairs.map(anchorOf), nodeCrypto, 4))
    assert.equal(all.signers.length, 4)
  })

  it('counts to the threshold', () => {
    const two = sealed(MANIFEST_BYTES, alice, bob)
    assert.equal(codeOf(two, ANCHORS, 2), 'opened')
    assert.equal(codeOf(two, ANCHORS, 3), 'envelope-below-threshold')
    assert.equal(codeOf(sealed(MANIFEST_BYTES, alice, mallory), ANCHORS, 2), 'envelope-below-threshold')
    assert.equal(codeOf(sealed(MANIFEST_BYTES, mallory, alice), ANCHORS, 1), 'opened')
    assert.throws(() => openEnvelope(two, ANCHORS, nodeCrypto, 0), RangeError)
  })

  it('reads a Buffer, and keeps no hold on it', () => {
    const buffer = Buffer.from(ENVELOPE)
    const opened = orThrow(openEnvelope(buffer, ANCHORS, nodeCrypto))
    buffer.fill(0)
    assert.deepEqual(opened.manifest, MANIFEST_BYTES)
  })

  const digestOf = (manifest: Uint8Array) => suitDigest(wrappedSha256(manifest, nodeCrypto))
  const block = (signature: { protectedHeader: Uint8Array; signature: Uint8Array }): Uint8Array =>
    writeSign1(signature.protectedHeader, signature.signature)
  const own = block(signatureOf(MANIFEST_BYTES, alice))
  const wrapper = (...items: readonly Cbor[]): ReadonlyMap<number, Cbor> => new Map([[2, encodeCbor(items)]])

  const refused: readonly (readonly [string, Uint8Array, string])[] = [
    ['nothing', new Uint8Array(0), 'envelope-malformed'],
    ['an image', new Uint8Array(1000).fill(0xff), 'envelope-malformed'],
    ['too many bytes', new Uint8Array(MAX_ENVELOPE_BYTES + 1), 'envelope-too-large'],
    ['another tag', envelopeOf(new Map(), 106), 'envelope-malformed'],
    ['no manifest', envelopeOf(new Map([[3, undefined]])), 'envelope-malformed'],
    ['no authentication', envelopeOf(new Map([[2, undefined]])), 'envelope-malformed'],
    ['a manifest that is no bytes', envelopeOf(new Map([[3, 'x']])), 'envelope-malformed'],
    ['no signature', assembleEnvelope(MANIFEST_BYTES, [], nodeCrypto), 'envelope-unsigned'],
    ['an integrated payload', envelopeOf(new Map([['#image', new Uint8Array(8)]])), 'envelope-member-not-allowed'],
    ['a delegation chain', envelopeOf(new Map([[1, new Uint8Array(8)]])), 'envelope-member-not-allowed'],
    [
      'another digest algorithm',
      envelopeOf(wrapper(encodeCbor([-44, new Uint8Array(64)]), own)),
      'envelope-digest-mismatch',
    ],
    ['another digest', envelopeOf(wrapper(suitDigest(new Uint8Array(32)), own)), 'envelope-digest-mismatch'],
    [
      'the same signature twice',
      envelopeOf(wrapper(digestOf(MANIFEST_BYTES), own, own)),
      'envelope-signature-repeated',
    ],
    [
      'more signatures than are read',
      envelopeOf(wrapper(digestOf(MANIFEST_BYTES), ...new Array<Uint8Array>(MAX_SIGNATURES + 1).fill(own))),
      'envelope-malformed',
    ],
    ['a signature that is no bytes', envelopeOf(wrapper(digestOf(MANIFEST_BYTES), 1)), 'envelope-malformed'],
    ['bytes behind it', new Uint8Array([...ENVELOPE, 0]), 'envelope-malformed'],
  ]
  for (const [name, bytes, code] of refused) it(`refuses ${name}`, () => assert.equal(codeOf(bytes), code))

  it('attack: wrong key', () => {
    assert.equal(codeOf(sealed(MANIFEST_BYTES, mallory)), 'envelope-signers-unknown')
    assert.equal(codeOf(ENVELOPE, []), 'envelope-signers-unknown')
    // Her key under the name of a trusted one.
    const forged = assembleEnvelope(MANIFEST_BYTES, [signatureOf(MANIFEST_BYTES, mallory, alice.kid)], nodeCrypto)
    assert.equal(codeOf(forged), 'envelope-signature-invalid')
  })

  it('attack: a forged signature beside a good one', () => {
    const forged = signatureOf(MANIFEST_BYTES, mallory, bob.kid)
    const both = assembleEnvelope(MANIFEST_BYTES, [signatureOf(MANIFEST_BYTES, alice), forged], nodeCrypto)
    assert.equal(codeOf(both), 'envelope-signature-invalid')
  })

  it('attack: one key under two key ids', () => {
    const alias = 'ab'.repeat(32)
    const anchors = [anchorOf(alice), { kid: alias, key: alice.key }]
    const twice = [signatureOf(MANIFEST_BYTES, alice), signatureOf(MANIFEST_BYTES, alice, alias)]
    assert.equal(codeOf(assembleEnvelope(MANIFEST_BYTES, twice, nodeCrypto), anchors, 2), 'envelope-below-threshold')
  })

  it('attack: an algorithm chosen by the message', () => {
    // Ed25519's key, marked as an ECDSA signature: the anchor says which algorithm, whatever the header says.
    const header = protectedHeader('ecdsa-p256', Uint8Array.fromHex(alice.kid)) as Uint8Array
    const forged = signatureUnder(header, MANIFEST_BYTES, alice)
    assert.equal(codeOf(assembleEnvelope(MANIFEST_BYTES, [forged], nodeCrypto)), 'envelope-signature-invalid')
  })

  it('attack: algorithm confusion between any two kinds of key', () => {
    const pairs = [
      keyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'ecdsa-p256'),
      keyOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey, 'ecdsa-p384'),
      keyOf(generateKeyPairSync('ed25519').privateKey, 'ed25519'),
      keyOf(generateKeyPairSync('ml-dsa-65').privateKey, 'ml-dsa-65'),
    ]
    const labels = { 'ecdsa-p256': [-7, -9], 'ecdsa-p384': [-35, -51], ed25519: [-8, -19], 'ml-dsa-65': [-49] }
    for (const pair of pairs) {
      for (const [alg, identifiers] of Object.entries(labels)) {
        for (const identifier of identifiers) {
          const header = encodeCbor(
            new Map<number, Cbor>([
              [1, identifier],
              [4, Uint8Array.fromHex(pair.kid)],
            ]),
          )
          const bytes = assembleEnvelope(MANIFEST_BYTES, [signatureUnder(header, MANIFEST_BYTES, pair)], nodeCrypto)
          const expected = alg === pair.key.alg ? 'opened' : 'envelope-signature-invalid'
          assert.equal(codeOf(bytes, [anchorOf(pair)]), expected, `${pair.key.alg} marked ${identifier}`)
        }
      }
    }
  })

  it('attack: a signature of another envelope', () => {
    // Both were honestly signed by the same key: each signature belongs to one manifest.
    const other = authorManifest({ ...FACTS, sequence: FACTS.sequence + 1 })
    const [here, there] = [signatureOf(MANIFEST_BYTES, alice), signatureOf(other, alice)]
    assert.equal(codeOf(assembleEnvelope(MANIFEST_BYTES, [here], nodeCrypto)), 'opened')
    assert.equal(codeOf(assembleEnvelope(other, [there], nodeCrypto)), 'opened')
    assert.equal(codeOf(assembleEnvelope(MANIFEST_BYTES, [there], nodeCrypto)), 'envelope-signature-invalid')
    assert.equal(codeOf(assembleEnvelope(other, [here], nodeCrypto)), 'envelope-signature-invalid')
  })

  it('attack: a signature stripped below the threshold', () => {
    const three = [alice, bob, carol].map(by => signatureOf(MANIFEST_BYTES, by))
    const codes = [3, 2, 1, 0].map(kept =>
      codeOf(assembleEnvelope(MANIFEST_BYTES, three.slice(0, kept), nodeCrypto), ANCHORS, 3),
    )
    assert.deepEqual(codes, ['opened', 'envelope-below-threshold', 'envelope-below-threshold', 'envelope-unsigned'])
  })

  it('attack: altered manifest with intact payload', () => {
    // The image, its digest and its size stay; the counter, the class or the version do not.
    const altered = [
      { ...FACTS, counter: 1 },
      { ...FACTS, class: 'ems' },
      { ...FACTS, sequence: FACTS.sequence + 1 },
      { ...FACTS, hardware: ['any'] },
    ]
    for (const facts of altered) {
      const manifest = authorManifest(facts)
      // The old signature over the new manifest, with the digest put right and with the digest left.
      const moved = assembleEnvelope(manifest, [signatureOf(MANIFEST_BYTES, alice)], nodeCrypto)
      assert.equal(codeOf(moved), 'envelope-signature-invalid')
      assert.equal(codeOf(envelopeOf(new Map([[3, manifest]]))), 'envelope-digest-mismatch')
    }
  })

  it('attack: a signature made for another purpose', () => {
    // Her key did sign this digest, bare, and as a counter-signature: neither is a signature of this manifest.
    const header = protectedHeader('ed25519', Uint8Array.fromHex(alice.kid)) as Uint8Array
    const digest = suitDigest(wrappedSha256(MANIFEST_BYTES, nodeCrypto))
    const empty = new Uint8Array(0)
    for (const message of [digest, encodeCbor(['CounterSignature', header, empty, digest])]) {
      const moved = { protectedHeader: header, signature: rawSignature(message, alice) }
      assert.equal(codeOf(assembleEnvelope(MANIFEST_BYTES, [moved], nodeCrypto)), 'envelope-signature-invalid')
    }
  })

  it('attack: any byte of the envelope changed', () => {
    // Every position, not a sample; four different changes at each.
    let tried = 0
    for (let at = 0; at < ENVELOPE.length; at += 1) {
      for (const flip of [0x01, 0x20, 0x80, 0xff]) {
        const bytes = ENVELOPE.slice()
        bytes[at] = (bytes[at] as number) ^ flip
        assert.notEqual(codeOf(bytes), 'opened', `byte ${at} xor ${flip}`)
        tried += 1
      }
    }
    assert.equal(tried, 4 * ENVELOPE.length)
  })

  it('attack: envelope cut short', () => {
    for (let length = 0; length < ENVELOPE.length; length += 1) {
      assert.notEqual(codeOf(ENVELOPE.slice(0, length)), 'opened', `${length} bytes`)
    }
  })

  it('attack: the manifest is not read before its signature holds', () => {
    // Bytes that are no manifest at all, under a stranger's signature and under a trusted one.
    const garbage = Uint8Array.of(1, 2, 3)
    assert.equal(codeOf(sealed(garbage, mallory)), 'envelope-signers-unknown')
    assert.equal(codeOf(sealed(garbage, alice)), 'manifest-malformed')
  })
})

describe('inspectEnvelope', () => {
  it('reads without believing', () => {
    const seen = orThrow(inspectEnvelope(sealed(MANIFEST_BYTES, mallory, alice), nodeCrypto))
    assert.equal(seen.verified, false)
    assert.deepEqual(seen.facts, FACTS)
    assert.deepEqual(seen.claimedSigners, [mallory.kid, alice.kid])
  })
})
