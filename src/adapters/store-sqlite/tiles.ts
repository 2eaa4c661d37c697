import { createHash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { concat } from '../../core/encoding/bytes.ts'
import type { TileRow } from '../../core/ledger/log-rows.ts'
import { emptyTree, type Hasher, type TreeHead } from '../../core/ledger/merkle.ts'
import { type Begun, growTree } from '../../core/ledger/tile-growth.ts'
import { TILE_WIDTH } from '../../core/ledger/tiles.ts'
import { orThrow } from '../../core/refusal/refusal.ts'

const TILE_TABLE = `CREATE TABLE tile (level INTEGER NOT NULL, ix INTEGER NOT NULL, hashes BLOB NOT NULL,
  PRIMARY KEY (level, ix)) STRICT;`

/** The tiles of hashes of a log. Those that are full stay when the entries below them are archived. */
export class Tiles {
  readonly #sql

  constructor(database: DatabaseSync) {
    this.#sql = {
      tile: database.prepare('SELECT hashes FROM tile WHERE level = ? AND ix = ?'),
      leaves: database.prepare('SELECT leaf FROM entry WHERE ix >= ? AND ix < ? ORDER BY ix'),
      put: database.prepare('INSERT INTO tile VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET hashes = excluded.hashes'),
    }
  }

  /** The hashes that a tile has so far; null: there is none. */
  tile({ level, index }: Begun): Uint8Array | null {
    const row = this.#sql.tile.get(level, index) as { hashes: Uint8Array } | undefined
    if (row !== undefined) return row.hashes
    const leaves = level === 0 ? this.#sql.leaves.all(index * TILE_WIDTH, (index + 1) * TILE_WIDTH) : []
    return leaves.length === 0 ? null : concat(...leaves.map(({ leaf }) => leaf as Uint8Array))
  }

  /** In the transaction of the entries. */
  put(rows: readonly TileRow[]): void {
    for (const { level, index, hashes } of rows) this.#sql.put.run(level, index, hashes)
  }
}

const hasher: Hasher = { sha256: bytes => createHash('sha256').update(bytes).digest() }

/**
 * Makes the tiles of a log that was begun without them, from its leaves. Whether they are those that the log was signed over is
 * judged where the log is opened.
 */
export function makeTiles(database: DatabaseSync): void {
  database.exec(TILE_TABLE)
  const tiles = new Tiles(database)
  let tree: TreeHead = emptyTree
  let leaves: Uint8Array[] = []
  const take = (): void => {
    const growth = growTree(hasher, tree, leaves)
    let step = growth.next()
    while (!step.done) step = growth.next(tiles.tile(step.value))
    const grown = orThrow(step.value)
    tiles.put(grown.tiles)
    tree = grown.tree
    leaves = []
  }
  for (const { leaf } of database.prepare('SELECT leaf FROM entry ORDER BY ix').iterate()) {
    leaves.push(leaf as Uint8Array)
    if (leaves.length === TILE_WIDTH) take()
  }
}
