import { concat, sameBytes } from '../encoding/bytes.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import type { TileRow } from './log-rows.ts'
import { HASH_BYTES, type Hasher, rootOfLeaves, type TreeHead, treeOf } from './merkle.ts'
import { nodesOf } from './subtrees.ts'
import { TILE_WIDTH, tileAt, tilePath, widthAt } from './tiles.ts'

/** A tile whose hashes so far are wanted; what comes is null where there are none. */
export type Begun = { readonly level: number; readonly index: number }

/**
 * The tiles that are written when a log grows by some leaves: at the level of the leaves those that become full, above it every one
 * that gets a hash. Asks for what a tile holds already, and believes it only when it is what the tree's range says of it: a
 * tile that was changed where it is kept never goes into another one. Refuses `log-tile-missing`, `log-tile-altered`.
 */
export function* growTiles(
  crypto: Hasher,
  tree: TreeHead,
  leaves: readonly Uint8Array[],
): Generator<Begun, TileRow[] | Refusal, Uint8Array | null> {
  const rows: TileRow[] = []
  let more = leaves
  for (let level = 0; more.length > 0; level += 1) {
    const had = widthAt(level, tree.size)
    const width = had % TILE_WIDTH
    if (level === 0 && width + more.length < TILE_WIDTH) break
    const first = Math.floor(had / TILE_WIDTH)
    const begun = width === 0 ? [] : yield* begunTile(crypto, tree, level)
    if (!Array.isArray(begun)) return begun
    const hashes = [...begun, ...more]
    const above: Uint8Array[] = []
    for (let at = 0; at < hashes.length; at += TILE_WIDTH) {
      const held = hashes.slice(at, at + TILE_WIDTH)
      if (held.length === TILE_WIDTH) above.push(rootOfLeaves(crypto, held))
      // The last leaves stand in their entries until their tile is full.
      else if (level === 0) continue
      rows.push({ level, index: first + at / TILE_WIDTH, hashes: concat(...held) })
    }
    more = above
  }
  return rows
}

/**
 * The hashes of a log's last tile at a level, when that is a partial one, held against the range. Refuses as `growTiles` does.
 */
function* begunTile(
  crypto: Hasher,
  tree: TreeHead,
  level: number,
): Generator<Begun, Uint8Array[] | Refusal, Uint8Array | null> {
  const had = widthAt(level, tree.size)
  const tile = tileAt(level, had - (had % TILE_WIDTH), tree.size)
  const path = tilePath(tile)
  const bytes = yield { level, index: tile.index }
  if (bytes === null || bytes.length < tile.width * HASH_BYTES) {
    const actual = bytes === null ? 'none' : `${bytes.length / HASH_BYTES} hashes`
    return refuse('log-tile-missing', path, `${tile.width} hashes`, actual)
  }
  const hashes = hashesOf(bytes).slice(0, tile.width)
  const range = rangeAt(tree, level)
  const found = treeOf(crypto, hashes).range
  if (found.every((hash, at) => sameBytes(hash, range[at] as Uint8Array))) return hashes
  return refuse('log-tile-altered', path, 'the hashes that the log was signed over', 'other hashes')
}

/** The hashes of a tile's bytes. */
export const hashesOf = (bytes: Uint8Array): Uint8Array[] =>
  Array.from({ length: Math.floor(bytes.length / HASH_BYTES) }, (_, at) =>
    bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  )

/** The part of a log's range that its partial tile of a level is made of. */
function rangeAt({ size, range }: TreeHead, level: number): readonly Uint8Array[] {
  const count = (at: number): number => nodesOf({ start: 0, end: widthAt(at, size) % TILE_WIDTH }).length
  let below = 0
  for (let at = 0; at < level; at += 1) below += count(at)
  return range.slice(range.length - below - count(level), range.length - below)
}
