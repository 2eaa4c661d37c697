import { parseEntry } from '../core/ledger/entry.ts'
import { isRefusal } from '../core/refusal/refusal.ts'
import type { FleetWorld } from './ports.ts'
import { FROM, failed, type Memory, succeeded } from './sign-in.ts'

/** Entries at the end of the log that are looked through: a tenth of a second. */
const LOOKED_THROUGH = 2000

/**
 * Fills the memory of a server that starts with the failures of sign-in that the log tells of: who could have it start anew, or
 * waited for that, would guess as if for the first time. What the log left out, because there was too much of it, is forgotten.
 */
export async function recall(world: Pick<FleetWorld, 'store'>, memory: Memory): Promise<void> {
  const { size } = await world.store.log()
  for (const { index, bytes } of await world.store.entries(Math.max(0, size - LOOKED_THROUGH), size)) {
    const entry = parseEntry(bytes, `entry ${index}`)
    // A log that is damaged is told of by who verifies it.
    if (isRefusal(entry)) continue
    const { attempt, subject, address } = entry.detail
    if (entry.kind === 'access-granted') succeeded(memory, entry.actor.id, `${address}`)
    if (entry.code !== 'sign-in-wrong' || !`${attempt}`.startsWith(FROM)) continue
    failed(memory, `${subject}`, `${attempt}`.slice(FROM.length), entry.at)
  }
}
