import { CampaignLink } from '../../parts/campaign-link.tsx'
import { Scroll } from '../../parts/scroll.tsx'
import type { WorkRow } from '../../picture/site-cards.ts'

/** Planned and running work: the campaigns that have not ended, and where the site's controllers stand in each. */
export function Work({ rows }: { rows: readonly WorkRow[] }) {
  return (
    <section class="panel" aria-labelledby="work-title">
      <h2 id="work-title">Planned and running work</h2>
      {rows.length === 0 ? (
        <p class="calm">No open campaign is about this site.</p>
      ) : (
        <Scroll label="Planned and running work">
          <table>
            <thead>
              <tr>
                <th scope="col">Campaign</th>
                <th scope="col">State</th>
                <th scope="col">Version</th>
                <th scope="col">Here</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ campaign, title, state, version, counts }) => (
                <tr key={campaign} data-row>
                  <th scope="row">
                    <CampaignLink id={campaign}>{title}</CampaignLink>
                  </th>
                  <td>{state}</td>
                  <td class="mono">{version}</td>
                  <td>{counts.map(one => `${one.count} ${one.state}`).join(', ')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  )
}
