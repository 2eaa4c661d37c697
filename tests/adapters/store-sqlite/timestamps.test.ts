import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openFleetStore } from '../../../src/adapters/store-sqlite/fleet.ts'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'

const file = (repo: string, path: string, text: string) => ({ repo, path, bytes: utf8(text) })

describe('the timestamps that the fleet store keeps at hand', () => {
  test('are the same object until a commit replaces them, and only those of its repository', async () => {
    const store = orThrow(openFleetStore(':memory:'))
    assert.equal(await store.file('image', 'timestamp.json'), null)
    await store.commit({ files: [file('image', 'timestamp.json', 'i1'), file('approval', 'timestamp.json', 'a1')] })
    const [image, approval] = [
      await store.file('image', 'timestamp.json'),
      await store.file('approval', 'timestamp.json'),
    ]
    assert.deepEqual(image, utf8('i1'))
    assert.equal(await store.file('image', 'timestamp.json'), image)
    await store.commit({ files: [file('image', 'timestamp.json', 'i2'), file('image', 'targets.json', 't2')] })
    assert.deepEqual(await store.file('image', 'timestamp.json'), utf8('i2'))
    assert.equal(await store.file('approval', 'timestamp.json'), approval)
    store.close()
  })

  test('are the old ones after a commit that failed', async () => {
    const store = orThrow(openFleetStore(':memory:'))
    await store.commit({ files: [file('image', 'timestamp.json', 'i1')] })
    const orphan = {
      site: 'nowhere',
      id: 'bms-1',
      class: 'bms',
      hardware: 'r1',
      reportKey: utf8('k'),
      decryptionKey: null,
      report: null,
      sequence: 0,
    }
    // A controller of a site that is not there: the whole transaction fails.
    await assert.rejects(store.commit({ files: [file('image', 'timestamp.json', 'i2')], controllers: [orphan] }))
    assert.deepEqual(await store.file('image', 'timestamp.json'), utf8('i1'))
    store.close()
  })
})
