import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { type Client, conforms, withServer } from './client.ts'
import { type ForeignRepository, inDays } from './foreign-repository.ts'

const TARGETS = ['targets', 'snapshot', 'timestamp'] as const

describe('tuf-conformance: test_expiration', () => {
  withServer()

  conforms('test_root_expired', async (client, repository) => {
    assert.equal(await client.refresh(), 0)
    repository.publish('root')
    assert.equal(await client.refresh(), 0)
    repository.content('root').expires = inDays(-1)
    repository.publish('root', ...TARGETS)
    assert.equal(await client.refresh(), 1)
    assert.deepEqual(client.trusted, { root: 3, snapshot: 1, targets: 1, timestamp: 1 })
  })

  conforms('test_timestamp_expired', async (client, repository) => {
    assert.equal(await client.refresh(), 0)
    repository.content('timestamp').expires = inDays(-5)
    repository.publish('timestamp')
    assert.equal(await client.refresh(), 1)
    assert.deepEqual(client.trusted, { root: 1, snapshot: 1, targets: 1, timestamp: 1 })
  })

  conforms('test_snapshot_expired', async (client, repository) => {
    assert.equal(await client.refresh(), 0)
    repository.content('snapshot').expires = inDays(-5)
    repository.publish('snapshot', 'timestamp')
    assert.equal(await client.refresh(), 1)
    assert.deepEqual(client.trusted, { root: 1, snapshot: 1, targets: 1, timestamp: 2 })
  })

  conforms('test_targets_expired', async (client, repository) => {
    assert.equal(await client.refresh(), 0)
    repository.content('targets').expires = inDays(-5)
    repository.publish(...TARGETS)
    assert.equal(await client.refresh(), 1)
    assert.deepEqual(client.trusted, { root: 1, snapshot: 2, targets: 1, timestamp: 2 })
  })

  conforms('test_expired_local_root', async (client, repository) => {
    repository.content('root').expires = inDays(7)
    repository.publish('root')
    assert.equal(await client.refresh(), 0)
    repository.content('root').expires = inDays(21)
    repository.publish('root')
    assert.equal(await client.refresh({ inDays: 18 }), 0)
    assert.equal(client.trusted.root, 3)
  })

  conforms('test_expired_local_timestamp', async (client, repository) => {
    repository.content('timestamp').expires = inDays(7)
    repository.publish('timestamp')
    assert.equal(await client.refresh(), 0)
    repository.content('timestamp').expires = inDays(21)
    repository.publish(...TARGETS)
    assert.equal(await client.refresh({ inDays: 18 }), 0)
    assert.deepEqual(client.trusted, { root: 1, snapshot: 2, targets: 2, timestamp: 3 })
  })

  // Not in the suite: the same for the other two.
  for (const role of ['snapshot', 'targets']) {
    conforms(`an expired local ${role} is fetched anew`, async (client, repository) => {
      repository.content(role).expires = inDays(7)
      repository.publish(...TARGETS)
      assert.equal(await client.refresh(), 0)
      assert.equal(await client.refresh({ inDays: 18 }), 1, 'it has expired, and there is no newer one')
      repository.content(role).expires = inDays(21)
      repository.publish(...TARGETS)
      assert.equal(await client.refresh({ inDays: 18 }), 0)
      assert.deepEqual(client.trusted, { root: 1, snapshot: 3, targets: 3, timestamp: 3 })
    })
  }
})

describe('tuf-conformance: test_delegated_expiration', () => {
  withServer()
  const delegated = (repository: ForeignRepository, expires: string): void => {
    repository.delegate('targets', 'delegated', ['delegatedpath/*'], false, expires)
    repository.addArtifact('delegated', 'delegatedpath/first', 'first')
    repository.addArtifact('delegated', 'delegatedpath/second', 'second')
    repository.publish('delegated', ...TARGETS)
  }
  const first = async (client: Client): Promise<void> => {
    assert.equal(await client.download('delegatedpath/first'), 0)
    assert.deepEqual(client.downloaded, ['first'])
  }

  conforms('test_delegated_targets_expired', async (client, repository) => {
    delegated(repository, inDays(-1))
    assert.equal(await client.refresh(), 0)
    assert.equal(await client.download('delegatedpath/first'), 1)
    assert.deepEqual(client.downloaded, [])
    assert.deepEqual(client.trusted, { root: 1, snapshot: 2, targets: 2, timestamp: 2 })
  })

  conforms('test_expired_local_delegated_targets', async (client, repository) => {
    delegated(repository, inDays(7))
    await first(client)
    assert.equal(await client.download('delegatedpath/second', { inDays: 18 }), 1)
    assert.deepEqual(client.downloaded, ['first'])
  })

  conforms('test_expired_local_delegated_targets_updates', async (client, repository) => {
    delegated(repository, inDays(7))
    await first(client)
    repository.content('delegated').expires = inDays(21)
    repository.publish('delegated', 'snapshot', 'timestamp')
    assert.equal(await client.download('delegatedpath/second', { inDays: 18 }), 0)
    assert.deepEqual(client.downloaded, ['first', 'second'])
  })
})
