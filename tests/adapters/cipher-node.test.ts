import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeCipher } from '../../src/adapters/cipher-node.ts'
import { agreeWith, p256Pair } from '../worlds/wrapping.ts'

const hex = (text: string): Uint8Array => Uint8Array.fromHex(text)

describe('the ciphers of node:crypto', () => {
  it('wrap a key as RFC 3394 §4.6 says', () => {
    const wrapping = hex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f')
    const key = hex('00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f')
    const wrapped = hex('28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21')
    assert.deepEqual(nodeCipher.wrapKey(wrapping, key), wrapped)
    assert.deepEqual(nodeCipher.unwrapKey(wrapping, wrapped), key)
    assert.equal(nodeCipher.unwrapKey(wrapping, wrapped.with(3, 0)), null)
    assert.equal(nodeCipher.unwrapKey(wrapping.with(0, 9), wrapped), null)
    assert.equal(nodeCipher.unwrapKey(wrapping, wrapped.slice(1)), null)
  })

  // "The Galois/Counter Mode of Operation (GCM)", McGrew and Viega, appendix B, test case 16.
  const KEY = hex('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308')
  const NONCE = hex('cafebabefacedbaddecaf888')
  const EXTRA = hex('feedfacedeadbeeffeedfacedeadbeefabaddad2')
  const PLAIN = hex(
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
  )
  const SEALED = hex(
    '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b',
  )

  it('encrypt as the designers of GCM do', () => {
    assert.deepEqual(nodeCipher.encrypt(KEY, NONCE, EXTRA, PLAIN), SEALED)
    assert.deepEqual(nodeCipher.decrypt(KEY, NONCE, EXTRA, SEALED), PLAIN)
  })

  it('attack: give nothing out of a ciphertext whose tag does not hold', () => {
    assert.equal(nodeCipher.decrypt(KEY, NONCE, EXTRA, SEALED.with(0, 0)), null)
    assert.equal(nodeCipher.decrypt(KEY, NONCE, EXTRA, SEALED.with(SEALED.length - 1, 0)), null)
    assert.equal(nodeCipher.decrypt(KEY, NONCE, EXTRA.with(0, 0), SEALED), null)
    assert.equal(nodeCipher.decrypt(KEY, NONCE.with(0, 0), EXTRA, SEALED), null)
    assert.equal(nodeCipher.decrypt(KEY.with(0, 0), NONCE, EXTRA, SEALED), null)
    for (const length of [0, 15, 16, SEALED.length - 1]) {
      assert.equal(nodeCipher.decrypt(KEY, NONCE, EXTRA, SEALED.subarray(0, length)), null)
    }
  })

  it('agree with the holder of a key, each time by another secret', () => {
    const { privateKey, spki } = p256Pair()
    const [one, two] = [nodeCipher.agreeOnce(spki), nodeCipher.agreeOnce(spki)]
    assert.deepEqual(one?.secret, agreeWith(privateKey, one?.point as Uint8Array))
    assert.equal(one?.point.length, 65)
    assert.notDeepEqual(one?.secret, two?.secret)
    // A point that is not on the curve would tell something of the private key.
    assert.equal(nodeCipher.agreeOnce(spki.with(50, (spki[50] as number) ^ 1)), null)
    assert.equal(nodeCipher.agreeOnce(new Uint8Array(91)), null)
  })
})
