import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { conforms, withServer } from './client.ts'

const TARGETS = ['targets', 'snapshot', 'timestamp'] as const

describe('tuf-conformance: test_rollback', () => {
  withServer()

  conforms('test_new_timestamp_version_rollback', async (client, repository) => {
    repository.publish('timestamp')
    assert.equal(await client.refresh(), 0)
    repository.restart('timestamp')
    repository.publish('timestamp')
    assert.equal(await client.refresh(), 1)
    assert.equal(client.trusted.timestamp, 2)
    assert.equal(repository.asked.at(-1), 'timestamp')
  })

  for (const hashes of [false, true]) {
    const variant = hashes ? 'with hashes' : 'basic'
    conforms(`test_snapshot_rollback[${variant}]`, async (client, repository) => {
      repository.hashes = hashes
      repository.publish('snapshot', 'timestamp')
      assert.equal(await client.refresh(), 0)
      repository.restart('snapshot')
      repository.publish('snapshot', 'timestamp')
      assert.equal(await client.refresh(), 1)
      assert.deepEqual([client.trusted.timestamp, client.trusted.snapshot], [2, 2])
      assert.equal(repository.asked.at(-1), 'timestamp')
    })

    conforms(`test_targets_rollback[${variant}]`, async (client, repository) => {
      repository.hashes = hashes
      repository.publish(...TARGETS)
      assert.equal(await client.refresh(), 0)
      repository.restart('targets')
      repository.publish(...TARGETS)
      assert.equal(await client.refresh(), 1)
      assert.deepEqual([client.trusted.snapshot, client.trusted.targets], [2, 2])
    })
  }

  conforms('test_targets_role_removal', async (client, repository) => {
    repository.delegate('targets', 'delegated', ['delegatedpath/*'])
    repository.publish('delegated', ...TARGETS)
    assert.equal(await client.refresh(), 0)
    delete repository.announced['delegated.json']
    repository.publish('snapshot', 'timestamp')
    assert.equal(await client.refresh(), 1)
    assert.equal(client.trusted.snapshot, 2)
  })

  conforms('test_targets_fast_forward_recovery', async (client, repository) => {
    repository.delegate('targets', 'delegated', ['delegatedpath/*'])
    repository.publish('delegated')
    for (let n = 0; n < 99; n += 1) repository.publish('targets')
    repository.publish('snapshot', 'timestamp')
    assert.equal(await client.refresh(), 0)
    assert.equal(client.trusted.targets, 100)
    repository.rotateKeys('snapshot')
    repository.restart('targets')
    delete repository.announced['delegated.json']
    repository.publish('root', ...TARGETS)
    assert.equal(await client.refresh(), 0)
    assert.equal(client.trusted.targets, 1)
  })

  conforms('test_new_snapshot_fast_forward_recovery', async (client, repository) => {
    for (let n = 0; n < 99; n += 1) repository.publish('snapshot')
    repository.publish('timestamp')
    assert.equal(await client.refresh(), 0)
    assert.equal(client.trusted.snapshot, 100)
    repository.rotateKeys('snapshot')
    repository.rotateKeys('timestamp')
    repository.restart('snapshot')
    repository.publish('root', ...TARGETS)
    assert.equal(await client.refresh(), 0)
    assert.equal(client.trusted.snapshot, 1)
  })

  conforms('test_new_timestamp_fast_forward_recovery', async (client, repository) => {
    for (let n = 0; n < 99; n += 1) repository.publish('timestamp')
    assert.equal(await client.refresh(), 0)
    assert.equal(client.trusted.timestamp, 100)
    repository.rotateKeys('timestamp')
    repository.restart('timestamp')
    repository.publish('root', 'timestamp')
    assert.equal(await client.refresh(), 0)
    assert.equal(client.trusted.timestamp, 1)
  })
})
