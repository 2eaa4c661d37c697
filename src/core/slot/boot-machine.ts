import { type Refusal, refuse } from '../refusal/refusal.ts'
import type { RefusalCode } from '../refusal/registry.ts'
import { type BootDecision, type BootEvent, noteFrom, noteOf } from './boot-decision.ts'
import { intentOf, type KeyFacts, leftUndone, unfinishedChange } from './key-change.ts'
import { type BootState, type Confirmed, fail, type Memory, withNote } from './memory.ts'
import { startArmed, startBlank, startStable, startTrial } from './power-up.ts'
import { other, type Slot, UNKNOWN_NOTE } from './slot.ts'

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
    reset: (memory, state, event) => startStable(memory, state, event),
    staged: (memory, state, event) => stage(memory, state, event),
    withdraw: stay,
    arm: forbid('nothing-staged', 'a candidate'),
    confirm: stay,
    revert: notInTrial,
  },
  candidate: {
    reset: (memory, state, event) => startStable(memory, state, event),
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
    reset: (memory, state, event) => startArmed(memory, state, event),
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
    confirm: (memory, state, event) => confirm(memory, state.slot, event.image),
    revert: (memory, state, event) => ({
      next: fail(memory, state.slot),
      effects: [{ kind: 'watchdog', on: false }, { kind: 'reset' }],
      note: noteOf('reverted', 'health', state.slot, event.cause, memory.slots[state.slot]),
    }),
  },
}

function stage(
  memory: Memory,
  state: Confirmed,
  event: Extract<BootEvent, { kind: 'staged' }>,
): BootDecision | Refusal {
  // Only ever when the record that named the active slot has rotted since the device booted.
  if (event.slot !== other(state.active)) {
    return refuse(
      'boot-record-not-written',
      `slot ${event.slot}`,
      'a record of what runs',
      `one that runs ${state.active}`,
    )
  }
  return {
    next: {
      ...withNote(memory, event.slot, noteFrom('candidate', event.image)),
      state: { at: 'candidate', ...confirmedOf(state) },
      update: event.update,
    },
    effects: [],
    note: noteOf('staged', 'install', event.slot, '', event.image),
  }
}

function withdraw(memory: Memory, state: Confirmed): BootDecision {
  const slot = other(state.active)
  return {
    next: {
      ...withNote(memory, slot, UNKNOWN_NOTE),
      state: { at: 'stable', ...confirmedOf(state) },
    },
    effects: [],
    note: noteOf('withdrawn', 'install', slot, '', memory.slots[slot]),
  }
}

const confirmedOf = ({ active, floor, keys }: Confirmed): Confirmed => ({ active, floor, keys })

/**
 * One record that names the active slot, the floor and the change of keys; only when it is durable does the counter rise
 * (rule 6), and do the keys change.
 */
function confirm(memory: Memory, slot: Slot, image: KeyFacts): BootDecision {
  const note = memory.slots[slot]
  const keys = intentOf(image.transition)
  const change = unfinishedChange(keys, image)
  return {
    next: {
      ...withNote(memory, slot, { ...note, state: 'confirmed' }),
      state: { at: 'stable', active: slot, floor: note.counter, keys },
    },
    effects: [
      { kind: 'raise', counter: note.counter },
      ...(change === null ? [] : [change]),
      { kind: 'watchdog', on: false },
    ],
    note: noteOf('confirmed', 'health', slot, leftUndone(image) ?? '', note),
  }
}
