import { instant } from '../../src/core/encoding/units.ts'
import {
  decideHealth,
  type HealthEvent,
  type HealthState,
  openHealth,
  type Readings,
} from '../../src/core/slot/health-machine.ts'
import { code, type Edge, stateDiagram, table } from './markdown.ts'

/** The health window, told by asking its machine: windows that were watched for a while, and what comes next. */

const WINDOW = 80
const STEP = WINDOW / 16
const SPEC = { windowMillis: WINDOW, probes: ['ems-link'] }
const PASS: Readings = { 'ems-link': 'pass' }
const FAIL: Readings = { 'ems-link': 'fail' }
const YEAR = 365 * 24 * 3_600_000

/** A window that was watched for a part of its time, its probe passing or silent. */
function watched(part: number, readings: Readings): { readonly state: HealthState; readonly now: number } {
  let state = openHealth(SPEC, instant(0))
  let now = 0
  while (now + STEP <= part * WINDOW) {
    now += STEP
    state = decideHealth(state, { kind: 'readings', now: instant(now), readings })
  }
  return { state, now }
}

const JUST_BEGUN = watched(1 / 8, PASS)
const HALF = watched(1 / 2, PASS)
const LAST = watched(15 / 16, PASS)
const LAST_SILENT = watched(15 / 16, {})
const WINDOWS = [
  ['in the first quarter', JUST_BEGUN],
  ['later', HALF],
  ['at its end, the probe has passed', LAST],
  ['at its end, the probe was silent', LAST_SILENT],
  ['healthy', { state: { at: 'healthy' }, now: WINDOW }],
  ['unhealthy', { state: { at: 'unhealthy', cause: 'probe-failed ems-link' }, now: WINDOW }],
] as const satisfies readonly (readonly [string, { readonly state: HealthState; readonly now: number }])[]

const EVENTS: readonly (readonly [name: string, event: (now: number) => HealthEvent])[] = [
  ['a probe passes', now => ({ kind: 'readings', now: instant(now + STEP), readings: PASS })],
  ['a probe fails', now => ({ kind: 'readings', now: instant(now + STEP), readings: FAIL })],
  ['a probe stays silent', now => ({ kind: 'readings', now: instant(now + STEP), readings: {} })],
  ['time goes on', now => ({ kind: 'time', now: instant(now + STEP) })],
  ['the clock jumps a year ahead', now => ({ kind: 'readings', now: instant(now + YEAR), readings: PASS })],
  ['the clock jumps a year back', now => ({ kind: 'readings', now: instant(now - YEAR), readings: PASS })],
]

const spell = (state: HealthState): string => (state.at === 'unhealthy' ? code(state.cause) : state.at)

/** The machine as a diagram. */
export function healthDiagram(): string {
  const edges: Edge[] = [{ from: '[*]', to: 'watching', label: 'trial boot' }]
  for (const [, { state, now }] of WINDOWS) {
    for (const [name, event] of EVENTS) {
      const next = decideHealth(state, event(now))
      if (next.at !== state.at) edges.push({ from: state.at, to: next.at, label: name })
    }
  }
  return stateDiagram(edges)
}

/** Every window and every event: where the window stands then. */
export function healthEvents(): string {
  return table(
    ['', ...WINDOWS.map(([name]) => `**${name}**`)],
    EVENTS.map(([name, event]) => [
      name,
      ...WINDOWS.map(([, { state, now }]) => spell(decideHealth(state, event(now)))),
    ]),
  )
}
