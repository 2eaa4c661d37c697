import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { LIMITS } from '../../src/core/firmware/facts.ts'
import { MAX_SIGNATURES } from '../../src/core/firmware/suit-envelope.ts'
import { inspectEnvelope } from '../../src/core/firmware/suit-open.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../../src/core/refusal/refusal.ts'
import type { Signer } from '../../src/flows/ports.ts'
import { createRelease, inspectRelease, type ReleaseInput } from '../../src/flows/release.ts'
import { signEnvelope, verifyRelease } from '../../src/flows/sign.ts'
import { anchorOf, FACTS, IMAGE, keyOf, signatureOf, type TestKey, testKey } from '../core/firmware/signing.ts'

const crypto = nodeCrypto
const STATED: ReleaseInput['facts'] = {
  vendor: 'voltworks.example',
  class: 'bms-rack',
  hardware: ['primehub'],
  version: '2.3.0',
  sequence: 7,
}

const codeOf = (answer: unknown): string | null => (isRefusal(answer) ? answer.code : null)

/** A signer whose answer can be bent. */
function signerOf(pair: TestKey, bend: (signature: Uint8Array) => Uint8Array | Refusal = same => same): Signer {
  return {
    key: pair.key,
    development: true,
    // The kit signs manifests, a signer signs messages: both come from `signingInput`, so the kit's answer is right.
    sign: () => Promise.resolve(bend(signatureOf(RELEASE.manifest, pair).signature)),
  }
}

const RELEASE = orThrow(createRelease({ image: IMAGE, facts: STATED }, { crypto }))

describe('createRelease', () => {
  it('measures the image and fills in what is not said', () => {
    assert.equal(RELEASE.facts.imageSize, IMAGE.length)
    assert.equal(RELEASE.facts.imageDigest, FACTS.imageDigest)
    assert.deepEqual(RELEASE.facts.bootloader, { min: 0, max: LIMITS.word })
    assert.equal(RELEASE.facts.counter, 0)
    const seen = orThrow(inspectRelease(RELEASE, { crypto }))
    assert.deepEqual(seen.facts, RELEASE.facts)
    assert.deepEqual(seen.claimedSigners, [])
  })

  it('refuses to retire a key and leave the floor where every device has it', () => {
    const transition = { kind: 'retire', kid: 'ab'.repeat(32) }
    const make = (counter?: number) =>
      codeOf(createRelease({ image: IMAGE, facts: { ...STATED, transition, ...(counter && { counter }) } }, { crypto }))
    assert.deepEqual([make(), make(0), make(1)], ['retirement-keeps-floor', 'retirement-keeps-floor', null])
  })

  it('is reproducible', () => {
    const again = orThrow(createRelease({ image: IMAGE.slice(), facts: { ...STATED } }, { crypto }))
    assert.deepEqual(again.envelope, RELEASE.envelope)
  })

  const rows: readonly (readonly [string, Uint8Array, Partial<Record<string, unknown>>, string])[] = [
    ['an empty image', new Uint8Array(0), {}, 'image-empty'],
    ['a huge image', new Uint8Array(LIMITS.imageBytes + 1), {}, 'image-too-large'],
    ['a nonsense version', IMAGE, { version: 'latest' }, 'version-malformed'],
    ['no hardware', IMAGE, { hardware: [] }, 'release-fact-invalid'],
    ['a vendor that is no DNS name', IMAGE, { vendor: 'Volt Works' }, 'release-fact-invalid'],
    ['a fractional counter', IMAGE, { counter: 1.5 }, 'release-fact-invalid'],
    ['a sequence number in words', IMAGE, { sequence: '7' }, 'release-fact-invalid'],
    ['the counter as component', IMAGE, { component: 'counter' }, 'release-fact-invalid'],
  ]
  for (const [name, image, change, code] of rows) {
    it(`refuses ${name}`, () => {
      const answer = createRelease({ image, facts: { ...STATED, ...change } as ReleaseInput['facts'] }, { crypto })
      assert.equal(codeOf(answer), code)
    })
  }

  it('attack: image exchanged beside its envelope', () => {
    const other = IMAGE.with(0, 99)
    assert.equal(
      codeOf(inspectRelease({ envelope: RELEASE.envelope, payload: other }, { crypto })),
      'image-digest-mismatch',
    )
  })
})

describe('signEnvelope', () => {
  const [alice, bob] = [testKey(1), testKey(2)]
  const anchors = [alice, bob].map(anchorOf)
  const sign = (envelope: Uint8Array, pair: TestKey, signer = signerOf(pair)) =>
    signEnvelope(envelope, pair.kid, { crypto, signer })

  it('adds one signature at a time, until the threshold', async () => {
    assert.equal(codeOf(verifyRelease(RELEASE, anchors, 1, { crypto })), 'envelope-unsigned')
    const once = orThrow(await sign(RELEASE.envelope, alice))
    assert.equal(once.development, true)
    assert.equal(codeOf(verifyRelease({ ...once, payload: IMAGE }, anchors, 2, { crypto })), 'envelope-below-threshold')
    const twice = orThrow(await sign(once.envelope, bob))
    const verified = orThrow(verifyRelease({ ...twice, payload: IMAGE }, anchors, 2, { crypto }))
    assert.deepEqual(verified.signers, [alice.kid, bob.kid])
    assert.deepEqual(verified.manifest, RELEASE.manifest)
    assert.equal(
      codeOf(verifyRelease({ ...twice, payload: IMAGE.with(3, 0) }, anchors, 2, { crypto })),
      'image-digest-mismatch',
    )
  })

  it('refuses to sign twice with one key', async () => {
    const once = orThrow(await sign(RELEASE.envelope, alice))
    assert.equal(codeOf(await sign(once.envelope, alice)), 'envelope-already-signed')
  })

  it('hands on what the signer refuses', async () => {
    const locked = signerOf(alice, () => refuse('signer-faulty', 'token', 'an open token', 'a locked one'))
    assert.equal(codeOf(await sign(RELEASE.envelope, alice, locked)), 'signer-faulty')
  })

  it('never hands out a signature that does not hold', async () => {
    const glitch = signerOf(alice, signature => signature.with(0, (signature[0] as number) ^ 1))
    assert.equal(codeOf(await sign(RELEASE.envelope, alice, glitch)), 'signer-faulty')
  })

  it('never signs what it cannot read', async () => {
    assert.equal(codeOf(await sign(RELEASE.envelope.slice(1), alice)), 'envelope-malformed')
  })

  it('stops when the envelope is full', async () => {
    let envelope = RELEASE.envelope
    for (let seed = 1; seed <= MAX_SIGNATURES; seed += 1) {
      envelope = orThrow(await sign(envelope, testKey(seed))).envelope
    }
    assert.equal(orThrow(inspectEnvelope(envelope, crypto)).claimedSigners.length, MAX_SIGNATURES)
    assert.equal(codeOf(await sign(envelope, testKey(99))), 'envelope-signatures-full')
  })

  it('stops when the envelope is full of long signatures: four of ML-DSA-65', async () => {
    let envelope = RELEASE.envelope
    const keys = Array.from({ length: 5 }, () => keyOf(generateKeyPairSync('ml-dsa-65').privateKey, 'ml-dsa-65'))
    for (const key of keys.slice(0, 4)) envelope = orThrow(await sign(envelope, key)).envelope
    const opened = orThrow(verifyRelease({ envelope, payload: IMAGE }, keys.map(anchorOf), 4, { crypto }))
    assert.equal(opened.signers.length, 4)
    assert.equal(codeOf(await sign(envelope, keys[4] as TestKey)), 'envelope-signatures-full')
  })
})
