import { existsSync, readdirSync } from 'node:fs'
import { type Refusal, refuse } from '../../core/refusal/refusal.ts'

/** A folder that holds something is somebody's. Refuses `folder-not-empty`. */
export function refuseTaken(folder: string): Refusal | null {
  if (!existsSync(folder) || readdirSync(folder).length === 0) return null
  return refuse('folder-not-empty', folder, 'a new or empty folder', 'one that holds files')
}
