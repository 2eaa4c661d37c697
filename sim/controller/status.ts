import type { ReleaseFacts } from '../../src/core/firmware/release-facts.ts'
import type { HistoryEntry } from '../../src/core/slot/history.ts'
import type { Memory } from '../../src/core/slot/memory.ts'
import { other, type SlotNote } from '../../src/core/slot/slot.ts'
import type { Running } from '../../src/flows/boot.ts'

/** A version in a slot. `digest`: the image's SHA-256 in hex, or its first 32 characters where only the record knows it. */
export type VersionAt = { readonly version: string; readonly sequence: number; readonly digest: string }

/** A version that did not hold. `at`: milliseconds since 1970, as far as the device knew. */
export type Attempt = VersionAt & { readonly at: number; readonly phase: string; readonly cause: string }

/** What a controller says of itself: the content of its signed report, without number, time and signature. */
export type ControllerStatus = {
  readonly controller: string
  readonly state: 'stable' | 'trial' | 'golden'
  readonly running: VersionAt & { readonly slot: string }
  readonly previous: VersionAt | null
  readonly golden: VersionAt | null
  readonly staged: VersionAt | null
  readonly armed: boolean
  readonly counter: number
  readonly attempts: readonly Attempt[]
  /** The mark of the update under way or done last (see `updateMark`), or empty. */
  readonly update: string
}

/** Attempts that a status tells at most, the newest. */
const ATTEMPTS = 8

export function statusOf(
  controller: string,
  running: Running,
  memory: Memory,
  golden: ReleaseFacts | null,
  counter: number,
  entries: readonly HistoryEntry[],
): ControllerStatus {
  const { state, slots } = memory
  const second = running.slot === 'golden' ? null : slots[other(running.slot)]
  const pending = state.at === 'candidate' || state.at === 'armed' ? slots[other(state.active)] : null
  return {
    controller,
    state: running.slot === 'golden' ? 'golden' : running.trial ? 'trial' : 'stable',
    running: { ...factsAt(running.facts), slot: running.slot },
    previous: second !== null && second.state === 'confirmed' ? noteAt(second) : null,
    golden: golden === null ? null : factsAt(golden),
    staged: pending === null ? null : noteAt(pending),
    armed: state.at === 'armed',
    counter,
    attempts: entries
      .filter(entry => entry.event === 'reverted' || entry.event === 'dropped')
      .slice(-ATTEMPTS)
      .map(({ version, sequence, digest, at, phase, cause }) => ({ version, sequence, digest, at, phase, cause })),
    update: memory.update,
  }
}

const factsAt = (facts: ReleaseFacts): VersionAt => ({
  version: facts.version,
  sequence: facts.sequence,
  digest: facts.imageDigest,
})

const noteAt = (note: SlotNote): VersionAt => ({ version: note.version, sequence: note.sequence, digest: note.digest })
