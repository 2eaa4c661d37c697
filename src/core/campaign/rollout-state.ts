import type { JsonObject } from '../encoding/canonical-json.ts'
import { dictionary, either, exactly, line, Misfit, object, text, then, whole, word } from '../encoding/shape.ts'
import { type Instant, instant } from '../encoding/units.ts'
import { type ControllerRef, refKey } from '../fleet/inventory.ts'
import type { EntryKind } from '../ledger/entry-kinds.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { type Plan, type PlannedController, turnsOfWave } from './turns.ts'

/**
 * Where a campaign stands. `wave` is an index into the plan's waves; `since` is when the state began.
 * - `running`: the wave's controllers are assigned; each confirms, fails or times out.
 * - `soaking`: all have; the gate is judged at `until`.
 * - `paused` by a person or by a gate that did not pass: nothing is assigned; `from` is what it goes back to.
 * - `halted` for good: by a person, by more failures than the wave allows, or because the plan's time is over.
 */
export type RolloutState =
  | { readonly at: 'created' }
  | { readonly at: 'approved'; readonly since: Instant }
  | { readonly at: 'running'; readonly wave: number; readonly since: Instant }
  | { readonly at: 'soaking'; readonly wave: number; readonly since: Instant; readonly until: Instant }
  | {
      readonly at: 'paused'
      readonly wave: number
      readonly since: Instant
      readonly by: 'person' | 'gate'
      readonly reason: string
      readonly from: 'running' | 'soaking'
      /** When the soak ends, if it was soaking. Time goes on while paused: the controllers go on running. */
      readonly until: Instant
    }
  | {
      readonly at: 'halted'
      /** The wave that was open; null when none had been opened. */
      readonly wave: number | null
      readonly since: Instant
      readonly by: 'person' | 'failures' | 'deadline'
      readonly reason: string
    }
  | { readonly at: 'done'; readonly since: Instant }

/** Characters of a reason; a longer one is cut. */
export const MAX_REASON = 500

/** Why a controller counts as failed. */
export type Failure = 'reverted' | 'refused' | 'timeout'

/**
 * One controller's turn. A controller without one waits for its wave. `report` is the sequence of the last signed report
 * that was counted (0 for none), so that a report that comes twice counts once. `attempt` counts from 1.
 */
export type Turn =
  | { readonly at: 'assigned'; readonly since: Instant; readonly report: number; readonly attempt: number }
  | { readonly at: 'confirmed'; readonly since: Instant; readonly report: number }
  | {
      readonly at: 'failed'
      readonly since: Instant
      readonly report: number
      readonly result: Failure
      readonly code?: string
    }
  | { readonly at: 'withdrawn'; readonly since: Instant; readonly report: number }

/** The whole state of a campaign's rollout: plain data. `turns` by `refKey`, for the waves opened so far. */
export type Rollout = {
  readonly campaign: string
  readonly state: RolloutState
  readonly turns: Readonly<Record<string, Turn>>
}

/**
 * What the world tells the rollout. One `now` per event, and nothing else of the clock. `outcome` is from a controller's
 * accepted signed report with sequence `report`; `again` says that the fault was a passing one (its code says retry).
 * `listeningSince` is when the server that ticks began to listen: silence counts from then on.
 */
export type RolloutEvent =
  | { readonly kind: 'approve'; readonly now: Instant }
  | { readonly kind: 'start'; readonly now: Instant }
  | ({
      readonly kind: 'outcome'
      readonly now: Instant
      readonly report: number
      readonly result: 'confirmed' | 'reverted' | 'refused'
      readonly code?: string
      readonly again?: boolean
    } & ControllerRef)
  | { readonly kind: 'tick'; readonly now: Instant; readonly listeningSince?: Instant }
  | { readonly kind: 'pause'; readonly now: Instant; readonly reason: string }
  | { readonly kind: 'resume'; readonly now: Instant }
  | { readonly kind: 'retry'; readonly now: Instant }
  | { readonly kind: 'halt'; readonly now: Instant; readonly reason: string }
  | { readonly kind: 'roll-back'; readonly now: Instant }

/**
 * What the flow does after it has persisted `next`, or in the same transaction. `assign` and `withdraw` are hints of
 * what changed: the truth is `assignmentsOf(plan, next)`, so doing them twice, or after a crash, is harmless. `note` is
 * an audit entry to write.
 */
export type RolloutEffect =
  | { readonly do: 'assign'; readonly wave: number; readonly controllers: readonly PlannedController[] }
  | { readonly do: 'withdraw'; readonly controllers: readonly ControllerRef[] }
  | { readonly do: 'note'; readonly kind: EntryKind; readonly of?: ControllerRef; readonly detail: JsonObject }

export type Decision = { readonly next: Rollout; readonly effects: readonly RolloutEffect[] }

/** The rollout of a new plan. */
export function createRollout(plan: Pick<Plan, 'id'>): Rollout {
  return { campaign: plan.id, state: { at: 'created' }, turns: {} }
}

/** The turn of a controller, or null while it waits. */
export function turnOf(rollout: Rollout, ref: ControllerRef): Turn | null {
  const key = refKey(ref)
  return Object.hasOwn(rollout.turns, key) ? (rollout.turns[key] as Turn) : null
}

/**
 * The controllers that may be updated now, with their releases: what the director's metadata is made of. Empty unless a
 * wave is running; never more than that wave.
 */
export function assignmentsOf(plan: Plan, rollout: Rollout): readonly PlannedController[] {
  if (rollout.state.at !== 'running') return []
  return turnsOfWave(plan, rollout.state.wave).filter(planned => turnOf(rollout, planned)?.at === 'assigned')
}

/** True while the campaign holds its controllers, so that no other campaign may take them. */
export function isOpen(rollout: Rollout): boolean {
  return rollout.state.at !== 'halted' && rollout.state.at !== 'done'
}

/** How many controllers of a wave, or of the whole plan, stand where. */
export type Tally = {
  readonly total: number
  readonly waiting: number
  readonly assigned: number
  readonly confirmed: number
  readonly failed: number
  readonly withdrawn: number
}

export function tally(plan: Plan, rollout: Rollout, wave?: number): Tally {
  const count = { total: 0, waiting: 0, assigned: 0, confirmed: 0, failed: 0, withdrawn: 0 }
  for (const index of plan.waves.keys()) {
    if (wave !== undefined && wave !== index) continue
    for (const planned of turnsOfWave(plan, index)) {
      count.total += 1
      count[turnOf(rollout, planned)?.at ?? 'waiting'] += 1
    }
  }
  return count
}

// --- Stored form ---

const moment = then(whole(0, Number.MAX_SAFE_INTEGER), value => instant(value))
const wave = whole(0, 1024)
const report = whole(0, Number.MAX_SAFE_INTEGER)
const reason = line(MAX_REASON, 0)

const stateShape = either(
  either(
    either(object({ at: word('created') }), object({ at: word('approved', 'done'), since: moment })),
    either(
      object({ at: word('running'), wave, since: moment }),
      object({ at: word('soaking'), wave, since: moment, until: moment }),
    ),
  ),
  either(
    object({
      at: word('paused'),
      wave,
      since: moment,
      by: word('person', 'gate'),
      reason,
      from: word('running', 'soaking'),
      until: moment,
    }),
    object({
      at: word('halted'),
      wave: either(wave, (value, at) => (value === null ? null : new Misfit(at, 'null', 'something else'))),
      since: moment,
      by: word('person', 'failures', 'deadline'),
      reason,
    }),
  ),
)

const turnShape = either(
  either(
    object({ at: word('assigned'), since: moment, report, attempt: whole(1, 100) }),
    object({ at: word('confirmed', 'withdrawn'), since: moment, report }),
  ),
  object(
    { at: word('failed'), since: moment, report, result: word('reverted', 'refused', 'timeout') },
    { code: line(100) },
  ),
)

const rolloutShape = object({
  v: exactly(1),
  campaign: line(64),
  state: stateShape,
  turns: dictionary(text('SITE/CONTROLLER', /^[^/\s]+\/[^/\s]+$/), turnShape, 100_000),
})

/** The rollout as a text for the store's `state` column. */
export function writeRollout(rollout: Rollout): string {
  return JSON.stringify({ v: 1, ...rollout })
}

/** Reads what `writeRollout` wrote. Refuses `campaign-state-malformed`. */
export function readRollout(stored: string, subject: string): Rollout | Refusal {
  let value: unknown
  try {
    value = JSON.parse(stored)
  } catch {
    return refuse('campaign-state-malformed', subject, 'a rollout in JSON', 'text that is not JSON')
  }
  const read = rolloutShape(value, '')
  if (read instanceof Misfit) {
    return refuse('campaign-state-malformed', subject, read.expected, `${read.actual} at ${read.at || 'the top'}`)
  }
  return { campaign: read.campaign, state: read.state as RolloutState, turns: read.turns as Rollout['turns'] }
}
