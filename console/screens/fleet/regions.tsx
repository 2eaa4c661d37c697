import { useMemo } from 'preact/hooks'
import type { AttentionSummary, RegionView } from '../../../src/wire/attention-views.ts'
import { Mark, type MarkKind } from '../../parts/mark.tsx'
import { counted } from '../../picture/counted.ts'
import { tilesOf } from '../../picture/tiles.ts'

const WIDTH = 420
/** One region alone needs no large drawing. */
const highOf = (regions: number): number => (regions < 3 ? 80 : regions < 7 ? 150 : 230)

/** The worst that is said of a region's sites. */
const worstOf = ({ trust, failed, attention }: RegionView): MarkKind =>
  trust > 0 ? 'trust' : failed > 0 ? 'failed' : attention > 0 ? 'attention' : 'good'

const saidOf = ({ trust, failed, attention }: RegionView): string => {
  const words = [
    [trust, 'refused trust'],
    [failed, 'failed'],
    [attention, 'waiting'],
  ] as const
  const said = words.filter(([some]) => some > 0).map(([some, word]) => `${some} ${word}`)
  return said.length === 0 ? 'all well' : said.join(', ')
}

type Props = { summary: AttentionSummary; region: string | null; onRegion: (region: string | null) => void }

/** The regions as tiles, each as large as it has sites, coloured by the worst of them. One that is chosen narrows the screen to it. */
export function Regions({ summary: { regions }, region, onRegion }: Props) {
  const height = highOf(regions.length)
  const tiles = useMemo(() => tilesOf(regions, ({ sites }) => sites, { width: WIDTH, height }), [regions, height])
  const choose = (name: string): void => onRegion(name === region ? null : name)
  return (
    <>
      <svg
        class="regions"
        viewBox={`0 0 ${WIDTH} ${height}`}
        aria-label="Regions by their sites, and the worst of each"
      >
        {tiles.map(({ of, x, y, width, height }) => {
          const kind = worstOf(of)
          const room = Math.floor((width - 14) / 8)
          const sites = `${counted(of.sites)} ${of.sites === 1 ? 'site' : 'sites'}`
          return (
            <g key={of.region} transform={`translate(${x} ${y})`}>
              <a
                href={of.region === region ? '/' : `/?${new URLSearchParams({ region: of.region })}`}
                class={`region region-${kind}${of.region === region ? ' region-chosen' : ''}`}
              >
                <title>{`${of.region}: ${of.sites} sites, ${saidOf(of)}`}</title>
                <rect
                  class="region-tile"
                  x="1.5"
                  y="1.5"
                  width={Math.max(0, width - 3)}
                  height={Math.max(0, height - 3)}
                  rx="3"
                />
                {height > 34 && room > 3 && (
                  <>
                    <text x="9" y="19" class="region-name">
                      {of.region.length > room ? `${of.region.slice(0, room - 1)}…` : of.region}
                    </text>
                    {sites.length <= room + 2 && (
                      <text x="9" y="34" class="region-sites">
                        {sites}
                      </text>
                    )}
                  </>
                )}
                {kind !== 'good' && (
                  <g transform={`translate(${width - 23} ${height - 23})`}>
                    <Mark kind={kind} />
                  </g>
                )}
              </a>
            </g>
          )
        })}
      </svg>
      <details open={regions.length <= 6}>
        <summary>As a table</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">Region</th>
              <th scope="col" class="number">
                Sites
              </th>
              <th scope="col" class="number">
                Controllers
              </th>
              <th scope="col">Worst</th>
            </tr>
          </thead>
          <tbody>
            {regions.map(one => (
              <tr key={one.region} class={one.region === region ? 'chosen' : ''}>
                <th scope="row">
                  <button
                    type="button"
                    class="plain-link"
                    aria-pressed={one.region === region}
                    onClick={() => choose(one.region)}
                  >
                    {one.region}
                  </button>
                </th>
                <td class="number">{counted(one.sites)}</td>
                <td class="number">{counted(one.controllers)}</td>
                <td>
                  <Mark kind={worstOf(one)} /> {saidOf(one)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </>
  )
}
