/**
 * Which parts of a Merkle tree (RFC 6962 §2.1) stand for a range of its leaves, and which ranges a proof is made of. Nothing is
 * hashed here: whoever has the hashes, in memory or in tiles, looks them up by these names.
 */

/** Leaves from `start` up to, not including, `end`: one argument of MTH, as RFC 6962 §2.1 splits a tree. */
export type Range = { readonly start: number; readonly end: number }

/** The root of the perfect subtree over the leaves from `index · 2^height`, as many as 2^height. */
export type Node = { readonly height: number; readonly index: number }

/**
 * The perfect subtrees of a range that RFC 6962 makes, from left (the largest) to right: joined from the right, two at a time,
 * they give its hash.
 */
export function nodesOf({ start, end }: Range): Node[] {
  const nodes: Node[] = []
  for (let at = start; at < end; ) {
    const [height, leaves] = largest(end - at)
    nodes.push({ height, index: at / leaves })
    at += leaves
  }
  return nodes
}

/** The ranges of an audit path, nearest sibling first (RFC 6962 §2.1.1); null when there is no such leaf. */
export function inclusionRanges(index: number, size: number): Range[] | null {
  if (!isIndex(index, size)) return null
  const ranges: Range[] = []
  let [start, end] = [0, size]
  while (end - start > 1) {
    const middle = start + split(end - start)
    if (index < middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
    }
  }
  return ranges.reverse()
}

/** The ranges of a proof of consistency (RFC 6962 §2.1.2); null when 1 ≤ from ≤ to does not hold. */
export function consistencyRanges(from: number, to: number): Range[] | null {
  if (!isIndex(from - 1, to)) return null
  const ranges: Range[] = []
  let [start, end] = [0, to]
  while (end !== from) {
    const middle = start + split(end - start)
    if (from <= middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
    }
  }
  // The whole older tree is known to who asks; a part of it is not.
  if (start > 0) ranges.push({ start, end })
  return ranges.reverse()
}

const isIndex = (index: number, size: number): boolean =>
  Number.isSafeInteger(index) && Number.isSafeInteger(size) && index >= 0 && index < size

/** The largest power of two below `size`, which is at least 2: where RFC 6962 splits a tree. */
const split = (size: number): number => largest(size - 1)[1]

/** The largest power of two up to `value`, which is at least 1. Exact up to 2^53, which a logarithm is not. */
function largest(value: number): [exponent: number, power: number] {
  let [exponent, power] = [0, 1]
  while (power * 2 <= value) {
    exponent += 1
    power *= 2
  }
  return [exponent, power]
}
