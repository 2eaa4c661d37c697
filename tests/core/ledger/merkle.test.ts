import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { concat, fromHex, toHex, utf8 } from '../../../src/core/encoding/bytes.ts'
import {
  append,
  consistencyProof,
  emptyTree,
  inclusionProof,
  isTreeHead,
  leafHash,
  rootOf,
  rootOfLeaves,
  type TreeHead,
  treeOf,
  verifyConsistency,
  verifyInclusion,
} from '../../../src/core/ledger/merkle.ts'

/** The eight entries that Certificate Transparency's reference tests use, and the roots of the trees over them. */
const ENTRIES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]
const known = ENTRIES.map(hex => leafHash(crypto, fromHex(hex) as Uint8Array))

/** The tree by its definition (RFC 6962 §2.1): a second implementation to hold the first one to. */
function byDefinition(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return crypto.sha256(new Uint8Array(0))
  if (leaves.length === 1) return leaves[0] as Uint8Array
  const middle = 2 ** Math.floor(Math.log2(leaves.length - 1))
  const [left, right] = [byDefinition(leaves.slice(0, middle)), byDefinition(leaves.slice(middle))]
  return crypto.sha256(concat(Uint8Array.of(1), left, right))
}

const leavesOf = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, index) => leafHash(crypto, utf8(`entry ${index}`)))

const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, index) => (index === 5 ? byte ^ 4 : byte))

describe('the Merkle tree', () => {
  test('the roots of the reference entries', () => {
    let tree: TreeHead = emptyTree
    for (const [size, root] of ROOTS.entries()) {
      assert.equal(toHex(rootOf(crypto, tree)), root)
      assert.equal(tree.size, size)
      const leaf = known[size]
      if (leaf !== undefined) tree = append(crypto, tree, leaf)
    }
  })

  test('a reference audit path and a reference consistency proof', () => {
    // The path of leaf 5 and the proof from 1 to 8, as the same reference tests have them.
    const path = inclusionProof(crypto, known, 5) ?? []
    assert.equal(toHex(path[0] as Uint8Array), 'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b')
    assert.equal(path.length, 3)
    const proof = (consistencyProof(crypto, known, 1) ?? []).map(toHex)
    assert.deepEqual(proof, [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ])
  })

  test('appending gives the tree of the definition, with one hash for each bit of its size', () => {
    let tree: TreeHead = emptyTree
    const leaves = leavesOf(70)
    for (const [index, leaf] of leaves.entries()) {
      tree = append(crypto, tree, leaf)
      assert(isTreeHead(tree))
      assert.deepEqual(rootOf(crypto, tree), byDefinition(leaves.slice(0, index + 1)))
    }
    assert(!isTreeHead({ size: 71, range: tree.range }))
    assert(!isTreeHead({ size: 70.5, range: tree.range }))
    assert(!isTreeHead({ size: 2, range: [new Uint8Array(31)] }))
  })

  test('every leaf of every small tree is proven, and nothing else is', () => {
    const leaves = leavesOf(33)
    for (let size = 1; size <= leaves.length; size += 1) {
      const root = rootOfLeaves(crypto, leaves.slice(0, size))
      for (let index = 0; index < size; index += 1) {
        const path = inclusionProof(crypto, leaves, index, size) as Uint8Array[]
        const claim = { index, size, leaf: leaves[index] as Uint8Array, root }
        assert(verifyInclusion(crypto, claim, path))
        assert(!verifyInclusion(crypto, { ...claim, leaf: flipped(claim.leaf) }, path))
        assert(!verifyInclusion(crypto, { ...claim, root: flipped(root) }, path))
        assert(!verifyInclusion(crypto, claim, [...path, root]))
        if (path.length > 0) assert(!verifyInclusion(crypto, claim, path.slice(1)))
        const other = (index + 1) % size
        if (other !== index) assert(!verifyInclusion(crypto, { ...claim, index: other }, path))
        for (const wrong of [-1, size, 0.5, Number.NaN]) {
          assert(!verifyInclusion(crypto, { ...claim, index: wrong }, path))
        }
      }
    }
    assert.equal(inclusionProof(crypto, leaves, 33), null)
    assert.equal(inclusionProof(crypto, leaves, 0, 34), null)
  })

  test('every small tree is proven to begin every larger one, and no other is', () => {
    const leaves = leavesOf(33)
    const roots = leaves.map((_, index) => rootOfLeaves(crypto, leaves.slice(0, index + 1)))
    for (let to = 1; to <= leaves.length; to += 1) {
      for (let from = 1; from <= to; from += 1) {
        const proof = consistencyProof(crypto, leaves, from, to) as Uint8Array[]
        const claim = { from, fromRoot: roots[from - 1] as Uint8Array, to, toRoot: roots[to - 1] as Uint8Array }
        assert(verifyConsistency(crypto, claim, proof), `${from} to ${to}`)
        assert(!verifyConsistency(crypto, { ...claim, fromRoot: flipped(claim.fromRoot) }, proof))
        assert(!verifyConsistency(crypto, { ...claim, toRoot: flipped(claim.toRoot) }, proof))
        assert(!verifyConsistency(crypto, claim, [...proof, claim.toRoot]))
        if (proof.length > 0) assert(!verifyConsistency(crypto, claim, proof.slice(0, -1)))
      }
    }
    const [fromRoot, toRoot] = [rootOf(crypto, emptyTree), roots[4] as Uint8Array]
    assert(verifyConsistency(crypto, { from: 0, fromRoot, to: 5, toRoot }, []))
    assert(!verifyConsistency(crypto, { from: 0, fromRoot: toRoot, to: 5, toRoot }, []))
    assert(!verifyConsistency(crypto, { from: 6, fromRoot: toRoot, to: 5, toRoot }, []))
    assert.equal(consistencyProof(crypto, leaves, 0), null)
    assert.equal(consistencyProof(crypto, leaves, 34), null)
  })

  test('attack: a rewritten history has no proof that it continues the one that was seen', () => {
    const seen = leavesOf(12)
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 11 }), fc.integer({ min: 0, max: 20 }), (victim, more) => {
        const rewritten = seen.map((leaf, index) => (index === victim ? flipped(leaf) : leaf))
        const grown = [...rewritten, ...leavesOf(more)]
        const claim = {
          from: seen.length,
          fromRoot: rootOfLeaves(crypto, seen),
          to: grown.length,
          toRoot: rootOf(crypto, treeOf(crypto, grown)),
        }
        const proof = consistencyProof(crypto, grown, seen.length) as Uint8Array[]
        assert(!verifyConsistency(crypto, claim, proof))
      }),
    )
  })

  test('attack: a proof for a small tree does not serve a claim of a larger one', () => {
    const leaves = leavesOf(8)
    const head = (size: number): Uint8Array => rootOfLeaves(crypto, leaves.slice(0, size))
    const path = inclusionProof(crypto, leaves, 0, 4) as Uint8Array[]
    const claim = { index: 0, size: 4, leaf: leaves[0] as Uint8Array, root: head(4) }
    assert(verifyInclusion(crypto, claim, path))
    const proof = consistencyProof(crypto, leaves, 2, 4) as Uint8Array[]
    const growth = { from: 2, fromRoot: head(2), to: 4, toRoot: head(4) }
    assert(verifyConsistency(crypto, growth, proof))
    for (const size of [5, 6, 8, 100, 2 ** 40]) {
      assert(!verifyInclusion(crypto, { ...claim, size }, path))
      assert(!verifyConsistency(crypto, { ...growth, to: size }, proof))
    }
  })

  test('attack: an inner node is not accepted as an entry', () => {
    const [left, right] = leavesOf(2) as [Uint8Array, Uint8Array]
    const root = rootOfLeaves(crypto, [left, right])
    assert.notDeepEqual(leafHash(crypto, concat(left, right)), root)
  })
})
