import type { Node } from './subtrees.ts'

/**
 * The files that a log is served as (C2SP tlog-tiles): `checkpoint`, tiles of 256 hashes, and bundles of 256 entries. A tile at
 * level L holds the roots of perfect subtrees of 256^L entries; a full one never changes, and a log's last one at each level
 * is partial and named by its width.
 */

export const TILE_HEIGHT = 8
export const TILE_WIDTH = 2 ** TILE_HEIGHT
const MAX_LEVEL = 63

/** A tile of hashes, or a bundle of entries. `width` is how many it holds: 256, or fewer in a partial one. */
export type Tile = { readonly level: number | 'entries'; readonly index: number; readonly width: number }

export const CHECKPOINT_PATH = 'checkpoint'
/** Beside it: the newest one that enough witnesses have signed, with their signatures. */
export const WITNESSED_PATH = 'checkpoint.witnessed'

/** Where a tile is, below the log's prefix: `tile/1/x001/x234/067.p/17` (C2SP tlog-tiles, "Merkle Tree"). */
export function tilePath({ level, index, width }: Tile): string {
  const digits = String(index).padStart(3, '0')
  const whole = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const groups = whole.match(/.{3}/g) as string[]
  const name = groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join('/')
  return `tile/${level}/${name}${width === TILE_WIDTH ? '' : `.p/${width}`}`
}

const PATH = /^tile\/(entries|[0-9]|[1-5][0-9]|6[0-3])\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/

/** The tile of a path; null for whatever `tilePath` does not write. */
export function parseTilePath(path: string): Tile | null {
  const match = PATH.exec(path)
  if (match === null) return null
  const [, level = '', name = '', partial] = match
  const index = Number(name.replaceAll(/[x/]/g, ''))
  const width = partial === undefined ? TILE_WIDTH : Number(partial)
  const tile = { level: level === 'entries' ? level : Number(level), index, width } as const
  return Number.isSafeInteger(index) && tilePath(tile) === path ? tile : null
}

/** How many hashes a log of some size has at a level, in all of its tiles. */
export const widthAt = (level: number, size: number): number => Math.floor(size / TILE_WIDTH ** level)

/** The tile that holds a hash of a log, as wide as it is in a log of that size. */
export function tileAt(level: number | 'entries', hash: number, size: number): Tile {
  const index = Math.floor(hash / TILE_WIDTH)
  const width = Math.min(TILE_WIDTH, widthAt(level === 'entries' ? 0 : level, size) - index * TILE_WIDTH)
  return { level, index, width }
}

/** The tile that a node is read from, and which of its hashes make it. */
export function placeOf({ height, index }: Node, size: number): { tile: Tile; from: number; to: number } {
  const level = Math.floor(height / TILE_HEIGHT)
  const count = 2 ** (height % TILE_HEIGHT)
  const first = index * count
  const from = first % TILE_WIDTH
  return { tile: tileAt(level, first, size), from, to: from + count }
}

/**
 * The tiles and bundles that a log of `to` entries has and one of `from` had not, from the leaves up: what is written when a
 * log has grown, and with `from` 0 all that there is.
 */
export function* tilesBetween(from: number, to: number): Generator<Tile> {
  for (const level of ['entries', ...Array.from({ length: MAX_LEVEL + 1 }, (_, at) => at)] as const) {
    const [before, now] = [from, to].map(size => widthAt(level === 'entries' ? 0 : level, size)) as [number, number]
    if (now === 0) return
    if (now === before) continue
    for (let hash = Math.floor(before / TILE_WIDTH) * TILE_WIDTH; hash < now; hash += TILE_WIDTH) {
      yield tileAt(level, hash, to)
    }
  }
}
