import { showDuration, showPower } from '../../../src/core/encoding/quantity.ts'
import { type Column, Table } from '../../parts/table.tsx'
import { type CoursePicture, type Stretch, utcText, type WaveRow } from '../../picture/course.ts'

const TOP = 26
const HIGH = 66

const GATE_WORDS: Readonly<Record<WaveRow['gate']['state'], string>> = {
  ahead: 'ahead',
  soaking: 'soaking',
  passed: 'passed',
  held: 'holds',
  failed: 'shut',
}

/** Waves on a time axis: outlined as planned, filled as they were, a diamond for each gate. The table says all of it in words. */
export function CourseChart({ picture }: { picture: CoursePicture }) {
  const { from, to, rows, ticks, now, deadline, ends } = picture
  const height = TOP + rows.length * HIGH + 6
  const x = (at: number): string => `${Math.min(100, Math.max(0, (100 * (at - from)) / (to - from))).toFixed(3)}%`
  const wide = (a: number, b: number): string => `${Math.max(0.15, (100 * (b - a)) / (to - from)).toFixed(3)}%`
  return (
    <>
      <svg
        class="course"
        width="100%"
        height={height}
        role="img"
        aria-label="Waves in time; the same as a table follows"
      >
        {ticks.map(({ at, text }) => (
          <g key={at}>
            <line x1={x(at)} x2={x(at)} y1={TOP - 6} y2={height} class="course-tick" />
            <text x={x(at)} y={TOP - 11} class="course-time" text-anchor="middle">
              {text}
            </text>
          </g>
        ))}
        {rows.map((row, index) => (
          <svg key={row.number} y={TOP + index * HIGH} height={HIGH} width="100%" overflow="visible" aria-hidden="true">
            <text x="0" y="13" class="course-name">
              {row.number} {row.name}
            </text>
            {row.planned !== null && (
              <>
                <rect
                  x={x(row.planned.opens)}
                  width={wide(row.planned.opens, row.planned.through)}
                  y="20"
                  height="20"
                  class="course-plan"
                />
                <rect
                  x={x(row.planned.through)}
                  width={wide(row.planned.through, row.planned.judged)}
                  y="20"
                  height="20"
                  class="course-plan course-plan-soak"
                />
              </>
            )}
            {row.actual.map(stretch => (
              <rect
                key={`${stretch.at} ${stretch.from}`}
                x={x(stretch.from)}
                width={wide(stretch.from, stretch.to ?? now ?? stretch.from)}
                y="24"
                height="12"
                class={`course-is course-${stretch.at}`}
              >
                <title>{stretchText(stretch)}</title>
              </rect>
            ))}
            {row.gate.at !== null && (
              <Gate row={row} at={x(row.gate.at)} left={row.gate.at > from + 0.5 * (to - from)} />
            )}
          </svg>
        ))}
        {now !== null && <Line at={x(now)} height={height} kind="now" text="now" />}
        {deadline !== null && <Line at={x(deadline)} height={height} kind="deadline" text="deadline" />}
        {ends !== null && <Line at={x(ends)} height={height} kind="ends" text="the plan ends" />}
      </svg>
      <Legend />
      <CourseTable picture={picture} />
    </>
  )
}

function Line({ at, height, kind, text }: { at: string; height: number; kind: string; text: string }) {
  return (
    <g class={`course-line course-line-${kind}`}>
      <line x1={at} x2={at} y1={TOP - 6} y2={height}>
        <title>{text}</title>
      </line>
    </g>
  )
}

/** Measured over threshold, as `100 / 95 %`. */
const measured = ({ gate: { confirmed, failed } }: WaveRow): string =>
  confirmed === null || failed === null
    ? ''
    : `${confirmed.is} / ${confirmed.asked} %, ${failed.is} of ${failed.most} failed`

function Gate({ row, at, left }: { row: WaveRow; at: string; left: boolean }) {
  const { state } = row.gate
  const said = `Gate of wave ${row.number}: ${GATE_WORDS[state]}${measured(row) === '' ? '' : `, ${measured(row)}`}`
  return (
    <svg x={at} y="30" overflow="visible" width="1" height="1" aria-hidden="true">
      <path d="M0-11 11 0 0 11-11 0z" class={`gate gate-${state}`}>
        <title>{said}</title>
      </path>
      {state === 'passed' && <path d="m-4.500 0 3.500 3.500 6-6.500" class="gate-cut" />}
      {state === 'failed' && <path d="m-4-4 8 8m0-8-8 8" class="gate-cut" />}
      {state === 'held' && <path d="M-2.500-4.500v9m5-9v9" class="gate-bars" />}
      {state === 'soaking' && <path d="M0-5.500V0l3.500 2.500" class="gate-hand" />}
      <text x={left ? 8 : -8} y="25" class="course-measured" text-anchor={left ? 'end' : 'start'}>
        {measured(row)}
      </text>
    </svg>
  )
}

const STRETCHES: Readonly<Record<Stretch['at'], string>> = {
  running: 'at work',
  soaking: 'soaking',
  paused: 'paused',
  'rolling-back': 'rolling back',
}

const stretchText = ({ at, from, to }: Stretch): string =>
  `${STRETCHES[at]} from ${utcText(from)}${to === null ? '' : `, ${showDuration(to - from)}`}`

function Legend() {
  return (
    <ul class="course-legend">
      <li>
        <svg width="26" height="14" aria-hidden="true">
          <rect x="1" y="1" width="24" height="12" class="course-plan" />
        </svg>
        planned
      </li>
      {(Object.keys(STRETCHES) as Stretch['at'][]).map(at => (
        <li key={at}>
          <svg width="26" height="14" aria-hidden="true">
            <rect x="1" y="2" width="24" height="10" class={`course-is course-${at}`} />
          </svg>
          {STRETCHES[at]}
        </li>
      ))}
      <li>
        <svg width="22" height="22" viewBox="-11 -11 22 22" aria-hidden="true">
          <path d="M0-10 10 0 0 10-10 0z" class="gate gate-ahead" />
        </svg>
        gate: confirmed over what it asks for
      </li>
      <li>
        <svg width="8" height="14" aria-hidden="true">
          <line x1="4" x2="4" y1="0" y2="14" class="course-now-sample" />
        </svg>
        now
      </li>
      <li>times are UTC</li>
    </ul>
  )
}

const moment = (at: number | null | undefined): string => (at === null || at === undefined ? '–' : utcText(at))

type Row = CoursePicture['rows'][number]

const COLUMNS: readonly Column<Row>[] = [
  { head: 'Wave', cell: ({ number, name }) => `${number} ${name}` },
  { head: 'Planned: opens', cell: ({ planned }) => moment(planned?.opens) },
  { head: 'through', cell: ({ planned }) => moment(planned?.through) },
  { head: 'gate', cell: ({ planned }) => moment(planned?.judged) },
  { head: 'Opened', cell: ({ actual }) => moment(actual.find(({ at }) => at === 'running')?.from) },
  { head: 'Soaked from', cell: ({ actual }) => moment(actual.findLast(({ at }) => at === 'soaking')?.from) },
  { head: 'Gate', cell: ({ gate }) => GATE_WORDS[gate.state] },
  { head: 'Measured', cell: row => measured(row) },
  { head: 'Soak', number: true, cell: ({ soakMillis }) => (soakMillis === null ? '–' : showDuration(soakMillis)) },
  { head: 'At risk, all', number: true, cell: ({ watts }) => (watts === null ? '–' : showPower(watts)) },
  { head: 'At once', number: true, cell: ({ wattsAtOnce }) => (wattsAtOnce === null ? '–' : showPower(wattsAtOnce)) },
]

const CourseTable = ({ picture: { rows } }: { picture: CoursePicture }) => (
  <details>
    <summary>As a table</summary>
    <Table label="The waves as a table" columns={COLUMNS} rows={rows} keyOf={({ number }) => number} />
  </details>
)
