import { useMemo, useRef } from 'preact/hooks'
import type { SiteView } from '../../../src/wire/site-views.ts'
import { Mark } from '../../parts/mark.tsx'
import { useWidth } from '../../parts/use-width.ts'
import { type NodeShape, type SchematicNode, schematicOf } from '../../picture/schematic.ts'
import type { Card } from '../../picture/site-cards.ts'

/** What a controller does for the plant, as a sign of its own: converter, battery, control, helper. */
function Sign({ shape }: { shape: NodeShape }) {
  switch (shape) {
    case 'gateway':
      return <path d="M2 11V6l6-4 6 4v5M5 14h6M8 9v5" class="sign" />
    case 'power':
      return <path d="M2 2h12v12H2zM2 14 14 2M4 5h3M9 11q1-2 2 0t2 0" class="sign" />
    case 'protection':
      return <path d="M8 1v4M3 5h10M5.500 8h5M3 11h10M8 11v4" class="sign" />
    case 'control':
      return <path d="M4 4h8v8H4zM1 6h3M1 10h3M12 6h3M12 10h3" class="sign" />
    case 'auxiliary':
      return <circle cx="8" cy="8" r="4" class="sign" />
  }
}

/** The site as one line: gateway, converters, and what is behind each. The table says the same. */
export function SchematicFigure({ site, cards }: { site: SiteView; cards: readonly Card[] }) {
  const place = useRef<HTMLDivElement>(null)
  const width = useWidth(place, 720)
  const picture = useMemo(() => {
    const duties = new Map(site.classes.map(one => [one.class, one.duty]))
    return schematicOf(cards, site.gateway.id, duties, width)
  }, [site, cards, width])
  return (
    <section class="panel" aria-labelledby="schematic-title">
      <h2 id="schematic-title">One-line schematic</h2>
      <div ref={place}>
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms, and none can stand in a drawing */}
        <svg
          class="schematic"
          width={picture.width}
          height={picture.height}
          viewBox={`-1 -1 ${picture.width + 2} ${picture.height + 2}`}
          role="group"
          aria-label={`Schematic of ${site.name}: ${cards.length} controllers; the table below it says the same`}
        >
          {picture.lines.map(points => (
            <polyline key={points} points={points} class="wire" />
          ))}
          {picture.nodes.map(node => (
            <Node key={`${node.shape} ${node.id}`} node={node} site={site.site} />
          ))}
        </svg>
      </div>
      <p class="legend">
        {LEGEND.map(([shape, word]) => (
          <span key={shape}>
            <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
              <Sign shape={shape} />
            </svg>
            {word}
          </span>
        ))}
      </p>
      <details>
        <summary>As a table</summary>
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Controller</th>
                <th scope="col">State</th>
                <th scope="col">Class</th>
                <th scope="col">Behind</th>
                <th scope="col">Feeder</th>
                <th scope="col">Place</th>
                <th scope="col">Link</th>
              </tr>
            </thead>
            <tbody>
              {cards.map(({ id, word, kind, placed }) => (
                <tr key={id}>
                  <th scope="row">
                    <a href={hrefOf(site.site, id)}>{id}</a>
                  </th>
                  <td>
                    <Mark kind={kind} /> {word}
                  </td>
                  <td>{placed.class}</td>
                  <td>{placed.behind ?? '–'}</td>
                  <td>{placed.feeder ?? '–'}</td>
                  <td>{[placed.cabinet, placed.rack].filter(one => one !== null).join(', ') || '–'}</td>
                  <td>{placed.link}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </section>
  )
}

const LEGEND = [
  ['power', 'converter'],
  ['protection', 'battery, protection'],
  ['control', 'control'],
  ['auxiliary', 'auxiliary'],
] as const

const hrefOf = (site: string, id: string): string =>
  `/controllers/${encodeURIComponent(site)}/${encodeURIComponent(id)}`

/** As much of a name as a box has room for. */
const fitting = (name: string, room: number): string => (name.length > room ? `${name.slice(0, room - 1)}…` : name)

function Node({ node, site }: { node: SchematicNode; site: string }) {
  const { id, shape, kind, word, x, y, w, h, named } = node
  const box = <rect x={x} y={y} width={w} height={h} rx="3" class={`node node-${kind}`} />
  const sign = (
    <svg x={x + 6} y={y + h / 2 - 8} width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <Sign shape={shape} />
    </svg>
  )
  const name = (
    <text x={x + 27} y={y + h / 2 + 4.5} class="node-name">
      {fitting(id, shape === 'gateway' ? Math.floor((w - 36) / 7) : 11)}
    </text>
  )
  if (shape === 'gateway') {
    return (
      <g>
        {box}
        {sign}
        {name}
      </g>
    )
  }
  const mark = (
    <svg x={named ? x + w - 21 : x + 2} y={y + h / 2 - 8} width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <Mark kind={kind} />
    </svg>
  )
  return (
    <a href={hrefOf(site, id)} aria-label={`${id}: ${word}`} tabIndex={named ? 0 : -1}>
      <title>{`${id}: ${word}`}</title>
      {box}
      {named && sign}
      {named && name}
      {mark}
    </a>
  )
}
