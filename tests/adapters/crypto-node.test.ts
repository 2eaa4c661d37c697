import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { utf8 } from '../../src/core/encoding/bytes.ts'
import type { KeyAlgorithm, SignatureForm } from '../../src/core/encoding/crypto.ts'
import { derToP1363, P256_WIDTH, p1363ToDer } from '../../src/core/encoding/ecdsa-form.ts'

const spkiOf = (key: KeyObject): Uint8Array => new Uint8Array(key.export({ type: 'spki', format: 'der' }))
const message = utf8('the rack is open')

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const k256 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
const ed = generateKeyPairSync('ed25519')
const dsa = generateKeyPairSync('ml-dsa-65')
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const shortRsa = generateKeyPairSync('rsa', { modulusLength: 1024 })
const pss = { padding: 6, saltLength: 32 }

const made: [name: string, alg: KeyAlgorithm, form: SignatureForm, spki: Uint8Array, signature: Uint8Array][] = [
  ['P-256, DER', 'ecdsa-p256', 'der', spkiOf(p256.publicKey), sign('sha256', message, p256.privateKey)],
  [
    'P-256, r and s',
    'ecdsa-p256',
    'p1363',
    spkiOf(p256.publicKey),
    sign('sha256', message, { key: p256.privateKey, dsaEncoding: 'ieee-p1363' }),
  ],
  ['P-384, DER', 'ecdsa-p384', 'der', spkiOf(p384.publicKey), sign('sha384', message, p384.privateKey)],
  ['Ed25519', 'ed25519', 'der', spkiOf(ed.publicKey), sign(null, message, ed.privateKey)],
  ['ML-DSA-65', 'ml-dsa-65', 'p1363', spkiOf(dsa.publicKey), sign(null, message, dsa.privateKey)],
  ['RSA-PSS', 'rsa-pss', 'der', spkiOf(rsa.publicKey), sign('sha256', message, { key: rsa.privateKey, ...pss })],
]

describe('signatures', () => {
  for (const [name, alg, form, spki, signature] of made) {
    test(`${name}: holds, and holds for nothing else`, () => {
      const key = { alg, spki }
      assert.equal(nodeCrypto.verify(key, message, signature, form), true)
      assert.equal(nodeCrypto.verify({ ...key }, message, signature, form), true, 'the cached key')
      assert.equal(nodeCrypto.verify(key, utf8('the rack is shut'), signature, form), false)
      for (const at of [0, signature.length >> 1, signature.length - 1]) {
        const changed = new Uint8Array(signature)
        changed[at]! ^= 1
        assert.equal(nodeCrypto.verify(key, message, changed, form), false, `byte ${at} of the signature`)
      }
      assert.equal(nodeCrypto.verify(key, message, signature.subarray(1), form), false, 'cut short')
      assert.equal(nodeCrypto.verify(key, message, new Uint8Array(0), form), false, 'empty')
    })
  }

  test('attack: an RSA signature without the zero that it begins with is another spelling of it, and does not hold', () => {
    const key = { alg: 'rsa-pss', spki: spkiOf(rsa.publicKey) } as const
    for (let tries = 0; ; tries += 1) {
      assert.ok(tries < 20_000, 'one signature in 256 begins with a zero')
      const signature = new Uint8Array(sign('sha256', message, { key: rsa.privateKey, ...pss }))
      if (signature[0] !== 0) continue
      assert.equal(nodeCrypto.verify(key, message, signature, 'der'), true)
      assert.equal(nodeCrypto.verify(key, message, signature.subarray(1), 'der'), false)
      return
    }
  })

  test('an ECDSA signature holds only in the form that is asked for', () => {
    const key = { alg: 'ecdsa-p256', spki: spkiOf(p256.publicKey) } as const
    const der = new Uint8Array(sign('sha256', message, p256.privateKey))
    const raw = derToP1363(der, P256_WIDTH)!
    assert.equal(nodeCrypto.verify(key, message, raw, 'p1363'), true)
    assert.equal(nodeCrypto.verify(key, message, p1363ToDer(raw), 'der'), true)
    assert.equal(nodeCrypto.verify(key, message, der, 'p1363'), false)
    assert.equal(nodeCrypto.verify(key, message, raw, 'der'), false)
  })
})

describe('the algorithm is what the verifier says, not what the key says', () => {
  const signed256 = new Uint8Array(sign('sha256', message, p256.privateKey))
  const refused: [name: string, alg: KeyAlgorithm, spki: Uint8Array, signature: Uint8Array][] = [
    ['a P-256 key as P-384', 'ecdsa-p384', spkiOf(p256.publicKey), signed256],
    ['a P-256 key as Ed25519', 'ed25519', spkiOf(p256.publicKey), signed256],
    ['another curve as P-256', 'ecdsa-p256', spkiOf(k256.publicKey), sign('sha256', message, k256.privateKey)],
    [
      'RSA of 1024 bits',
      'rsa-pss',
      spkiOf(shortRsa.publicKey),
      sign('sha256', message, { key: shortRsa.privateKey, ...pss }),
    ],
    ['RSA with PKCS#1 v1.5', 'rsa-pss', spkiOf(rsa.publicKey), sign('sha256', message, rsa.privateKey)],
    ['no key at all', 'ed25519', new Uint8Array(0), signed256],
  ]
  for (const [name, alg, spki, signature] of refused) {
    test(name, () => assert.equal(nodeCrypto.verify({ alg, spki }, message, signature, 'der'), false))
  }
  test('any bytes as a key or a signature: false, never a throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 80 }), (spki, signature) => {
        assert.equal(nodeCrypto.verify({ alg: 'ecdsa-p256', spki }, message, signature, 'der'), false)
      }),
    )
  })
})

describe('hashes', () => {
  // FIPS 180-4 example "abc"; RFC 4231 §4.3, test case 2.
  const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
  test('SHA-256, whole and in parts, as plain bytes', () => {
    const whole = nodeCrypto.sha256(utf8('abc'))
    assert.equal(whole.toHex(), abc)
    assert.equal(Object.getPrototypeOf(whole), Uint8Array.prototype, 'not a Buffer')
    assert.equal(nodeCrypto.sha256Stream().update(utf8('a')).update(utf8('bc')).digest().toHex(), abc)
  })
  test('HMAC-SHA-256', () => {
    const mac = nodeCrypto.hmacSha256(utf8('Jefe'), utf8('what do ya want for nothing?'))
    assert.equal(mac.toHex(), '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843')
  })
  test('equality', () => {
    assert.equal(nodeCrypto.equal(utf8('abc'), utf8('abc')), true)
    assert.equal(nodeCrypto.equal(utf8('abc'), utf8('abd')), false)
    assert.equal(nodeCrypto.equal(utf8('abc'), utf8('ab')), false)
  })
})
