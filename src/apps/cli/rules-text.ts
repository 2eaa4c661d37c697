import type { PlanBody } from '../../core/campaign/plan.ts'
import { wanted } from '../../core/campaign/rules/readings.ts'
import { showDuration, showEnergy, showPower } from '../../core/encoding/quantity.ts'
import { formatUtc } from '../../core/encoding/utc-time.ts'
import { pointOf } from '../../core/fleet/points.ts'
import type { Blackout, Budget, Permissive, Window } from '../../core/fleet/site-rules.ts'
import { counted } from './table.ts'

/**
 * What a plan demands before a controller restarts or a wave opens, a line for each rule: an approver signs these too, so
 * that none of them is left out. A plan without rules says that it has none.
 */
export function ruleLines({ rules, waves }: Pick<PlanBody, 'rules' | 'waves'>): readonly (readonly [string, string])[] {
  const { restarting } = rules
  const lines: (readonly [string, string])[] = [
    ...rules.windows.map(window => ['window', `${recurring(window)}, by the clock of each site`] as const),
    ...rules.blackouts.map(blackout => [`blackout (${blackout.why})`, blackoutText(blackout)] as const),
    ...rules.permissives.map(permissive => ['permissive', permissiveText(permissive)] as const),
    ...rules.budgets.map(
      budget => [`budget of ${budget.per === 'fleet' ? 'the' : 'each'} ${budget.per}`, budgetText(budget)] as const,
    ),
    ...(restarting === null ? [] : [['restarting', `at most ${restarting} at once at a site`] as const]),
    ...waves.flatMap(({ name, gate }) =>
      (gate.health ?? []).map(
        ({ figure, maxPercent, margin, minControllers, without }) =>
          [
            `health gate of ${name}`,
            `${figure} at most ${maxPercent} % of the others' and ${margin} more; with fewer than ${minControllers} heard: ${without}`,
          ] as const,
      ),
    ),
  ]
  return lines.length > 0 ? lines : [['none', 'the limits of the sites alone hold']]
}

const recurring = ({ days, from, to }: Window): string =>
  `${days.length === 7 ? 'every day' : days.join(', ')} ${from} to ${to}`

function blackoutText(blackout: Blackout): string {
  const { regions, sites } = blackout
  const when = 'days' in blackout ? recurring(blackout) : `${formatUtc(blackout.from)} to ${formatUtc(blackout.to)}`
  const where = Object.entries({ regions, sites }).map(([of, names]) => (names ? `; ${of} ${names.join(', ')}` : ''))
  return `${when}${where.join('')}`
}

function permissiveText(permissive: Permissive): string {
  const { point, maxAgeMillis, classes } = permissive
  const entry = pointOf(point)
  const bounds = entry.unit === null ? wanted(permissive, entry) : `${entry.says} ${wanted(permissive, entry)}`
  const whom = classes === undefined ? '' : `; for ${classes.join(', ')}`
  return `${bounds}, read within ${showDuration(maxAgeMillis)}${whom}`
}

function budgetText({ watts, wattHours, controllers }: Budget): string {
  const parts = [
    ...(watts === undefined ? [] : [showPower(watts)]),
    ...(wattHours === undefined ? [] : [showEnergy(wattHours)]),
    ...(controllers === undefined ? [] : [counted(controllers, 'controller')]),
  ]
  return `at most ${parts.join(', ')} away at once`
}
