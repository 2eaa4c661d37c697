import { type BootDecision, type BootEffect, type BootEvent, type Note, noteFrom, noteOf } from './boot-decision.ts'
import { intentOf, isCarriedOut, unfinishedChange } from './key-change.ts'
import {
  activeOnly,
  type BootState,
  type Confirmed,
  fail,
  hasFailed,
  isNamed,
  type Memory,
  withNote,
} from './memory.ts'
import { digestPrefix, isPowerReset, other, type Slot, UNKNOWN_NOTE, type Verdict } from './slot.ts'

type Reset = Extract<BootEvent, { kind: 'reset' }>
type Good = Extract<Verdict, { good: true }>

/** Runs the active image when it verifies; else whatever is left. */
export function startStable(memory: Memory, confirmed: Confirmed, event: Reset): BootDecision {
  const { active } = confirmed
  const verdict = event.verdict(active)
  if (!verdict.good) return fall(memory, active, verdict.reason, event)
  const note = memory.slots[active]
  // A valid image that is not the one that was confirmed here runs as what it is: unconfirmed.
  if (note.state !== 'confirmed' || note.digest !== digestPrefix(verdict.digest)) {
    return hasFailed(memory, verdict)
      ? fall(memory, active, 'failed before', event)
      : beginTrial(memory, active, verdict, event, 'not the confirmed image')
  }
  const unfinished = unfinishedOf(confirmed, verdict, event)
  return {
    next: memory,
    effects: [...unfinished, { kind: 'run', slot: active, trial: false }],
    note: noteOf('boot', 'boot', active, unfinished.length > 0 ? 'finishes the confirmation' : '', verdict),
  }
}

/** The confirmation was cut before the counter rose or the keys changed: the image verifies, so finish it (rule 6). */
function unfinishedOf({ floor, keys }: Confirmed, verdict: Good, event: Reset): BootEffect[] {
  const effects: BootEffect[] = []
  if (floor > event.counter && floor === verdict.counter) effects.push({ kind: 'raise', counter: floor })
  const change = unfinishedChange(keys, { ...verdict, anchors: event.anchors })
  if (change !== null) effects.push(change)
  return effects
}

/** The same before a trial. The active image is looked at only when the record may be unfinished. */
function leftOf(memory: Memory, confirmed: Confirmed, event: Reset): BootEffect[] {
  const { active, floor, keys } = confirmed
  if (floor <= event.counter && isCarriedOut(keys, event.anchors)) return []
  const verdict = event.verdict(active)
  return verdict.good && isNamed(memory, active, verdict) ? unfinishedOf(confirmed, verdict, event) : []
}

/** The active image does not verify: the other one when it verifies and has not failed, else golden, else nothing. */
function fall(memory: Memory, from: Slot, reason: string, event: Reset): BootDecision {
  const to = other(from)
  const verdict = event.verdict(to)
  if (!verdict.good || hasFailed(memory, verdict)) return recover(memory, from, reason, event)
  const note = memory.slots[to]
  if (note.state === 'confirmed' && note.digest === digestPrefix(verdict.digest)) {
    // The floor and the keys that were still to come belong to the image that rotted: they are dropped with it. This one
    // has its own, and may never have come to them.
    const confirmed: Confirmed = { active: to, floor: note.counter, keys: intentOf(verdict.transition) }
    return {
      next: { ...memory, state: { at: 'stable', ...confirmed } },
      effects: [...unfinishedOf(confirmed, verdict, event), { kind: 'run', slot: to, trial: false }],
      note: noteOf('fallback', 'boot', to, reason, verdict),
    }
  }
  return beginTrial(memory, to, verdict, event, reason)
}

/** Golden runs, whatever the slots are; the record still names the active slot, should it read again one day. */
function recover(memory: Memory, active: Slot, reason: string, event: Reset): BootDecision {
  const verdict = event.verdict('golden')
  const { state } = memory
  const { floor, keys } = state.at === 'blank' || state.at === 'trial' ? activeOnly(active) : state
  const next: Memory = { ...memory, state: { at: 'stable', active, floor, keys } }
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

/**
 * Tries the candidate. An unfinished confirmation comes first, since the record of a trial does not carry it: then all is
 * decided anew, by the counter and the keys as they are now. The armed record stays until then, and asks for both.
 */
export function startArmed(memory: Memory, confirmed: Confirmed, event: Reset): BootDecision {
  const { active, floor, keys } = confirmed
  const unfinished = event.finishes ? leftOf(memory, confirmed, event) : []
  if (unfinished.length > 0) return { next: memory, effects: [...unfinished, { kind: 'again' }], note: null }
  const slot = other(active)
  const verdict = event.verdict(slot)
  if (verdict.good && !hasFailed(memory, verdict)) return beginTrial(memory, slot, verdict, event, 'armed')
  const reason = verdict.good ? 'failed before' : verdict.reason
  const kept: Memory = { ...withNote(memory, slot, UNKNOWN_NOTE), state: { at: 'stable', active, floor, keys } }
  const fallback = startStable(kept, confirmed, event)
  return explain(fallback, noteOf('dropped', 'boot', slot, reason, memory.slots[slot]))
}

/** A trial starts again on what is left of its budget; when nothing is left, its version has failed. */
export function startTrial(memory: Memory, state: Extract<BootState, { at: 'trial' }>, event: Reset): BootDecision {
  const { slot, triesLeft, lossesLeft } = state
  const power = isPowerReset(event.cause)
  if ((power ? lossesLeft : triesLeft) <= 0) {
    const cause = power ? 'power losses spent' : 'tries spent'
    const fallback = startStable(fail(memory, slot), activeOnly(other(slot)), event)
    return explain(fallback, noteOf('reverted', 'trial', slot, cause, memory.slots[slot]))
  }
  const verdict = event.verdict(slot)
  if (!verdict.good) {
    const kept: Memory = {
      ...withNote(memory, slot, UNKNOWN_NOTE),
      state: { at: 'stable', ...activeOnly(other(slot)) },
    }
    const fallback = startStable(kept, activeOnly(other(slot)), event)
    return explain(fallback, noteOf('dropped', 'trial', slot, verdict.reason, memory.slots[slot]))
  }
  return power
    ? runTrial(memory, slot, verdict, triesLeft, lossesLeft - 1, event.cause)
    : runTrial(memory, slot, verdict, triesLeft - 1, lossesLeft, event.cause)
}

/** No record: every image that verifies is unconfirmed. The older one goes first, being the likelier confirmed one. */
export function startBlank(memory: Memory, event: Reset): BootDecision {
  const usable = (['a', 'b'] as const)
    .map(slot => ({ slot, verdict: event.verdict(slot) }))
    .filter((one): one is { slot: Slot; verdict: Good } => one.verdict.good)
    .sort((one, two) => one.verdict.sequence - two.verdict.sequence)
  const first = usable[0]
  return first === undefined
    ? recover(memory, 'a', 'no record and no valid slot', event)
    : beginTrial(memory, first.slot, first.verdict, event, 'no record')
}

/** A failure ended the trial and something else runs: the line of history tells the failure; what runs, the next boot. */
function explain(decision: BootDecision, failure: Note): BootDecision {
  const ran = decision.note
  if (ran === null) return { ...decision, note: failure }
  return { ...decision, note: { ...failure, cause: `${failure.cause}; ${ran.event} ${ran.slot}` } }
}
