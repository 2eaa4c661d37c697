import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { conforms, withServer } from './client.ts'
import { type ForeignKey, foreignKey } from './foreign-key.ts'
import { ForeignRepository } from './foreign-repository.ts'

/**
 * The suite downloads from two repositories that other tools made. These are the same forms, made here: what TUF-on-CI adds
 * to keys and roles, signatures that are still missing as empty texts, keys in PEM, a root that was rotated before.
 */
const TARGETS = ['targets', 'snapshot', 'timestamp'] as const
const PERIODS = { 'x-tuf-on-ci-expiry-period': 7300, 'x-tuf-on-ci-signing-period': 60 }
const owned = (owner: string): ForeignKey => foreignKey('ecdsa-sha2-nistp256', { 'x-tuf-on-ci-keyowner': owner })

function tufOnCi(): ForeignRepository {
  const repository = new ForeignRepository('ecdsa-sha2-nistp256')
  const [person, online] = [owned('@keeper'), foreignKey('ecdsa-sha2-nistp256', { 'x-tuf-on-ci-online-uri': 'kms:1' })]
  for (const role of ['root', 'targets']) repository.roles[role] = { keys: [person], signers: [person], threshold: 1 }
  for (const role of ['snapshot', 'timestamp']) {
    repository.roles[role] = { keys: [online], signers: [online], threshold: 1, more: PERIODS }
  }
  Object.assign(repository.content('root'), PERIODS)
  Object.assign(repository.content('targets'), PERIODS)
  repository.restart('root')
  repository.publish('root')
  const name = 'delegatedrole'
  const paths = [`${name}/*`, `${name}/*/*`, `${name}/*/*/*`, `${name}/*/*/*/*`]
  repository.delegate('targets', name, paths, true)
  repository.addArtifact(name, `${name}/artifact`, 'an artifact\n')
  repository.publish(name)
  // A keeper of the role who has not signed yet.
  repository.resign(name, signatures => [...signatures, { keyid: owned('@other').id, sig: '' }])
  repository.publish(...TARGETS)
  return repository
}

/** Five keepers of which three sign, rotated twice since the root that a client starts with; older spelling of versions. */
function rootSigning(): ForeignRepository {
  const repository = new ForeignRepository('ecdsa-sha2-nistp256')
  const keepers = ['@a', '@b', '@c', '@d', '@e', '@f'].map(owned)
  for (const role of ['root', 'targets', 'snapshot', 'timestamp']) repository.content(role).spec_version = '1.0'
  repository.restart('root')
  for (const [from, to] of [
    [0, 5],
    [0, 5],
    [1, 6],
  ] as const) {
    const keys = keepers.slice(from, to)
    for (const role of ['root', 'targets']) repository.roles[role] = { keys, signers: keepers, threshold: 3 }
    repository.publish('root')
    repository.resign('root', signatures => signatures.map((one, at) => (at === 2 ? { ...one, sig: '' } : one)))
  }
  repository.delegate('targets', 'registry.example.org', ['registry.example.org/*'], true)
  repository.addArtifact('targets', 'trusted_root.json', '{}')
  repository.publish('registry.example.org', ...TARGETS)
  return repository
}

describe('tuf-conformance: test_static_repositories', () => {
  withServer()
  for (const [name, made, path] of [
    ['tuf-on-ci-0.11', tufOnCi, 'delegatedrole/artifact'],
    ['sigstore-root-signing', rootSigning, 'trusted_root.json'],
  ] as const) {
    conforms(
      `test_static_repository[${name}]`,
      async client => {
        assert.equal(await client.refresh(), 0)
        assert.equal(await client.download(path), 0)
        assert.equal(client.downloaded.length, 1)
      },
      made,
    )
  }
})
