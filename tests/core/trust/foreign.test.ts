import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { concat, utf8 } from '../../../src/core/encoding/bytes.ts'
import type { Json } from '../../../src/core/encoding/canonical-json.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { hasDigests } from '../../../src/core/trust/digests.ts'
import { keyObject } from '../../../src/core/trust/keys.ts'
import { type Dialect, quoted } from '../../../src/core/trust/metadata.ts'
import { readMetadata, readSigned } from '../../../src/core/trust/read-metadata.ts'
import { isRsaKey } from '../../../src/core/trust/rsa-key.ts'
import { resume } from '../../../src/core/trust/stored-set.ts'
import { SimulatedRepository, target } from './simulated-repository.ts'

/** One DER element. */
function der(tag: number, ...content: Uint8Array[]): Uint8Array {
  const body = concat(...content)
  const length = body.length
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return concat(Uint8Array.of(tag, ...head), body)
}

/** An RSA key as SubjectPublicKeyInfo: a modulus of so many bytes, and whatever is changed about it. */
function rsa(bytes: number, { exponent = [1, 0, 1], last = 0x01, lead = 0xc5 } = {}): Uint8Array {
  const modulus = new Uint8Array(bytes).fill(0x5a)
  modulus[0] = lead
  modulus[bytes - 1] = last
  const key = der(0x30, der(2, Uint8Array.of(0), modulus), der(2, Uint8Array.of(...exponent)))
  const algorithm = Uint8Array.fromHex('300d06092a864886f70d0101010500')
  return der(0x30, algorithm, der(3, Uint8Array.of(0), key))
}

describe('RSA keys', () => {
  const real = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
  const spki = new Uint8Array(real.export({ type: 'spki', format: 'der' }))
  const rows: readonly [name: string, key: Uint8Array, taken: boolean][] = [
    ['a real one', spki, true],
    ['2048 bits', rsa(256), true],
    ['8192 bits', rsa(1024), true],
    ['attack: 1024 bits', rsa(128), false],
    ['attack: 2040 bits', rsa(255), false],
    ['attack: 8200 bits', rsa(1025), false],
    ['attack: 65528 bits', rsa(8191), false],
    ['an even modulus', rsa(256, { last: 2 }), false],
    ['an even exponent', rsa(256, { exponent: [2] }), false],
    ['an exponent of 40 bits', rsa(256, { exponent: [1, 0, 0, 0, 1] }), false],
    ['a negative exponent', rsa(256, { exponent: [0x81] }), false],
    ['a zero too many before the exponent', rsa(256, { exponent: [0, 1, 0, 1] }), false],
    ['a modulus with a zero too many', rsa(257, { lead: 0 }), false],
    ['a byte behind', concat(spki, Uint8Array.of(0)), false],
    ['a byte too few', spki.subarray(0, -1), false],
    ['nothing', new Uint8Array(0), false],
  ]
  for (const [name, key, taken] of rows) test(name, () => assert.equal(isRsaKey(key), taken))

  test('attack: any other spelling of a key is none', () => {
    fc.assert(
      // The first 32 bytes say what follows, of what kind and how long.
      fc.property(fc.nat(31), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const other = spki.slice()
        other[at] = (other[at] as number) ^ change
        assert.equal(isRsaKey(other), false, `byte ${at}`)
      }),
    )
  })
})

describe('the dialects', () => {
  const repository = SimulatedRepository.with([target('a.suit', 'a')])
  const file = (name: string) => JSON.parse(new TextDecoder().decode(repository.files.get(name)))
  const code = (value: unknown): string => (isRefusal(value) ? value.code : 'read')
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))

  test('attack: an RSA key with PKCS#1 counts for nothing in a repository of ours', () => {
    const { signed } = file('1.root.json')
    signed.keys.ours = keyObject({ alg: 'rsa-pss', spki })
    signed.keys.theirs = keyObject({ alg: 'rsa-pkcs1', spki })
    const keys = (dialect: Dialect) => orThrow(readSigned('root', signed, 'test', dialect)).keys
    assert.deepEqual([keys('voltseal').get('ours')?.alg, keys('voltseal').get('theirs')], ['rsa-pss', null])
    assert.equal(keys('tuf').get('theirs')?.alg, 'rsa-pkcs1')
  })

  const changes: readonly [name: string, change: (signed: Record<string, Json>) => void][] = [
    ['SHA-512 alone', signed => (signed.targets = { a: { length: 1, hashes: { sha512: 'ab'.repeat(64) } } })],
    ['a path with a space', signed => (signed.targets = { 'a b': { length: 1, hashes: { sha256: 'ab'.repeat(32) } } })],
    [
      'a role called ../root',
      signed => {
        const role = { name: '../root', keyids: [], threshold: 1, terminating: false, paths: ['*'] }
        signed.delegations = { keys: {}, roles: [role] }
      },
    ],
  ]
  for (const [name, change] of changes) {
    test(`${name}: read of others, refused of ours`, () => {
      const { signed } = file('1.targets.json')
      change(signed)
      assert.equal(code(readSigned('targets', signed, 'test', 'tuf')), 'read')
      assert.equal(code(readSigned('targets', signed, 'test')), 'metadata-malformed')
    })
  }

  test('attack: digests by algorithms that nobody knows are no digests', () => {
    const { signed } = file('1.targets.json')
    signed.targets = { a: { length: 1, hashes: { md5: '00' } } }
    assert.equal(code(readSigned('targets', signed, 'test', 'tuf')), 'metadata-malformed')
  })

  test('a stored file is a role’s only by the name that the role has there', () => {
    const root = repository.files.get('1.root.json') as Uint8Array
    const role = repository.files.get('1.targets.json') as Uint8Array
    const names = ['a.json', 'a%2Fb.json', 'a%2fb.json', 'a/b.json', '%61.json', '%.json', '..%2Froot.json', 'a b.json']
    const files = new Map([['root.json', root], ...names.map(name => [name, role] as const)])
    const { set } = orThrow(resume('test', files, nodeCrypto, { dialect: 'tuf' }))
    assert.deepEqual([...set.delegated.keys()], ['a', 'a/b', '../root'])
    assert.equal(code(readMetadata('targets', role, 'test')), 'read')
  })
})

describe('names and digests', () => {
  test('attack: no quoted name is a path, and each comes back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 64 }), name => {
        assert.match(quoted(name), /^[A-Za-z0-9._~%-]+$/)
        assert.equal(decodeURIComponent(quoted(name)), name)
      }),
    )
  })

  test('every digest that is stated must hold, and one must be stated', () => {
    const bytes = utf8('abc')
    const sha256 = nodeCrypto.sha256(bytes).toHex()
    const sha512 = nodeCrypto.sha512(bytes).toHex()
    const other = '00'
    for (const [digests, holds] of [
      [{ sha256 }, true],
      [{ sha512 }, true],
      [{ sha256, sha512 }, true],
      [{ sha256: '', sha512 }, true],
      [{ sha256: other, sha512 }, false],
      [{ sha256, sha512: other }, false],
      [{ sha256: '' }, false],
      [{}, false],
    ] as const) {
      assert.equal(hasDigests(digests, bytes, nodeCrypto), holds, JSON.stringify(digests))
    }
  })
})
