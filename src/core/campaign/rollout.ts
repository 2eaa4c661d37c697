import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import type { RefusalCode } from '../refusal/registry.ts'
import {
  expire,
  expired,
  follow,
  halt,
  type In,
  judge,
  note,
  type Of,
  openWave,
  pause,
  record,
  resume,
  retry,
  stay,
} from './rollout-moves.ts'
import {
  createRollout,
  type Decision,
  type Rollout,
  type RolloutEffect,
  type RolloutEvent,
  type RolloutState,
} from './rollout-state.ts'
import type { Plan } from './turns.ts'

/** The rollout machine: a table with a cell for each state and each event. Pure: the same events give the same rollout. */

type At = RolloutState['at']
type Kind = RolloutEvent['kind']
type Move<S extends At, E extends Kind> = (plan: Plan, rollout: In<S>, event: Of<E>) => Decision | Refusal
/** `stay` ignores the event; a code refuses it; a move decides. */
type Cell<S extends At, E extends Kind> = 'stay' | { readonly forbid: RefusalCode } | Move<S, E>
type Table = { readonly [S in At]: { readonly [E in Kind]: Cell<S, E> } }

const forbid = (code: RefusalCode): { readonly forbid: RefusalCode } => ({ forbid: code })
const rollBack = forbid('campaign-rollback-unsupported')

const haltByPerson = (plan: Plan, rollout: Rollout, event: Of<'halt'>): Decision =>
  halt(plan, rollout, 'person', event.reason, event.now)
const pauseByPerson = (plan: Plan, rollout: In<'running' | 'soaking'>, event: Of<'pause'>): Decision =>
  pause(plan, rollout, 'person', event.reason, event.now)

const table: Table = {
  created: {
    approve: (_plan, rollout, { now }) => ({
      next: { ...rollout, state: { at: 'approved', since: now } },
      effects: [note('campaign-approved', {})],
    }),
    start: forbid('campaign-not-approved'),
    outcome: forbid('campaign-outcome-unexpected'),
    tick: 'stay',
    pause: forbid('campaign-not-started'),
    resume: forbid('campaign-not-started'),
    retry: forbid('campaign-not-started'),
    halt: haltByPerson,
    'roll-back': rollBack,
  },
  approved: {
    approve: forbid('campaign-already-approved'),
    start: (plan, rollout, { now }) => {
      if (now >= plan.notAfter) return expired(plan, now)
      if (plan.notBefore !== undefined && now < plan.notBefore) {
        return refuse('campaign-too-early', plan.id, `an instant from ${plan.notBefore} on`, String(now))
      }
      const started: Decision = { next: rollout, effects: [note('campaign-started', { waves: plan.waves.length })] }
      return follow(started, next => openWave(plan, next, 0, now))
    },
    outcome: forbid('campaign-outcome-unexpected'),
    tick: 'stay',
    pause: forbid('campaign-not-started'),
    resume: forbid('campaign-not-started'),
    retry: forbid('campaign-not-started'),
    halt: haltByPerson,
    'roll-back': rollBack,
  },
  running: {
    approve: forbid('campaign-already-approved'),
    start: forbid('campaign-already-started'),
    outcome: record,
    tick: expire,
    pause: pauseByPerson,
    resume: forbid('campaign-not-paused'),
    retry: forbid('campaign-not-paused'),
    halt: haltByPerson,
    'roll-back': rollBack,
  },
  soaking: {
    approve: forbid('campaign-already-approved'),
    start: forbid('campaign-already-started'),
    outcome: record,
    tick: (plan, rollout, { now }) => judge(plan, rollout, now),
    pause: pauseByPerson,
    resume: forbid('campaign-not-paused'),
    retry: forbid('campaign-not-paused'),
    halt: haltByPerson,
    'roll-back': rollBack,
  },
  paused: {
    approve: forbid('campaign-already-approved'),
    start: forbid('campaign-already-started'),
    outcome: record,
    tick: (plan, rollout, { now }) =>
      now < plan.notAfter
        ? stay(rollout)
        : halt(plan, rollout, 'deadline', 'the time that the plan allows is over', now),
    pause: 'stay',
    resume: (plan, rollout, { now }) => resume(plan, rollout, now),
    retry: (plan, rollout, { now }) => retry(plan, rollout, now),
    halt: haltByPerson,
    'roll-back': rollBack,
  },
  halted: {
    approve: forbid('campaign-halted'),
    start: forbid('campaign-halted'),
    // A controller that had begun tells how it ended: the count stays true, and nothing is assigned.
    outcome: record,
    tick: 'stay',
    pause: forbid('campaign-halted'),
    resume: forbid('campaign-halted'),
    retry: forbid('campaign-halted'),
    halt: 'stay',
    'roll-back': rollBack,
  },
  done: {
    approve: forbid('campaign-ended'),
    start: forbid('campaign-ended'),
    outcome: record,
    tick: 'stay',
    pause: forbid('campaign-ended'),
    resume: forbid('campaign-ended'),
    retry: forbid('campaign-ended'),
    halt: forbid('campaign-ended'),
    'roll-back': rollBack,
  },
}

/** What each state is called in a refusal. */
const standing: Readonly<Record<At, string>> = {
  created: 'made, and not yet approved',
  approved: 'approved, and not yet started',
  running: 'running',
  soaking: 'soaking',
  paused: 'paused',
  halted: 'halted',
  done: 'done',
}

/**
 * One step of a campaign. Pure: the flow persists `next` and the entries of the notes in one transaction, then publishes
 * what `assignmentsOf` says. Refuses, with the rollout unchanged: `campaign-not-approved`, `campaign-already-approved`,
 * `campaign-already-started`, `campaign-not-started`, `campaign-not-paused`, `campaign-gate-closed`,
 * `campaign-nothing-to-retry`, `campaign-too-early`, `campaign-expired`, `campaign-ended`, `campaign-halted`,
 * `campaign-rollback-unsupported`, `campaign-controller-foreign`, `campaign-outcome-unexpected`.
 */
export function decide(plan: Plan, rollout: Rollout, event: RolloutEvent): Decision | Refusal {
  if (rollout.campaign !== plan.id) throw new Error(`the rollout of ${rollout.campaign} met the plan ${plan.id}`)
  const at = rollout.state.at
  const cell = table[at][event.kind] as Cell<At, Kind>
  if (cell === 'stay') return stay(rollout)
  if (typeof cell === 'function') return (cell as unknown as Move<At, Kind>)(plan, rollout as never, event as never)
  return refuse(cell.forbid, plan.id, `a campaign that can ${event.kind}`, `one that is ${standing[at]}`)
}

/** The events that a state does not refuse and does not ignore: a console's legal buttons, and the diagram's arrows. */
export function legalEvents(at: At): readonly Kind[] {
  return (Object.keys(table[at]) as Kind[]).filter(kind => {
    const cell = table[at][kind] as Cell<At, Kind>
    return typeof cell === 'function'
  })
}

/** The rollout that a list of events leads to, and all that was to be done on the way. Refused events change nothing. */
export function replay(plan: Plan, events: Iterable<RolloutEvent>): Decision {
  let next = createRollout(plan)
  const effects: RolloutEffect[] = []
  for (const event of events) {
    const decision = decide(plan, next, event)
    if (isRefusal(decision)) continue
    next = decision.next
    effects.push(...decision.effects)
  }
  return { next, effects }
}
