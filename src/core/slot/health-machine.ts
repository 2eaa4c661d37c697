import type { Instant } from '../encoding/units.ts'
import type { HealthSpec } from '../firmware/release-facts.ts'

/** One round of observation: what each probe found. A probe that is not named was not asked. */
export type Readings = Readonly<Record<string, 'pass' | 'fail'>>

/** How a probe stands, in milliseconds of the window. */
type Standing = { readonly passedAt: number; readonly failedAt: number }

/**
 * A health window.
 * - `watching`: `elapsed` milliseconds of it are over, counted from what the clock moved between observations.
 * - `healthy`, `unhealthy`: judged. The verdict is final.
 */
export type HealthState =
  | {
      readonly at: 'watching'
      readonly spec: HealthSpec
      readonly elapsed: number
      readonly last: Instant
      readonly probes: Readonly<Record<string, Standing>>
    }
  | { readonly at: 'healthy' }
  | { readonly at: 'unhealthy'; readonly cause: string }

export type HealthEvent =
  | { readonly kind: 'readings'; readonly now: Instant; readonly readings: Readings }
  | { readonly kind: 'time'; readonly now: Instant }

/** The window's parts: failures in its first quarter are forgiven, passes must reach into its last. */
const PARTS = 4
const NEVER = -1

/**
 * What a trial has to hold for: the longer window of the release's and of the least that the device asks for, and every
 * probe of both. Whoever signs a release can ask for more than the device does, and never for less.
 */
export function atLeast(asked: HealthSpec, least: HealthSpec): HealthSpec {
  return {
    windowMillis: Math.max(asked.windowMillis, least.windowMillis),
    probes: [...new Set([...asked.probes, ...least.probes])],
  }
}

export function openHealth(spec: HealthSpec, now: Instant): HealthState {
  return { at: 'watching', spec, elapsed: 0, last: now, probes: {} }
}

type Cell<At extends HealthState['at'], Kind extends HealthEvent['kind']> = (
  state: Extract<HealthState, { at: At }>,
  event: Extract<HealthEvent, { kind: Kind }>,
) => HealthState

type Table = { readonly [At in HealthState['at']]: { readonly [Kind in HealthEvent['kind']]: Cell<At, Kind> } }

const stay = (state: HealthState): HealthState => state

/** The machine. Rows are states, columns are events. */
export const HEALTH_TABLE: Table = {
  watching: {
    readings: (state, event) => judge(record(advance(state, event.now), event.readings)),
    time: (state, event) => judge(advance(state, event.now)),
  },
  healthy: { readings: stay, time: stay },
  unhealthy: { readings: stay, time: stay },
}

/**
 * Decides a health window. Every probe of the release must pass throughout the window, once the first quarter, in which
 * links come back, is over; and must still pass in its last quarter. A failure after the first quarter ends the window
 * at once; a probe that stays silent fails at its end. The cause is `probe-failed NAME` or `probe-silent NAME`.
 *
 * The window is measured by steps between observations, each counted as at most a quarter: a clock that jumps ahead
 * cannot confirm an image that nobody watched, and one that jumps back counts as no time.
 */
export function decideHealth(state: HealthState, event: HealthEvent): HealthState {
  const row = HEALTH_TABLE[state.at] as Record<HealthEvent['kind'], (...args: unknown[]) => HealthState>
  return row[event.kind](state, event)
}

type Watching = Extract<HealthState, { at: 'watching' }>

function advance(state: Watching, now: Instant): Watching {
  const moved = now - state.last
  // Also where the clock says no number at all, which is as though it stood.
  const step = moved > 0 ? Math.min(moved, state.spec.windowMillis / PARTS) : 0
  return { ...state, last: now, elapsed: state.elapsed + step }
}

function record(state: Watching, readings: Readings): Watching {
  const probes = { ...state.probes }
  for (const probe of state.spec.probes) {
    const reading = Object.hasOwn(readings, probe) ? readings[probe] : undefined
    if (reading === undefined) continue
    const before = probes[probe] ?? { passedAt: NEVER, failedAt: NEVER }
    probes[probe] = reading === 'pass' ? { ...before, passedAt: state.elapsed } : { ...before, failedAt: state.elapsed }
  }
  return { ...state, probes }
}

function judge(state: Watching): HealthState {
  const { windowMillis, probes } = state.spec
  const settled = windowMillis / PARTS
  const failed = probes.find(probe => (state.probes[probe]?.failedAt ?? NEVER) > settled)
  if (failed !== undefined) return { at: 'unhealthy', cause: `probe-failed ${failed}` }
  if (state.elapsed < windowMillis) return state
  const silent = probes.find(probe => (state.probes[probe]?.passedAt ?? NEVER) < windowMillis - settled)
  return silent === undefined ? { at: 'healthy' } : { at: 'unhealthy', cause: `probe-silent ${silent}` }
}
