import { type KeyIntent, NO_KEY_CHANGE } from './key-change.ts'
import { digestPrefix, FAILED_KEPT, type FailedVersion, other, type Slot, type SlotNote } from './slot.ts'

/**
 * What was confirmed last: its slot, and the floor and the change of keys that it was confirmed with. A `floor` above the
 * security counter, and keys that the device does not have or still has, are an unfinished confirmation.
 */
export type Confirmed = { readonly active: Slot; readonly floor: number; readonly keys: KeyIntent }

/** Another slot is the active one, by no confirmation: what belonged to the last one went with it. */
export const activeOnly = (active: Slot): Confirmed => ({ active, floor: 0, keys: NO_KEY_CHANGE })

/**
 * What the device is about, as its record says.
 * - `blank`: no record can be read.
 * - `stable`: the active image is confirmed.
 * - `candidate`: the inactive slot holds a verified image that waits for the site's word.
 * - `armed`: the site gave its word; the next reset tries the candidate.
 * - `trial`: `slot` runs unconfirmed, on what is left of its tries and of its budget of power losses.
 */
export type BootState =
  | { readonly at: 'blank' }
  | ({ readonly at: 'stable' } & Confirmed)
  | ({ readonly at: 'candidate' } & Confirmed)
  | ({ readonly at: 'armed' } & Confirmed)
  | { readonly at: 'trial'; readonly slot: Slot; readonly triesLeft: number; readonly lossesLeft: number }

/** What the device remembers between resets, apart from where it is written. */
export type Memory = {
  readonly state: BootState
  readonly slots: { readonly a: SlotNote; readonly b: SlotNote }
  /** Oldest first, at most FAILED_KEPT. */
  readonly failed: readonly FailedVersion[]
  /** The update under way or done last: 16 bytes in hex, or empty. */
  readonly update: string
}

/** True when this version was tried on this device and did not hold: by its image, or by its manifest's number. */
export function hasFailed(memory: Memory, image: { readonly digest: string; readonly sequence: number }): boolean {
  const digest = digestPrefix(image.digest)
  return memory.failed.some(failed => failed.digest === digest || failed.sequence === image.sequence)
}

/** True when the record has this image on trial in this slot, or as the confirmed one there: only that can be confirmed. */
export function isNamed({ state, slots }: Memory, slot: Slot, image: { readonly digest: string }): boolean {
  if (state.at === 'blank') return false
  const note = slots[slot]
  const named = state.at === 'trial' ? state.slot === slot : state.active === slot && note.state === 'confirmed'
  return named && note.digest === digestPrefix(image.digest)
}

/** The version in `slot` is remembered as failed, and the other slot is the active one. */
export function fail(memory: Memory, slot: Slot): Memory {
  const note = memory.slots[slot]
  const failed = { sequence: note.sequence, digest: note.digest }
  return {
    ...withNote(memory, slot, { ...note, state: 'failed' }),
    state: { at: 'stable', ...activeOnly(other(slot)) },
    failed: [...memory.failed, failed].slice(-FAILED_KEPT),
  }
}

export const withNote = (memory: Memory, slot: Slot, note: SlotNote): Memory => ({
  ...memory,
  slots: { ...memory.slots, [slot]: note },
})
