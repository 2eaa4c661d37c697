import type { Instant } from '../encoding/units.ts'
import { formatUtc } from '../encoding/utc-time.ts'
import type { RolloutPlan } from './rollout-plan.ts'
import { type Rollout, tally, updated } from './rollout-state.ts'
import { type Shortage, shortageText } from './shortage.ts'

/**
 * What a campaign waits for, a sentence each: while it has not ended, it says at least one. `now`: whether its time is over
 * before it was started. `short`: the budgets that keep
 * the next ones from their orders.
 */
export function waitsOf(
  plan: RolloutPlan,
  rollout: Rollout,
  short: readonly Shortage[] = [],
  now: Instant = plan.createdAt,
): readonly string[] {
  const { state } = rollout
  if ((state.at === 'created' || state.at === 'approved') && now >= plan.notAfter) {
    const over = `The time of the plan was over at ${formatUtc(plan.notAfter)}: it cannot be started any more.`
    return [`${over} Halt it, and plan anew.`]
  }
  switch (state.at) {
    case 'created':
      return ['The plan waits for its approvals.']
    case 'approved':
      return [
        plan.notBefore === undefined
          ? 'The campaign waits for somebody to start it.'
          : `The campaign waits for somebody to start it, from ${formatUtc(plan.notBefore)} on.`,
      ]
    case 'running':
      return [...underWay(rollout, state.wave, plan.waves[state.wave]?.name ?? ''), ...short.map(shortageText)]
    case 'soaking':
      return [`Wave ${plan.waves[state.wave]?.name} soaks until ${formatUtc(state.until)}.`]
    case 'paused':
      return [`The campaign is paused by a ${state.by}, until somebody resumes or halts it: ${state.reason}`]
    case 'rolling-back':
      return goingBack(rollout)
    case 'halted':
      return []
    case 'done':
      return state.undone ? late(updated(rollout)) : []
  }
}

const late = (number: number): string[] => {
  const what = 'confirmed after the roll-back was over: roll back once more'
  return count(number, what, what)
}

const count = (number: number, many: string, one: string): string[] =>
  number === 0 ? [] : [number === 1 ? `1 controller ${one}.` : `${number} controllers ${many}.`]

function underWay(rollout: Rollout, wave: number, name: string): string[] {
  const all = tally(rollout, wave)
  return [
    ...count(
      all.assigned,
      `of wave ${name} are under way, or wait for their sites`,
      `of wave ${name} is under way, or waits for its site`,
    ),
    ...count(
      all.queued,
      'wait for another campaign, which goes first or has not let go',
      'waits for another campaign, which goes first or has not let go',
    ),
    ...count(all['backing-off'], 'rest before another try', 'rests before another try'),
    ...count(
      all.waiting + all.between,
      'wait for room in the budgets of their region or the fleet',
      'waits for room in the budgets of its region or the fleet',
    ),
  ]
}

function goingBack(rollout: Rollout): string[] {
  const all = tally(rollout)
  const parts = [
    ...count(all.returning, 'are on their way back', 'is on its way back'),
    ...count(all['backing-off'], 'rest before another try', 'rests before another try'),
    ...count(
      all.confirmed + all.between,
      'wait for those that were updated after them, or for room in a budget',
      'waits for those that were updated after it, or for room in a budget',
    ),
    ...count(all.assigned + all.queued, 'are told that they are not to go on', 'is told that it is not to go on'),
  ]
  return parts.length > 0 ? parts : ['The roll-back ends with the next tick.']
}
