import { useState } from 'preact/hooks'
import type { CampaignSummary } from '../../../src/wire/fleet-views.ts'
import type { ComplianceView, DeadlineView } from '../../../src/wire/inventory-views.ts'
import { useView } from '../../live/views.ts'
import { Mark } from '../../parts/mark.tsx'
import { utcText } from '../../picture/course.ts'
import { type Due, dueOf } from '../../picture/due.ts'

/** All deadlines that an instant can have, so that the address of the view stays the same. */
const EVER = 8_640_000_000_000_000

/** What is due: how far each campaign has come by its deadline, and which sites keep it. */
export function Deadlines() {
  const due = useView<DeadlineView[]>(`/v1/inventory/deadlines?by=${EVER}`)
  const campaigns = useView<CampaignSummary[]>('/v1/campaigns?limit=1000')
  const rows = dueOf(due.value ?? [], campaigns.value ?? [], due.now)
  const known = due.value !== null && campaigns.value !== null
  return (
    <section class="panel" aria-labelledby="due-title">
      <h2 id="due-title">By deadline</h2>
      {!known && <p class="empty">{due.fault?.detail ?? 'Asking …'}</p>}
      {known && rows.length === 0 && <p class="empty">No campaign has a deadline.</p>}
      {rows.map(row => (
        <Campaign key={row.campaign} row={row} />
      ))}
    </section>
  )
}

function Campaign({ row }: { row: Due }) {
  const { campaign, title, deadline, done, failed, left, total, late, undone, inWords } = row
  const [open, setOpen] = useState(false)
  return (
    <div class="due">
      <p class="due-line">
        <Mark kind={undone ? 'failed' : late ? 'attention' : left === 0 ? 'good' : 'busy'} />
        <a href={`/campaigns/${encodeURIComponent(campaign)}`}>{title}</a>
        <span>
          {done} of {total} have it, {left} to go{failed > 0 && `, ${failed} failed`}
        </span>
        <span>
          due {utcText(deadline)}, <strong>{inWords}</strong>
        </span>
      </p>
      <details onToggle={event => setOpen(event.currentTarget.open)}>
        <summary>By site, as its controllers attested</summary>
        {open && <Sites campaign={campaign} />}
      </details>
    </div>
  )
}

function Sites({ campaign }: { campaign: string }) {
  const { value, next, fault } = useView<ComplianceView[]>(
    `/v1/inventory/compliance?campaign=${encodeURIComponent(campaign)}&limit=1000`,
  )
  if (value === null) return <p class="empty">{fault?.detail ?? 'Asking …'}</p>
  // Those that keep it waiting first.
  const rows = value.toSorted((a, b) => b.late - a.late || b.left - a.left || (a.site < b.site ? -1 : 1))
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Site</th>
            <th scope="col">Region</th>
            <th scope="col">Have it</th>
            <th scope="col">To go</th>
            <th scope="col">Late</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, 500).map(({ site, region, done, left, late }) => (
            <tr key={site}>
              <th scope="row">
                <a href={`/sites/${encodeURIComponent(site)}`}>{site}</a>
              </th>
              <td>{region}</td>
              <td>{done}</td>
              <td>{left}</td>
              <td>{late > 0 ? `${late}, late` : '0'}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {(next !== null || rows.length > 500) && (
        <p class="note">There are more: voltseal fleet compliance --campaign {campaign}</p>
      )}
    </div>
  )
}
