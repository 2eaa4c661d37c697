import type { ControllerRef } from '../fleet/inventory.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import type { RefusalCode } from '../refusal/registry.ts'
import {
  drain,
  halt,
  join,
  judge,
  pause,
  resume,
  retry,
  rollBack,
  settle,
  start,
  tickBack,
  tickRunning,
} from './rollout-moves.ts'
import { hear, record } from './rollout-outcomes.ts'
import type { RolloutPlan } from './rollout-plan.ts'
import {
  type Decision,
  type EventKind,
  type Look,
  leadsForward,
  type Next,
  type Rollout,
  type RolloutEvent,
  type RolloutState,
  type Seen,
  updated,
} from './rollout-state.ts'
import { Work } from './rollout-work.ts'

/**
 * The rollout machine: a table with a cell for each state and each event. Pure: the same events give the same rollout. No
 * decision grows with its campaign: `lookOf` says which turns an event is to be shown, and only those can change.
 */

type At = RolloutState['at']
type Move<S extends At, E extends EventKind> = (
  work: Work,
  event: Extract<RolloutEvent, { kind: E }>,
  state: Extract<RolloutState, { at: S }>,
) => unknown
/**
 * `stay` ignores the event, and a code refuses it. A move may come with the states that it can lead to; without them the
 * campaign stays in its state, whatever becomes of its turns.
 */
type Cell<S extends At, E extends EventKind> =
  | 'stay'
  | { readonly forbid: RefusalCode }
  | { readonly to: readonly At[]; readonly move: Move<S, E> }
type Table = { readonly [S in At]: { readonly [E in EventKind]: Cell<S, E> } }

const forbid = (code: RefusalCode): { readonly forbid: RefusalCode } => ({ forbid: code })
type Of<E extends EventKind> = Extract<RolloutEvent, { kind: E }>
/** A move that needs to know nothing of the state that it is made from. */
const leads = <E extends EventKind>(to: readonly At[], move: (work: Work, event: Of<E>) => unknown) => ({ to, move })

const haltByPerson = leads<'halt'>(['halted'], (work, { reason }) => halt(work, 'person', reason))
const pauseByPerson = leads<'pause'>(['paused'], (work, { reason }) => pause(work, 'person', reason))
const goBack = leads<'roll-back'>(['rolling-back', 'done'], rollBack)
const joins = leads<'join'>([], join)
const hears = leads<'heard'>([], hear)
const records = (...to: readonly At[]) => leads<'outcome'>(to, (work, event) => record(work, event) ?? settle(work))
const unstarted = {
  pause: forbid('campaign-not-started'),
  resume: forbid('campaign-not-started'),
  retry: forbid('campaign-not-started'),
  'roll-back': forbid('campaign-not-started'),
} as const
const started = { approve: forbid('campaign-already-approved'), start: forbid('campaign-already-started') } as const
const unpaused = { resume: forbid('campaign-not-paused'), retry: forbid('campaign-not-paused') } as const

const table: Table = {
  created: {
    ...unstarted,
    approve: leads(['approved'], work => {
      work.become({ at: 'approved', since: work.now })
      work.note('campaign-approved', {})
    }),
    start: forbid('campaign-not-approved'),
    outcome: forbid('campaign-outcome-unexpected'),
    heard: 'stay',
    tick: 'stay',
    join: 'stay',
    halt: haltByPerson,
  },
  approved: {
    ...unstarted,
    approve: forbid('campaign-already-approved'),
    start: leads(['running'], start),
    outcome: forbid('campaign-outcome-unexpected'),
    heard: 'stay',
    tick: 'stay',
    join: joins,
    halt: haltByPerson,
  },
  running: {
    ...started,
    ...unpaused,
    outcome: records('soaking', 'halted'),
    heard: hears,
    tick: leads(['soaking', 'halted'], tickRunning),
    join: joins,
    pause: pauseByPerson,
    halt: haltByPerson,
    'roll-back': goBack,
  },
  soaking: {
    ...started,
    ...unpaused,
    outcome: records('halted'),
    heard: hears,
    tick: { to: ['running', 'paused', 'halted', 'done'], move: (work, _event, state) => judge(work, state) },
    join: leads(['running'], join),
    pause: pauseByPerson,
    halt: haltByPerson,
    'roll-back': goBack,
  },
  paused: {
    ...started,
    outcome: records('halted'),
    heard: hears,
    tick: leads(['running', 'soaking', 'halted'], drain),
    join: joins,
    pause: 'stay',
    resume: {
      to: ['running', 'soaking', 'rolling-back', 'halted', 'done'],
      move: (work, _event, state) => resume(work, state),
    },
    retry: { to: ['running'], move: (work, _event, state) => retry(work, state) },
    halt: haltByPerson,
    'roll-back': goBack,
  },
  halted: {
    approve: forbid('campaign-halted'),
    start: forbid('campaign-halted'),
    // A controller that had begun tells how it ended: the count stays true, and nothing is ordered.
    outcome: records(),
    heard: 'stay',
    tick: leads([], drain),
    join: 'stay',
    pause: forbid('campaign-halted'),
    resume: forbid('campaign-halted'),
    retry: forbid('campaign-halted'),
    halt: 'stay',
    'roll-back': goBack,
  },
  'rolling-back': {
    ...started,
    ...unpaused,
    outcome: records('done'),
    heard: hears,
    tick: leads(['halted', 'done'], tickBack),
    join: 'stay',
    pause: pauseByPerson,
    halt: haltByPerson,
    'roll-back': 'stay',
  },
  done: {
    approve: forbid('campaign-ended'),
    start: forbid('campaign-ended'),
    outcome: records(),
    heard: 'stay',
    tick: leads([], drain),
    join: 'stay',
    pause: forbid('campaign-ended'),
    resume: forbid('campaign-ended'),
    retry: forbid('campaign-ended'),
    halt: forbid('campaign-ended'),
    'roll-back': {
      to: ['rolling-back', 'done'],
      move: (work, event, { undone }) =>
        // One that confirmed after all, when the way back was over, is worth another command.
        undone && updated(work.head) === 0
          ? refuse('campaign-ended', work.plan.id, 'a campaign that can roll-back', 'one that did')
          : rollBack(work, event),
    },
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
  'rolling-back': 'rolling back',
  done: 'done',
}

const NOTHING: Look = { named: [], due: null, next: [] }
const next = (at: Next['at'], wave: number | null, last = false): Next => ({ at, wave, last })
const OUT = [next('assigned', null), next('returning', null)]
const FORWARD = [next('assigned', null), next('queued', null), next('backing-off', null)]
const ALL_OUT = [...OUT, next('backing-off', null), next('queued', null)]

/** Which turns a decision about an event is to be shown. */
export function lookOf(plan: RolloutPlan, rollout: Rollout, event: RolloutEvent): Look {
  const { state } = rollout
  const named = (refs: readonly ControllerRef[]): Look => ({ ...NOTHING, named: refs })
  const nextOf = (...kinds: readonly Next[]): Look => ({ ...NOTHING, next: kinds })
  const open = (wave: number): readonly Next[] => [next('between', wave), next('waiting', wave)]
  switch (event.kind) {
    case 'outcome':
    case 'heard':
      return named([{ site: event.site, controller: event.controller }])
    case 'join':
      return named(event.seats)
    case 'start':
      return nextOf(...open(0))
    case 'pause':
      return nextOf(...OUT)
    case 'roll-back':
    case 'halt':
      return nextOf(...ALL_OUT)
    case 'resume':
      return state.at === 'paused' && state.from === 'running' ? nextOf(...open(state.wave)) : NOTHING
    case 'retry':
      return state.at === 'paused' ? nextOf(next('failed', state.wave)) : NOTHING
    case 'tick':
      return event.now >= plan.notAfter && state.at !== 'soaking' ? nextOf(...ALL_OUT) : lookOfTick(rollout, event.now)
    default:
      return NOTHING
  }

  function lookOfTick({ state }: Rollout, now: typeof event.now): Look {
    if (state.at === 'running') return { named: [], due: now, next: open(state.wave) }
    if (state.at === 'soaking') {
      return now >= state.until && state.wave + 1 < plan.waves.length ? nextOf(...open(state.wave + 1)) : NOTHING
    }
    if (state.at === 'paused') {
      return state.retrying === undefined ? nextOf(...OUT) : nextOf(next('failed', state.wave))
    }
    if (state.at === 'halted' || state.at === 'done') return nextOf(...ALL_OUT)
    if (state.at !== 'rolling-back') return NOTHING
    if (leadsForward(rollout)) return { named: [], due: now, next: FORWARD }
    const last = rollout.waves.findLastIndex(({ confirmed, between }) => confirmed + between > 0)
    const back = last < 0 ? [] : [next('confirmed', last, true), next('between', last, true)]
    return { named: [], due: now, next: back }
  }
}

/**
 * One step of a campaign. Pure: the flow shows what `lookOf` asks for, and makes the head, the turns and the entries of the
 * notes durable in one transaction. Refuses, with nothing changed: `campaign-not-approved`, `campaign-already-approved`,
 * `campaign-already-started`, `campaign-not-started`, `campaign-not-paused`, `campaign-gate-closed`,
 * `campaign-nothing-to-retry`, `campaign-too-early`, `campaign-expired`, `campaign-ended`, `campaign-halted`,
 * `campaign-no-way-back`, `campaign-controller-foreign`, `campaign-outcome-unexpected`.
 */
export function decide(plan: RolloutPlan, rollout: Rollout, event: RolloutEvent, seen: Seen): Decision | Refusal {
  if (rollout.campaign !== plan.id) throw new Error(`the rollout of ${rollout.campaign} met the plan ${plan.id}`)
  const { at } = rollout.state
  const cell = table[at][event.kind] as Cell<At, EventKind>
  const work = new Work(plan, rollout, seen, event.now)
  if (cell === 'stay') return work.decision()
  if ('forbid' in cell) {
    return refuse(cell.forbid, plan.id, `a campaign that can ${event.kind}`, `one that is ${standing[at]}`)
  }
  const answer = cell.move(work, event as never, rollout.state)
  return isRefusal(answer) ? answer : work.decision()
}

/** Every state, in the order of a campaign that goes well. */
export const STATES = Object.keys(table) as readonly At[]

/** The events that a state does not refuse and does not ignore: a console's legal buttons. */
export function legalEvents(at: At): readonly EventKind[] {
  return (Object.keys(table[at]) as EventKind[]).filter(kind => {
    const cell = table[at][kind] as Cell<At, EventKind>
    return typeof cell === 'object' && 'move' in cell
  })
}

/** The arrows of the machine, as its table has them: which event may lead from a state to another one. */
export function arrows(): readonly { readonly from: At; readonly event: EventKind; readonly to: At }[] {
  return STATES.flatMap(from =>
    (Object.keys(table[from]) as EventKind[]).flatMap(event => {
      const cell = table[from][event] as Cell<At, EventKind>
      return typeof cell === 'object' && 'move' in cell ? cell.to.map(to => ({ from, event, to })) : []
    }),
  )
}
