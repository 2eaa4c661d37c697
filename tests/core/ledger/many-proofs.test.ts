import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { inclusionsIn } from '../../../src/core/ledger/many-proofs.ts'
import { inclusionProof } from '../../../src/core/ledger/merkle.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import { logFiles, readFrom } from './tile-files.ts'

describe('inclusionsIn', () => {
  for (const size of [1, 2, 255, 256, 257, 600]) {
    test(`of a log of ${size} entries: the paths that RFC 6962 makes, whatever is asked together`, () => {
      const { head, leaves, files } = logFiles(size)
      const indices = [...new Set([0, 1, size >> 1, size - 2, size - 1])].filter(one => one >= 0 && one < size)
      const paths = readFrom(inclusionsIn(crypto, head, indices), files)
      assert.ok(!isRefusal(paths))
      assert.deepEqual(
        [...paths.keys()].toSorted((a, b) => a - b),
        indices.toSorted((a, b) => a - b),
      )
      for (const index of indices) assert.deepEqual(paths.get(index), inclusionProof(crypto, leaves, index))
    })
  }

  test('attack: a tile that was changed gives no proof at all', () => {
    const { head, files } = logFiles(600)
    const bad = new Map(files).set('tile/0/001', new Uint8Array(256 * 32))
    const refused = readFrom(inclusionsIn(crypto, head, [3, 300]), bad)
    assert.ok(isRefusal(refused))
    assert.equal(refused.code, 'log-tile-altered')
  })

  test('an entry that the log has not', () => {
    const { head, files } = logFiles(5)
    const refused = readFrom(inclusionsIn(crypto, head, [5]), files)
    assert.ok(isRefusal(refused))
    assert.equal(refused.code, 'log-index-beyond')
  })
})
