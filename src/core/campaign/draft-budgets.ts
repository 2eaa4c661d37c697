import { showEnergy, showPower } from '../encoding/quantity.ts'
import type { Budget, SiteRules } from '../fleet/site-rules.ts'
import type { Site } from '../fleet/topology.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import type { Turn } from './draft-site.ts'
import { flowOf } from './rules/loss.ts'

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
  const boards = new Map(site.controllers.map(board => [board.id, board]))
  const feeders = budgets.some(({ budget }) => budget.per === 'feeder') ? flowOf(site).feeder : null
  for (const { controller } of turns) {
    const board = boards.get(controller)
    for (const { budget, at } of budgets) {
      if (budget.per === 'feeder' && (feeders?.get(controller) ?? null) === null) continue
      const over = overOf(budget, { watts: board?.power ?? 0, wattHours: board?.energy ?? 0 })
      if (over === null) continue
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
  takes: { readonly watts: number; readonly wattHours: number },
): { of: string; most: string; takes: string } | null {
  if (watts !== undefined && takes.watts > watts) {
    return { of: 'watts', most: showPower(watts), takes: showPower(takes.watts) }
  }
  if (wattHours === undefined || takes.wattHours <= wattHours) return null
  return { of: 'wattHours', most: showEnergy(wattHours), takes: showEnergy(takes.wattHours) }
}
