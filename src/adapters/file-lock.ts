import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'

/** A lock that is held. The kernel gives it back when this process ends, however it ends. */
export type FileLock = { release(): void }

/**
 * Takes the lock of a file for this process, or answers null when another one holds it. The kernel's record lock on the
 * file, taken through SQLite (Node has no call for it): no pid that could be somebody else's by now, nothing that a
 * killed process leaves behind, and the same lock for everybody who sees the file, in whatever namespace. Refuses
 * `file-missing` (its folder is gone) and `file-unreadable` (the file holds something).
 */
export function takeLock(path: string): FileLock | null | Refusal {
  const folder = dirname(path)
  if (!existsSync(folder)) return refuse('file-missing', folder, 'the folder of a lock', 'none')
  const database = new DatabaseSync(path)
  try {
    database.exec(
      'PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE',
    )
  } catch (error) {
    database.close()
    const { message } = error as Error
    if (/locked|busy/i.test(message)) return null
    // Not removed and made anew: whoever holds the lock would then hold another one.
    if (/not a database/.test(message))
      return refuse('file-unreadable', path, 'an empty file to lock', 'something else')
    throw error
  }
  return { release: () => database.close() }
}
