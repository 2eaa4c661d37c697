import { parseEntry } from '../core/ledger/entry.ts'
import { withNames } from '../core/ledger/pseudonym.ts'
import { isRefusal } from '../core/refusal/refusal.ts'
import { failed, type Memory, succeeded } from './attempts.ts'
import { namesFor } from './persons.ts'
import type { FleetWorld } from './ports.ts'
import { SIGN_IN } from './sign-in.ts'

/** Entries at the end of the log that are looked through: a tenth of a second. */
const LOOKED_THROUGH = 2000

/**
 * Fills the memory of a server that starts with the failures of sign-in that the log tells of: who could have it start anew, or
 * waited for that, would guess as if for the first time. What the log left out, because there was too much of it, is forgotten, and
 * so is who was forgotten: of them it knows no name any more.
 */
export async function recall(world: Pick<FleetWorld, 'store'>, memory: Memory): Promise<void> {
  const { size } = await world.store.log()
  const rows = await world.store.entries(Math.max(0, size - LOOKED_THROUGH), size)
  const entries = rows.flatMap(({ index, bytes }) => {
    const entry = parseEntry(bytes, `entry ${index}`)
    // A log that is damaged is told of by who verifies it.
    if (isRefusal(entry)) return []
    // What a gateway tells of is not what was tried at this server.
    if (entry.origin !== undefined) return []
    const isSignIn =
      entry.kind === 'access-granted' || (entry.code === 'sign-in-wrong' && entry.detail.attempt === SIGN_IN)
    return isSignIn ? [entry] : []
  })
  const names = await namesFor(world, entries)
  for (const entry of entries) {
    const { actor, at, kind, detail } = withNames(entry, names)
    if (kind === 'access-granted') succeeded(memory, actor.id, `${detail.address}`)
    // Where no name was typed, nobody guessed one.
    else if (typeof detail.account === 'string') failed(memory, detail.account, `${detail.address}`, at)
  }
}
