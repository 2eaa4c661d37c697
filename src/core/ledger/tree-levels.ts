import type { Crypto } from '../encoding/crypto.ts'
import { nodeHash } from './merkle.ts'

/**
 * All nodes of the tree over some leaf hashes, from the leaves (first) to the root (last): what many audit paths of one tree
 * are read from, each in as many steps as the tree is high. Joining neighbours level by level, a last one without a
 * neighbour going up as it is, gives the tree of RFC 6962 §2.1.
 */
export type TreeLevels = readonly (readonly Uint8Array[])[]

export function treeLevels(crypto: Crypto, leaves: readonly Uint8Array[]): TreeLevels {
  const levels = [leaves]
  for (let below = leaves; below.length > 1; ) {
    const above: Uint8Array[] = []
    for (let at = 0; at < below.length; at += 2) {
      const [left, right] = [below[at] as Uint8Array, below[at + 1]]
      above.push(right === undefined ? left : nodeHash(crypto, left, right))
    }
    levels.push(above)
    below = above
  }
  return levels
}

/** The audit path of the leaf at `index`, nearest sibling first (RFC 6962 §2.1.1); null when there is no such leaf. */
export function pathIn(levels: TreeLevels, index: number): Uint8Array[] | null {
  if (!Number.isSafeInteger(index) || index < 0 || index >= (levels[0]?.length ?? 0)) return null
  const path: Uint8Array[] = []
  let at = index
  for (const level of levels.slice(0, -1)) {
    const sibling = level[at % 2 === 0 ? at + 1 : at - 1]
    if (sibling !== undefined) path.push(sibling)
    at = Math.floor(at / 2)
  }
  return path
}
