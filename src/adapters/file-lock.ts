import { spawnSync } from 'node:child_process'
import { accessSync, closeSync, constants, existsSync, openSync } from 'node:fs'
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
 *
 * On a file system that takes no write any more only a shared record lock can be had, which keeps off those who locked
 * the file while it could be written. `flock(1)` then keeps off the others: it locks what this process has open. The file
 * must be there.
 */
export function takeLock(path: string): FileLock | null | Refusal {
  const folder = dirname(path)
  if (!existsSync(folder)) return refuse('file-missing', folder, 'the folder of a lock', 'none')
  const flocked = isReadOnly(path) ? flock(path) : { release: () => {} }
  if (flocked === null) return null
  const database = new DatabaseSync(path)
  const release = (): void => {
    database.close()
    flocked.release()
  }
  try {
    database.exec(
      'PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE',
    )
  } catch (error) {
    release()
    const { message } = error as Error
    if (/locked|busy/i.test(message)) return null
    // Not removed and made anew: whoever holds the lock would then hold another one.
    if (/not a database/.test(message))
      return refuse('file-unreadable', path, 'an empty file to lock', 'something else')
    throw error
  }
  return { release }
}

function isReadOnly(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EROFS'
  }
}

/** The lock is of the open file, which the program shares with this process, and stays when the program has ended. */
function flock(path: string): FileLock | null {
  const file = openSync(path, 'r')
  const { status, error } = spawnSync('flock', ['--exclusive', '--nonblock', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', file],
  })
  if (status === 0) return { release: () => closeSync(file) }
  closeSync(file)
  if (error !== undefined) throw error
  return null
}
