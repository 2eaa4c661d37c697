import { folderLog } from '../../adapters/log-folder.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { type ArchivedNow, bringBack } from '../../flows/archive.ts'
import { refuseCopy } from '../../flows/confirm.ts'
import type { Clock } from '../../flows/ports.ts'
import { archiveFolder, archiveNow, retentionOf } from './archive.ts'
import { retiredLogKeys } from './log-key.ts'
import { withStopped } from './stopped.ts'

type Say = (done: number, all: number) => void

/**
 * `voltseal audit archive`, while the server does not run: what it does by itself each hour. Durable on return. Refuses
 * `archive-not-set`, and what `withStopped` and `archiveNow` refuse.
 */
export function archiveFleet(
  folder: string,
  say: Say,
  clock?: Clock,
): Promise<(ArchivedNow & { archive: string }) | Refusal> {
  return withStopped(
    folder,
    async (world, config) => {
      const where = archiveFolder(folder, config)
      if (where === null) return refuse('archive-not-set', folder, 'an archive in fleet.yaml', 'none')
      const copy = await refuseCopy(world.store, `the store of ${world.name}`)
      if (copy !== null) return copy
      const former = retiredLogKeys(folder, world.crypto)
      if (isRefusal(former)) return former
      const done = await archiveNow(world, { where, retention: retentionOf(config), former }, say)
      return 'size' in done ? { ...done, archive: where } : done
    },
    clock,
  )
}

export type Returned = { readonly returned: number; readonly left: number }

/**
 * `voltseal audit restore`: brings archived entries back into the database, while the server does not run. `archive`: the folder, where it
 * is not where fleet.yaml says. Durable on return. Refuses `archive-not-set`, and what `withStopped` and `bringBack` refuse.
 */
export function restoreEntries(
  folder: string,
  asked: { readonly archive: string | null; readonly from: number; readonly to: number },
  say: Say,
  clock?: Clock,
): Promise<Returned | Refusal> {
  return withStopped(
    folder,
    async (world, config) => {
      const where = asked.archive ?? archiveFolder(folder, config)
      if (where === null) return refuse('archive-not-set', folder, 'an archive in fleet.yaml, or --archive', 'none')
      const done = await bringBack(world, folderLog(where), asked, say)
      return 'returned' in done ? { ...done, left: (await world.store.archived.count()).count } : done
    },
    clock,
  )
}
