import type { CampaignControllerView } from '../../../src/wire/fleet-views.ts'
import type { CampaignDetail } from '../../../src/wire/plan-views.ts'
import { usePages } from '../../live/pages.ts'
import { Mark } from '../../parts/mark.tsx'
import { More } from '../../parts/more.tsx'
import { countsOf, turnMark, turnWord } from '../../picture/standing.ts'

type Props = {
  readonly campaign: CampaignDetail
  /** The state whose controllers are shown; null: those who failed, or all when nobody did. */
  readonly state: string | null
  readonly onState: (state: string | null) => void
}

/** The controllers of a campaign, by state: who failed stands first, and why. */
export function Turns({ campaign: { id, counts }, state, onState }: Props) {
  const there = countsOf(counts)
  const known = state === 'all' || there.some(([one]) => one === state) ? state : null
  const chosen = known ?? ((counts.failed ?? 0) > 0 ? 'failed' : 'all')
  const filter = chosen === 'all' ? '' : `&state=${chosen}`
  const list = usePages<CampaignControllerView>(
    `/v1/campaigns/${encodeURIComponent(id)}/controllers?limit=100${filter}`,
  )
  const { total = 0 } = counts
  return (
    <section class="panel" aria-labelledby="turns-title">
      <h2 id="turns-title">{chosen === 'failed' ? 'Who failed, and why' : 'Controllers'}</h2>
      <fieldset class="choices turns-choices">
        <legend class="unseen">In which state</legend>
        {[...there, ['all', total] as const].map(([one, count]) => (
          <label key={one}>
            <input type="radio" name="turns" checked={chosen === one} onChange={() => onState(one)} />
            {count} {turnWord(one)}
          </label>
        ))}
      </fieldset>
      {list.items.length === 0 ? (
        <p class="empty">{list.heard ? 'Nobody.' : (list.fault?.detail ?? 'Asking the server …')}</p>
      ) : (
        <Rows items={list.items} />
      )}
      <More more={list.more} />
    </section>
  )
}

function Rows({ items }: { items: readonly CampaignControllerView[] }) {
  return (
    <table class="turns">
      <thead>
        <tr>
          <th scope="col">Controller</th>
          <th scope="col">State</th>
          <th scope="col">Wave</th>
          <th scope="col">Class</th>
          <th scope="col">From</th>
          <th scope="col">To</th>
          <th scope="col" class="number">
            Took
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map(one => (
          <tr key={`${one.site}/${one.controller}`} data-row="">
            <th scope="row">
              <a href={`/controllers/${one.site}/${one.controller}`}>
                {one.site}/{one.controller}
              </a>
            </th>
            <td data-head="State">
              <Mark kind={turnMark(one.state)} /> {turnWord(one.state)}
              {one.detail === null ? '' : `, ${one.detail}`}
            </td>
            <td data-head="Wave">{one.wave}</td>
            <td data-head="Class">{one.class}</td>
            <td data-head="From" class="mono">
              {one.from ?? '–'}
            </td>
            <td data-head="To" class="mono">
              {one.to}
            </td>
            <td data-head="Took" class="number">
              {one.tookMillis === null ? '–' : `${(one.tookMillis / 1000).toFixed(1)} s`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
