import { sameBytes, toHex } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { Misfit } from '../encoding/shape.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { readBundle } from './bundle.ts'
import { leafHash, rootOfLeaves } from './merkle.ts'
import { type Came, type Head, hashesOfTile, maxTileBytes, tilesIn, type Wanted } from './tile-reader.ts'
import { TILE_WIDTH, type Tile, tileAt, tilePath } from './tiles.ts'
import { found, takeEntry, takeLeaf, type Verification } from './verify.ts'

/**
 * Reads all the entries of a log from its files: each is parsed and hashed, bundles are held against the tiles of their hashes, tiles
 * against those above them and the root. What does not fit is a finding that says where; the reading goes on as long as it can, so
 * that one damaged file does not hide another.
 */

/** What is wanted next, and how far the verification has come: whoever is interrupted goes on from there. */
export type LogStep = { readonly wanted: Wanted; readonly so: Verification }

/** Bundles that are read at a time, so that who has them far away fetches them side by side. */
const BUNDLES = 8
const STRETCH = BUNDLES * TILE_WIDTH

type Files = ReadonlyMap<string, Uint8Array | null>

/**
 * Reads on from where `so` has come to, up to `head`. Finds what `takeEntry` and `tilesIn` find, `log-tile-missing`,
 * `log-bundle-malformed`, `log-bundle-foreign`. Where a bundle is missing and its tile is not, the entries are passed over. `archived`: an
 * entry of no bytes, which no entry has, is one that lies elsewhere, and is passed over without a finding.
 */
export function* readLog(
  crypto: Crypto,
  head: Head,
  so: Verification,
  archived = false,
): Generator<LogStep, Verification, Came> {
  for (let start = so.tree.size; start < head.size; start = so.tree.size) {
    const end = Math.min(head.size, (Math.floor(start / STRETCH) + 1) * STRETCH)
    const bundles: Tile[] = []
    for (let at = start; at < end; at = (Math.floor(at / TILE_WIDTH) + 1) * TILE_WIDTH) {
      bundles.push(tileAt('entries', at, head.size))
    }
    const tiles = bundles.map(({ index }) => tileAt(0, index * TILE_WIDTH, head.size))
    const wanted = wantedFor(crypto, head, tiles)
    const all = [...bundles, ...wanted]
    const came = yield { wanted: all, so }
    const files: Files = new Map(all.map((tile, at) => [tilePath(tile), came[at] ?? null]))
    const hashes = hashesFrom(crypto, head, tiles, files)
    for (const [at, bundle] of bundles.entries()) {
      const tile = tiles[at] as Tile
      const leaves = hashes.get(tilePath(tile)) as readonly Uint8Array[] | Refusal
      so = takeBundle(crypto, head, so, { bundle, archived }, files, leaves)
      // Neither the entries nor their hashes: what comes behind has no place in the tree.
      if (so.tree.size < bundle.index * TILE_WIDTH + bundle.width) return so
    }
  }
  return so
}

/** The tiles that `tilesIn` asks for: itself asked, and given nothing. */
function wantedFor(crypto: Crypto, head: Head, tiles: readonly Tile[]): Wanted {
  const first = tilesIn(crypto, head, tiles).next()
  return first.done ? [] : first.value
}

/** The hashes of each tile, or why they are not believed. When all of them hold, they are borne out at once. */
function hashesFrom(
  crypto: Crypto,
  head: Head,
  tiles: readonly Tile[],
  files: Files,
): ReadonlyMap<string, readonly Uint8Array[] | Refusal> {
  const together = readFrom(crypto, head, tiles, files)
  if (!isRefusal(together)) return together
  return new Map(
    tiles.map(tile => {
      const path = tilePath(tile)
      const alone = readFrom(crypto, head, [tile], files)
      return [path, isRefusal(alone) ? alone : (alone.get(path) as readonly Uint8Array[])]
    }),
  )
}

function readFrom(crypto: Crypto, head: Head, tiles: readonly Tile[], files: Files) {
  const reading = tilesIn(crypto, head, tiles)
  const first = reading.next()
  if (first.done) return first.value
  const last = reading.next(first.value.map(tile => files.get(tilePath(tile)) ?? null))
  if (!last.done) throw new Error('tiles are asked for at once')
  return last.value
}

/** Takes the entries of a bundle that have not been taken yet. */
function takeBundle(
  crypto: Crypto,
  head: Head,
  so: Verification,
  { bundle, archived }: { readonly bundle: Tile; readonly archived: boolean },
  files: Files,
  leaves: readonly Uint8Array[] | Refusal,
): Verification {
  const place = tilePath(bundle)
  const first = bundle.index * TILE_WIDTH
  const from = so.tree.size - first
  const entries = entriesOf(bundle, files.get(place) ?? null)
  const isAway = archived && !isRefusal(entries) && entries.some(bytes => bytes.length === 0)
  if (isRefusal(leaves)) {
    const doubts = isRefusal(entries) || isAway ? [] : doubtsOf(crypto, head, bundle, entries, files, leaves)
    so = found(so, [...doubts, leaves])
    // Nothing stands in the place of the entries that are away.
    if (isAway) return so
  }
  if (isRefusal(entries)) {
    so = found(so, [entries])
    return isRefusal(leaves) ? so : leaves.slice(from).reduce((next, leaf) => takeLeaf(crypto, next, leaf), so)
  }
  const foreign = !isRefusal(leaves) && !isAway && isForeign(crypto, entries, leaves)
  if (foreign) {
    const expected = `entries ${first} to ${first + bundle.width - 1} of the log`
    so = found(so, [refuse('log-bundle-foreign', place, expected, 'others')])
  }
  // Of a bundle that is foreign as a whole it is said once.
  const known = isRefusal(leaves) || foreign ? [] : leaves
  for (const [at, bytes] of entries.entries()) {
    const leaf = known[at]
    if (at < from) continue
    if (isAway && leaf !== undefined && bytes.length === 0) so = takeLeaf(crypto, so, leaf)
    else so = takeEntry(crypto, so, leaf === undefined ? { bytes, place } : { bytes, place, leaf })
  }
  return so
}

function entriesOf(bundle: Tile, bytes: Uint8Array | null): Uint8Array[] | Refusal {
  const place = tilePath(bundle)
  if (bytes === null) return refuse('log-tile-missing', place, 'the bundle', 'none')
  if (bytes.length > maxTileBytes({ ...bundle, width: TILE_WIDTH })) {
    return refuse('log-bundle-malformed', place, 'no more bytes than its entries can have', `${bytes.length}`)
  }
  const read = readBundle(bytes, bundle.width)
  if (!(read instanceof Misfit)) return read
  return refuse('log-bundle-malformed', place, read.expected, `${read.actual} ${read.at}`.trim(), 'C2SP tlog-tiles')
}

/** A bundle of at least two entries of which not one is at its place. */
const isForeign = (crypto: Crypto, entries: readonly Uint8Array[], leaves: readonly Uint8Array[]): boolean =>
  entries.length > 1 && entries.every((entry, at) => !sameBytes(leafHash(crypto, entry), leaves[at] as Uint8Array))

/**
 * Where a tile that is `refused` differs from what lies beside it: from its entries, or from the tile above. Which of two is the true
 * one, the root of all entries tells at the end.
 */
function doubtsOf(
  crypto: Crypto,
  head: Head,
  bundle: Tile,
  entries: readonly Uint8Array[],
  files: Files,
  refused: Refusal,
): Refusal[] {
  let tile: Tile = { ...bundle, level: 0 }
  let hashes = hashesOfTile(tile, files.get(tilePath(tile)) ?? null)
  if (isRefusal(hashes)) return []
  const leaves = entries.map(entry => leafHash(crypto, entry))
  const at = leaves.findIndex((leaf, place) => !sameBytes(leaf, (hashes as Uint8Array[])[place] as Uint8Array))
  if (at >= 0) return [differs(tile, at, leaves[at] as Uint8Array, 'its entry', hashes[at] as Uint8Array)]
  // Of what the tile above does not bear out, the refusal says so itself.
  while (tile.width === TILE_WIDTH && tilePath(tile) !== refused.subject) {
    const above = tileAt((tile.level as number) + 1, tile.index, head.size)
    const read = hashesOfTile(above, files.get(tilePath(above)) ?? null)
    if (isRefusal(read)) return []
    const place = tile.index % TILE_WIDTH
    const [expected, actual] = [rootOfLeaves(crypto, hashes), read[place] as Uint8Array]
    if (!sameBytes(expected, actual)) return [differs(above, place, expected, tilePath(tile), actual)]
    ;[tile, hashes] = [above, read]
  }
  return []
}

function differs(tile: Tile, at: number, expected: Uint8Array, of: string, actual: Uint8Array): Refusal {
  return refuse(
    'log-tile-altered',
    `hash ${at} of ${tilePath(tile)}`,
    `${short(expected)}, that of ${of}`,
    short(actual),
  )
}

const short = (hash: Uint8Array): string => `${toHex(hash.subarray(0, 8))}…`
