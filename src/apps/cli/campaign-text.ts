import type { CampaignControllerView, CampaignView } from '../../wire/fleet-views.ts'
import type { Answer, Output, Tone } from './output.ts'
import { type Cell, listing, table } from './table.ts'

const TONES: Readonly<Record<string, Tone>> = {
  confirmed: 'good',
  assigned: 'warn',
  waiting: 'faint',
  withdrawn: 'faint',
  failed: 'bad',
}

/** A campaign as people read it: where it stands, and each of its controllers. */
export function campaignAnswer(output: Output, view: CampaignView): Answer {
  const { have, need } = view.approvals
  const head = listing(output, [
    ['campaign', view.id],
    ['title', view.title],
    ['state', view.reason === null ? view.state : `${view.state}: ${view.reason}`],
    ['wave', `${view.wave} of ${view.waves}`],
    ['approvals', `${have} of ${need}`],
  ])
  return { json: view, text: `${head}\n\n${controllersTable(output, view.controllers)}` }
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
