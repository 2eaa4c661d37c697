import { useEffect, useMemo, useRef } from 'preact/hooks'
import type { VersionSaidView } from '../../../src/wire/inventory-views.ts'
import { Mark } from '../../parts/mark.tsx'
import { episodesOf, LANES, type Lane, type Occurrence, versionSpans } from '../../picture/timeline.ts'
import { whenText } from '../../picture/when.ts'

const NAMES: Readonly<Record<Lane, string>> = {
  order: 'Order',
  install: 'Install',
  boot: 'Boot',
  health: 'Trial',
  confirm: 'Confirm',
  revert: 'Revert',
  refusal: 'Refusal',
  other: 'Other',
}
const HEAD = 70
const STEP = 26
const LANE = 26
const TOP = 40

type Props = {
  readonly occurrences: readonly Occurrence[]
  readonly versions: readonly VersionSaidView[]
  readonly chosen: string | null
  readonly zone: string
  readonly name: string
}

/** Everything that happened, in the order in which it did, a row for each kind; below it the version that ran. */
export function TimelineFigure({ occurrences, versions, chosen, zone, name }: Props) {
  const scroller = useRef<HTMLElement>(null)
  const episodes = useMemo(() => episodesOf(occurrences), [occurrences])
  const spans = useMemo(() => versionSpans(occurrences, versions), [occurrences, versions])
  const lanes = LANES.filter(lane => occurrences.some(one => one.lane === lane))
  // What is newest is what is asked for first.
  useEffect(() => {
    if (scroller.current !== null) scroller.current.scrollLeft = scroller.current.scrollWidth
  }, [occurrences.length])
  if (occurrences.length === 0) return <p class="empty">Nothing happened to it yet.</p>
  const left = (column: number): number => HEAD + column * STEP + STEP / 2
  const bottom = TOP + lanes.length * LANE
  const width = HEAD + occurrences.length * STEP + 8
  return (
    <section
      class="scroll timeline-scroll"
      ref={scroller}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by the keyboard
      tabIndex={0}
      aria-label="Timeline, scrolls sideways"
    >
      <svg
        class="timeline"
        width={width}
        height={bottom + 34}
        aria-label={`${occurrences.length} events of ${name}; the list of events below says the same`}
      >
        {episodes.map(({ from, to, at }, index) => (
          <g key={from}>
            {index % 2 === 0 && (
              <rect x={HEAD + from * STEP} y={TOP} width={(to - from) * STEP} height={bottom - TOP} class="episode" />
            )}
            <path d={`M${HEAD + from * STEP} 8V${bottom + 30}`} class="episode-line" />
            {(to - from) * STEP > 90 && (
              <text x={HEAD + from * STEP + 5} y="18" class="episode-date">
                {whenText(at, zone)
                  .replace(/ \(.*/, '')
                  .slice(0, Math.floor(((to - from) * STEP) / 6.6))}
              </text>
            )}
          </g>
        ))}
        {lanes.map((lane, row) => (
          <g key={lane}>
            <text x="0" y={TOP + row * LANE + 17} class="lane-name">
              {NAMES[lane]}
            </text>
            <path d={`M${HEAD} ${TOP + row * LANE + LANE / 2}H${width}`} class="lane-line" />
          </g>
        ))}
        {occurrences.map((one, column) => (
          // The list of events has a button for each: the keyboard need not go through all of these as well.
          <a
            key={one.key}
            class="occurrence"
            href={`?${new URLSearchParams({ event: one.key })}`}
            tabIndex={-1}
            aria-label={one.title}
          >
            <title>{`${one.title}${one.detail === '' ? '' : `: ${one.detail}`}, ${whenText(one.at, zone)}`}</title>
            <rect x={left(column) - STEP / 2} y={TOP} width={STEP} height={bottom - TOP} class="hit" />
            {one.key === chosen && (
              <rect
                x={left(column) - 12}
                y={TOP + lanes.indexOf(one.lane) * LANE + 1}
                width="24"
                height="24"
                rx="4"
                class="chosen"
              />
            )}
            <g transform={`translate(${left(column) - 8} ${TOP + lanes.indexOf(one.lane) * LANE + 5})`}>
              <Mark kind={one.kind} />
            </g>
          </a>
        ))}
        <text x="0" y={bottom + 20} class="lane-name">
          Version
        </text>
        {spans.map(({ version, from, to }, index) => (
          <g key={from}>
            <rect
              x={HEAD + from * STEP + 1}
              y={bottom + 4}
              width={(to - from) * STEP - 2}
              height="24"
              class={version === null ? 'span span-unknown' : `span span-${index % 2}`}
            />
            {version !== null && version.length * 7 < (to - from) * STEP - 6 && (
              <text x={HEAD + from * STEP + 6} y={bottom + 20.5} class="span-name">
                {version}
              </text>
            )}
            <title>{version ?? 'not known'}</title>
          </g>
        ))}
      </svg>
    </section>
  )
}
