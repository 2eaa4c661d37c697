import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import type { Json, JsonObject } from '../../../src/core/encoding/canonical-json.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import { keyId, keyIdOf, keyObject, publicKeyOf } from '../../../src/core/trust/keys.ts'
import type { Document, KeyRing, MetadataType, Root } from '../../../src/core/trust/metadata.ts'
import { readMetadata } from '../../../src/core/trust/read-metadata.ts'
import { seal, withTargets, writeRoot, writeTargets } from '../../../src/core/trust/repository.ts'
import { checkSignature, verifySigned } from '../../../src/core/trust/signatures.ts'
import { keyOf, later, SimulatedRepository, sealed, signatureOf, target, testKey } from './simulated-repository.ts'

const repository = SimulatedRepository.with([target('a.suit', 'a', { class: 'bms' })])
const text = (path: string): string => new TextDecoder().decode(repository.files.get(path))
const bytes = (content: string): Uint8Array => new TextEncoder().encode(content)
const code = (value: unknown): string => (isRefusal(value) ? value.code : 'nothing')

/** Reads a file of the repository after its text was changed. */
const read = (type: MetadataType, path: string, change: (content: string) => string): string => {
  const before = text(path)
  const after = change(before)
  assert.notEqual(after, before, 'the change does something')
  return code(readMetadata(type, bytes(after), path))
}

/** The same for a change of the `signed` object. */
const rewritten = (type: MetadataType, path: string, change: (signed: Record<string, never>) => unknown): string =>
  read(type, path, content => {
    const file = JSON.parse(content)
    const changed = change(file.signed)
    return JSON.stringify({ ...file, signed: changed ?? file.signed })
  })

describe('readMetadata', () => {
  test('reads every file that is authored', () => {
    const files = [...repository.files]
    assert.equal(files.length, 4)
    for (const [path, content] of files) {
      const type = path.split('.').at(-2) as MetadataType
      assert.equal(code(readMetadata(type, content, path)), 'nothing', path)
    }
  })

  test('keeps unknown members, which are signed too', () => {
    const raw = { ...writeTargets({ version: 1, expires: later(1) }, []), 'x-later': { deep: [1] } }
    const key = testKey(1)
    const document = readMetadata('targets', sealed(raw, [key]), 'test')
    assert.ok(!isRefusal(document))
    assert.deepEqual(document.signed.raw['x-later'], { deep: [1] })
    const ring = new Map([[keyId(key.key, nodeCrypto), key.key]])
    const role = { keyids: [...ring.keys()], threshold: 1 }
    assert.equal(verifySigned(document, ring, role, 'test', nodeCrypto), null)
  })

  const targets = '1.targets.json'
  const rows: readonly (readonly [string, string, () => string])[] = [
    [
      'attack: duplicate JSON keys',
      'metadata-unreadable',
      () => read('targets', targets, t => t.replace('"version":1', '"version":9,"version":1')),
    ],
    [
      'attack: deeply nested metadata',
      'metadata-unreadable',
      () => read('targets', targets, t => t.replace('"class":"bms"', `"class":${'['.repeat(5000)}`)),
    ],
    [
      'attack: oversized metadata',
      'metadata-too-large',
      () => read('timestamp', 'timestamp.json', t => t + ' '.repeat(70_000)),
    ],
    [
      'attack: a member named __proto__',
      'metadata-unreadable',
      () => read('targets', targets, t => t.replace('"class"', '"__proto__"')),
    ],
    [
      'attack: a role in the place of another',
      'metadata-malformed',
      () => read('targets', targets, () => text('1.snapshot.json')),
    ],
    [
      'attack: a key id twice in a role',
      'metadata-malformed',
      () =>
        rewritten('root', '1.root.json', ({ roles }: Record<string, { root: { keyids: string[] } }>) => {
          roles!.root.keyids.push(roles!.root.keyids[0] as string)
        }),
    ],
    [
      'attack: a target path that climbs',
      'metadata-malformed',
      () => read('targets', targets, t => t.replace('"a.suit"', '"../a.suit"')),
    ],
    [
      'attack: an absolute target path',
      'metadata-malformed',
      () => read('targets', targets, t => t.replace('"a.suit"', '"/a.suit"')),
    ],
    [
      'a fraction',
      'metadata-unreadable',
      () => read('targets', targets, t => t.replace('"version":1', '"version":1.0')),
    ],
    [
      'a version of 0',
      'metadata-malformed',
      () => read('targets', targets, t => t.replace('"version":1', '"version":0')),
    ],
    [
      'a threshold of 0',
      'metadata-malformed',
      () => read('root', '1.root.json', t => t.replace('"threshold":2', '"threshold":0')),
    ],
    [
      'another major specification',
      'metadata-malformed',
      () => read('targets', targets, t => t.replace('"1.0.34"', '"2.0.0"')),
    ],
    [
      'a day that does not exist',
      'metadata-malformed',
      () => read('targets', targets, t => t.replace(/"expires":"[^"]*"/, '"expires":"2031-02-29T00:00:00Z"')),
    ],
    [
      'no consistent snapshots',
      'metadata-malformed',
      () => read('root', '1.root.json', t => t.replace('"consistent_snapshot":true', '"consistent_snapshot":false')),
    ],
    [
      'no digest that is known',
      'metadata-malformed',
      () => read('targets', targets, t => t.replace('"sha256"', '"sha512"')),
    ],
    [
      'attack: a digest that nobody compares, of metadata',
      'metadata-malformed',
      () => read('snapshot', '1.snapshot.json', t => t.replace('"hashes":{', '"hashes":{"sha512":"00",')),
    ],
    [
      'attack: a digest that nobody compares, of a target',
      'metadata-malformed',
      () => read('targets', targets, t => t.replace('"hashes":{', '"hashes":{"sha512":"00",')),
    ],
    [
      'a timestamp that speaks of more than the snapshot',
      'metadata-malformed',
      () => read('timestamp', 'timestamp.json', t => t.replace('"meta":{', '"meta":{"root.json":{"version":9},')),
    ],
    [
      'a second signature of one key id',
      'metadata-malformed',
      () => read('targets', targets, t => t.replace(/(\{"keyid":"[^}]*\})/, '$1,$1')),
    ],
    ['bytes after the end', 'metadata-unreadable', () => read('targets', targets, t => `${t}{}`)],
  ]
  for (const [name, expected, act] of rows) test(name, () => assert.equal(act(), expected))
})

describe('signatures', () => {
  const raw = writeTargets({ version: 1, expires: later(1) }, [])
  const [a, b, c] = [testKey(11), testKey(12), testKey(13)] as const
  const ids = [a, b, c].map(({ key }) => keyId(key, nodeCrypto))
  const ring: KeyRing = new Map([a, b, c].map(({ key }, index) => [ids[index] as string, key]))
  const role = { keyids: ids.slice(0, 2), threshold: 2 }
  const verdict = (signatures: Parameters<typeof seal>[1], keys = ring, of = role): string => {
    const document = readMetadata('targets', seal(raw, signatures), 'test')
    assert.ok(!isRefusal(document))
    return code(verifySigned(document, keys, of, 'test', nodeCrypto))
  }

  test('count by threshold, and only those of the role', () => {
    assert.equal(verdict([a, b].map(key => signatureOf(raw, key))), 'nothing')
    assert.equal(verdict([a].map(key => signatureOf(raw, key))), 'metadata-below-threshold')
    assert.equal(verdict([a, c].map(key => signatureOf(raw, key))), 'metadata-below-threshold')
    assert.equal(verdict([]), 'metadata-below-threshold')
    const empty = { keyid: ids[1] as string, sig: '' }
    assert.equal(verdict([signatureOf(raw, a), empty]), 'metadata-below-threshold')
  })

  test('attack: one key under two key ids counts once', () => {
    // The same key, with a member that the client does not know: a second id, and a right one.
    const twin: JsonObject = { ...(keyObject(a.key) as unknown as JsonObject), 'x-note': 'another' }
    const twinId = keyIdOf(twin, nodeCrypto)
    const both = { keyids: [ids[0] as string, twinId], threshold: 2 }
    const { sig } = signatureOf(raw, a)
    const signatures = both.keyids.map(keyid => ({ keyid, sig }))
    const known = publicKeyOf(twin as never)
    assert.ok(known !== null)
    assert.equal(verdict(signatures, new Map([...ring, [twinId, known]]), both), 'metadata-below-threshold')
    // The same through a whole root.
    const roles = { root: { keys: [a.key, b.key], threshold: 2 } }
    const all = { ...roles, timestamp: roles.root, snapshot: roles.root, targets: roles.root }
    const root = writeRoot({ version: 1, expires: later(1) }, all, nodeCrypto) as Record<string, Json>
    const forged = {
      ...root,
      keys: { [ids[0] as string]: keyObject(a.key), [twinId]: twin },
      roles: { ...(root.roles as JsonObject), root: both },
    } as unknown as JsonObject
    const signed = both.keyids.map(keyid => ({ keyid, sig: signatureOf(forged, a).sig }))
    const document = readMetadata('root', seal(forged, signed), 'root') as Document<Root>
    assert.ok(!isRefusal(document))
    const fault = verifySigned(document, document.signed.keys, document.signed.roles.root, 'root', nodeCrypto)
    assert.equal(code(fault), 'metadata-below-threshold')
  })

  test('are checked one by one as they come in', () => {
    const check = (signature: { keyid: string; sig: string }): string =>
      code(checkSignature(raw, signature, ring, role, 'test', nodeCrypto))
    assert.equal(check(signatureOf(raw, a)), 'nothing')
    assert.equal(check(signatureOf(raw, c)), 'signer-not-in-role')
    assert.equal(check({ ...signatureOf(raw, a), sig: signatureOf(raw, b).sig }), 'metadata-signature-invalid')
  })

  for (const [alg, make] of [
    ['ecdsa-p256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['ecdsa-p384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' })],
    ['ml-dsa-65', () => generateKeyPairSync('ml-dsa-65' as 'ed25519')],
    ['ed25519', () => generateKeyPairSync('ed25519')],
  ] as const) {
    test(`hold with ${alg}`, () => {
      const key = keyOf(make().privateKey, alg)
      assert.deepEqual(publicKeyOf(keyObject(key.key)), key.key)
      const id = keyId(key.key, nodeCrypto)
      assert.equal(
        verdict([signatureOf(raw, key)], new Map([[id, key.key]]), { keyids: [id], threshold: 1 }),
        'nothing',
      )
    })
  }

  test('a key of an unknown kind, or a point written otherwise, counts for nothing', () => {
    assert.equal(publicKeyOf({ keytype: 'rsa', scheme: 'rsassa-pss-sha256', keyval: { public: 'x' } }), null)
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
    const compressed = Uint8Array.from([
      ...Uint8Array.fromHex('3039301306072a8648ce3d020106082a8648ce3d030107032200'),
      2 + (spki[90]! & 1),
      ...spki.slice(27, 59),
    ])
    const pem = `-----BEGIN PUBLIC KEY-----\n${compressed.toBase64()}\n-----END PUBLIC KEY-----`
    assert.equal(publicKeyOf({ keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: pem } }), null)
  })
})

describe('authoring', () => {
  test('a threshold that nobody can reach is refused', () => {
    const key = testKey(1).key
    const role = { keys: [key, key], threshold: 2 }
    const roles = { root: role, timestamp: role, snapshot: role, targets: role }
    assert.equal(code(writeRoot({ version: 1, expires: later(1) }, roles, nodeCrypto)), 'role-unsatisfiable')
  })

  test('targets are added and taken away, and published content never changes', () => {
    const previous = repository.targets?.signed
    assert.ok(previous !== undefined)
    const changed = withTargets(previous, { add: [target('b.suit')], remove: ['a.suit'] }, 2, later(2))
    assert.ok(!isRefusal(changed))
    assert.deepEqual(Object.keys(changed.targets as JsonObject), ['b.suit'])
    assert.equal(changed.version, 2)
    assert.equal(code(withTargets(previous, { add: [target('a.suit', 'other')] }, 2, later(2))), 'target-conflict')
    assert.equal(code(withTargets(previous, { add: [target('a.suit', 'a')] }, 2, later(2))), 'nothing')
  })
})
