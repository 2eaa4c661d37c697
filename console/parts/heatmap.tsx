import { counted } from '../picture/counted.ts'
import type { Cell, Grid } from '../picture/version-grid.ts'
import { Scroll } from './scroll.tsx'

const LEFT = 64
const TOP = 26
const WIDE = 74
const HIGH = 38
const GAP = 3

/** Four greys by share: the count is written in each cell, so that no shade has to be read. */
const shade = ({ count, share, kind }: Cell): string => {
  if (count === 0) return 'heat-none'
  if (kind === 'unknown') return 'heat-unknown'
  return `heat-${Math.max(1, Math.ceil(share * 4))}`
}

/** What a count stands on is as wide as it has digits. */
const pill = ({ count }: Cell): number => Math.min(WIDE, 18 + 9 * String(count).length)

const cut = (name: string): string => (name.length > 10 ? `${name.slice(0, 9)}…` : name)

/** Class by version. What is not the baseline of its class is hatched. */
export function Heatmap({ grid: { columns, rows } }: { grid: Grid }) {
  const width = LEFT + columns.length * (WIDE + GAP)
  const height = TOP + rows.length * (HIGH + GAP)
  return (
    <>
      <Scroll label="Versions by class">
        <svg
          class="heatmap"
          viewBox={`0 0 ${width} ${height}`}
          width={width}
          height={height}
          role="img"
          aria-label="Controllers by class and version; the same as a table follows"
        >
          {columns.map(({ name }, x) => (
            <text key={name} class="heat-head" x={LEFT + x * (WIDE + GAP) + WIDE / 2} y={TOP - 9} text-anchor="middle">
              {cut(name)}
              <title>{name}</title>
            </text>
          ))}
          {rows.map((row, y) => (
            <g key={row.class} transform={`translate(0 ${TOP + y * (HIGH + GAP)})`}>
              <text class="heat-head" x={LEFT - 10} y={HIGH / 2 + 4} text-anchor="end">
                {cut(row.class)}
              </text>
              {row.cells.map((cell, x) => (
                <g key={columns[x]?.name} transform={`translate(${LEFT + x * (WIDE + GAP)} 0)`}>
                  <rect width={WIDE} height={HIGH} rx="2" class={`heat ${shade(cell)}`} />
                  {cell.count > 0 && cell.kind === 'off' && <rect width={WIDE} height={HIGH} rx="2" class="heat-off" />}
                  {cell.count > 0 && (
                    <>
                      <rect
                        x={(WIDE - pill(cell)) / 2}
                        y={HIGH / 2 - 10}
                        width={pill(cell)}
                        height="20"
                        rx="10"
                        class="heat-pill"
                      />
                      <text x={WIDE / 2} y={HIGH / 2 + 5} text-anchor="middle" class="heat-count">
                        {counted(cell.count)}
                      </text>
                    </>
                  )}
                </g>
              ))}
            </g>
          ))}
        </svg>
      </Scroll>
      <p class="legend">
        <span>
          <svg width="22" height="14" aria-hidden="true">
            <rect width="22" height="14" rx="2" class="heat heat-4" />
          </svg>
          newest
        </span>
        <span>
          <svg width="22" height="14" aria-hidden="true">
            <rect width="22" height="14" rx="2" class="heat heat-2" />
            <rect width="22" height="14" rx="2" class="heat-off" />
          </svg>
          another version
        </span>
        <span>darker: more of the class</span>
      </p>
      <details>
        <summary>As a table</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">Class</th>
              <th scope="col">Newest</th>
              {columns.map(({ name }) => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(row => (
              <tr key={row.class}>
                <th scope="row">{row.class}</th>
                <td>{row.baseline ?? '–'}</td>
                {row.cells.map((cell, x) => (
                  <td key={columns[x]?.name} class="number">
                    {counted(cell.count)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </>
  )
}
