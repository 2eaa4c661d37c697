import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { browserCrypto } from '../../console/crypto-browser.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { concat, utf8 } from '../../src/core/encoding/bytes.ts'
import type { PublicKey } from '../../src/core/encoding/crypto.ts'

const pair = generateKeyPairSync('ed25519')
const spki = new Uint8Array(pair.publicKey.export({ type: 'spki', format: 'der' }))
const key: PublicKey = { alg: 'ed25519', spki }
const message = utf8('the rack is open')
const signature = new Uint8Array(sign(null, message, pair.privateKey))
/** The order of the group (RFC 8032 §5.1), as 32 bytes, the lowest first. */
const ORDER = Uint8Array.fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010')

describe('the mathematics in the browser', () => {
  test('hashes and authenticates as OpenSSL does', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 150 }), (a, b) => {
        assert.deepEqual(browserCrypto.sha256(a), nodeCrypto.sha256(a))
        assert.deepEqual(browserCrypto.sha512(a), nodeCrypto.sha512(a))
        assert.deepEqual(browserCrypto.hmacSha256(b, a), nodeCrypto.hmacSha256(b, a))
        const stream = browserCrypto.sha256Stream().update(a).update(b)
        assert.deepEqual(stream.digest(), nodeCrypto.sha256(concat(a, b)))
        assert.equal(browserCrypto.equal(a, b), nodeCrypto.equal(a, b))
        assert.equal(browserCrypto.equal(a, new Uint8Array(a)), true)
      }),
    )
  })

  test('an Ed25519 signature holds, and no changed one does', () => {
    assert.equal(browserCrypto.verify(key, message, signature, 'der'), true)
    assert.equal(browserCrypto.verify(key, utf8('the rack is shut'), signature, 'der'), false)
    for (let at = 0; at < 64; at += 1) {
      const changed = new Uint8Array(signature)
      changed[at]! ^= 1
      assert.equal(browserCrypto.verify(key, message, changed, 'der'), false, `byte ${at}`)
    }
  })

  test('never throws, and says no: other lengths, other keys, points that are none', () => {
    for (const other of [new Uint8Array(0), signature.subarray(1), concat(signature, Uint8Array.of(0))]) {
      assert.equal(browserCrypto.verify(key, message, other, 'der'), false)
    }
    const notAPoint = concat(spki.subarray(0, 12), new Uint8Array(32).fill(0xff))
    assert.equal(browserCrypto.verify({ alg: 'ed25519', spki: notAPoint }, message, signature, 'der'), false)
    const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const foreign = new Uint8Array(p256.publicKey.export({ type: 'spki', format: 'der' }))
    const made = new Uint8Array(sign('sha256', message, p256.privateKey))
    assert.equal(browserCrypto.verify({ alg: 'ecdsa-p256', spki: foreign }, message, made, 'der'), false)
    assert.equal(browserCrypto.verify({ alg: 'ecdsa-p256', spki }, message, signature, 'der'), false)
  })

  test('attack: a second spelling of a signature, a key of small order', () => {
    let carry = 0
    const spelled = new Uint8Array(signature)
    for (let at = 0; at < 32; at += 1) {
      const sum = signature[32 + at]! + ORDER[at]! + carry
      spelled[32 + at] = sum & 255
      carry = sum >> 8
    }
    assert.equal(browserCrypto.verify(key, message, spelled, 'der'), false)
    // The neutral element as a key: with R neutral and S zero, every message would be signed.
    const neutral = Uint8Array.of(1, ...new Uint8Array(31))
    const weak: PublicKey = { alg: 'ed25519', spki: concat(spki.subarray(0, 12), neutral) }
    assert.equal(browserCrypto.verify(weak, message, concat(neutral, new Uint8Array(32)), 'der'), false)
  })
})
