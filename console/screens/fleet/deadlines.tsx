import type { CampaignSummary } from '../../../src/wire/fleet-views.ts'
import type { DeadlineView } from '../../../src/wire/inventory-views.ts'
import { useView } from '../../live/views.ts'
import { Mark } from '../../parts/mark.tsx'
import { Progress } from '../../parts/progress.tsx'
import { type Due, dueOf } from '../../picture/due.ts'

/** Campaigns with a deadline that has not been for longer than a month, or that is to come. */
const AHEAD = 366 * 86_400_000

/** What is due: how far each campaign has come by its deadline. */
export function Deadlines({ day }: { day: number }) {
  const due = useView<DeadlineView[]>(`/v1/inventory/deadlines?by=${day + AHEAD}`)
  const campaigns = useView<CampaignSummary[]>('/v1/campaigns?limit=1000')
  if (due.value === null || campaigns.value === null) return <p class="empty">{due.fault?.detail ?? ''}</p>
  const lines = dueOf(due.value, campaigns.value, due.now)
  if (lines.length === 0) return <p class="empty">No campaign has a deadline.</p>
  return (
    <table class="deadlines">
      <thead>
        <tr>
          <th scope="col">Campaign</th>
          <th scope="col">Done</th>
          <th scope="col" class="number">
            Left
          </th>
          <th scope="col" class="number">
            Due
          </th>
        </tr>
      </thead>
      <tbody>
        {lines.map(one => (
          <Line key={one.campaign} due={one} />
        ))}
      </tbody>
    </table>
  )
}

function Line({ due: { campaign, title, deadline, done, total, left, failed, late, inWords } }: { due: Due }) {
  return (
    <tr>
      <th scope="row">
        <a href={`/campaigns/${encodeURIComponent(campaign)}`} data-row>
          {title}
        </a>
      </th>
      <td>
        <Progress confirmed={done} failed={failed} total={total} />
        <span class="quiet">
          {done} of {total}
        </span>
      </td>
      <td class="number">{left}</td>
      <td class="number">
        {late && <Mark kind="attention" />} <time dateTime={new Date(deadline).toISOString()}>{inWords}</time>
      </td>
    </tr>
  )
}
