import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { conforms, withServer } from './client.ts'
import { foreignKey, rsaTwins, SCHEMES } from './foreign-key.ts'
import { ForeignRepository } from './foreign-repository.ts'

const TARGETS = ['targets', 'snapshot', 'timestamp'] as const

describe('tuf-conformance: test_keys', () => {
  withServer()

  conforms('test_snapshot_does_not_meet_threshold', async (client, repository) => {
    repository.role('snapshot').threshold = 3
    repository.addKey('snapshot')
    repository.addKey('snapshot')
    repository.publish('root', ...TARGETS)
    assert.equal(await client.refresh(), 0)
    repository.role('snapshot').signers.pop()
    repository.publish(...TARGETS)
    assert.equal(await client.refresh(), 1)
    assert.equal(client.trusted.snapshot, 2)
  })

  conforms('test_snapshot_has_too_few_keys', async (client, repository) => {
    for (let n = 0; n < 4; n += 1) repository.addKey('snapshot')
    repository.role('snapshot').threshold = 6
    repository.publish('root', 'snapshot', 'timestamp')
    assert.equal(await client.refresh(), 1)
    assert.deepEqual(client.trusted, { root: 2, timestamp: 2 })
  })

  conforms('test_duplicate_keys', async (client, repository) => {
    const key = foreignKey()
    const role = repository.role('snapshot')
    repository.roles.snapshot = { ...role, keys: [...role.keys, ...Array<typeof key>(9).fill(key)], threshold: 6 }
    repository.role('snapshot').signers.push(key)
    repository.publish('root', 'snapshot', 'timestamp')
    repository.resign('snapshot', signatures => {
      const mine = signatures.filter(({ keyid }) => keyid === key.id)
      return [...signatures, ...Array(8).fill(mine[0])]
    })
    assert.equal(await client.refresh(), 1)
    assert.equal(client.trusted.snapshot, undefined)
  })

  conforms('test_duplicate_sig_keyids', async (client, repository) => {
    repository.resign('snapshot', signatures => [...signatures, ...signatures])
    assert.equal(await client.refresh(), 1)
    assert.equal(client.trusted.snapshot, undefined)
  })

  for (const scheme of SCHEMES) {
    const keytype = scheme.startsWith('rsa') ? 'rsa' : scheme.startsWith('ecdsa') ? 'ecdsa' : scheme
    conforms(`test_keytype_and_scheme[${keytype}/${scheme}]`, async (client, repository) => {
      const key = repository.addKey('root', foreignKey(scheme))
      repository.role('root').threshold += 1
      repository.publish('root')
      assert.equal(await client.refresh(), 0)
      assert.equal(client.trusted.root, 2)
      repository.publish('root')
      // A signature of the right form, by the right key, over something else.
      const other = key.sign(new TextEncoder().encode('something else'))
      repository.resign('root', all => all.map(one => (one.keyid === key.id ? { ...one, sig: other } : one)))
      assert.equal(await client.refresh(), 1)
      assert.equal(client.trusted.root, 2)
    })
  }

  conforms('test_invalid_sig_in_valid_metadata', async (client, repository) => {
    const [old] = repository.role('timestamp').keys
    repository.addKey('timestamp')
    repository.publish('root', 'timestamp')
    const stale = old?.sign(new TextEncoder().encode('an older timestamp')) as string
    for (const sig of [stale, '']) {
      repository.resign('timestamp', all => all.map(one => (one.keyid === old?.id ? { ...one, sig } : one)))
      assert.equal(await client.refresh(), 0)
      client.trusts('timestamp')
      repository.publish('timestamp')
    }
  })

  // Not in the suite.
  conforms('attack: one key under many key ids counts once', async (client, repository) => {
    const key = foreignKey()
    const twins = Array.from({ length: 5 }, (_, index) => ({ ...key, id: `${index}`.repeat(64) }))
    repository.roles.snapshot = { keys: twins, signers: twins, threshold: 2 }
    repository.publish('root', 'snapshot', 'timestamp')
    assert.equal(await client.refresh(), 1)
    assert.equal(client.trusted.snapshot, undefined)
  })

  conforms('attack: one RSA key with both of its paddings counts once', async (client, repository) => {
    const twins = rsaTwins()
    repository.roles.snapshot = { keys: twins, signers: twins, threshold: 1 }
    repository.publish('root', 'snapshot', 'timestamp')
    assert.equal(await client.refresh(), 0, 'each of them holds')
    repository.role('snapshot').threshold = 2
    repository.publish('root', 'snapshot', 'timestamp')
    assert.equal(await client.refresh(), 1)
    assert.equal(client.trusted.snapshot, undefined, 'nor is the old one trusted by the new root')
  })

  conforms('attack: an RSA key of 1024 bits counts for nothing', async (client, repository) => {
    const weak = foreignKey('rsassa-pss-sha256', {}, 1024)
    repository.roles.snapshot = { keys: [weak], signers: [weak], threshold: 1 }
    repository.publish('root', 'snapshot', 'timestamp')
    assert.equal(await client.refresh(), 1)
    assert.deepEqual(client.trusted, { root: 2, timestamp: 2 })
  })

  for (const scheme of SCHEMES) {
    conforms(
      `a whole repository of ${scheme}`,
      async client => assert.equal(await client.refresh(), 0),
      () => new ForeignRepository(scheme),
    )
  }
})

describe('tuf-conformance: test_quoting_issues', () => {
  withServer()
  for (const role of ['?', '#', '/delegatedrole', '../delegatedrole', 'ünïcode', '..', 'a\\b']) {
    conforms(`test_unusual_role_name[${role}]`, async (client, repository) => {
      repository.delegate('targets', role, ['*'])
      repository.publish(role, ...TARGETS)
      assert.equal(await client.download('nonexistent target'), 1)
      assert.ok(repository.asked.includes(`${encodeURIComponent(role)} 1`), repository.asked.join())
      assert.equal(Object.keys(client.trusted).length, 5)
    })
  }
})
