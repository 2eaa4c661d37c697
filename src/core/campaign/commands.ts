import type { Instant } from '../encoding/units.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import { NO_LOAD } from './load.ts'
import { decide, legalEvents } from './rollout.ts'
import type { RolloutPlan } from './rollout-plan.ts'
import type { Rollout, RolloutEvent, RolloutState, Seen } from './rollout-state.ts'

/** What a person may tell a campaign. */
export const COMMANDS = ['start', 'pause', 'resume', 'retry', 'halt', 'roll-back'] as const
export type CommandName = (typeof COMMANDS)[number]

/** Commands that the log takes a reason of, and which are refused without one. */
export const REASONED: readonly CommandName[] = ['pause', 'halt', 'roll-back']

/**
 * Whether a command would do something now. `why` not: the machine's own refusal, or null where the campaign is that already and the
 * command would be taken and change nothing. `partly`: a roll-back is possible, and leaves controllers as they are that have no way
 * back: whoever gives it has to say so.
 */
export type Judged = {
  readonly command: CommandName
  readonly possible: boolean
  readonly partly: boolean
  readonly why: Refusal | null
}

const NOTHING_SEEN: Seen = {
  turns: new Map(),
  due: [],
  next: [],
  sites: new Map(),
  rivals: new Map(),
  held: new Set(),
  staged: new Set(),
  gone: new Map(),
  load: { fleet: NO_LOAD, regions: new Map() },
  limits: [],
}

/**
 * Each command, judged by the machine itself: it decides about the command as it would, without its turns, and what comes of it is
 * thrown away. No command is refused for a turn that it is shown: their tallies are in the head.
 */
export const commandsOf = (plan: RolloutPlan, rollout: Rollout, now: Instant): readonly Judged[] =>
  COMMANDS.map(command => judge(plan, rollout, command, now))

function judge(plan: RolloutPlan, rollout: Rollout, command: CommandName, now: Instant): Judged {
  const tried = (partly: boolean): Refusal | null => {
    const decision = decide(plan, rollout, eventOf(command, now, partly), NOTHING_SEEN)
    return isRefusal(decision) ? decision : null
  }
  const why = tried(false)
  if (why === null) return { command, possible: legalEvents(rollout.state.at).includes(command), partly: false, why }
  const partly = command === 'roll-back' && tried(true) === null
  return { command, possible: partly, partly, why: partly ? null : why }
}

function eventOf(command: CommandName, now: Instant, partly: boolean): RolloutEvent {
  if (command === 'roll-back') return { kind: command, now, reason: '', partly }
  return command === 'pause' || command === 'halt' ? { kind: command, now, reason: '' } : { kind: command, now }
}

/** `It is paused already.`: why a command that the campaign would take changes nothing. */
export const already = (at: RolloutState['at']): string => `The campaign is ${at.replace('-', ' ')} already.`
