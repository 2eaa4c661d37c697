import type { Instant } from '../encoding/units.ts'
import { byRank } from './priority.ts'
import type { RolloutPlan } from './rollout-plan.ts'
import type { Rollout } from './rollout-state.ts'
import type { Turn } from './turn.ts'

/** Another campaign that has a turn for the same controller. */
export type Other = { readonly plan: RolloutPlan; readonly rollout: Rollout; readonly turn: Turn }

/**
 * The campaign that keeps a controller from another one, or null. A controller has one order at a time: whose order is out,
 * or may still be carried out (`holder`), has it until then. Else the campaign of the higher rank goes first, if it would
 * order the controller now: its wave is open, and the controller has not had its turn in it. A campaign that is paused, or
 * whose wave is not open, keeps nobody waiting.
 */
export function rivalOf(
  plan: RolloutPlan,
  holder: string | null,
  others: readonly Other[],
  now: Instant,
): string | null {
  if (holder !== null && holder !== plan.id) return holder
  const before = others.filter(other => wants(other) && byRank(other.plan, plan, now) < 0)
  before.sort((a, b) => byRank(a.plan, b.plan, now))
  return before[0]?.plan.id ?? null
}

/** Whether a campaign would order the controller as soon as it may. */
function wants({ rollout: { state }, turn }: Other): boolean {
  if (state.at === 'running') {
    const open = ['waiting', 'between', 'queued', 'backing-off', 'assigned'].includes(turn.at)
    return open && turn.wave <= state.wave
  }
  if (state.at !== 'rolling-back') return false
  return ['confirmed', 'between', 'returning', 'backing-off'].includes(turn.at)
}
