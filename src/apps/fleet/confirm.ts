import { readText } from '../../adapters/config-file.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import { type Confirmation, type Confirmed, confirmRestored } from '../../flows/confirm.ts'
import type { Clock } from '../../flows/ports.ts'
import { withStopped } from './stopped.ts'

const MAX_CHECKPOINT = 1 << 20

/**
 * `voltseal fleet confirm-restore`, on the server's own machine, while it does not serve. `seen`: files with signed checkpoints.
 * Durable on return. Refuses what `withStopped` refuses (keys that are not back yet), and what `confirmRestored` refuses.
 */
export async function confirmFleet(folder: string, asked: Confirmation, clock?: Clock): Promise<Confirmed | Refusal> {
  const seen: string[] = []
  for (const path of asked.seen) {
    const text = readText(path, MAX_CHECKPOINT)
    if (isRefusal(text)) return text
    seen.push(text)
  }
  return withStopped(folder, world => confirmRestored(world, { ...asked, seen }), clock)
}
