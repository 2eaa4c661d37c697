import { sameBytes, toHex } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { Misfit } from '../encoding/shape.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { MAX_BUNDLED_BYTES, readBundle } from './bundle.ts'
import { HASH_BYTES, joined, leafHash, rootOfLeaves } from './merkle.ts'
import { MAX_NOTE_BYTES } from './signed-note.ts'
import { consistencyRanges, inclusionRanges, type Node, nodesOf, type Range } from './subtrees.ts'
import {
  CHECKPOINT_PATH,
  parseTilePath,
  placeOf,
  TILE_HEIGHT,
  TILE_WIDTH,
  type Tile,
  tileAt,
  tilePath,
  WITNESSED_PATH,
  widthAt,
} from './tiles.ts'

/**
 * Reads a log from its tiles and believes none of them: a hash counts only when it leads up to the root that the log signed. What is
 * wanted is asked for by `yield`, all that one step needs at once, so that whoever has the tiles fetches them side by side.
 */

/** Tiles and bundles that are wanted, and what came for each: its bytes, or null where there are none. */
export type Wanted = readonly Tile[]
export type Came = readonly (Uint8Array | null)[]
export type TileReading<T> = Generator<Wanted, T | Refusal, Came>

/** The tree that is read: a checkpoint's size and root. */
export type Head = { readonly size: number; readonly root: Uint8Array }

/** The most bytes that there can be of a tile. A larger answer is not read. */
export const maxTileBytes = ({ level, width }: Tile): number =>
  level === 'entries' ? width * (MAX_BUNDLED_BYTES + 2) : TILE_WIDTH * HASH_BYTES

/** The most bytes that there can be of a file of a log, by its path; of a path that a log does not have, none. */
export function maxLogFileBytes(path: string): number {
  if (path === CHECKPOINT_PATH || path === WITNESSED_PATH) return MAX_NOTE_BYTES
  const tile = parseTilePath(path)
  return tile === null ? 0 : maxTileBytes(tile)
}

/**
 * The audit path of an entry (RFC 6962 §2.1.1), nearest sibling first. Refuses `log-index-beyond`, and what `hashesIn` refuses.
 */
export function* inclusionIn(crypto: Crypto, head: Head, index: number): TileReading<Uint8Array[]> {
  const ranges = inclusionRanges(index, head.size)
  if (ranges === null) return refuse('log-index-beyond', 'the log', `an entry below ${head.size}`, String(index))
  return yield* hashesIn(crypto, head, ranges)
}

/**
 * The proof that the tree of the first `from` entries became this one (RFC 6962 §2.1.2); empty from an empty tree. Refuses
 * `log-index-beyond`, and what `hashesIn` refuses.
 */
export function* consistencyIn(crypto: Crypto, head: Head, from: number): TileReading<Uint8Array[]> {
  if (from === 0) return []
  const ranges = consistencyRanges(from, head.size)
  if (ranges === null) return refuse('log-index-beyond', 'the log', `a size of 0 to ${head.size}`, String(from))
  return yield* hashesIn(crypto, head, ranges)
}

/**
 * The entries of a stretch of the log that lies in one bundle, with `from` below `to`, each borne out by its hash in the tree.
 * Refuses `log-bundle-malformed`, `log-entry-altered`, and what `hashesIn` refuses.
 */
export function* entriesIn(crypto: Crypto, head: Head, { start, end }: Range): TileReading<Uint8Array[]> {
  const tile = tileAt('entries', start, head.size)
  const place = tilePath(tile)
  const [bytes = null] = yield [tile]
  if (bytes === null) return missing(place)
  const read =
    bytes.length > maxTileBytes({ ...tile, width: TILE_WIDTH }) ? tooLong(bytes) : readBundle(bytes, tile.width)
  if (read instanceof Misfit) {
    return refuse('log-bundle-malformed', place, read.expected, `${read.actual} ${read.at}`.trim(), 'C2SP tlog-tiles')
  }
  const ranges = Array.from({ length: end - start }, (_, at) => ({ start: start + at, end: start + at + 1 }))
  const hashes = yield* hashesIn(crypto, head, ranges)
  if (isRefusal(hashes)) return hashes
  const first = start - tile.index * TILE_WIDTH
  const entries = read.slice(first, first + hashes.length)
  const altered = entries.findIndex((entry, at) => !sameBytes(leafHash(crypto, entry), hashes[at] as Uint8Array))
  if (altered < 0) return entries
  const [expected, actual] = [hashes[altered] as Uint8Array, leafHash(crypto, entries[altered] as Uint8Array)]
  return refuse('log-entry-altered', `entry ${start + altered}`, `the hash ${short(expected)}`, short(actual))
}

const tooLong = (bytes: Uint8Array): Misfit =>
  new Misfit('', 'no more bytes than its entries can have', `${bytes.length}`)

/**
 * The hash of each range. Asks for the tiles that hold them. Refuses what `tilesIn` refuses.
 */
export function* hashesIn(crypto: Crypto, head: Head, ranges: readonly Range[]): TileReading<Uint8Array[]> {
  const nodes = ranges.map(nodesOf)
  const tiles = yield* tilesIn(
    crypto,
    head,
    nodes.flat().map(node => placeOf(node, head.size).tile),
  )
  if (isRefusal(tiles)) return tiles
  return nodes.map(parts =>
    joined(
      crypto,
      parts.map(node => hashOf(crypto, tiles, node, head.size)),
    ),
  )
}

/** The hashes of tiles, by the tile's path. */
export type TileHashes = ReadonlyMap<string, readonly Uint8Array[]>

/**
 * The hashes of some tiles (`level` is a number). Asks, at once, for them, for those that bear them out, and for the last tile of
 * each level, which together give the root. Refuses `log-tile-missing`, `log-tile-malformed`, `log-tile-altered`,
 * `log-root-mismatch`.
 */
export function* tilesIn(crypto: Crypto, head: Head, some: Iterable<Tile>): TileReading<TileHashes> {
  const edge = edgeOf(head.size)
  const wanted = new Map<string, Tile>(edge.map(({ tile }) => [tilePath(tile), tile]))
  for (const one of some)
    for (const tile of upward(one, head.size)) {
      const path = tilePath(tile)
      // What bears this one out was asked for together with it.
      if (wanted.has(path)) break
      wanted.set(path, tile)
    }
  const asked = [...wanted]
  const came = asked.length === 0 ? [] : yield asked.map(([, tile]) => tile)
  const tiles = new Map<string, readonly Uint8Array[]>()
  for (const [at, [path, tile]] of asked.entries()) {
    const read = hashesOfTile(tile, came[at] ?? null)
    if (isRefusal(read)) return read
    tiles.set(path, read)
  }
  const root =
    edge.length === 0
      ? crypto.sha256(new Uint8Array(0))
      : joined(
          crypto,
          edge.flatMap(one => one.nodes).map(node => hashOf(crypto, tiles, node, head.size)),
        )
  if (!sameBytes(root, head.root)) {
    return refuse('log-root-mismatch', 'the tiles of the log', `the root ${short(head.root)}`, short(root))
  }
  // From the top: below a tile that was changed, none is to blame.
  for (const [path, tile] of asked.toSorted(([, a], [, b]) => (b.level as number) - (a.level as number))) {
    const altered = checkUpward(crypto, tiles, path, tile, head.size)
    if (altered !== null) return altered
  }
  return tiles
}

/** The partial tiles of a log, from the top: they alone give its root, so that it bears each of them out. */
function edgeOf(size: number): { readonly tile: Tile; readonly nodes: readonly Node[] }[] {
  const edge: { tile: Tile; nodes: Node[] }[] = []
  for (let level = 0; widthAt(level, size) > 0; level += 1) {
    const count = widthAt(level, size)
    const width = count % TILE_WIDTH
    if (width === 0) continue
    const nodes = nodesOf({ start: count - width, end: count })
    const up = level * TILE_HEIGHT
    const raised = nodes.map(({ height, index }) => ({ height: height + up, index }))
    edge.unshift({ tile: tileAt(level, count - 1, size), nodes: raised })
  }
  return edge
}

/** A tile with those that bear it out, each by the hash that the next one has of it. */
function* upward(tile: Tile, size: number): Generator<Tile> {
  yield tile
  if (tile.width === TILE_WIDTH) yield* upward(above(tile, size), size)
}

const above = ({ level, index }: Tile, size: number): Tile => tileAt((level as number) + 1, index, size)

/** The hashes of a tile as it came. Refuses `log-tile-missing`, `log-tile-malformed`. */
export function hashesOfTile(tile: Tile, bytes: Uint8Array | null): Uint8Array[] | Refusal {
  const path = tilePath(tile)
  if (bytes === null) return missing(path)
  // A partial tile may have been taken away since there is a full one: its beginning is the partial one.
  const known = [tile.width * HASH_BYTES, TILE_WIDTH * HASH_BYTES]
  if (!known.includes(bytes.length)) {
    return refuse('log-tile-malformed', path, `${known[0]} bytes`, `${bytes.length} bytes`, 'C2SP tlog-tiles')
  }
  return Array.from({ length: tile.width }, (_, at) => bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES))
}

/** A full tile must have the hash that the one above it has of it. */
function checkUpward(crypto: Crypto, tiles: TileHashes, path: string, tile: Tile, size: number): Refusal | null {
  if (tile.width < TILE_WIDTH) return null
  const parent = tiles.get(tilePath(above(tile, size))) as readonly Uint8Array[]
  const expected = parent[tile.index % TILE_WIDTH] as Uint8Array
  const actual = rootOfLeaves(crypto, tiles.get(path) as readonly Uint8Array[])
  return sameBytes(expected, actual)
    ? null
    : refuse('log-tile-altered', path, `the hash ${short(expected)}`, short(actual))
}

/** The hash of a node, from the hashes of its tile that it is made of. */
function hashOf(crypto: Crypto, tiles: TileHashes, node: Node, size: number): Uint8Array {
  const { tile, from, to } = placeOf(node, size)
  return rootOfLeaves(crypto, (tiles.get(tilePath(tile)) as readonly Uint8Array[]).slice(from, to))
}

const missing = (path: string): Refusal => refuse('log-tile-missing', path, 'the tile', 'none')
const short = (hash: Uint8Array): string => `${toHex(hash.subarray(0, 8))}…`
