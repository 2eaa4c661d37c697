import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe } from 'node:test'
import { conforms, withServer } from './client.ts'
import type { ForeignRepository } from './foreign-repository.ts'

const TARGETS = ['targets', 'snapshot', 'timestamp'] as const
const bytes = (content: string): Uint8Array => new TextEncoder().encode(content)

describe('tuf-conformance: test_file_download', () => {
  withServer()
  const offer = (repository: ForeignRepository, files: Readonly<Record<string, string>>): void => {
    for (const [path, content] of Object.entries(files)) repository.addArtifact('targets', path, content)
    repository.publish(...TARGETS)
  }

  conforms('test_client_downloads_expected_file', async (client, repository) => {
    offer(repository, { 'target_file.txt': 'target file contents' })
    assert.equal(await client.refresh(), 0)
    assert.deepEqual(client.downloaded, [])
    assert.equal(await client.download('target_file.txt'), 0)
    assert.deepEqual(client.downloaded, ['target file contents'])
  })

  conforms('test_client_downloads_expected_file_in_sub_dir', async (client, repository) => {
    offer(repository, { 'path/to/a/target_file.txt': 'target file contents' })
    assert.equal(await client.download('path/to/a/target_file.txt'), 0)
    assert.deepEqual(client.downloaded, ['target file contents'])
  })

  conforms('test_repository_substitutes_target_file', async (client, repository) => {
    offer(repository, { 'one.txt': 'target file contents', 'two.txt': 'content' })
    assert.equal(await client.download('one.txt'), 0)
    for (const path of ['one.txt', 'two.txt']) repository.artifacts.set(path, bytes('malicious'))
    assert.equal(await client.download('one.txt'), 0, 'it is there already')
    assert.deepEqual(client.downloaded, ['target file contents'])
    assert.equal(await client.download('two.txt'), 1)
    assert.deepEqual(client.downloaded, ['target file contents'])
  })

  conforms('test_multiple_changes_to_target', async (client, repository) => {
    offer(repository, { 'target_file.txt': 'target file contents' })
    assert.equal(await client.download('target_file.txt'), 0)
    const expected = ['target file contents']
    for (let round = 0; round < 11; round += 1) {
      const changed = `modified file contents ${round}`
      const added = `new file contents ${round}`
      offer(repository, { 'target_file.txt': changed, [`new-target-${round}`]: added })
      if (round % 5 !== 0) continue
      assert.equal(await client.download('target_file.txt'), 0)
      expected.splice(round === 0 ? 0 : expected.findIndex(content => content.startsWith('modified')), 1)
      expected.push(changed)
      assert.deepEqual(client.downloaded.toSorted(), expected.toSorted())
      assert.equal(await client.download(`new-target-${round}`), 0)
      expected.push(added)
      repository.artifacts.set('target_file.txt', bytes(`malicious contents ${round}`))
      repository.publish(...TARGETS)
      await client.download('target_file.txt')
      assert.deepEqual(client.downloaded.toSorted(), expected.toSorted())
    }
  })

  for (const [index, algorithms] of [['sha256'], ['sha512'], ['sha256', 'sha512']].entries()) {
    conforms(`test_download_with_hash_algorithms[hashes${index}]`, async (client, repository) => {
      repository.addArtifact('targets', 'target_file.txt', 'target file contents', algorithms)
      repository.publish(...TARGETS)
      assert.equal(await client.download('target_file.txt'), 0)
      assert.equal(repository.artifactsAsked.length, 1)
      assert.deepEqual(client.downloaded, ['target file contents'])
      assert.equal(await client.download('target_file.txt'), 0)
      assert.equal(repository.artifactsAsked.length, 1, 'it is there already')
    })
  }

  conforms('test_download_with_unknown_hash_algorithm', async (client, repository) => {
    repository.addArtifact('targets', 'target_file.txt', 'target file contents')
    const [target] = Object.values(repository.content('targets').targets as object) as [{ hashes: { sha256?: string } }]
    target.hashes = { 'unknown-hash': target.hashes.sha256 } as object
    repository.publish(...TARGETS)
    assert.equal(await client.download('target_file.txt'), 1)
    assert.deepEqual(client.downloaded, [])
  })

  conforms('test_artifact_cache', async (client, repository) => {
    offer(repository, { 'target_file.txt': 'target file contents' })
    assert.equal(await client.download('target_file.txt'), 0)
    assert.equal(await client.download('target_file.txt'), 0)
    assert.equal(repository.artifactsAsked.length, 1)
  })

  // Not in the suite.
  conforms('attack: other bytes that fit one of two digests', async (client, repository) => {
    repository.addArtifact('targets', 'a.txt', 'content', ['sha256', 'sha512'])
    const [target] = Object.values(repository.content('targets').targets as object) as [{ hashes: { sha512: string } }]
    target.hashes.sha512 = 'ab'.repeat(64)
    repository.publish(...TARGETS)
    assert.equal(await client.download('a.txt'), 1)
    assert.deepEqual(client.downloaded, [])
  })

  conforms('attack: more bytes than were signed for, or fewer', async (client, repository) => {
    offer(repository, { 'a.txt': 'content' })
    for (const other of ['content and more', 'cont']) {
      repository.artifacts.set('a.txt', bytes(other))
      assert.equal(await client.download('a.txt'), 1)
    }
    assert.deepEqual(client.downloaded, [])
  })

  for (const path of ['../escaped.txt', 'a/../../escaped.txt', 'a/./b.txt', '..', '.', '/escaped.txt', 'a//b.txt']) {
    conforms(`attack: a target called ${path} is not asked for`, async (client, repository) => {
      offer(repository, { [path]: 'content' })
      assert.equal(await client.download(path), 1)
      assert.deepEqual(repository.artifactsAsked, [])
      assert.deepEqual(readdirSync(client.folder).toSorted(), ['initial_root.json', 'metadata', 'targets'])
    })
  }

  for (const path of ['a\\..\\b.txt', '%2e%2e', 'C:\\b.txt', 'con', 'a?b#c']) {
    conforms(`a target called ${path} stays in its folder`, async (client, repository) => {
      offer(repository, { [path]: 'content' })
      assert.equal(await client.download(path), 0)
      assert.deepEqual(client.downloaded, ['content'])
      assert.deepEqual(readdirSync(client.folder).toSorted(), ['initial_root.json', 'metadata', 'targets'])
    })
  }

  conforms('attack: endless data', async (client, repository) => {
    offer(repository, { 'a.txt': 'content' })
    repository.endless = 'targets'
    assert.equal(await client.download('a.txt'), 1)
    assert.ok(repository.sent < 8 << 20, `${repository.sent} bytes were sent`)
    repository.endless = 'metadata'
    assert.equal(await client.refresh(), 1)
    assert.ok(repository.sent < 16 << 20, `${repository.sent} bytes were sent`)
    assert.deepEqual(client.downloaded, [])
  })
})
