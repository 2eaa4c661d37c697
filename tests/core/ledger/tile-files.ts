import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { concat, utf8 } from '../../../src/core/encoding/bytes.ts'
import { writeBundle } from '../../../src/core/ledger/bundle.ts'
import { leafHash, rootOfLeaves } from '../../../src/core/ledger/merkle.ts'
import type { Came, Head, TileReading } from '../../../src/core/ledger/tile-reader.ts'
import { TILE_WIDTH, type Tile, tilePath, tilesBetween } from '../../../src/core/ledger/tiles.ts'
import type { Refusal } from '../../../src/core/refusal/refusal.ts'

/** A log in memory: its entries, their hashes, and the files that it is served as, made by the definition of each. */
export type LogFiles = {
  readonly entries: readonly Uint8Array[]
  readonly leaves: readonly Uint8Array[]
  readonly files: Map<string, Uint8Array>
  readonly head: Head
}

export const entryOf = (index: number): Uint8Array => utf8(`entry ${index}`)

/** Every hash of a tile from all the leaves below it: slow, and nothing that can go wrong. */
function hashesOf({ level, index, width }: Tile, leaves: readonly Uint8Array[]): Uint8Array[] {
  const span = TILE_WIDTH ** (level as number)
  return Array.from({ length: width }, (_, at) => {
    const start = (index * TILE_WIDTH + at) * span
    return rootOfLeaves(crypto, leaves.slice(start, start + span))
  })
}

export const logFiles = (size: number): LogFiles =>
  logFilesOf(Array.from({ length: size }, (_, index) => entryOf(index)))

export function logFilesOf(entries: readonly Uint8Array[]): LogFiles {
  const size = entries.length
  const leaves = entries.map(entry => leafHash(crypto, entry))
  const files = new Map<string, Uint8Array>()
  for (const tile of tilesBetween(0, size)) {
    const first = tile.index * TILE_WIDTH
    const isBundle = tile.level === 'entries'
    const bytes = isBundle ? writeBundle(entries.slice(first, first + tile.width)) : concat(...hashesOf(tile, leaves))
    files.set(tilePath(tile), bytes)
  }
  return { entries, leaves, files, head: { size, root: rootOfLeaves(crypto, leaves) } }
}

/** Carries a reading out over files in memory. `asked`: every path that was wanted. */
export function readFrom<T>(
  reading: TileReading<T>,
  files: ReadonlyMap<string, Uint8Array>,
  asked: string[] = [],
): T | Refusal {
  let step = reading.next([])
  while (!step.done) {
    const paths = step.value.map(tilePath)
    asked.push(...paths)
    const came: Came = paths.map(path => files.get(path) ?? null)
    step = reading.next(came)
  }
  return step.value
}
