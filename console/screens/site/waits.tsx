import { Mark } from '../../parts/mark.tsx'
import { ageText, agoText } from '../../picture/age.ts'
import type { WaitRow } from '../../picture/site-cards.ts'
import { untilText, whenText } from '../../picture/when.ts'

type Props = { readonly rows: readonly WaitRow[]; readonly zone: string; readonly now: number; readonly site: string }

/** Names that a row shows before it counts the others. */
const NAMED = 6

/** Why anything waits at the site: a sentence each, with value, threshold and age, and when it is next possible. */
export function Waits({ rows, zone, now, site }: Props) {
  return (
    <section class="panel waits" aria-labelledby="waits-title">
      <h2 id="waits-title">Why waiting</h2>
      {rows.length === 0 && <p class="calm">No controller of this site waits for its turn.</p>}
      <ul>
        {rows.map(({ because, ids, waiting, asks }) => (
          <li key={because}>
            <Mark kind={asks ? 'attention' : 'waiting'} />
            <div>
              <p>
                <Names ids={ids} site={site} /> {ids.length === 1 ? 'waits' : 'wait'}: {because}
              </p>
              <dl class="figures">
                {waiting.value !== null && (
                  <div>
                    <dt>Now</dt>
                    <dd>{waiting.value}</dd>
                  </div>
                )}
                {waiting.threshold !== null && (
                  <div>
                    <dt>Needed</dt>
                    <dd>{waiting.threshold}</dd>
                  </div>
                )}
                {waiting.age !== null && (
                  <div>
                    <dt>Measured</dt>
                    <dd>{agoText(waiting.age)}</dd>
                  </div>
                )}
                <div>
                  <dt>Said</dt>
                  <dd>{agoText(waiting.saidAgo)}</dd>
                </div>
                <div>
                  <dt>Next possible</dt>
                  <dd>
                    {waiting.nextPossible === null
                      ? `when ${waiting.rule === 'link' ? 'somebody at the site' : 'the plant'} allows it`
                      : `${whenText(waiting.nextPossible, zone)}, ${untilText(waiting.nextPossible, now, ageText)}`}
                  </dd>
                </div>
              </dl>
            </div>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Names({ ids, site }: { ids: readonly string[]; site: string }) {
  return (
    <>
      {ids.slice(0, NAMED).map((id, index) => (
        <span key={id}>
          {index > 0 && ', '}
          <a href={`/controllers/${encodeURIComponent(site)}/${encodeURIComponent(id)}`}>{id}</a>
        </span>
      ))}
      {ids.length > NAMED && ` and ${ids.length - NAMED} more`}
    </>
  )
}
