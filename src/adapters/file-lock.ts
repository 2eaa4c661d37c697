import { DatabaseSync } from 'node:sqlite'

/** A lock that is held. The kernel gives it back when this process ends, however it ends. */
export type FileLock = { release(): void }

/**
 * Takes the lock of a file for this process, or answers null when another one holds it. The kernel's record lock on the
 * file, taken through SQLite (Node has no call for it): no pid that could be somebody else's by now, nothing that a
 * killed process leaves behind, and the same lock for everybody who sees the file, in whatever namespace.
 */
export function takeLock(path: string): FileLock | null {
  const database = new DatabaseSync(path)
  try {
    database.exec(
      'PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE',
    )
  } catch (error) {
    database.close()
    if (/locked|busy/i.test((error as Error).message)) return null
    throw error
  }
  return { release: () => database.close() }
}
