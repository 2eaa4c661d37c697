import { concat, sameBytes } from '../encoding/bytes.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import type { TileRow } from './log-rows.ts'
import { append, HASH_BYTES, type Hasher, rootOfLeaves, type TreeHead, treeOf } from './merkle.ts'
import { nodesOf } from './subtrees.ts'
import { TILE_WIDTH, tileAt, tilePath, widthAt } from './tiles.ts'

/** A tile whose hashes so far are wanted; what comes is null where there are none. */
export type Begun = { readonly level: number; readonly index: number }

/** What a log comes to with some leaves more: its tree, and the tiles to write. */
export type Growth = { readonly tree: TreeHead; readonly tiles: readonly TileRow[] }

/**
 * The tree of a log that grows by some leaves, and the tiles that are written: at the level of the leaves those that become full, above
 * it every one that gets a hash. Asks for what a tile holds already, and believes it only when it is what the tree's range says of it: a
 * tile that was changed where it is kept never goes into another one. Refuses `log-tile-missing`, `log-tile-altered`.
 */
export function* growTree(
  crypto: Hasher,
  tree: TreeHead,
  leaves: readonly Uint8Array[],
): Generator<Begun, Growth | Refusal, Uint8Array | null> {
  // The last leaves stand in their entries until their tile is full.
  if ((tree.size % TILE_WIDTH) + leaves.length < TILE_WIDTH) {
    return { tree: leaves.reduce((grown, leaf) => append(crypto, grown, leaf), tree), tiles: [] }
  }
  const tiles: TileRow[] = []
  /** What each level's last tile, a partial one, comes to: the range of the tree, from its end. */
  const partial: (readonly Uint8Array[])[] = []
  let more = leaves
  for (let level = 0; more.length > 0; level += 1) {
    const had = widthAt(level, tree.size)
    const begun = had % TILE_WIDTH === 0 ? [] : yield* begunTile(crypto, tree, level)
    if (!Array.isArray(begun)) return begun
    const hashes = [...begun, ...more]
    const first = Math.floor(had / TILE_WIDTH)
    const full = Math.floor(hashes.length / TILE_WIDTH)
    const held = Array.from({ length: full }, (_, at) => hashes.slice(at * TILE_WIDTH, (at + 1) * TILE_WIDTH))
    const rest = hashes.slice(full * TILE_WIDTH)
    partial.unshift(treeOf(crypto, rest).range)
    const written = level === 0 || rest.length === 0 ? held : [...held, rest]
    tiles.push(...written.map((some, at) => ({ level, index: first + at, hashes: concat(...some) })))
    more = held.map(some => rootOfLeaves(crypto, some))
  }
  const range = [...rangeAbove(tree, partial.length), ...partial.flat()]
  return { tree: { size: tree.size + leaves.length, range }, tiles }
}

/**
 * The hashes of a log's last tile at a level, when that is a partial one, held against the range. Refuses as `growTree` does.
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
function rangeAt(tree: TreeHead, level: number): readonly Uint8Array[] {
  return rangeAbove(tree, level).slice(rangeAbove(tree, level + 1).length)
}

/** The part of a log's range that its partial tiles from a level up are made of. */
function rangeAbove({ size, range }: TreeHead, level: number): readonly Uint8Array[] {
  let below = 0
  for (let at = 0; at < level; at += 1) {
    below += nodesOf({ start: 0, end: widthAt(at, size) % TILE_WIDTH }).length
  }
  return range.slice(0, range.length - below)
}
