import { type Refusal, refuse } from '../refusal/refusal.ts'
import type { RefusalCode } from '../refusal/registry.ts'
import type { HistoryEvent, Phase } from './history.ts'
import type { Memory } from './record.ts'
import {
  type Bootable,
  digestPrefix,
  FAILED_KEPT,
  isPowerReset,
  other,
  type ResetCause,
  type Slot,
  type SlotNote,
  UNKNOWN_NOTE,
  type Verdict,
} from './slot.ts'

/**
 * What the device is about, as its record says.
 * - `blank`: no record can be read.
 * - `stable`: the active image is confirmed. A `floor` above the security counter is an unfinished confirmation.
 * - `candidate`: the inactive slot holds a verified image that waits for the site's word.
 * - `armed`: the site gave its word; the next reset tries the candidate.
 * - `trial`: `slot` runs unconfirmed, on what is left of its tries and of its budget of power losses.
 */
export type BootState =
  | { readonly at: 'blank' }
  | { readonly at: 'stable'; readonly active: Slot; readonly floor: number }
  | { readonly at: 'candidate'; readonly active: Slot; readonly floor: number }
  | { readonly at: 'armed'; readonly active: Slot; readonly floor: number }
  | { readonly at: 'trial'; readonly slot: Slot; readonly triesLeft: number; readonly lossesLeft: number }

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
      readonly budget: Budget
      readonly verdict: (slot: Bootable) => Verdict
    }
  | { readonly kind: 'staged'; readonly slot: Slot; readonly image: Image; readonly update: string }
  | { readonly kind: 'withdraw' }
  | { readonly kind: 'arm' }
  | { readonly kind: 'confirm' }
  | { readonly kind: 'revert'; readonly cause: string }

/** The facts of a verified image that the record keeps. `digest` is whole or a prefix; the prefix is kept. */
export type Image = Pick<SlotNote, 'digest' | 'sequence' | 'version' | 'counter'>

/** What the flow does once the next memory is durable. Each may be done twice without harm. */
export type BootEffect =
  | { readonly kind: 'raise'; readonly counter: number }
  | { readonly kind: 'watchdog'; readonly on: boolean }
  | { readonly kind: 'run'; readonly slot: Bootable; readonly trial: boolean }
  | { readonly kind: 'halt' }
  | { readonly kind: 'reset' }

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

type Cell<At extends BootState['at'], Kind extends BootEvent['kind']> = (
  memory: Memory,
  state: Extract<BootState, { at: At }>,
  event: Extract<BootEvent, { kind: Kind }>,
) => BootDecision | Refusal

type Table = { readonly [At in BootState['at']]: { readonly [Kind in BootEvent['kind']]: Cell<At, Kind> } }

/** Decides what an event does to a device. Total: every state answers every event. */
export function decideBoot(memory: Memory, event: BootEvent): BootDecision | Refusal {
  const row = BOOT_TABLE[memory.state.at] as Record<BootEvent['kind'], (...args: unknown[]) => BootDecision | Refusal>
  return row[event.kind](memory, memory.state, event)
}

const stay = (memory: Memory): BootDecision => ({ next: memory, effects: [], note: null })

const forbid =
  (code: RefusalCode, expected: string) =>
  (memory: Memory): Refusal =>
    refuse(code, 'controller', expected, memory.state.at)

const noRecord = forbid('boot-record-missing', 'a device that has booted')
const inTrial = forbid('trial-in-progress', 'a confirmed image')
const notInTrial = forbid('not-in-trial', 'a trial')

/** The machine. Rows are states, columns are events; docs/controller.md shows it as a diagram. */
export const BOOT_TABLE: Table = {
  blank: {
    reset: (memory, _state, event) => startBlank(memory, event),
    staged: noRecord,
    withdraw: noRecord,
    arm: noRecord,
    confirm: noRecord,
    revert: noRecord,
  },
  stable: {
    reset: (memory, state, event) => startStable(memory, state.active, state.floor, event),
    staged: (memory, state, event) => stage(memory, state, event),
    withdraw: stay,
    arm: forbid('nothing-staged', 'a candidate'),
    confirm: stay,
    revert: notInTrial,
  },
  candidate: {
    reset: (memory, state, event) => startStable(memory, state.active, state.floor, event),
    staged: (memory, state, event) => stage(memory, state, event),
    withdraw: (memory, state) => withdraw(memory, state),
    arm: (memory, state) => ({
      next: { ...memory, state: { ...state, at: 'armed' } },
      effects: [],
      note: noteOf('armed', 'install', other(state.active), '', memory.slots[other(state.active)]),
    }),
    confirm: stay,
    revert: notInTrial,
  },
  armed: {
    reset: (memory, state, event) => startArmed(memory, state.active, state.floor, event),
    staged: forbid('activation-pending', 'no armed candidate'),
    withdraw: (memory, state) => withdraw(memory, state),
    arm: stay,
    confirm: stay,
    revert: notInTrial,
  },
  trial: {
    reset: (memory, state, event) => startTrial(memory, state, event),
    staged: inTrial,
    withdraw: inTrial,
    arm: inTrial,
    confirm: (memory, state) => confirm(memory, state.slot),
    revert: (memory, state, event) => ({
      next: fail(memory, state.slot),
      effects: [{ kind: 'watchdog', on: false }, { kind: 'reset' }],
      note: noteOf('reverted', 'health', state.slot, event.cause, memory.slots[state.slot]),
    }),
  },
}

type Reset = Extract<BootEvent, { kind: 'reset' }>
type Good = Extract<Verdict, { good: true }>

/** Runs the active image when it verifies; else whatever is left. */
function startStable(memory: Memory, active: Slot, floor: number, event: Reset): BootDecision {
  const verdict = event.verdict(active)
  if (!verdict.good) return fall(memory, active, verdict.reason, event)
  const note = memory.slots[active]
  // A valid image that is not the one that was confirmed here runs as what it is: unconfirmed.
  if (note.state !== 'confirmed' || note.digest !== digestPrefix(verdict.digest)) {
    return hasFailed(memory, verdict)
      ? fall(memory, active, 'failed before', event)
      : beginTrial(memory, active, verdict, event, 'not the confirmed image')
  }
  // The confirmation was cut before the counter rose: the image verifies, so finish it (rule 6).
  const unfinished = floor > event.counter && floor === verdict.counter
  return {
    next: memory,
    effects: [
      ...(unfinished ? [{ kind: 'raise', counter: floor } as const] : []),
      { kind: 'run', slot: active, trial: false },
    ],
    note: noteOf('boot', 'boot', active, unfinished ? 'finishes the confirmation' : '', verdict),
  }
}

/** The active image does not verify: the other one when it verifies and has not failed, else golden, else nothing. */
function fall(memory: Memory, from: Slot, reason: string, event: Reset): BootDecision {
  const to = other(from)
  const verdict = event.verdict(to)
  if (!verdict.good || hasFailed(memory, verdict)) return recover(memory, from, reason, event)
  const note = memory.slots[to]
  if (note.state === 'confirmed' && note.digest === digestPrefix(verdict.digest)) {
    return {
      // The floor intent belongs to the image that rotted: it is dropped with it.
      next: { ...memory, state: { at: 'stable', active: to, floor: 0 } },
      effects: [{ kind: 'run', slot: to, trial: false }],
      note: noteOf('fallback', 'boot', to, reason, verdict),
    }
  }
  return beginTrial(memory, to, verdict, event, reason)
}

/** Golden runs, whatever the slots are; the record still names the active slot, should it read again one day. */
function recover(memory: Memory, active: Slot, reason: string, event: Reset): BootDecision {
  const verdict = event.verdict('golden')
  const floor = memory.state.at === 'blank' || memory.state.at === 'trial' ? 0 : memory.state.floor
  const next: Memory = { ...memory, state: { at: 'stable', active, floor } }
  return verdict.good
    ? {
        next,
        effects: [{ kind: 'run', slot: 'golden', trial: false }],
        note: noteOf('golden', 'boot', 'golden', reason, verdict),
      }
    : { next, effects: [{ kind: 'halt' }], note: noteOf('halt', 'boot', 'none', verdict.reason, UNKNOWN_NOTE) }
}

function beginTrial(memory: Memory, slot: Slot, verdict: Good, event: Reset, cause: string): BootDecision {
  return runTrial(memory, slot, verdict, event.budget.tries - 1, event.budget.losses, cause)
}

function runTrial(
  memory: Memory,
  slot: Slot,
  verdict: Good,
  triesLeft: number,
  lossesLeft: number,
  cause: string,
): BootDecision {
  return {
    next: {
      ...withNote(memory, slot, noteFrom('trial', verdict)),
      state: { at: 'trial', slot, triesLeft, lossesLeft },
    },
    effects: [
      { kind: 'watchdog', on: true },
      { kind: 'run', slot, trial: true },
    ],
    note: noteOf('trial', 'trial', slot, cause, verdict),
  }
}

function startArmed(memory: Memory, active: Slot, floor: number, event: Reset): BootDecision {
  const slot = other(active)
  const verdict = event.verdict(slot)
  if (verdict.good && !hasFailed(memory, verdict)) return beginTrial(memory, slot, verdict, event, 'armed')
  const reason = verdict.good ? 'failed before' : verdict.reason
  const kept: Memory = { ...withNote(memory, slot, UNKNOWN_NOTE), state: { at: 'stable', active, floor } }
  const fallback = startStable(kept, active, floor, event)
  return explain(fallback, noteOf('dropped', 'boot', slot, reason, memory.slots[slot]))
}

/** A trial starts again on what is left of its budget; when nothing is left, its version has failed. */
function startTrial(memory: Memory, state: Extract<BootState, { at: 'trial' }>, event: Reset): BootDecision {
  const { slot, triesLeft, lossesLeft } = state
  const power = isPowerReset(event.cause)
  if ((power ? lossesLeft : triesLeft) <= 0) {
    const cause = power ? 'power losses spent' : 'tries spent'
    const fallback = startStable(fail(memory, slot), other(slot), 0, event)
    return explain(fallback, noteOf('reverted', 'trial', slot, cause, memory.slots[slot]))
  }
  const verdict = event.verdict(slot)
  if (!verdict.good) {
    const kept: Memory = {
      ...withNote(memory, slot, UNKNOWN_NOTE),
      state: { at: 'stable', active: other(slot), floor: 0 },
    }
    const fallback = startStable(kept, other(slot), 0, event)
    return explain(fallback, noteOf('dropped', 'trial', slot, verdict.reason, memory.slots[slot]))
  }
  return power
    ? runTrial(memory, slot, verdict, triesLeft, lossesLeft - 1, event.cause)
    : runTrial(memory, slot, verdict, triesLeft - 1, lossesLeft, event.cause)
}

/** No record: every image that verifies is unconfirmed. The older one goes first, being the likelier confirmed one. */
function startBlank(memory: Memory, event: Reset): BootDecision {
  const usable = (['a', 'b'] as const)
    .map(slot => ({ slot, verdict: event.verdict(slot) }))
    .filter((one): one is { slot: Slot; verdict: Good } => one.verdict.good)
    .sort((one, two) => one.verdict.sequence - two.verdict.sequence)
  const first = usable[0]
  return first === undefined
    ? recover(memory, 'a', 'no record and no valid slot', event)
    : beginTrial(memory, first.slot, first.verdict, event, 'no record')
}

function stage(
  memory: Memory,
  state: { readonly active: Slot; readonly floor: number },
  event: Extract<BootEvent, { kind: 'staged' }>,
): BootDecision {
  if (event.slot !== other(state.active)) throw new Error('only the inactive slot is ever staged')
  return {
    next: {
      ...withNote(memory, event.slot, noteFrom('candidate', event.image)),
      state: { at: 'candidate', active: state.active, floor: state.floor },
      update: event.update,
    },
    effects: [],
    note: noteOf('staged', 'install', event.slot, '', event.image),
  }
}

function withdraw(memory: Memory, state: { readonly active: Slot; readonly floor: number }): BootDecision {
  const slot = other(state.active)
  return {
    next: {
      ...withNote(memory, slot, UNKNOWN_NOTE),
      state: { at: 'stable', active: state.active, floor: state.floor },
    },
    effects: [],
    note: noteOf('withdrawn', 'install', slot, '', memory.slots[slot]),
  }
}

/** One record that names the active slot and the floor; the counter rises only when it is durable (rule 6). */
function confirm(memory: Memory, slot: Slot): BootDecision {
  const note = memory.slots[slot]
  return {
    next: {
      ...withNote(memory, slot, { ...note, state: 'confirmed' }),
      state: { at: 'stable', active: slot, floor: note.counter },
    },
    effects: [
      { kind: 'raise', counter: note.counter },
      { kind: 'watchdog', on: false },
    ],
    note: noteOf('confirmed', 'health', slot, '', note),
  }
}

/** The version in `slot` is remembered as failed, and the other slot is the active one. */
function fail(memory: Memory, slot: Slot): Memory {
  const note = memory.slots[slot]
  const failed = { sequence: note.sequence, digest: note.digest }
  return {
    ...withNote(memory, slot, { ...note, state: 'failed' }),
    state: { at: 'stable', active: other(slot), floor: 0 },
    failed: [...memory.failed, failed].slice(-FAILED_KEPT),
  }
}

/** True when this version was tried on this device and did not hold: by its image, or by its manifest's number. */
export function hasFailed(memory: Memory, image: { readonly digest: string; readonly sequence: number }): boolean {
  const digest = digestPrefix(image.digest)
  return memory.failed.some(failed => failed.digest === digest || failed.sequence === image.sequence)
}

const noteFrom = (state: SlotNote['state'], image: Image): SlotNote => ({
  state,
  digest: digestPrefix(image.digest),
  sequence: image.sequence,
  version: image.version,
  counter: image.counter,
})

const withNote = (memory: Memory, slot: Slot, note: SlotNote): Memory => ({
  ...memory,
  slots: { ...memory.slots, [slot]: note },
})

function noteOf(event: HistoryEvent, phase: Phase, slot: Bootable | 'none', cause: string, image: Image): Note {
  const { digest, sequence, version, counter } = image
  return { event, phase, slot, cause, image: { digest: digestPrefix(digest), sequence, version, counter } }
}

/** A failure ended the trial and something else runs: the line of history tells the failure; what runs, the next boot. */
function explain(decision: BootDecision, failure: Note): BootDecision {
  const ran = decision.note
  if (ran === null) return { ...decision, note: failure }
  return { ...decision, note: { ...failure, cause: `${failure.cause}; ${ran.event} ${ran.slot}` } }
}
