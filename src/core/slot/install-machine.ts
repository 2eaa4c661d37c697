import { type Refusal, refuse } from '../refusal/refusal.ts'
import type { Slot } from './slot.ts'

/**
 * Where an installation stands.
 * - `preparing`: accepted; the slot is erased, and its head written, before the first byte of image is taken.
 * - `receiving`: `received` bytes of `total` are taken.
 * - `complete`: all bytes are taken, each chunk verified from flash; nothing of them counts before the whole is.
 * - `staged`: the CANDIDATE record is durable.
 * - `spoilt`: what is in the slot is not the release; its head is erased, so that no resume picks it up.
 */
export type InstallState =
  | { readonly at: 'preparing'; readonly slot: Slot; readonly total: number }
  | { readonly at: 'receiving'; readonly slot: Slot; readonly received: number; readonly total: number }
  | { readonly at: 'complete'; readonly slot: Slot; readonly total: number }
  | { readonly at: 'staged'; readonly slot: Slot; readonly total: number }
  | { readonly at: 'spoilt'; readonly slot: Slot; readonly total: number }

/**
 * `prepared` carries how many bytes of an interrupted download are kept; `damaged` to which byte the installation goes
 * back, because a chunk does not read from flash as the release names it.
 */
export type InstallEvent =
  | { readonly kind: 'prepared'; readonly kept: number }
  | { readonly kind: 'piece'; readonly offset: number; readonly length: number }
  | { readonly kind: 'damaged'; readonly back: number }
  | { readonly kind: 'finish' }
  | { readonly kind: 'verified' }
  | { readonly kind: 'rejected' }

export type InstallEffect = 'program' | 'verify' | 'commit' | 'spoil'
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

function goBack(
  state: { readonly slot: Slot; readonly total: number },
  event: { readonly back: number },
): InstallDecision {
  return { next: receive(state.slot, event.back, state.total), effects: [] }
}

/** The machine. Rows are states, columns are events. */
export const INSTALL_TABLE: Table = {
  preparing: {
    prepared: (state, event) => ({ next: receive(state.slot, event.kept, state.total), effects: [] }),
    piece: closed,
    damaged: bug,
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
    damaged: goBack,
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
    damaged: goBack,
    finish: state => ({ next: state, effects: ['verify'] }),
    verified: state => ({ next: { ...state, at: 'staged' }, effects: ['commit'] }),
    rejected: state => ({ next: { ...state, at: 'spoilt' }, effects: ['spoil'] }),
  },
  staged: { prepared: bug, piece: closed, damaged: bug, finish: stay, verified: stay, rejected: bug },
  spoilt: { prepared: bug, piece: closed, damaged: bug, finish: closed, verified: bug, rejected: stay },
}

function receive(slot: Slot, received: number, total: number): InstallState {
  return received === total ? { at: 'complete', slot, total } : { at: 'receiving', slot, received, total }
}

/**
 * How many chunks of an interrupted download may be kept: `good` is how many, from the first on, read from flash as the
 * release names them; `begun` says whether the chunk behind those has any byte in it. The last good one is kept only if
 * something was written behind it: else it may be what the cut hit, and may read differently tomorrow.
 */
export function keptChunks(good: number, begun: boolean): number {
  return begun ? good : Math.max(0, good - 1)
}
