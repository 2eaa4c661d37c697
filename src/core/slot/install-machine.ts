import { type Refusal, refuse } from '../refusal/refusal.ts'
import type { Slot } from './slot.ts'

/**
 * Where an installation stands.
 * - `preparing`: accepted; the slot is erased, and its head written, before the first byte of image is taken.
 * - `receiving`: `received` bytes of `total` are taken.
 * - `complete`: all bytes are taken; nothing of them counts before they are verified from flash.
 * - `staged`: the CANDIDATE record is durable.
 * - `spoilt`: what is in the slot is not the release; its head is erased, so that no resume picks it up.
 */
export type InstallState =
  | { readonly at: 'preparing'; readonly slot: Slot; readonly total: number }
  | { readonly at: 'receiving'; readonly slot: Slot; readonly received: number; readonly total: number }
  | { readonly at: 'complete'; readonly slot: Slot; readonly total: number }
  | { readonly at: 'staged'; readonly slot: Slot; readonly total: number }
  | { readonly at: 'spoilt'; readonly slot: Slot; readonly total: number }

/** `prepared` carries how many bytes of an interrupted download are kept. */
export type InstallEvent =
  | { readonly kind: 'prepared'; readonly kept: number }
  | { readonly kind: 'piece'; readonly offset: number; readonly length: number }
  | { readonly kind: 'finish' }
  | { readonly kind: 'verified' }
  | { readonly kind: 'rejected' }

export type InstallEffect = 'program' | 'flush' | 'verify' | 'commit' | 'spoil'
export type InstallDecision = { readonly next: InstallState; readonly effects: readonly InstallEffect[] }

type Cell<At extends InstallState['at'], Kind extends InstallEvent['kind']> = (
  state: Extract<InstallState, { at: At }>,
  event: Extract<InstallEvent, { kind: Kind }>,
) => InstallDecision | Refusal

type Table = { readonly [At in InstallState['at']]: { readonly [Kind in InstallEvent['kind']]: Cell<At, Kind> } }

/** Decides what an event does to an installation. Total: every state answers every event. */
export function decideInstall(state: InstallState, event: InstallEvent): InstallDecision | Refusal {
  const row = INSTALL_TABLE[state.at] as Record<InstallEvent['kind'], (...args: unknown[]) => InstallDecision | Refusal>
  return row[event.kind](state, event)
}

const stay = (state: InstallState): InstallDecision => ({ next: state, effects: [] })
const bug = (state: InstallState): never => {
  throw new Error(`the flow fed an outcome that nobody asked for in ${state.at}`)
}
const closed = (state: InstallState): Refusal =>
  refuse('install-closed', `slot ${state.slot}`, 'an installation under way', state.at)
const incomplete = (state: InstallState, received: number): Refusal =>
  refuse('install-incomplete', `slot ${state.slot}`, `${state.total} bytes`, `${received} bytes`)

/** The machine. Rows are states, columns are events. */
export const INSTALL_TABLE: Table = {
  preparing: {
    prepared: (state, event) => ({ next: receive(state.slot, event.kept, state.total), effects: [] }),
    piece: closed,
    finish: state => incomplete(state, 0),
    verified: bug,
    rejected: bug,
  },
  receiving: {
    prepared: bug,
    piece: (state, event) => {
      const subject = `slot ${state.slot}`
      if (event.offset !== state.received) {
        return refuse('install-out-of-order', subject, `offset ${state.received}`, `offset ${event.offset}`)
      }
      const received = state.received + event.length
      if (received > state.total) {
        return refuse('install-too-long', subject, `${state.total} bytes`, `at least ${received} bytes`)
      }
      return { next: receive(state.slot, received, state.total), effects: ['program'] }
    },
    finish: state => incomplete(state, state.received),
    verified: bug,
    rejected: bug,
  },
  complete: {
    prepared: bug,
    piece: (state, event) =>
      event.length === 0
        ? stay(state)
        : refuse('install-too-long', `slot ${state.slot}`, `${state.total} bytes`, `${event.length} more`),
    finish: state => ({ next: state, effects: ['flush', 'verify'] }),
    verified: state => ({ next: { ...state, at: 'staged' }, effects: ['commit'] }),
    rejected: state => ({ next: { ...state, at: 'spoilt' }, effects: ['spoil'] }),
  },
  staged: { prepared: bug, piece: closed, finish: stay, verified: stay, rejected: bug },
  spoilt: { prepared: bug, piece: closed, finish: closed, verified: bug, rejected: stay },
}

function receive(slot: Slot, received: number, total: number): InstallState {
  return received === total ? { at: 'complete', slot, total } : { at: 'receiving', slot, received, total }
}

/**
 * How much of an interrupted download may be kept: the image bytes before the last of the written sectors that follow
 * on each other from the image's start. That sector may have been cut half-way, so it and everything behind it are
 * erased and fetched again. 0 says: start over, the head included, because nothing proves that the head was written
 * whole.
 *
 * `written` are the image area's sectors in order: true for one that can be read and is not erased. A written sector
 * behind an erased one is the remains of an erase that was cut, and counts for nothing.
 */
export function keptBytes(written: readonly boolean[], sectorBytes: number): number {
  const gap = written.indexOf(false)
  const run = gap < 0 ? written.length : gap
  return run <= 1 ? 0 : (run - 1) * sectorBytes
}
