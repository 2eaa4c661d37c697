import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { nodeCipher } from '../../src/adapters/cipher-node.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import {
  type FileKeyAlgorithm,
  generateKeyFile,
  LABEL_FILE,
  loadPublicKey,
  loadSigner,
  loadWrappingKey,
  publicKeyFile,
} from '../../src/adapters/signer-file.ts'
import { utf8 } from '../../src/core/encoding/bytes.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'

let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'voltseal-keys-'))
})
after(() => rmSync(folder, { recursive: true, force: true }))

const codeOf = (value: unknown): string => (isRefusal(value) ? value.code : 'no refusal')

describe('key files', () => {
  const algorithms: FileKeyAlgorithm[] = ['ed25519', 'ecdsa-p256', 'ecdsa-p384', 'ml-dsa-65']
  for (const alg of algorithms) {
    test(`${alg}: generated, loaded, signs, and the .pub file verifies`, async () => {
      const path = join(folder, `${alg}.key`)
      const generated = orThrow(generateKeyFile(path, alg))
      const loaded = orThrow(loadSigner(path))
      assert.deepEqual(loaded.key, generated.key)
      assert.deepEqual(orThrow(loadPublicKey(publicKeyFile(path))), generated.key)
      assert.equal(loaded.development, true)
      for (const form of ['der', 'p1363'] as const) {
        const signature = orThrow(await loaded.sign(utf8('x'), form))
        assert.equal(nodeCrypto.verify(generated.key, utf8('x'), signature, form), true)
      }
    })
  }

  test('a wrapping key agrees with what was wrapped for its public half, and is P-256', async () => {
    const path = join(folder, 'wrapping')
    const generated = orThrow(generateKeyFile(path, 'ecdsa-p256'))
    const key = orThrow(loadWrappingKey(path))
    assert.deepEqual([key.spki, key.development], [generated.key.spki, true])
    const agreed = nodeCipher.agreeOnce(key.spki)
    assert.ok(agreed !== null)
    assert.deepEqual(orThrow(await key.agree(agreed.point)), agreed.secret)
    // A point beside the curve would tell something of the private key.
    const beside = agreed.point.with(40, (agreed.point[40] as number) ^ 1)
    assert.equal(codeOf(await key.agree(beside)), 'wrap-not-opened')
    const other = join(folder, 'wrapping-ed25519')
    orThrow(generateKeyFile(other, 'ed25519'))
    assert.equal(codeOf(loadWrappingKey(other)), 'key-algorithm-unsupported')
    assert.equal(codeOf(loadWrappingKey(publicKeyFile(path))), 'key-malformed')
    chmodSync(path, 0o640)
    assert.equal(codeOf(loadWrappingKey(path)), 'key-file-permissions')
  })

  test('is readable by its owner only, says what it is, and leaves nothing else behind', () => {
    const own = join(folder, 'own')
    const path = join(own, 'release.key')
    orThrow(generateKeyFile(path, 'ed25519'))
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.match(readFileSync(path, 'utf8'), /^DEVELOPMENT KEY/)
    assert.deepEqual(readdirSync(own).sort(), [LABEL_FILE, 'release.key', 'release.key.pub'].sort())
  })

  test('is never overwritten, nor is its public half', () => {
    const path = join(folder, 'twice.key')
    orThrow(generateKeyFile(path, 'ed25519'))
    const before = readFileSync(path, 'utf8')
    assert.equal(codeOf(generateKeyFile(path, 'ed25519')), 'key-exists')
    assert.equal(readFileSync(path, 'utf8'), before)
    rmSync(path)
    assert.equal(codeOf(generateKeyFile(path, 'ed25519')), 'key-exists', 'the .pub file is still there')
    assert.equal(existsSync(path), false)
  })
})

describe('refused', () => {
  const place = (name: string, content: string, mode = 0o600): string => {
    const path = join(folder, name)
    writeFileSync(path, content)
    chmodSync(path, mode)
    return path
  }
  const privatePem = (type: 'rsa-short' | 'k256' | 'encrypted'): string => {
    const spec = { type: 'pkcs8', format: 'pem' } as const
    if (type === 'rsa-short') return String(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export(spec))
    if (type === 'k256') {
      return String(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey.export(spec))
    }
    return String(
      generateKeyPairSync('ed25519').privateKey.export({ ...spec, cipher: 'aes-256-cbc', passphrase: 'volt' }),
    )
  }
  const rows: [name: string, path: () => string, code: string][] = [
    ['no such file', () => join(folder, 'none.key'), 'file-missing'],
    ['a folder', () => folder, 'file-unreadable'],
    ['a key that the group may read', () => place('open.key', privatePem('encrypted'), 0o640), 'key-file-permissions'],
    ['not a key', () => place('text.key', 'hello'), 'key-malformed'],
    ['an empty file', () => place('empty.key', ''), 'key-malformed'],
    ['an encrypted key', () => place('locked.key', privatePem('encrypted')), 'key-malformed'],
    ['RSA of 1024 bits', () => place('short.key', privatePem('rsa-short')), 'key-algorithm-unsupported'],
    ['another curve', () => place('k256.key', privatePem('k256')), 'key-algorithm-unsupported'],
    ['a file too large', () => place('large.key', 'x'.repeat(70_000)), 'file-too-large'],
  ]
  for (const [name, path, code] of rows) test(name, () => assert.equal(codeOf(loadSigner(path())), code))

  test('a private key where a public one is asked for', () => {
    const path = join(folder, 'private.key')
    orThrow(generateKeyFile(path, 'ecdsa-p256'))
    assert.equal(codeOf(loadPublicKey(path)), 'key-malformed')
  })
  test('a token where a public key is asked for', () => {
    assert.equal(codeOf(loadPublicKey('pkcs11:token=Release;object=key?module-path=/m.so')), 'key-malformed')
  })
  test('a folder that cannot be made', () => {
    const file = place('plain-file', 'x')
    assert.equal(codeOf(generateKeyFile(join(file, 'a.key'), 'ed25519')), 'key-not-written')
  })
})
