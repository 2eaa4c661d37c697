import type { WaitingPlan } from '../../../src/wire/plan-views.ts'
import { Scroll } from '../../parts/scroll.tsx'
import { changesOf } from '../../picture/approving.ts'

/** What becomes of what, by class, and what is published with each release. */
export function Changes({ plan }: { plan: WaitingPlan }) {
  const changes = changesOf(plan)
  const others = plan.outline?.otherChanges ?? 0
  return (
    <>
      <h3>What changes</h3>
      <Scroll label="What changes">
        <table>
          <thead>
            <tr>
              <th scope="col">Class</th>
              <th scope="col">From</th>
              <th scope="col">To</th>
              <th scope="col" class="number">
                Controllers
              </th>
              <th scope="col">Release</th>
              <th scope="col">Evidence</th>
              <th scope="col">Way back</th>
            </tr>
          </thead>
          <tbody>
            {changes.map(({ class: of, from, to, via, controllers, release }) => (
              <tr key={[of, from, to, ...via].join(' ')}>
                <th scope="row">{of}</th>
                <td class="mono">{from === '' ? 'not known' : from}</td>
                <td class="mono">
                  {via.length > 0 && <span class="quiet">{via.join(', ')}, then </span>}
                  {to}
                </td>
                <td class="number">{controllers}</td>
                <td>
                  {release === null ? (
                    '–'
                  ) : (
                    <>
                      <span class="mono">{release.path}</span>{' '}
                      <span class="quiet">
                        {release.criticality}, counter {release.counter}
                      </span>
                    </>
                  )}
                </td>
                <td>{release === null ? '–' : <Evidence release={release} />}</td>
                <td class="mono">{release?.back ?? 'none'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {others > 0 && <p class="quiet">{others} further changes, of fewer controllers each.</p>}
    </>
  )
}

/** What the maker published beside the release: a file each, as it lies in the repository. */
function Evidence({ release: { sbom, provenance, path } }: { release: WaitingPlan['releases'][number] }) {
  const files = [
    { sha256: sbom, name: 'SBOM', file: 'sbom.cdx.json' },
    { sha256: provenance, name: 'provenance', file: 'provenance.intoto.json' },
  ]
  const there = files.filter(one => one.sha256 !== null)
  if (there.length === 0) return <>none</>
  const folder = path.slice(path.lastIndexOf('/') < 0 ? 0 : path.indexOf('/') + 1, path.lastIndexOf('/'))
  return (
    <>
      {there.map(({ sha256, name, file }, index) => (
        <span key={name}>
          {index > 0 && ', '}
          <a href={`/v1/blobs/${sha256}`} download={`${folder}-${file}`} title={`SHA-256 ${sha256}`}>
            {name}
          </a>
        </span>
      ))}
    </>
  )
}
