import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { describe, it } from 'node:test'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { type Cbor, encodeCbor, Tagged } from '../../../src/core/encoding/cbor.ts'
import { protectedHeader, readOpenSign1, readSign1, sigStructure, writeSign1 } from '../../../src/core/encoding/cose.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import { EDDSA, ML_DSA_65, ML_DSA_65_SIGNATURE } from './cose-vectors.ts'

const hex = (text: string): Uint8Array => Uint8Array.fromHex(text)
const KID = hex('aabb')
const HEADER = protectedHeader('ecdsa-p256', KID) as Uint8Array
const header = (...entries: readonly (readonly [number | string, Cbor])[]): Uint8Array => encodeCbor(new Map(entries))
const block = (...parts: readonly Cbor[]): Uint8Array => encodeCbor(new Tagged(18, parts))
const EMPTY = new Map<number, Cbor>()

describe('COSE_Sign1', () => {
  it('signs the bytes that other implementations sign', () => {
    // Two ES256 signatures that libcsuit publishes for example 0 of draft-ietf-suit-manifest (Appendix B.1), under the
    // draft's test key: another author's code made them.
    const spki = hex(
      '3059301306072a8648ce3d020106082a8648ce3d030107034200048496811aae0baaabd26157189eecda26beaa8bf11b6f3fe6e2b5659c85dbc0ad3b1f2a4b6c098131c0a36dacd1d78bd381dcdfb09c052db33991db7338b4a896',
    )
    const digest = hex('822f58206658ea560262696dd1f13b782239a064da7c6c5cbaf52fded428a6fc83c7e5af')
    const message = sigStructure(hex('a10126'), digest)
    const signatures = [
      '68113f1e76731330fea16136cead2be4fa8d4bb3e327e3f9232eb4f13b5d118f2ea6e31d9a09a240f6f5770776916e15a4ebca1b6262cf6e40a44353bd8161d9',
      '01d9cbf51b1ccadf839ec867da85735118ba4c1b513f5df60583e8dd7f8ce4274cd2e2a0f70f8832bfea63983172e77a951e9a36e74cada19321b903a097e4e7',
    ]
    for (const signature of signatures) {
      assert.ok(nodeCrypto.verify({ alg: 'ecdsa-p256', spki }, message, hex(signature), 'p1363'))
    }
  })

  it('covers what others sign with EdDSA', () => {
    const spki = hex(`302a300506032b6570032100${EDDSA.key}`)
    const message = sigStructure(hex(EDDSA.header), hex(EDDSA.payload))
    const holds = (bytes: Uint8Array): boolean =>
      nodeCrypto.verify({ alg: 'ed25519', spki }, bytes, hex(EDDSA.signature), 'p1363')
    assert.ok(holds(message))
    assert.ok(!holds(sigStructure(hex('a10127'), hex(EDDSA.payload))))
  })

  it('covers what others sign with ML-DSA-65', () => {
    // A private key of FIPS 204 from its seed alone (RFC 9881 §6), here 32 zeros.
    const seeded = hex(`3034020100300b060960864801650304031204228020${'00'.repeat(32)}`)
    const key = createPublicKey(createPrivateKey({ key: Buffer.from(seeded), format: 'der', type: 'pkcs8' }))
    const spki = new Uint8Array(key.export({ type: 'spki', format: 'der' }))
    const coseKey = new Map<number, Cbor>([
      [1, 7],
      [3, -49],
      [-1, spki.slice(-1952)],
    ])
    assert.equal(nodeCrypto.sha256(encodeCbor(coseKey)).toHex(), ML_DSA_65.thumbprint)
    const signature = Uint8Array.fromBase64(ML_DSA_65_SIGNATURE)
    const message = sigStructure(hex(ML_DSA_65.header), hex(ML_DSA_65.payload))
    assert.ok(nodeCrypto.verify({ alg: 'ml-dsa-65', spki }, message, signature, 'p1363'))
    assert.ok(!nodeCrypto.verify({ alg: 'ml-dsa-65', spki }, message.slice(1), signature, 'p1363'))
    // The header is one that we take, and write the same: this author names the algorithm and the key, and nothing else.
    const read = readSign1(writeSign1(hex(ML_DSA_65.header), signature), 'test')
    assert.ok(!isRefusal(read))
    assert.equal(read.alg, 'ml-dsa-65')
    assert.deepEqual(protectedHeader('ml-dsa-65', read.kid), hex(ML_DSA_65.header))
  })

  it('reads back what it writes', () => {
    const read = readSign1(writeSign1(HEADER, hex('0102')), 'test')
    assert.ok(!isRefusal(read))
    assert.deepEqual(read, { protectedHeader: HEADER, alg: 'ecdsa-p256', kid: KID, signature: hex('0102') })
  })

  it('writes fully specified algorithms, and none for RSA', () => {
    assert.equal(protectedHeader('ecdsa-p256', KID)?.toHex(), 'a201280442aabb')
    assert.equal(protectedHeader('ed25519', KID)?.toHex(), 'a201320442aabb')
    assert.equal(protectedHeader('ecdsa-p384', KID)?.toHex(), 'a20138320442aabb')
    assert.equal(protectedHeader('ml-dsa-65', KID)?.toHex(), 'a20138300442aabb')
    assert.equal(protectedHeader('rsa-pss', KID), null)
  })

  it('knows the older names of the same algorithms', () => {
    for (const [identifier, alg] of [
      [-7, 'ecdsa-p256'],
      [-8, 'ed25519'],
      [-35, 'ecdsa-p384'],
    ] as const) {
      const read = readSign1(writeSign1(header([1, identifier], [4, KID]), hex('01')), 'test')
      assert.ok(!isRefusal(read))
      assert.equal(read.alg, alg)
    }
  })

  const refused: readonly (readonly [string, Uint8Array, string])[] = [
    ['no CBOR', hex('ff'), 'signature-malformed'],
    ['no tag', encodeCbor([HEADER, EMPTY, null, hex('01')]), 'signature-malformed'],
    ['another tag (COSE_Mac0)', encodeCbor(new Tagged(17, [HEADER, EMPTY, null, hex('01')])), 'signature-malformed'],
    ['three parts', block(HEADER, EMPTY, null), 'signature-malformed'],
    ['a payload inside', block(HEADER, EMPTY, hex('00'), hex('01')), 'signature-malformed'],
    ['an empty signature', block(HEADER, EMPTY, null, hex('')), 'signature-malformed'],
    ['a protected header that is no map', block(hex('01'), EMPTY, null, hex('01')), 'signature-malformed'],
    ['repeated headers', block(hex('a3012801280442aabb'), EMPTY, null, hex('01')), 'signature-malformed'],
    ['no key id', block(header([1, -9]), EMPTY, null, hex('01')), 'signature-malformed'],
    ['an empty key id', block(header([1, -9], [4, hex('')]), EMPTY, null, hex('01')), 'signature-malformed'],
    ['a long key id', block(header([1, -9], [4, new Uint8Array(33)]), EMPTY, null, hex('01')), 'signature-malformed'],
    ['an unprotected header', block(HEADER, new Map([[4, KID]]), null, hex('01')), 'signature-header-not-allowed'],
    [
      'a content type',
      block(header([1, -9], [3, 0], [4, KID]), EMPTY, null, hex('01')),
      'signature-header-not-allowed',
    ],
    ['no algorithm', block(header([4, KID]), EMPTY, null, hex('01')), 'signature-algorithm-unknown'],
    ['HMAC', block(header([1, 5], [4, KID]), EMPTY, null, hex('01')), 'signature-algorithm-unknown'],
    [
      'an algorithm by name',
      block(header([1, 'ES256'], [4, KID]), EMPTY, null, hex('01')),
      'signature-algorithm-unknown',
    ],
  ]
  for (const [name, bytes, code] of refused) {
    it(`refuses ${name}`, () => {
      const read = readSign1(bytes, 'test')
      assert.ok(isRefusal(read), name)
      assert.equal(read.code, code)
    })
  }

  it('attack: unknown critical header', () => {
    for (const labels of [[99], [1], ['x']]) {
      const read = readSign1(block(header([1, -9], [2, labels], [4, KID]), EMPTY, null, hex('01')), 'test')
      assert.ok(isRefusal(read))
      assert.equal(read.code, 'signature-header-not-allowed')
      assert.match(read.actual, /crit/)
    }
  })

  it('attack: a header that nobody signed', () => {
    // Another algorithm, another key, a critical header or anything at all beside the header that was signed.
    const stray: readonly (readonly [number | string, Cbor])[] = [
      [1, -19],
      [4, hex('cc')],
      [2, [99]],
      [99, 0],
      ['x', 0],
    ]
    for (const entry of stray) {
      const read = readSign1(block(HEADER, new Map([entry]), null, hex('01')), 'test')
      assert.ok(isRefusal(read), String(entry[0]))
      assert.equal(read.code, 'signature-header-not-allowed')
    }
  })
})

describe('COSE_Sign1 of other authors', () => {
  const ALG = header([1, -7])

  it('reads a key id in either header, or none', () => {
    for (const [protectedPart, unprotected, kid] of [
      [ALG, EMPTY, null],
      [ALG, new Map([[4, KID]]), KID],
      [header([1, -7], [4, KID]), EMPTY, KID],
    ] as const) {
      const read = readOpenSign1(block(protectedPart, unprotected, null, hex('01')), 'test')
      assert.ok(!isRefusal(read))
      assert.deepEqual(read, { protectedHeader: protectedPart, alg: 'ecdsa-p256', kid, signature: hex('01') })
    }
  })

  const refusedOpen: readonly (readonly [string, Uint8Array, string])[] = [
    ['a key id in both', block(HEADER, new Map([[4, KID]]), null, hex('01')), 'signature-malformed'],
    ['a key id that is no bytes', block(ALG, new Map([[4, 'k']]), null, hex('01')), 'signature-malformed'],
    ['a long key id', block(ALG, new Map([[4, new Uint8Array(33)]]), null, hex('01')), 'signature-malformed'],
    ['the algorithm unsigned', block(header(), new Map([[1, -7]]), null, hex('01')), 'signature-algorithm-unknown'],
    ['a stray header', block(ALG, new Map([[99, 0]]), null, hex('01')), 'signature-header-not-allowed'],
    ['no algorithm', block(header(), EMPTY, null, hex('01')), 'signature-algorithm-unknown'],
    ['a critical header', block(header([1, -7], [2, [99]]), EMPTY, null, hex('01')), 'signature-header-not-allowed'],
    ['a payload inside', block(ALG, EMPTY, hex('00'), hex('01')), 'signature-malformed'],
    ['COSE_Mac0', encodeCbor(new Tagged(17, [ALG, EMPTY, null, hex('01')])), 'signature-malformed'],
  ]
  for (const [name, bytes, code] of refusedOpen) {
    it(`refuses ${name}`, () => {
      const read = readOpenSign1(bytes, 'test')
      assert.ok(isRefusal(read), name)
      assert.equal(read.code, code)
    })
  }
})
