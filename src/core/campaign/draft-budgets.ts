import { showEnergy, showPower } from '../encoding/quantity.ts'
import type { Budget, SiteRules } from '../fleet/site-rules.ts'
import type { Site } from '../fleet/topology.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import type { Turn } from './draft-site.ts'
import { stockOf } from './rules/resource.ts'

/**
 * Whether each controller of a site fits, alone, into every budget that it falls under: one that does not would wait for ever,
 * with nobody else away. Budgets of the plan and of the site's limits both count. Refuses `campaign-budget-too-small`.
 */
export function refuseNeverFits(rules: SiteRules, site: Site, turns: readonly Turn[]): Refusal | null {
  const budgets = [
    ...rules.budgets.map((budget, index) => ({ budget, at: `rules.budgets[${index}]` })),
    ...site.limits.budgets.map(budget => ({ budget, at: null })),
  ].filter(({ budget }) => budget.watts !== undefined || budget.wattHours !== undefined)
  if (budgets.length === 0) return null
  const { costs, feeders } = stockOf(site)
  for (const { controller } of turns) {
    for (const { budget, at } of budgets) {
      const over = (budget.per === 'feeder' ? feeders : [null])
        .map(feeder => overOf(budget, amount => costs(amount, feeder)(controller)))
        .find(found => found !== null)
      if (over === undefined) continue
      const whose = at === null ? 'the limits of the site' : 'the plan'
      const expected = `at most ${over.most} for each ${budget.per}, by ${whose}`
      const place = at === null ? '' : ` at ${at}.${over.of}`
      return refuse('campaign-budget-too-small', `${site.site}/${controller}`, expected, `${over.takes}${place}`)
    }
  }
  return null
}

function overOf(
  { watts, wattHours }: Budget,
  takes: (amount: 'power' | 'energy') => number,
): { of: string; most: string; takes: string } | null {
  const power = takes('power')
  if (watts !== undefined && power > watts) return { of: 'watts', most: showPower(watts), takes: showPower(power) }
  const energy = takes('energy')
  if (wattHours === undefined || energy <= wattHours) return null
  return { of: 'wattHours', most: showEnergy(wattHours), takes: showEnergy(energy) }
}
