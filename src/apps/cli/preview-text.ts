import { showPower } from '../../core/encoding/quantity.ts'
import { instant } from '../../core/encoding/units.ts'
import { formatUtc } from '../../core/encoding/utc-time.ts'
import type { CampaignDraft } from '../../wire/plan-views.ts'
import type { Output } from './output.ts'
import { type Cell, table } from './table.ts'

/** Controllers that one line names. */
const NAMED = 4

/** What a plan would do: what is at risk in each wave, when at each site, in which order, and who is left out by which rule. */
export function previewText(output: Output, { preview, passedOver }: CampaignDraft): string {
  const waves = preview.waves.map(({ name, controllers, sites, brought, watts, wattsAtOnce }, index): Cell[] => [
    `${index + 1} ${name}`,
    controllers,
    sites,
    brought,
    showPower(watts),
    showPower(wattsAtOnce),
  ])
  const windows = preview.sites.flatMap(({ site, zone, windows }) =>
    windows === null
      ? [[site, zone, 'any time', null]]
      : windows.map(({ from, to, localFrom, localTo }) => [
          site,
          zone,
          spanText(from, to, localFrom, localTo),
          spanText(from, to, utcText(from), utcText(to)),
        ]),
  )
  const steps = preview.sites.flatMap(({ site, steps }) =>
    steps.map(({ order, wave, class: of, from, to, controllers }): Cell[] => {
      const more = controllers.length > NAMED ? `, and ${controllers.length - NAMED} more` : ''
      const names = `${controllers.slice(0, NAMED).join(', ')}${more}`
      return [site, order + 1, preview.waves[wave]?.name ?? null, of, `${from} to ${to}`, names]
    }),
  )
  const refused = passedOver.map(({ controller, code, why }): Cell[] => [controller, code, why])
  const long = preview.sites.flatMap(({ site, restarts, leastRestarts }) =>
    restarts === leastRestarts
      ? []
      : [`${site}: ${restarts} restarts; there may be an order with as few as ${leastRestarts}.`],
  )
  const parts = [
    table(output, ['wave', '>controllers', '>sites', '>brought along', '>at risk', '>at once at most'], waves),
    table(output, ['site', 'zone', 'may restart, local time', 'UTC'], windows),
    table(output, ['site', '>order', 'wave', 'class', 'step', 'controllers'], steps),
    ...(long.length === 0 ? [] : [long.join('\n')]),
    ...(refused.length === 0 ? [] : [table(output, ['passed over', 'rule', 'why'], refused)]),
  ]
  return parts.join('\n\n')
}

/** Below this the end's time of day says which day it is of, also where a clock changes. In milliseconds. */
const SAME_NIGHT = 23 * 3_600_000

const spanText = (from: number, to: number, first: string, last: string): string =>
  `${first} to ${to - from < SAME_NIGHT ? last.slice(-5) : last}`

/** `2027-03-01 21:00`. */
const utcText = (at: number): string => formatUtc(instant(at)).slice(0, 16).replace('T', ' ')
