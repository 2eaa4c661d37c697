import type { CampaignControllerView } from '../../wire/fleet-views.ts'
import type { ShownCampaign } from './campaign-view.ts'
import type { Answer, Output, Tone } from './output.ts'
import { type Cell, listing, table } from './table.ts'

const TONES: Readonly<Record<string, Tone>> = {
  confirmed: 'good',
  returned: 'good',
  assigned: 'warn',
  returning: 'warn',
  'backing-off': 'warn',
  waiting: 'faint',
  between: 'faint',
  queued: 'faint',
  withdrawn: 'faint',
  overtaken: 'faint',
  failed: 'bad',
  kept: 'bad',
}

/** A campaign as people read it: where it stands, and each of its controllers. */
export function campaignAnswer(output: Output, view: ShownCampaign): Answer {
  const { have, need } = view.approvals
  const head = listing(output, [
    ['campaign', view.id],
    ['title', view.title],
    ['state', view.reason === null ? view.state : `${view.state}: ${view.reason}`],
    ['wave', `${view.wave} of ${view.waves}`],
    ['approvals', `${have} of ${need}`],
    ['priority', view.priority],
    ['controllers', countsText(view.counts)],
    ['waits', view.waits.length === 0 ? null : view.waits.join(' ')],
    ...commandsRow(view),
  ])
  const { total = 0 } = view.counts
  const shown = view.controllers.length
  // A part is never taken for the whole: the table ends before the campaign does.
  const rest = shown < total ? `\n\nThe first ${shown} of ${total} controllers.` : ''
  return { json: view, text: `${head}\n\n${controllersTable(output, view.controllers)}${rest}` }
}

/** What the caller may tell it now, as the console shows it. */
function commandsRow({ commands }: ShownCampaign): readonly (readonly [string, string])[] {
  if (commands === undefined) return []
  const possible = commands.filter(one => one.possible).map(({ command }) => command)
  return [['you may', possible.length === 0 ? 'tell it nothing now' : possible.join(', ')]]
}

/** `3 confirmed, 1 failed, of 7`: how many stand where, but for where nobody stands. */
function countsText({ total = 0, ...counts }: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).filter(([, count]) => count > 0)
  return `${parts.map(([at, count]) => `${count} ${at}`).join(', ')}, of ${total}`
}

export function controllersTable(output: Output, controllers: readonly CampaignControllerView[]): string {
  const rows = controllers.map(one => [
    `${one.site}/${one.controller}`,
    one.class,
    one.wave,
    one.from,
    one.to,
    stateCell(one),
    one.tookMillis === null ? null : (one.tookMillis / 1000).toFixed(1),
    one.detail,
  ])
  return table(output, ['controller', 'class', '>wave', 'from', 'to', 'state', '>seconds', 'detail'], rows)
}

const stateCell = ({ state }: CampaignControllerView): Cell => ({ text: state, tone: TONES[state] ?? 'warn' })
