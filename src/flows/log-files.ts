import { fromUtf8, utf8 } from '../core/encoding/bytes.ts'
import { writeBundle } from '../core/ledger/bundle.ts'
import { HASH_BYTES } from '../core/ledger/merkle.ts'
import type { TileReading } from '../core/ledger/tile-reader.ts'
import { CHECKPOINT_PATH, parseTilePath, TILE_WIDTH, tilePath } from '../core/ledger/tiles.ts'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { FleetStore, LogFiles } from './ports.ts'

export type { LogFiles }
export type StoredLog = Pick<FleetStore, 'log' | 'entriesThere' | 'tile'>

/**
 * The log of a fleet's store. A partial tile is there in every width up to the one that the log has, also when it has become full:
 * it is its beginning. Nothing behind the signed checkpoint is given out. Entries that are in an archive which is not there are not here
 * either: a bundle with one of them is missing, or, when `withHoles`, has an entry of no bytes in its place.
 */
export function storedLog(store: StoredLog, withHoles = false): LogFiles {
  return {
    async file(path) {
      const { size, checkpoint } = await store.log()
      if (path === CHECKPOINT_PATH) return checkpoint === '' ? null : utf8(checkpoint)
      const tile = parseTilePath(path)
      if (tile === null) return null
      const { level, index, width } = tile
      const first = index * TILE_WIDTH
      // What a log of the stored size cannot have is not looked for.
      if (first + width > size) return null
      if (level === 'entries') {
        const rows = await store.entriesThere(first, first + width)
        if (rows.length < width && !withHoles) return null
        const entries = new Array<Uint8Array>(width).fill(new Uint8Array(0))
        for (const { index, bytes } of rows) entries[index - first] = bytes
        return writeBundle(entries)
      }
      const hashes = await store.tile(level, index)
      return hashes === null || hashes.length < width * HASH_BYTES ? null : hashes.slice(0, width * HASH_BYTES)
    },
  }
}

/** Carries out a reading of tiles over the files of a log: all that one step wants is asked for side by side. */
export async function readFiles<T>(files: LogFiles, reading: TileReading<T>): Promise<T | Refusal> {
  let step = reading.next([])
  while (!step.done) step = reading.next(await Promise.all(step.value.map(tile => files.file(tilePath(tile)))))
  return step.value
}

/** A log with an archive of it beside: bundles of entries that the log has not got are the archive's. Neither is believed: hashes bear both out. */
export const withArchive = (files: LogFiles, archive: LogFiles): LogFiles => ({
  file: async path => (await files.file(path)) ?? (path.startsWith('tile/entries/') ? archive.file(path) : null),
})

/** Tiles that stand over the others are wanted again and again. */
const REMEMBERED = 64

/** The files of a log that is far away: the tiles that were wanted last are kept. */
export function remembering(files: LogFiles): LogFiles {
  const known = new Map<string, Promise<Uint8Array | null>>()
  return {
    file(path) {
      if (path.startsWith('tile/entries/')) return files.file(path)
      const found = known.get(path) ?? files.file(path)
      known.delete(path)
      known.set(path, found)
      const [oldest] = known.keys()
      if (known.size > REMEMBERED) known.delete(oldest as string)
      return found
    },
  }
}

/** The checkpoint of a log as it was served. Refuses `log-checkpoint-missing`, `checkpoint-malformed`. */
export async function checkpointOf(files: LogFiles, path = CHECKPOINT_PATH): Promise<string | Refusal> {
  const bytes = await files.file(path)
  if (bytes === null) return refuse('log-checkpoint-missing', path, 'the signed head of a log', 'no such file')
  const text = fromUtf8(bytes)
  return text ?? refuse('checkpoint-malformed', path, 'a signed note', 'bytes that are no text', 'C2SP signed-note')
}
