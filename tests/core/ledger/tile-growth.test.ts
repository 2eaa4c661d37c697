import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { concat, utf8 } from '../../../src/core/encoding/bytes.ts'
import { append, emptyTree, leafHash, rootOf, type TreeHead } from '../../../src/core/ledger/merkle.ts'
import { growTree } from '../../../src/core/ledger/tile-growth.ts'
import { hashesIn } from '../../../src/core/ledger/tile-reader.ts'
import { tilePath, tilesBetween } from '../../../src/core/ledger/tiles.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { readFrom } from './tile-files.ts'

test('a log of three levels, grown by batches of many sizes, is read from its tiles at its root', () => {
  const kept = new Map<string, Uint8Array>()
  const all: Uint8Array[] = []
  let tree: TreeHead = emptyTree
  const sizes = [1, 254, 1, 1, 255, 1000, 3, 20_000, 44_020, 1, 500, 256]
  for (const size of sizes) {
    const leaves = Array.from({ length: size }, (_, at) => leafHash(crypto, utf8(`entry ${all.length + at}`)))
    const growth = growTree(crypto, tree, leaves)
    let step = growth.next(null)
    while (!step.done) {
      const { level, index } = step.value
      const begun = level === 0 ? concat(...all.slice(index * 256)) : null
      step = growth.next(kept.get(`${level} ${index}`) ?? begun)
    }
    const grown = orThrow(step.value)
    for (const { level, index, hashes } of grown.tiles) kept.set(`${level} ${index}`, hashes)
    for (const leaf of leaves) tree = append(crypto, tree, leaf)
    assert.deepEqual(grown.tree, tree)
    all.push(...leaves)
  }
  assert(tree.size > 256 ** 2)
  const files = new Map<string, Uint8Array>()
  for (const tile of tilesBetween(0, tree.size)) {
    if (tile.level === 'entries') continue
    const rest = concat(...all.slice(tree.size - (tree.size % 256)))
    const row = kept.get(`${tile.level} ${tile.index}`) ?? rest
    assert.equal(row.length, tile.width * 32, tilePath(tile))
    files.set(tilePath(tile), row)
  }
  const head = { size: tree.size, root: rootOf(crypto, tree) }
  // Every tile is on the way of one of these: each is held against the root.
  const ranges = Array.from({ length: Math.ceil(tree.size / 256) }, (_, at) => ({ start: at * 256, end: at * 256 + 1 }))
  const read = orThrow(readFrom(hashesIn(crypto, head, ranges), files))
  assert.deepEqual(
    read,
    ranges.map(({ start }) => all[start]),
  )
  assert.equal(kept.size, Math.floor(tree.size / 256) + 2 + 1, 'and no tile is kept that is not one of the log')
})
