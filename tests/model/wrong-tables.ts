import { isRefusal, type Refusal } from '../../src/core/refusal/refusal.ts'
import type { BootDecision, BootEffect, BootEvent } from '../../src/core/slot/boot-decision.ts'
import { BOOT_TABLE, decideBoot } from '../../src/core/slot/boot-machine.ts'
import { activeOnly, type Memory } from '../../src/core/slot/memory.ts'
import { other, type Slot, type Verdict } from '../../src/core/slot/slot.ts'
import { bitOf, IMAGES, KEYS, numberOf } from './device.ts'
import { type Decide, type Flow, SOUND } from './steps.ts'

/** A boot machine, or a flow, that is wrong in one place: an exploration that is worth anything breaks a law on it. */
export type Wrong = { readonly name: string; readonly decide: Decide; readonly flow?: Flow }

type At = keyof typeof BOOT_TABLE
type Kind = BootEvent['kind']
type AnyCell = (memory: Memory, state: Memory['state'], event: BootEvent) => BootDecision | Refusal
const CELLS = BOOT_TABLE as unknown as Readonly<Record<At, Readonly<Record<Kind, AnyCell>>>>
const STATES = Object.keys(CELLS) as At[]
const KINDS = Object.keys(CELLS.blank) as Kind[]

/** Every cell of the table, with the cell of each other state in its place. */
export function swappedCells(): Wrong[] {
  return STATES.flatMap(at =>
    KINDS.flatMap(kind =>
      STATES.filter(from => CELLS[from][kind] !== CELLS[at][kind]).map(from => ({
        name: `${at}, ${kind}: as in ${from}`,
        decide: (memory: Memory, event: BootEvent) =>
          (memory.state.at === at && event.kind === kind ? CELLS[from] : CELLS[memory.state.at])[event.kind](
            memory,
            memory.state,
            event,
          ),
      })),
    ),
  )
}

type Change = (decision: BootDecision, memory: Memory, event: BootEvent) => BootDecision

/** The real decisions, each changed in the same way. */
const changed =
  (change: Change): Decide =>
  (memory, event) => {
    const decision = decideBoot(memory, event)
    return isRefusal(decision) ? decision : change(decision, memory, event)
  }

const without =
  (kind: BootEffect['kind'], of: Kind): Change =>
  (decision, _memory, event) =>
    event.kind === of ? { ...decision, effects: decision.effects.filter(effect => effect.kind !== kind) } : decision

const after = (decision: BootDecision, next: Partial<Memory>): BootDecision => ({
  ...decision,
  next: { ...decision.next, ...next },
})

const trialOf = ({ next }: BootDecision) => (next.state.at === 'trial' ? next.state : null)

const asked =
  (verdict: (found: Verdict, slot: Slot, memory: Memory) => Verdict): Decide =>
  (memory, event) =>
    decideBoot(
      memory,
      event.kind !== 'reset'
        ? event
        : {
            ...event,
            verdict: slot => (slot === 'golden' ? event.verdict(slot) : verdict(event.verdict(slot), slot, memory)),
          },
    )

/** What the record says of a slot, taken for what is in it. */
function believed(slot: Slot, memory: Memory, found: Verdict): Verdict {
  const number = numberOf(memory.slots[slot].digest)
  if (number === 0) return found
  const { digest, sequence, version, counter, transition } = IMAGES[number]
  return { good: true, digest, sequence, version, counter, transition, signers: [KEYS[0].kid] }
}

/** Rules of controller.md, each broken in the decisions. */
export const BROKEN_RULES: readonly Wrong[] = [
  {
    name: 'the record is believed, and no slot verified',
    decide: asked((found, slot, memory) => believed(slot, memory, found)),
  },
  {
    name: 'a try is not counted',
    decide: changed((decision, memory, event) => {
      const trial = trialOf(decision)
      const before = memory.state.at === 'trial' ? memory.state : null
      if (trial === null || before === null || event.kind !== 'reset' || event.cause === 'power-loss') return decision
      return after(decision, { state: { ...trial, triesLeft: before.triesLeft } })
    }),
  },
  {
    name: 'a power loss is not counted',
    decide: changed((decision, memory, event) => {
      const trial = trialOf(decision)
      const before = memory.state.at === 'trial' ? memory.state : null
      if (trial === null || before === null || event.kind !== 'reset' || event.cause !== 'power-loss') return decision
      return after(decision, { state: { ...trial, lossesLeft: before.lossesLeft } })
    }),
  },
  {
    name: 'a trial raises the counter',
    decide: changed(decision => {
      const trial = trialOf(decision)
      if (trial === null) return decision
      const counter = decision.next.slots[trial.slot].counter
      return { ...decision, effects: [{ kind: 'raise', counter }, ...decision.effects] }
    }),
  },
  { name: 'a confirmation does not raise the counter', decide: changed(without('raise', 'confirm')) },
  { name: 'a boot does not finish a floor', decide: changed(without('raise', 'reset')) },
  { name: 'a confirmation does not add its key', decide: changed(without('add-anchor', 'confirm')) },
  { name: 'a boot does not finish adding a key', decide: changed(without('add-anchor', 'reset')) },
  { name: 'a confirmation does not revoke the key', decide: changed(without('revoke-anchor', 'confirm')) },
  { name: 'a boot does not finish revoking a key', decide: changed(without('revoke-anchor', 'reset')) },
  {
    name: 'the key in use is revoked',
    decide: changed((decision, _memory, event) => {
      if (event.kind !== 'confirm' || event.image.transition?.kind !== 'add') return decision
      const kid = KEYS[0].kid
      return { ...decision, effects: [...decision.effects, { kind: 'revoke-anchor', kid }] }
    }),
  },
  {
    name: 'a trial revokes the key that its image retires',
    decide: changed((decision, memory, event) => {
      const trial = trialOf(decision)
      const image = trial === null ? 0 : numberOf(decision.next.slots[trial.slot].digest)
      if (event.kind !== 'reset' || image !== 3 || memory.state.at !== 'armed') return decision
      const kid = KEYS[0].kid
      if (bitOf(kid) === 0) return decision
      return { ...decision, effects: [{ kind: 'revoke-anchor', kid }, ...decision.effects] }
    }),
  },
  {
    name: 'the record of a confirmation names no floor',
    decide: changed((decision, _memory, event) => {
      const { state } = decision.next
      return event.kind === 'confirm' && state.at === 'stable'
        ? after(decision, { state: { ...state, floor: 0 } })
        : decision
    }),
  },
  {
    name: 'the record of a confirmation names no change of keys',
    decide: changed((decision, _memory, event) => {
      const { state } = decision.next
      return event.kind === 'confirm' && state.at === 'stable'
        ? after(decision, { state: { ...state, keys: activeOnly('a').keys } })
        : decision
    }),
  },
  {
    name: 'a candidate is tried before the last confirmation is finished',
    decide: (memory, event) => decideBoot(memory, event.kind === 'reset' ? { ...event, finishes: false } : event),
  },
  {
    name: 'a revert forgets what failed',
    decide: changed((decision, memory, event) =>
      event.kind === 'revert' ? after(decision, { failed: memory.failed }) : decision,
    ),
  },
  {
    name: 'a spent trial forgets what failed',
    decide: changed((decision, memory, event) =>
      event.kind === 'reset' ? after(decision, { failed: memory.failed }) : decision,
    ),
  },
  {
    name: 'a black-out starts what is staged',
    decide: (memory, event) =>
      decideBoot(
        event.kind === 'reset' && memory.state.at === 'candidate'
          ? { ...memory, state: { ...memory.state, at: 'armed' } }
          : memory,
        event,
      ),
  },
  {
    name: 'an unconfirmed image is confirmed for want of another',
    decide: changed((decision, _memory, event) => {
      const trial = trialOf(decision)
      if (event.kind !== 'reset' || trial === null || event.verdict(other(trial.slot)).good) return decision
      const effects = decision.effects.map(effect => (effect.kind === 'run' ? { ...effect, trial: false } : effect))
      return { ...decision, effects }
    }),
  },
  {
    name: 'golden runs before the other slot',
    decide: changed((decision, memory, event) => {
      const run = decision.effects.find(effect => effect.kind === 'run')
      const { state } = memory
      if (event.kind !== 'reset' || run === undefined || state.at !== 'armed' || run.trial) return decision
      return { ...decision, effects: [{ kind: 'run', slot: 'golden', trial: false }] }
    }),
  },
]

/** The rules of the flows, each left out. */
export const BROKEN_FLOWS: readonly Wrong[] = [
  {
    name: 'the counter and the keys change before the record',
    decide: decideBoot,
    flow: { ...SOUND, recordFirst: false },
  },
  { name: 'what comes is staged unverified', decide: decideBoot, flow: { ...SOUND, verifies: false } },
  { name: 'a version that failed is taken again', decide: decideBoot, flow: { ...SOUND, remembers: false } },
  { name: 'an installation erases the slot that runs', decide: decideBoot, flow: { ...SOUND, sparesRunning: false } },
  { name: 'what is not on trial is confirmed', decide: decideBoot, flow: { ...SOUND, confirmsTrial: false } },
]
