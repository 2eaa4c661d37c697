import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openDatabase } from '../../../src/adapters/store-sqlite/database.ts'
import { isRefusal, type Refusal, refuse } from '../../../src/core/refusal/refusal.ts'

const MARKER = '.voltseal-demo'
const LOCK = 'demo.sqlite'
const MARKER_TEXT = 'The demo of Voltseal made this folder. It deletes everything in it at its next start.\n'

/** The demo's folder, held until it is released: no second demo runs in it meanwhile. */
export type ClaimedFolder = { release(): void }

/**
 * Takes a folder for a demo and wipes what an earlier one left. Touches nothing in a folder that no demo made. Refuses
 * `folder-not-empty`, `data-folder-in-use`.
 */
export function claimFolder(folder: string): ClaimedFolder | Refusal {
  mkdirSync(folder, { recursive: true })
  const marker = join(folder, MARKER)
  if (!existsSync(marker)) {
    if (readdirSync(folder).length > 0) {
      return refuse('folder-not-empty', folder, 'an empty folder, or one that a demo made', 'other files')
    }
    // If power fails behind this line, the next start finds a demo's folder, and wipes it.
    writeFileSync(marker, MARKER_TEXT)
  }
  const lock = openDatabase(join(folder, LOCK), { version: 1, migrations: ['CREATE TABLE lock (held INT) STRICT'] })
  if (isRefusal(lock)) return lock.code === 'data-folder-in-use' ? { ...lock, subject: folder } : lock
  for (const name of readdirSync(folder)) {
    if (name !== MARKER && !name.startsWith(LOCK)) rmSync(join(folder, name), { recursive: true, force: true })
  }
  return { release: () => lock.close() }
}
