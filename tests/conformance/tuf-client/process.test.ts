import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe } from 'node:test'
import { conforms, withServer } from './client.ts'
import { inDays } from './foreign-repository.ts'

const PROGRAM = join(import.meta.dirname, '../../../conformance/tuf-client')

/** The program as the suite calls it: a process for each command, whose clock is the system's. */
describe('the TUF client as a process', () => {
  withServer()

  conforms('inits, refreshes and downloads, each with an exit code', async (client, repository) => {
    client.command = [PROGRAM]
    assert.equal(await client.init(), 0)
    assert.equal(await client.refresh(), 0)
    repository.addArtifact('targets', 'path/to/a target.txt', 'content')
    repository.publish('targets', 'snapshot', 'timestamp')
    assert.equal(await client.download('path/to/a target.txt'), 0)
    assert.deepEqual(client.downloaded, ['content'])
    assert.equal(await client.download('missing'), 1)
    assert.equal(await client.run(['refresh']), 1)
    assert.equal(await client.run(['--metadata-dir', client.metadata, 'remove']), 1)
  })

  conforms('goes by the clock of its process, which faketime moves', async (client, repository) => {
    repository.content('root').expires = inDays(7)
    repository.publish('root')
    const moved = (days: number): string =>
      `data:text/javascript,${encodeURIComponent(`const now = Date.now; Date.now = () => now() + ${days} * 86400000`)}`
    const at = (days: number): readonly string[] => ['env', `NODE_OPTIONS=--import=${moved(days)}`, PROGRAM]
    client.command = at(6)
    assert.equal(await client.refresh(), 0)
    client.command = at(8)
    assert.equal(await client.refresh(), 1)
  })
})
