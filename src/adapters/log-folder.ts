import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { MAX_NOTE_BYTES } from '../core/ledger/signed-note.ts'
import { maxTileBytes } from '../core/ledger/tile-reader.ts'
import { CHECKPOINT_PATH, parseTilePath, TILE_WIDTH, tilePath, WITNESSED_PATH } from '../core/ledger/tiles.ts'
import { RefusalError, refuse } from '../core/refusal/refusal.ts'
import type { LogFiles } from '../flows/ports.ts'

/**
 * A log in a folder: what `audit export` and the archive write, or a copy of any log that is served as tiles. A partial tile that was
 * taken away since its full one is there is answered by that one. Throws a `RefusalError` with `file-too-large` for a file that
 * is longer than what it should be can be, and with `file-unreadable` for one that cannot be read.
 */
export const folderLog = (folder: string): LogFiles => ({
  async file(path) {
    if (path === CHECKPOINT_PATH || path === WITNESSED_PATH) return read(join(folder, path), MAX_NOTE_BYTES)
    const tile = parseTilePath(path)
    if (tile === null) return null
    const full = { ...tile, width: TILE_WIDTH }
    const most = maxTileBytes(full)
    const exact = await read(join(folder, path), most)
    return exact !== null || tile.width === TILE_WIDTH ? exact : read(join(folder, tilePath(full)), most)
  },
})

/** The bytes of a file that has at most so many; null: there is none. */
async function read(path: string, most: number): Promise<Uint8Array | null> {
  let file: FileHandle | undefined
  try {
    file = await open(path, 'r')
    const { size } = await file.stat()
    if (size > most) throw new RefusalError(refuse('file-too-large', path, `at most ${most} bytes`, `${size}`))
    return new Uint8Array(await file.readFile())
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    if (error instanceof RefusalError) throw error
    throw new RefusalError(refuse('file-unreadable', path, 'a file of the log', message))
  } finally {
    await file?.close()
  }
}
