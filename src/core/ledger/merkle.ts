import { concat, sameBytes } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { consistencyRanges, inclusionRanges, type Range } from './subtrees.ts'

/**
 * The Merkle tree of RFC 6962 §2.1 (RFC 9162 §2.1) over SHA-256. A log is kept as its size and its compact range: the
 * roots of the perfect subtrees that it is made of, from the largest (left) to the smallest, one for each bit that is
 * set in the size. Indices and sizes are whole numbers up to 2^53.
 */

export type CompactRange = readonly Uint8Array[]
/** What the tree needs of the mathematics. */
export type Hasher = Pick<Crypto, 'sha256'>
export type TreeHead = { readonly size: number; readonly range: CompactRange }

export const HASH_BYTES = 32
export const emptyTree: TreeHead = { size: 0, range: [] }

const LEAF = Uint8Array.of(0)
const NODE = 1

/** The hash of an entry's bytes (RFC 6962 §2.1: a leaf can never be taken for a node). */
export function leafHash(crypto: Hasher, entry: Uint8Array): Uint8Array {
  return crypto.sha256(concat(LEAF, entry))
}

/** The hash over two nodes that stand beside each other. */
export function nodeHash(crypto: Hasher, left: Uint8Array, right: Uint8Array): Uint8Array {
  const node = new Uint8Array(1 + left.length + right.length)
  node[0] = NODE
  node.set(left, 1)
  node.set(right, 1 + left.length)
  return crypto.sha256(node)
}

/** True when the range has one hash for each bit that is set in the size. */
export function isTreeHead({ size, range }: TreeHead): boolean {
  if (!Number.isSafeInteger(size) || size < 0) return false
  return range.length === bitsSet(size) && range.every(hash => hash.length === HASH_BYTES)
}

/** The tree with one more leaf: at most log2(size) hashes. */
export function append(crypto: Hasher, tree: TreeHead, leaf: Uint8Array): TreeHead {
  const range = tree.range.slice()
  let hash = leaf
  for (let rest = tree.size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
    hash = nodeHash(crypto, range.pop() as Uint8Array, hash)
  }
  range.push(hash)
  return { size: tree.size + 1, range }
}

/** The root of the tree; of no entries, the hash of nothing. */
export function rootOf(crypto: Hasher, { range }: TreeHead): Uint8Array {
  return range.length === 0 ? crypto.sha256(new Uint8Array(0)) : joined(crypto, range)
}

/** One hash over the roots of perfect subtrees that stand beside each other, the largest first. */
export function joined(crypto: Hasher, roots: readonly Uint8Array[]): Uint8Array {
  return roots.reduceRight((right, left) => nodeHash(crypto, left, right))
}

/** The root over a list of leaf hashes. */
export function rootOfLeaves(crypto: Hasher, leaves: readonly Uint8Array[]): Uint8Array {
  return rootOf(crypto, treeOf(crypto, leaves))
}

/** The tree over a list of leaf hashes. */
export function treeOf(crypto: Hasher, leaves: readonly Uint8Array[]): TreeHead {
  return leaves.reduce<TreeHead>((tree, leaf) => append(crypto, tree, leaf), emptyTree)
}

/**
 * The audit path of the leaf at `index` in the tree of the first `size` leaves, nearest sibling first (RFC 6962 §2.1.1);
 * null when there is no such leaf. Reads every leaf.
 */
export function inclusionProof(
  crypto: Hasher,
  leaves: readonly Uint8Array[],
  index: number,
  size = leaves.length,
): Uint8Array[] | null {
  return hashesOf(crypto, leaves, size > leaves.length ? null : inclusionRanges(index, size))
}

const hashesOf = (crypto: Hasher, leaves: readonly Uint8Array[], ranges: readonly Range[] | null) =>
  ranges?.map(({ start, end }) => rootOfLeaves(crypto, leaves.slice(start, end))) ?? null

/** What a proof of inclusion claims: that `leaf` is at `index` of the tree of `size` leaves with this root. */
export type InclusionClaim = {
  readonly index: number
  readonly size: number
  readonly leaf: Uint8Array
  readonly root: Uint8Array
}

/** Verifies an audit path (RFC 9162 §2.1.3.2). Answers false for whatever does not fit. */
export function verifyInclusion(crypto: Hasher, claim: InclusionClaim, path: readonly Uint8Array[]): boolean {
  if (!isIndex(claim.index, claim.size)) return false
  let index = claim.index
  let last = claim.size - 1
  let hash = claim.leaf
  for (const sibling of path) {
    if (last === 0) return false
    if (isOdd(index) || index === last) {
      hash = nodeHash(crypto, sibling, hash)
      while (!isOdd(index) && index !== 0) {
        index = half(index)
        last = half(last)
      }
    } else {
      hash = nodeHash(crypto, hash, sibling)
    }
    index = half(index)
    last = half(last)
  }
  return last === 0 && sameBytes(hash, claim.root)
}

/**
 * The proof that the tree of the first `from` leaves is the beginning of the tree of the first `to` (RFC 6962 §2.1.2);
 * null when 1 ≤ from ≤ to ≤ the number of leaves does not hold. Reads every leaf.
 */
export function consistencyProof(
  crypto: Hasher,
  leaves: readonly Uint8Array[],
  from: number,
  to = leaves.length,
): Uint8Array[] | null {
  return hashesOf(crypto, leaves, to > leaves.length ? null : consistencyRanges(from, to))
}

/** What a proof of consistency claims: that the tree of `from` leaves with root `fromRoot` grew into the other. */
export type ConsistencyClaim = {
  readonly from: number
  readonly fromRoot: Uint8Array
  readonly to: number
  readonly toRoot: Uint8Array
}

/** Verifies a proof of consistency (RFC 9162 §2.1.4.2). An empty tree grows into any, with an empty proof. */
export function verifyConsistency(crypto: Hasher, claim: ConsistencyClaim, proof: readonly Uint8Array[]): boolean {
  return judgeConsistency(crypto, claim, proof) === 'continues'
}

/**
 * What a proof of consistency comes to. `forks`: it leads to the larger root, and from another beginning than the smaller one, or
 * both are of one size: whoever signed both roots has two histories, whatever anybody meant by the proof. `unproven`: it leads
 * nowhere, which says nothing of the trees. A rewritten history of a size that is a power of two is `unproven`, since such a proof begins
 * with the smaller root.
 */
export function judgeConsistency(
  crypto: Hasher,
  claim: ConsistencyClaim,
  proof: readonly Uint8Array[],
): 'continues' | 'forks' | 'unproven' {
  const { from, fromRoot, to, toRoot } = claim
  if (from === 0) return proof.length === 0 && sameBytes(fromRoot, rootOf(crypto, emptyTree)) ? 'continues' : 'unproven'
  if (!isIndex(from - 1, to)) return 'unproven'
  if (from === to) {
    if (!sameBytes(fromRoot, toRoot)) return 'forks'
    return proof.length === 0 ? 'continues' : 'unproven'
  }
  const [first, ...rest] = isPowerOfTwo(from) ? [fromRoot, ...proof] : proof
  if (first === undefined || proof.length === 0) return 'unproven'
  let index = from - 1
  let last = to - 1
  while (isOdd(index)) {
    index = half(index)
    last = half(last)
  }
  let older = first
  let newer = first
  for (const hash of rest) {
    if (last === 0) return 'unproven'
    if (isOdd(index) || index === last) {
      older = nodeHash(crypto, hash, older)
      newer = nodeHash(crypto, hash, newer)
      while (!isOdd(index) && index !== 0) {
        index = half(index)
        last = half(last)
      }
    } else {
      newer = nodeHash(crypto, newer, hash)
    }
    index = half(index)
    last = half(last)
  }
  if (last !== 0 || !sameBytes(newer, toRoot)) return 'unproven'
  return sameBytes(older, fromRoot) ? 'continues' : 'forks'
}

const isOdd = (value: number): boolean => value % 2 === 1
const half = (value: number): number => Math.floor(value / 2)
const isIndex = (index: number, size: number): boolean =>
  Number.isSafeInteger(index) && Number.isSafeInteger(size) && index >= 0 && index < size

function isPowerOfTwo(value: number): boolean {
  return bitsSet(value) === 1
}

function bitsSet(value: number): number {
  let count = 0
  for (let rest = value; rest > 0; rest = half(rest)) count += rest % 2
  return count
}
