import { readText } from '../../adapters/config-file.ts'
import { folderLog } from '../../adapters/log-folder.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import { type Confirmation, type Confirmed, confirmRestored } from '../../flows/confirm.ts'
import type { Clock } from '../../flows/ports.ts'
import { withStopped } from './stopped.ts'

const MAX_CHECKPOINT = 1 << 20

/** What a person brings, by the names of files and folders. */
export type Brought = Omit<Confirmation, 'log'> & { readonly log: string | null }

/**
 * `voltseal fleet confirm-restore`, on the server's own machine, while it does not serve. `seen`: files with signed checkpoints; `log`:
 * a folder with a copy of the log.
 * Durable on return. Refuses what `withStopped` refuses (keys that are not back yet), and what `confirmRestored` refuses.
 */
export async function confirmFleet(folder: string, asked: Brought, clock?: Clock): Promise<Confirmed | Refusal> {
  const seen: string[] = []
  for (const path of asked.seen) {
    const text = readText(path, MAX_CHECKPOINT)
    if (isRefusal(text)) return text
    seen.push(text)
  }
  const log = asked.log === null ? null : folderLog(asked.log)
  return withStopped(folder, world => confirmRestored(world, { ...asked, seen, log }), clock)
}
