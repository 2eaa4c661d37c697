import type { Anchor } from '../firmware/suit-open.ts'
import type { HistoryEvent, Phase } from './history.ts'
import type { KeyEffect, KeyFacts } from './key-change.ts'
import type { Memory } from './memory.ts'
import { type Bootable, digestPrefix, type ResetCause, type Slot, type SlotNote, type Verdict } from './slot.ts'

/** How often a trial may start again: `tries` for resets that it caused, `losses` for power that went. */
export type Budget = { readonly tries: number; readonly losses: number }
export const DEFAULT_BUDGET: Budget = { tries: 3, losses: 20 }

/**
 * What happens to a device. `reset` carries the verification of flash as a function, so that only the slots that the
 * decision needs are hashed; it answers the same each time it is asked within one reset.
 */
export type BootEvent =
  | {
      readonly kind: 'reset'
      readonly cause: ResetCause
      readonly counter: number
      /** The keys that the device accepts. */
      readonly anchors: readonly Anchor[]
      readonly budget: Budget
      /**
       * True when an unfinished confirmation may be finished before a trial. Not for ever in one reset: an
       * element may not do what it is told.
       */
      readonly finishes: boolean
      readonly verdict: (slot: Bootable) => Verdict
    }
  | { readonly kind: 'staged'; readonly slot: Slot; readonly image: Image; readonly update: string }
  | { readonly kind: 'withdraw' }
  | { readonly kind: 'arm' }
  | { readonly kind: 'confirm'; readonly image: KeyFacts }
  | { readonly kind: 'revert'; readonly cause: string }

/** The facts of a verified image that the record keeps. `digest` is whole or a prefix; the prefix is kept. */
export type Image = Pick<SlotNote, 'digest' | 'sequence' | 'version' | 'counter'>

/** What the flow does once the next memory is durable. Each may be done twice without harm. */
export type BootEffect =
  | { readonly kind: 'raise'; readonly counter: number }
  | KeyEffect
  | { readonly kind: 'watchdog'; readonly on: boolean }
  | { readonly kind: 'run'; readonly slot: Bootable; readonly trial: boolean }
  | { readonly kind: 'halt' }
  | { readonly kind: 'reset' }
  /** The secure element may answer otherwise now: the reset is decided once more, until its commands were told often enough. */
  | { readonly kind: 'again' }

/** The line of history that a decision leaves. */
export type Note = {
  readonly event: HistoryEvent
  readonly phase: Phase
  readonly slot: Bootable | 'none'
  readonly cause: string
  readonly image: Image
}

/** A decision: `note` null says that nothing changed and nothing is written. */
export type BootDecision = {
  readonly next: Memory
  readonly effects: readonly BootEffect[]
  readonly note: Note | null
}

/** The line of history of a decision about an image. */
export function noteOf(event: HistoryEvent, phase: Phase, slot: Bootable | 'none', cause: string, image: Image): Note {
  const { digest, sequence, version, counter } = image
  return { event, phase, slot, cause, image: { digest: digestPrefix(digest), sequence, version, counter } }
}

/** The record's note of an image. */
export const noteFrom = (state: SlotNote['state'], image: Image): SlotNote => ({
  state,
  digest: digestPrefix(image.digest),
  sequence: image.sequence,
  version: image.version,
  counter: image.counter,
})
