import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import type { JsonObject } from '../../../src/core/encoding/canonical-json.ts'
import { isRefusal, orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { changedRoot } from '../../../src/core/trust/changed-document.ts'
import { keyId, keyObject, publicKeyOf, type RoleKey, type TufKey } from '../../../src/core/trust/keys.ts'
import type { Signature } from '../../../src/core/trust/metadata.ts'
import { passkeyOf, readPasskey, writePasskey } from '../../../src/core/trust/passkey.ts'
import { quorumOf } from '../../../src/core/trust/quorum.ts'
import { readMetadata, readSigned } from '../../../src/core/trust/read-metadata.ts'
import { seal, writeDelegations, writeRoot, writeTargets } from '../../../src/core/trust/repository.ts'
import { verifySigned } from '../../../src/core/trust/signatures.ts'
import { trustRoot, updateRoot } from '../../../src/core/trust/trusted-set.ts'
import { ApproverPasskey, ORIGIN, RP_ID } from '../../worlds/approver-passkey.ts'
import { dee, eve, id, inForce, nextRootOf, OCCASION, open, UNCHANGED } from './ceremony-desk.ts'
import { later, sealed, signatureOf, testKey } from './simulated-repository.ts'

const anna = new ApproverPasskey()
const ben = new ApproverPasskey()
const [cora, dirk] = [testKey(41), testKey(42)] as const
const code = (value: unknown): string => (isRefusal(value) ? value.code : 'taken')

describe('a passkey', () => {
  test('is a key object with an id of its own, and comes back as it was', () => {
    const object = keyObject(anna.key)
    assert.deepEqual([object.keytype, object.scheme], ['webauthn', 'webauthn-es256'])
    assert.deepEqual(publicKeyOf(object), anna.key)
    const plain = keyId({ alg: 'ecdsa-p256', spki: anna.key.spki }, nodeCrypto)
    assert.notEqual(keyId(anna.key, nodeCrypto), plain)
    assert.notEqual(keyId({ ...anna.key, origin: `https://${RP_ID}` }, nodeCrypto), keyId(anna.key, nodeCrypto))
  })

  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const p384 = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
  const others: readonly (readonly [name: string, change: (key: TufKey) => TufKey])[] = [
    [
      'another curve',
      key => ({
        ...key,
        keyval: { ...key.keyval, public: keyObject({ alg: 'ecdsa-p384', spki: p384 }).keyval.public },
      }),
    ],
    ['no origin', ({ keyval: { origin: _, ...rest }, ...key }) => ({ ...key, keyval: rest })],
    ['no credential', ({ keyval: { credentialId: _, ...rest }, ...key }) => ({ ...key, keyval: rest })],
    [
      'an origin that is not the RP id’s',
      key => ({ ...key, keyval: { ...key.keyval, origin: 'https://evil.example' } }),
    ],
    ['an origin by HTTP', key => ({ ...key, keyval: { ...key.keyval, origin: `http://${RP_ID}` } })],
    ['a credential id with padding', key => ({ ...key, keyval: { ...key.keyval, credentialId: 'QUI=' } })],
    ['a credential id with bits too many', key => ({ ...key, keyval: { ...key.keyval, credentialId: 'QUJ' } })],
    ['the scheme of another kind', key => ({ ...key, scheme: 'ecdsa-sha2-nistp256' })],
    ['the type of another kind', key => ({ ...key, keytype: 'ecdsa' })],
  ]
  for (const [name, change] of others) {
    test(`attack: a passkey with ${name} is no key`, () => assert.equal(publicKeyOf(change(keyObject(anna.key))), null))
  }

  test('as a file comes back as it was, and no other file has its reading', () => {
    const file = writePasskey(anna.key)
    assert.deepEqual(readPasskey(file, 'test'), anna.key)
    const bad = [utf8(''), utf8('{}'), file.slice(1), utf8(new TextDecoder().decode(file).replace('{', '{"x":1,'))]
    for (const bytes of bad) assert.equal(code(readPasskey(bytes, 'test')), 'key-malformed')
    const { spki, rpId, origin, credentialId } = anna.key
    assert.equal(passkeyOf({ spki: spki.slice(1), rpId, origin, credentialId }), null)
  })
})

describe('signatures with passkeys', () => {
  const raw = writeTargets({ version: 1, expires: later(1) }, [])
  const passkeyIds = [anna.keyid, ben.keyid]
  const plainIds = [cora, dirk].map(id)
  const ring = new Map<string, RoleKey>([
    [anna.keyid, anna.key],
    [ben.keyid, ben.key],
    [plainIds[0]!, cora.key],
    [plainIds[1]!, dirk.key],
  ])
  const given: readonly Signature[] = [anna.sign(raw), ben.sign(raw), signatureOf(raw, cora), signatureOf(raw, dirk)]
  const role = (threshold: number) => ({ keyids: [...passkeyIds, ...plainIds], threshold })
  const judged = (signatures: readonly Signature[], threshold: number): Refusal | null => {
    const document = orThrow(readMetadata('targets', seal(raw, signatures), 'test'))
    return verifySigned(document, ring, role(threshold), 'test', nodeCrypto)
  }

  test('count beside those of other keys', () => {
    assert.equal(judged([given[0]!, given[2]!], 2), null)
    assert.equal(judged([given[0]!, given[1]!, given[2]!], 3), null)
    assert.equal(judged([given[2]!], 1), null)
  })

  test('attack: passkeys alone fill no threshold, however many they are', () => {
    for (const [signatures, threshold] of [
      [given.slice(0, 1), 1],
      [given.slice(0, 2), 1],
      [given.slice(0, 2), 2],
    ] as const) {
      const refusal = judged(signatures, threshold)
      assert.equal(refusal?.code, 'metadata-below-threshold')
      assert.match(refusal?.expected ?? '', /one is not by a passkey/)
    }
  })

  test('attack: one authenticator’s key under two ids, once as a key of a file, counts once', () => {
    const plain = { alg: 'ecdsa-p256', spki: anna.key.spki } as const
    const twinId = keyId(plain, nodeCrypto)
    const both = { keyids: [anna.keyid, twinId], threshold: 2 }
    const keys = new Map<string, RoleKey>([
      [anna.keyid, anna.key],
      [twinId, plain],
    ])
    const { sig } = given[0]!
    const document = orThrow(
      readMetadata(
        'targets',
        seal(
          raw,
          both.keyids.map(keyid => ({ keyid, sig })),
        ),
        'test',
      ),
    )
    assert.equal(verifySigned(document, keys, both, 'test', nodeCrypto)?.code, 'metadata-below-threshold')
  })

  test('what they are worth never falls when one comes in, and only with another key reaches the threshold', () => {
    const some = fc.tuple(fc.subarray([0, 1, 2, 3]), fc.integer({ min: 1, max: 4 }))
    fc.assert(
      fc.property(some, ([which, threshold]) => {
        const signatures = which.map(index => given[index]!)
        const electorate = { by: 'test', keys: ring, role: role(threshold), owners: new Map() }
        const document = orThrow(readSigned('targets', raw, 'test'))
        const quorum = quorumOf(electorate, document, signatures, nodeCrypto)
        const plain = which.filter(index => index > 1).length
        const enough = which.length >= threshold && plain > 0
        return quorum.enough === enough && (judged(signatures, threshold) === null) === enough
      }),
      { numRuns: 60 },
    )
  })
})

describe('where a passkey may stand', () => {
  const one = (key: RoleKey) => ({ keys: [key], threshold: 1 })
  const plain = one(cora.key)
  const roles = { root: plain, timestamp: plain, snapshot: plain, targets: plain }
  const approvers = { keys: [anna.key, cora.key], threshold: 2 }
  const root = (over: Partial<typeof roles>): JsonObject =>
    orThrow(writeRoot({ version: 1, expires: later(9) }, { ...roles, ...over }, nodeCrypto))
  const trusted = (repo: string, raw: JsonObject): string => code(trustRoot(repo, sealed(raw, [cora]), nodeCrypto))

  test('is the targets of the approvals', () => {
    assert.equal(trusted('approval', root({ targets: approvers })), 'taken')
  })

  for (const role of ['root', 'timestamp', 'snapshot'] as const) {
    test(`attack: a passkey in the root for the role ${role}, in any repository`, () => {
      for (const repo of ['approval', 'image', 'director/quay']) {
        assert.equal(trusted(repo, root({ [role]: approvers })), 'passkey-not-allowed', repo)
      }
    })
  }

  for (const repo of ['image', 'director', 'director/quay', 'a file of that name']) {
    test(`attack: a passkey in the root of ${repo}, also one that no role names`, () => {
      assert.equal(trusted(repo, root({ targets: approvers })), 'passkey-not-allowed')
      const unused = { ...root({}), keys: { ...(root({}).keys as JsonObject), [anna.keyid]: keyObject(anna.key) } }
      assert.equal(trusted(repo, unused as unknown as JsonObject), 'passkey-not-allowed')
      assert.equal(trusted(repo, root({})), 'taken')
    })
  }

  test('attack: a passkey that comes in with the next root of another repository', () => {
    const begun = orThrow(trustRoot('image', sealed(root({}), [cora]), nodeCrypto))
    const next = { ...root({ targets: approvers }), version: 2 }
    assert.equal(code(updateRoot(begun, sealed(next, [cora]), nodeCrypto)), 'passkey-not-allowed')
  })

  test('attack: a passkey as the key of a delegation', () => {
    const delegation = { name: 'line', paths: ['bms/*'], terminating: true, keys: [anna.key, cora.key], threshold: 2 }
    const delegations = orThrow(writeDelegations([delegation], nodeCrypto))
    const raw = writeTargets({ version: 1, expires: later(1) }, [], delegations as JsonObject)
    assert.equal(code(readSigned('targets', raw, 'test')), 'passkey-not-allowed')
  })

  test('attack: a passkey in a repository of others counts for nothing', () => {
    const read = orThrow(readSigned('root', root({ targets: approvers }), 'test', 'tuf'))
    assert.equal(read.keys.get(anna.keyid), null)
  })

  describe('at a ceremony', () => {
    const approvals = (): ReturnType<typeof inForce> => ({ ...inForce(), repository: 'approval' })
    const occasion = { ...OCCASION, note: { ...OCCASION.note, repository: 'approval' as const } }
    const add = (owner: string, key: RoleKey, role = 'targets') => ({ ...UNCHANGED, role, add: [{ key, owner }] })

    test('it comes in beside the approvers’ keys', () => {
      const base = approvals()
      const next = nextRootOf(base, add('anna', anna.key), occasion)
      const opened = orThrow(open(base, { root: next }))
      const shown = opened.root!.differences.find(({ what }) => what === `key ${anna.keyid}`)
      assert.equal(shown?.after, `webauthn-es256 at ${ORIGIN} (${RP_ID}), credential ${anna.key.credentialId}`)
    })

    test('attack: a ceremony that brings a passkey into another repository', () => {
      const base = inForce()
      const next = nextRootOf(base, add('anna', anna.key))
      assert.equal(code(open(base, { root: next })), 'passkey-not-allowed')
    })

    for (const role of ['root', 'snapshot', 'timestamp']) {
      test(`attack: a ceremony that brings a passkey into the role ${role}`, () => {
        const base = approvals()
        const changes = { ...add('anna', anna.key, role), threshold: role === 'root' ? null : 2 }
        const next = nextRootOf(base, changes, occasion)
        assert.equal(code(open(base, { root: next })), 'passkey-not-allowed')
      })
    }

    test('attack: a role that only passkeys could fill, or whose threshold of one leaves no room for them', () => {
      const base = approvals()
      const rows: readonly (readonly [changes: Parameters<typeof changedRoot>[1], expected: RegExp])[] = [
        [{ ...add('anna', anna.key), threshold: 1 }, /2 or more/],
        [
          {
            ...add('anna', anna.key),
            replace: [
              { old: id(dee), by: { key: ben.key, owner: 'ben' } },
              { old: id(eve), by: { key: new ApproverPasskey().key, owner: 'cas' } },
            ],
          },
          /beside the passkeys/,
        ],
      ]
      for (const [changes, expected] of rows) {
        const refusal = changedRoot(base.root.signed, changes, occasion, nodeCrypto)
        assert.ok(isRefusal(refusal))
        assert.equal(refusal.code, 'role-unsatisfiable')
        assert.match(refusal.expected, expected)
      }
    })

    test('with a passkey that has signed, the quorum names who is missing', () => {
      const base = approvals()
      const next = nextRootOf(base, add('anna', anna.key), occasion)
      const read = orThrow(readSigned('root', next, 'test'))
      const raw = writeTargets({ version: 2, expires: later(1) }, [])
      const electorate = {
        by: 'approvers',
        keys: read.keys,
        role: read.roles.targets,
        owners: new Map([[id(dee), 'dee']]),
      }
      const targets = orThrow(readSigned('targets', raw, 'test'))
      const quorum = quorumOf(electorate, targets, [anna.sign(raw)], nodeCrypto)
      assert.deepEqual([quorum.have, quorum.enough, quorum.signed.map(({ keyid }) => keyid)], [1, false, [anna.keyid]])
    })
  })
})
