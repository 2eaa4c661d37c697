import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import { inclusionProof, leafHash, rootOfLeaves } from '../../../src/core/ledger/merkle.ts'
import { pathIn, treeLevels } from '../../../src/core/ledger/tree-levels.ts'

test('the levels of a tree give the root and the paths of RFC 6962, at every size', () => {
  for (let size = 1; size <= 40; size += 1) {
    const leaves = Array.from({ length: size }, (_, at) => leafHash(crypto, utf8(`leaf ${at}`)))
    const levels = treeLevels(crypto, leaves)
    assert.deepEqual(levels.at(-1), [rootOfLeaves(crypto, leaves)])
    for (let at = 0; at < size; at += 1) assert.deepEqual(pathIn(levels, at), inclusionProof(crypto, leaves, at))
    assert.equal(pathIn(levels, size), null)
    assert.equal(pathIn(levels, -1), null)
  }
  assert.equal(pathIn(treeLevels(crypto, []), 0), null)
})
