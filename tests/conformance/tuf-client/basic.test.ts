import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Client, conforms, withServer } from './client.ts'
import { foreignKey } from './foreign-key.ts'
import { ForeignRepository, TOP } from './foreign-repository.ts'

const TARGETS = ['targets', 'snapshot', 'timestamp'] as const
const json = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes))
const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
/** An ECDSA signature that looks like one, over something else. */
const OTHER = `30450221${'00'}${'ab'.repeat(32)}0220${'71'.repeat(32)}`

describe('tuf-conformance: test_basic', () => {
  withServer()

  conforms('test_basic_refresh_requests', async (client, { asked }) => {
    assert.equal(await client.refresh(), 0)
    assert.deepEqual(asked, ['root 2', 'timestamp', 'snapshot 1', 'targets 1'])
    assert.equal(await client.refresh(), 0)
    assert.deepEqual(asked.slice(4), ['root 2', 'timestamp'], 'what is trusted is not fetched again')
  })

  conforms('test_basic_refresh_trusted_data', async client => {
    assert.equal(await client.refresh(), 0)
    for (const role of TOP) client.trusts(role)
  })

  conforms('test_implicit_refresh', async (client, { asked }) => {
    assert.equal(await client.download('nonexistent artifact'), 1)
    assert.deepEqual(asked, ['root 2', 'timestamp', 'snapshot 1', 'targets 1'])
    for (const role of TOP) client.trusts(role)
  })

  const roots: readonly [name: string, spoil: (root: ReturnType<typeof json>) => void][] = [
    ['test_invalid_initial_root', root => delete root.signed.version],
    ['test_unsigned_initial_root', root => (root.signatures[0].sig = OTHER)],
  ]
  for (const [name, spoil] of roots) {
    it(name, async () => {
      const client = new Client()
      const root = json(client.repository.latest('root'))
      spoil(root)
      assert.equal(await client.init(bytes(root)), 1)
      assert.equal(await client.refresh(), 1)
      assert.deepEqual(client.repository.asked, [])
      client.close()
    })
  }

  const unsigned: Readonly<Record<(typeof TOP)[number], Record<string, number>>> = {
    root: { root: 1 },
    timestamp: { root: 2 },
    snapshot: { root: 2, timestamp: 2 },
    targets: { root: 2, snapshot: 2, timestamp: 2 },
  }
  for (const role of TOP) {
    conforms(`test_unsigned_metadata[${role}]`, async (client, repository) => {
      repository.role(role).signers = []
      repository.publish('root', ...TARGETS)
      assert.equal(await client.refresh(), 1)
      assert.deepEqual(client.trusted, unsigned[role])
    })
  }

  for (const [role, trusted] of [
    ['root', { root: 1 }],
    ['snapshot', { root: 2, timestamp: 2 }],
    ['targets', { root: 2, snapshot: 2, timestamp: 2 }],
  ] as const) {
    conforms(`test_url_and_metadata_version_mismatch[${role}]`, async (client, repository) => {
      repository.content(role).version += 1
      repository.publish('root', ...TARGETS)
      assert.equal(await client.refresh(), 1)
      assert.deepEqual(client.trusted, trusted)
    })
  }

  conforms('test_timestamp_content_changes', async (client, repository) => {
    assert.equal(await client.refresh(), 0)
    const kept = client.stored('timestamp.json')
    repository.content('timestamp').meta = { 'snapshot.json': { version: 100 } }
    repository.restart('timestamp')
    repository.publish('timestamp')
    assert.equal(await client.refresh(), 0)
    assert.equal(repository.asked.at(-1), 'timestamp')
    assert.deepEqual(client.stored('timestamp.json'), kept)
  })

  conforms('test_basic_metadata_hash_support', async (client, repository) => {
    repository.hashes = true
    repository.publish(...TARGETS)
    assert.equal(await client.refresh(), 0)
    repository.publish('targets')
    const meta = repository.announced['targets.json'] as { hashes: { sha256: string } }
    meta.hashes.sha256 = '46'.repeat(32)
    repository.publish('snapshot', 'timestamp')
    assert.equal(await client.refresh(), 1)
    assert.deepEqual([client.trusted.snapshot, client.trusted.targets], [3, 2])
  })

  conforms('test_metadata_bytes_match', async (client, repository) => {
    const unusual = Buffer.concat([repository.latest('timestamp'), Buffer.from(' ')])
    repository.replaceLatest('timestamp', new Uint8Array(unusual))
    assert.equal(await client.refresh(), 0)
    assert.deepEqual(client.stored('timestamp.json'), unusual)
  })

  conforms('test_custom_fields', async (client, repository) => {
    assert.equal(await client.refresh(), 0)
    repository.content('root')['custom-field'] = 'value'
    repository.addKey('root', foreignKey('ed25519', { 'extra-field': { a: 1, b: 2 } }))
    repository.role('root').more = { 'another-field': 'value' }
    repository.publish('root')
    assert.equal(await client.refresh(), 0)
    assert.equal(client.trusted.root, 2)
  })

  conforms('test_deprecated_keyid_hash_algorithms', async (client, repository) => {
    const key = foreignKey('ed25519', { keyid_hash_algorithms: 'md5' })
    repository.roles.snapshot = { keys: [key], signers: [key], threshold: 1 }
    repository.publish('root', 'snapshot', 'timestamp')
    assert.equal(await client.refresh(), 0)
    assert.deepEqual([client.trusted.root, client.trusted.snapshot], [2, 2])
  })

  conforms('test_snapshot_404', async (client, repository) => {
    assert.equal(await client.refresh(), 0)
    repository.content('timestamp').meta = { 'snapshot.json': { version: 2 } }
    repository.publish('timestamp')
    assert.equal(await client.refresh(), 1)
    assert.equal(repository.asked.at(-1), 'snapshot 2')
    assert.deepEqual(client.trusted, { root: 1, snapshot: 1, targets: 1, timestamp: 2 })
  })

  conforms('test_targets_404', async (client, repository) => {
    assert.equal(await client.refresh(), 0)
    repository.announced['targets.json'] = { version: 2 }
    repository.publish('snapshot', 'timestamp')
    assert.equal(await client.refresh(), 1)
    assert.equal(repository.asked.at(-1), 'targets 2')
    assert.deepEqual(client.trusted, { root: 1, snapshot: 2, targets: 1, timestamp: 2 })
  })

  conforms('test_timestamp_404', async (client, repository) => {
    assert.equal(await client.refresh(), 0)
    repository.published.delete('timestamp')
    assert.equal(await client.refresh(), 1)
    assert.equal(repository.asked.at(-1), 'timestamp')
  })

  conforms('test_incorrect_metadata_type', async (client, repository) => {
    const [signer] = repository.role('timestamp').signers
    repository.addKey('snapshot', signer)
    repository.content('snapshot').meta = { 'snapshot.json': { version: 1 } }
    repository.publish('root', 'snapshot')
    const posing = repository.latest('snapshot')
    repository.published.set('timestamp', [...(repository.published.get('timestamp') ?? []), posing])
    assert.equal(await client.refresh(), 1)
    assert.deepEqual(client.trusted, { root: 2 })
  })

  // The suite moves the clock of the process; so does process.test.ts. Here the client is told the time.
  conforms('test_faketime', async (client, repository) => {
    repository.content('root').expires = new Date(Date.now() + 7 * 86_400_000).toISOString().replace(/\.\d+/, '')
    repository.publish('root')
    assert.equal(await client.refresh(), 0)
    assert.equal(await client.refresh({ inDays: 8 }), 1)
  })

  // Not in the suite: a repository whose files have no versions in their names.
  conforms(
    'a repository without consistent snapshots',
    async (client, repository) => {
      repository.addArtifact('targets', 'a/b.txt', 'content')
      repository.publish(...TARGETS)
      assert.equal(await client.download('a/b.txt'), 0)
      assert.deepEqual(repository.asked, ['root 2', 'timestamp', 'snapshot', 'targets'])
      assert.deepEqual(repository.artifactsAsked, ['a/b.txt'])
      assert.deepEqual(client.downloaded, ['content'])
    },
    () => new ForeignRepository('ed25519', false),
  )
})
