import {
  dictionary,
  either,
  exactly,
  line,
  list,
  Misfit,
  object,
  type Shape,
  then,
  truth,
  whole,
  word,
} from '../encoding/shape.ts'
import { type Instant, instant } from '../encoding/units.ts'
import type { ControllerRef } from '../fleet/inventory.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { figureName, MAX_FIGURES } from '../trust/figures.ts'
import { MAX_STEPS, type Step } from './sheet.ts'

/**
 * What a plan says of one controller, and never changes. `watts` and `wattHours`: what the plant is without while it
 * restarts, as the site's description said when it came into the campaign. `steps`: at least one, one after the other.
 */
export type Seat = ControllerRef & {
  readonly region: string
  readonly wave: number
  readonly steps: readonly Step[]
  readonly watts: number
  readonly wattHours: number
}

/** Why a controller counts as failed. */
export type Failure = 'reverted' | 'refused' | 'timeout'

/** What was last heard of a controller's figures, for a gate, each by itself: see rollout-figures.ts. */
export type Listened = {
  readonly wave: number
  readonly updated: boolean
  readonly figures: Readonly<Record<string, HeardFigure>>
}

/** A figure as it was told at an instant. `counted`: it was heard twice, and its controller is counted. */
export type HeardFigure = { readonly count: number; readonly at: Instant; readonly counted: boolean }

/**
 * - `since`: when the state began. `report`: the sequence of the last signed report that was counted, 0 for none.
 * - `attempt`: the number of the order that it has, or gets next; it only rises. `first`: the one with which its present
 *   row of tries began. `step`: index of the step that it is ordered, or waits for; of the one that it runs once it is
 *   `confirmed` or `between` two, and from then on.
 */
type Common = {
  readonly since: Instant
  readonly report: number
  readonly attempt: number
  readonly first: number
  readonly step: number
  readonly heard?: Listened
}

/**
 * Where one controller stands in a campaign. `due`: when a tick must look at it again; null: it waits for its site.
 * - `waiting` for its order; `begun`: it had one before. `between` two steps: it runs a stepping stone.
 * - `queued`: the campaign `behind` holds the controller, or goes before this one; `was` is what it goes back to.
 * - `assigned`: ordered. It holds the verified image when `staged`, and may restart when `granted`.
 * - `backing-off`: another try follows at `due`; `back`: of its return.
 * - `withdrawn`: its order was taken back for good: the campaign halted, or the controller cannot be ordered anything. `overtaken`: it runs something newer, and needs nothing of this.
 * - `returning`: the release that undoes its own is ordered; then `returned`, or `kept` on what it runs.
 */
export type TurnState = Common &
  (
    | { readonly at: 'waiting'; readonly begun: boolean }
    | { readonly at: 'between' }
    | {
        readonly at: 'queued'
        readonly behind: string
        readonly due: Instant
        readonly was: 'waiting' | 'between'
        readonly begun: boolean
      }
    | { readonly at: 'assigned'; readonly stage: 'ordered' | 'staged' | 'granted'; readonly due: Instant | null }
    | { readonly at: 'backing-off'; readonly due: Instant; readonly back: boolean }
    | { readonly at: 'confirmed' }
    | { readonly at: 'withdrawn' }
    | { readonly at: 'overtaken' }
    | { readonly at: 'returned' }
    | { readonly at: 'failed'; readonly result: Failure; readonly code?: string }
    | { readonly at: 'returning'; readonly stage: 'ordered' | 'staged' | 'granted'; readonly due: Instant | null }
    | { readonly at: 'kept'; readonly why: string }
  )

export type Turn = Seat & TurnState
export type TurnAt = Turn['at']

export const TURN_STATES = [
  'waiting',
  'between',
  'queued',
  'assigned',
  'backing-off',
  'confirmed',
  'failed',
  'withdrawn',
  'overtaken',
  'returning',
  'returned',
  'kept',
] as const satisfies readonly TurnAt[]

/** The turn of a controller that has just come into a campaign. */
export function newTurn(seat: Seat, now: Instant): Turn {
  const { site, controller, region, wave, steps, watts, wattHours } = seat
  const of = { site, controller, region, wave, steps, watts, wattHours }
  return { ...of, at: 'waiting', begun: false, since: now, report: 0, attempt: 1, first: 1, step: 0 }
}

/** True while a controller is ordered something. */
export function isOrdered(turn: Turn): turn is Extract<Turn, { at: 'assigned' | 'returning' }> {
  return turn.at === 'assigned' || turn.at === 'returning'
}

/** True when a controller had an order of the campaign, so that news of it is no surprise. */
export function hasBegun(turn: Turn): boolean {
  return turn.at === 'waiting' || turn.at === 'queued' ? turn.begun : true
}

/** When a tick must look at a turn; null: it waits for something else than time. */
export const dueOf = (turn: Turn): Instant | null => ('due' in turn ? turn.due : null)

/** The step that a turn is at, and its place in the order at the site. */
export const stepOf = (turn: Pick<Turn, 'steps' | 'step'>): Step => turn.steps[turn.step] as Step

/** The index of the release that the campaign gave a controller last and that it runs; null: none of the campaign's. */
export function runs(turn: Turn): number | null {
  const reached = placeOf(turn)
  return reached === null ? null : (turn.steps[reached] as Step).release
}

/** The index of the last step that a controller has confirmed; null: it has confirmed none. */
function placeOf({ at, step, ...turn }: Turn): number | null {
  const passed = ['confirmed', 'between', 'returning', 'returned', 'kept'].includes(at)
  if (passed || ('was' in turn && turn.was === 'between')) return step
  return step > 0 ? step - 1 : null
}

/** What of a turn outlasts its state. */
export function lasting(turn: Turn): Seat & Common {
  const { site, controller, region, wave, steps, watts, wattHours, since, report, attempt, first, step, heard } = turn
  const seat = { site, controller, region, wave, steps, watts, wattHours }
  return { ...seat, since, report, attempt, first, step, ...(heard === undefined ? {} : { heard }) }
}

/**
 * Where a turn goes whose order was taken back, and which may have another one: it waits, or stands on the stepping stone
 * that it had reached.
 */
export function standing(turn: Turn, now: Instant): Turn {
  const kept = { ...lasting(turn), since: now }
  if (turn.at === 'queued')
    return { ...kept, ...(turn.was === 'between' ? between : { at: 'waiting', begun: turn.begun }) }
  return turn.step === 0
    ? { ...kept, at: 'waiting', begun: hasBegun(turn) }
    : { ...kept, at: 'between', step: turn.step - 1 }
}

const between = { at: 'between' } as const

// --- Stored form ---

const moment = then(whole(0, Number.MAX_SAFE_INTEGER), value => instant(value))
const nothing: Shape<null> = (value, at) => (value === null ? null : new Misfit(at, 'null', 'something else'))
const due = either(moment, nothing)
const stage = word('ordered', 'staged', 'granted')
const amount = whole(0, Number.MAX_SAFE_INTEGER)

const common = {
  region: line(64),
  wave: whole(0, 1024),
  steps: list(object({ release: whole(0, 1024), order: whole(0, 100_000) }), 1, MAX_STEPS),
  watts: amount,
  wattHours: amount,
  since: moment,
  report: amount,
  attempt: whole(1, 1000),
  first: whole(1, 1000),
  step: whole(0, MAX_STEPS - 1),
}
const maybe = {
  heard: object({
    wave: whole(0, 1024),
    updated: truth,
    figures: dictionary(figureName, object({ count: amount, at: moment, counted: truth }), MAX_FIGURES),
  }),
}
const plain = object({ at: word('between', 'confirmed', 'withdrawn', 'overtaken', 'returned'), ...common }, maybe)

const shapes: { readonly [At in TurnAt]: Shape<unknown> } = {
  waiting: object({ at: word('waiting'), begun: truth, ...common }, maybe),
  between: plain,
  queued: object(
    { at: word('queued'), behind: line(64), due: moment, was: word('waiting', 'between'), begun: truth, ...common },
    maybe,
  ),
  assigned: object({ at: word('assigned'), stage, due, ...common }, maybe),
  'backing-off': object({ at: word('backing-off'), due: moment, back: truth, ...common }, maybe),
  confirmed: plain,
  failed: object(
    { at: word('failed'), result: word('reverted', 'refused', 'timeout'), ...common },
    { code: line(100), ...maybe },
  ),
  withdrawn: plain,
  overtaken: plain,
  returning: object({ at: word('returning'), stage, due, ...common }, maybe),
  returned: plain,
  kept: object({ at: word('kept'), why: line(200), ...common }, maybe),
}

const knownAt = object({ v: exactly(1), at: word(...TURN_STATES) })

/** The turn as a text for the store; whose it is stands beside it. */
export function writeTurn({ site: _site, controller: _controller, ...rest }: Turn): string {
  return JSON.stringify(rest)
}

/** Reads what `writeTurn` wrote. Refuses `campaign-state-malformed`. */
export function readTurn(stored: string, { site, controller }: ControllerRef): Turn | Refusal {
  const subject = `the turn of ${site}/${controller}`
  let value: unknown
  try {
    value = JSON.parse(stored)
  } catch {
    return refuse('campaign-state-malformed', subject, 'a turn in JSON', 'text that is not JSON')
  }
  const at = (value as { at?: unknown } | null)?.at
  const known = knownAt({ v: 1, at }, '')
  const read = known instanceof Misfit ? known : shapes[known.at](value, '')
  if (read instanceof Misfit) {
    return refuse('campaign-state-malformed', subject, read.expected, `${read.actual} at ${read.at || 'the top'}`)
  }
  const turn = { site, controller, ...(read as object) } as Turn
  if (turn.step < turn.steps.length) return turn
  return refuse('campaign-state-malformed', subject, `a step below ${turn.steps.length}`, `${turn.step}`)
}
