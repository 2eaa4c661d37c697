import type { Crypto } from '../encoding/crypto.ts'
import { isRefusal, refuse } from '../refusal/refusal.ts'
import { inclusionRanges, type Range } from './subtrees.ts'
import { type Head, hashesIn, type TileReading } from './tile-reader.ts'
import { TILE_WIDTH } from './tiles.ts'

/**
 * The audit paths (RFC 6962 §2.1.1) of many entries, by index. Those of one bundle are read together: they share nearly all of their
 * hashes, and each tile is borne out once. Refuses `log-index-beyond`, and what `hashesIn` refuses.
 */
export function* inclusionsIn(
  crypto: Crypto,
  head: Head,
  indices: readonly number[],
): TileReading<Map<number, Uint8Array[]>> {
  const paths = new Map<number, Uint8Array[]>()
  for (const together of Map.groupBy(indices, index => Math.floor(index / TILE_WIDTH)).values()) {
    const wanted = new Map<string, Range>()
    const named = new Map<number, string[]>()
    for (const index of together) {
      const ranges = inclusionRanges(index, head.size)
      if (ranges === null) return refuse('log-index-beyond', 'the log', `an entry below ${head.size}`, String(index))
      for (const range of ranges) wanted.set(nameOf(range), range)
      named.set(index, ranges.map(nameOf))
    }
    const hashes = yield* hashesIn(crypto, head, [...wanted.values()])
    if (isRefusal(hashes)) return hashes
    const known = new Map([...wanted.keys()].map((name, at) => [name, hashes[at] as Uint8Array]))
    for (const [index, names] of named)
      paths.set(
        index,
        names.map(name => known.get(name) as Uint8Array),
      )
  }
  return paths
}

const nameOf = ({ start, end }: Range): string => `${start}-${end}`
