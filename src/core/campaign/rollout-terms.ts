import type { Budget } from '../fleet/site-rules.ts'
import type { FleetBudget } from './load.ts'
import type { PlanHead } from './plan.ts'
import type { RolloutPlan } from './rollout-plan.ts'

/** What the rollout machine works by, of a plan. */

const known = new WeakMap<PlanHead, RolloutPlan>()

/** The terms of a plan: computed once for each, since plans never change. */
export function rolloutTerms(plan: PlanHead): RolloutPlan {
  const before = known.get(plan)
  if (before !== undefined) return before
  const budgets = plan.rules.budgets.flatMap(budget => (isOfFleet(budget) ? [budget] : []))
  const terms: RolloutPlan = { ...plan, back: plan.back ?? [], budgets }
  known.set(plan, terms)
  return terms
}

/** Budgets of regions and of the fleet are the fleet server's; those of sites and feeders are kept at the gateway. */
const isOfFleet = (budget: Budget): budget is Budget & FleetBudget => budget.per === 'region' || budget.per === 'fleet'
