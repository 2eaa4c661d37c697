import type { JsonObject } from '../encoding/canonical-json.ts'
import { dictionary, either, exactly, line, list, Misfit, object, then, truth, whole, word } from '../encoding/shape.ts'
import { type Instant, instant } from '../encoding/units.ts'
import type { ControllerRef } from '../fleet/inventory.ts'
import type { EntryKind } from '../ledger/entry-kinds.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { type Figures, figureName, MAX_FIGURES } from '../trust/figures.ts'
import type { Evidence } from './gate.ts'
import type { FleetBudget, FleetLoad } from './load.ts'
import type { RolloutPlan } from './rollout-plan.ts'
import { type Seat, TURN_STATES, type Turn, type TurnAt } from './turn.ts'

/**
 * Where a campaign stands. `wave` is an index into the plan's waves; `since` is when the state began.
 * - `running`: the wave's controllers are ordered, as far as budgets and other campaigns let; each confirms, fails or
 *   times out.
 * - `soaking`: all have; the gate is judged at `until`.
 * - `paused` by a person or by a gate that did not pass: nothing is ordered; `from` is what it goes back to.
 * - `halted` for good: by a person, by more failures than a wave or the campaign allows, or because the plan's time is over.
 * - `rolling-back`: what it confirmed is undone, the last first.
 * - `done`: the last wave passed; `undone`: everything that can go back has gone back.
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
      readonly from: 'running' | 'soaking' | 'rolling-back'
      /** When the soak ends, if it was soaking. Time goes on while paused: the controllers go on running. */
      readonly until: Instant
      /** A retry is under way, and so many controllers have had theirs. */
      readonly retrying?: number
      /** Why it was rolling back. */
      readonly undoes?: string
    }
  | {
      readonly at: 'halted'
      /** The wave that was open; null when none had been opened. */
      readonly wave: number | null
      readonly since: Instant
      readonly by: 'person' | 'failures' | 'deadline'
      readonly reason: string
    }
  | { readonly at: 'rolling-back'; readonly wave: number; readonly since: Instant; readonly reason: string }
  | { readonly at: 'done'; readonly since: Instant; readonly undone: boolean }

/** Characters of a reason; a longer one is cut. */
export const MAX_REASON = 500

/** How many controllers of a wave, or of the whole plan, stand where. */
export type Tally = { readonly total: number } & { readonly [At in TurnAt]: number }

/** What was heard of health, by figure, since a wave opened. */
export type HeardOfWave = {
  readonly wave: number
  readonly since: Instant
  readonly figures: Readonly<Record<string, Evidence>>
}

/** A state that the campaign came to, and when. `wave`: null where the state is of none. */
export type Passage = {
  readonly at: Exclude<RolloutState['at'], 'created'>
  readonly wave: number | null
  readonly since: Instant
}

/** Passages that a rollout remembers: two for each wave, and room for pauses. Of more, the oldest are forgotten. */
export const MAX_COURSE = 256

/**
 * A campaign's rollout but for its turns, which are rows of their own: plain data, and as large as the plan has waves.
 * `course`: the states that it came through, in their order, for those who look at it: nothing is decided by it. Of one that an
 * older server wrote it begins where this one took over. `heard`: what its gates know of health. `priority`: the one that it
 * last went by.
 */
export type Rollout = {
  readonly campaign: string
  readonly state: RolloutState
  readonly course: readonly Passage[]
  readonly waves: readonly Tally[]
  readonly heard: HeardOfWave | null
  readonly priority: number
}

/**
 * What the world tells the rollout. One `now` per event, and nothing else of the clock.
 * - `outcome`: from a controller's accepted signed report with sequence `report`; `again`: the fault was a passing one (its
 *   code says retry). `overtaken`: it runs something newer than it would get. `further`: what it confirms is the step behind
 *   the stepping stone that it stands on: its order had been taken back, and it finished what it had begun.
 * - `heard`: what else a report, or the site's gateway, tells of a controller: `reportedAt` by its own clock.
 * - `tick`: time passes. `listeningSince`: when the server that ticks began to listen: silence counts from then on.
 * - `join`: controllers that came to match the plan's selection.
 * - `roll-back`; `partly`: also when some controllers have no way back.
 */
export type RolloutEvent =
  | { readonly kind: 'approve'; readonly now: Instant }
  | { readonly kind: 'start'; readonly now: Instant }
  | ({
      readonly kind: 'outcome'
      readonly now: Instant
      readonly report: number
      readonly result: 'confirmed' | 'reverted' | 'refused' | 'overtaken'
      readonly code?: string
      readonly again?: boolean
      readonly further?: boolean
    } & ControllerRef)
  | ({
      readonly kind: 'heard'
      readonly now: Instant
      readonly reportedAt: Instant
      readonly stage?: 'staged' | 'granted'
      readonly figures?: Figures
    } & ControllerRef)
  | { readonly kind: 'tick'; readonly now: Instant; readonly listeningSince?: Instant }
  | { readonly kind: 'join'; readonly now: Instant; readonly seats: readonly Seat[] }
  | { readonly kind: 'pause'; readonly now: Instant; readonly reason: string }
  | { readonly kind: 'resume'; readonly now: Instant }
  | { readonly kind: 'retry'; readonly now: Instant }
  | { readonly kind: 'halt'; readonly now: Instant; readonly reason: string }
  | { readonly kind: 'roll-back'; readonly now: Instant; readonly reason: string; readonly partly: boolean }

export type EventKind = RolloutEvent['kind']

/**
 * Which turns a decision is to be shown: some by name, those that are due by an instant, and for each of some states the
 * next ones of a wave, region by region. Never more than `LOOK` of a kind, so that no decision grows with its campaign.
 */
export type Look = {
  readonly named: readonly ControllerRef[]
  readonly due: Instant | null
  readonly next: readonly Next[]
}

/** `wave`: null: of any. `last`: those of the highest place in the order first. */
export type Next = { readonly at: TurnAt; readonly wave: number | null; readonly last: boolean }

/** Turns of a kind that one decision looks at: what a tick of a second can order, and sign for. */
export const LOOK = 1000

/** What is known of a site, of the turns of one campaign there. */
export type SiteStanding = {
  /** When one of its controllers last came through, by its own word. */
  readonly moved: Instant
  /** A controller that did not go back, so that nothing that it depends on may. */
  readonly kept: string | null
  /** The turns that are on their way back. */
  readonly returning: readonly Pick<Turn, 'wave' | 'steps' | 'step'>[]
}

/**
 * What a decision is shown beside the plan and the head.
 * - `turns`: what the look asked for by name. `due`, `next`: in the order in which they are to be taken.
 * - `sites`: the standing of each site of a due turn or a next one.
 * - `rivals`: the campaign that keeps a controller from this one, by `refKey` (see rival.ts).
 * - `held`: controllers for which this campaign has an order out, or one that may still be carried out.
 * - `staged`: due controllers that hold the verified image of their order, by the last report that they signed.
 * - `gone`: due controllers that cannot be ordered anything (taken out of their site, no wrap to be had), and why.
 * - `load`: what all campaigns have out; `limits`: the budgets of the others that have something out.
 */
export type Seen = {
  readonly turns: ReadonlyMap<string, Turn>
  readonly due: readonly Turn[]
  readonly next: readonly Turn[]
  readonly sites: ReadonlyMap<string, SiteStanding>
  readonly rivals: ReadonlyMap<string, string>
  readonly held: ReadonlySet<string>
  readonly staged: ReadonlySet<string>
  readonly gone: ReadonlyMap<string, string>
  readonly load: FleetLoad
  readonly limits: readonly FleetBudget[]
}

/**
 * What the flow does in the transaction that makes `next` durable. `assign` and `withdraw` are hints of what changed: the
 * truth is in the turns, so doing them twice, or after a crash, is harmless. `note` is an audit entry to write.
 */
export type RolloutEffect =
  | { readonly do: 'assign'; readonly turns: readonly Turn[] }
  | { readonly do: 'withdraw'; readonly controllers: readonly ControllerRef[] }
  | { readonly do: 'note'; readonly kind: EntryKind; readonly of?: ControllerRef; readonly detail: JsonObject }

/** The head that follows, the turns that changed, and what is to be done. `more`: a tick at once would go on. */
export type Decision = {
  readonly next: Rollout
  readonly turns: readonly Turn[]
  readonly effects: readonly RolloutEffect[]
  readonly more: boolean
}

const ZEROS = Object.fromEntries(TURN_STATES.map(at => [at, 0])) as { [At in TurnAt]: number }

/** The rollout of a new plan: every controller waits. */
export function createRollout(plan: RolloutPlan): Rollout {
  const waves = plan.waves.map(({ controllers }) => ({ ...ZEROS, total: controllers, waiting: controllers }))
  return { campaign: plan.id, state: { at: 'created' }, course: [], waves, heard: null, priority: plan.priority }
}

/** The course with a state behind it. A state that goes on (another wave of tries in the same pause) is no new passage. */
export function passOn(course: readonly Passage[], state: RolloutState): readonly Passage[] {
  if (state.at === 'created') return course
  const wave = 'wave' in state ? state.wave : null
  const last = course.at(-1)
  if (last?.at === state.at && last.wave === wave && last.since === state.since) return course
  return [...course, { at: state.at, wave, since: state.since }].slice(-MAX_COURSE)
}

/** What people call where a campaign stands: `rolled-back` for one that is done since everything that can go back has gone back. */
export const stateName = (state: RolloutState): RolloutState['at'] | 'rolled-back' =>
  state.at === 'done' && state.undone ? 'rolled-back' : state.at

/** The wave that is open, from 1; of one that is over the furthest that it came to; 0 before the first. */
export function waveNumber({ state, course }: Pick<Rollout, 'state' | 'course'>, waves: number): number {
  if ('wave' in state) return state.wave === null ? 0 : state.wave + 1
  if (state.at !== 'done') return 0
  return state.undone ? Math.max(0, ...course.map(({ wave }) => (wave ?? -1) + 1)) : waves
}

/** True while the campaign may still order something. */
export function isOpen({ state }: Rollout): boolean {
  return state.at !== 'halted' && state.at !== 'done'
}

/** True when a campaign in this state lets its ordered turns be carried out: what its site's metadata says. */
export function lets({ state }: Rollout, turn: Turn): boolean {
  return (state.at === 'running' && turn.at === 'assigned') || (state.at === 'rolling-back' && turn.at === 'returning')
}

/** Controllers that run what the campaign gave them: those that a roll-back is about. */
export function updated(rollout: Rollout): number {
  const { confirmed, between } = tally(rollout)
  return confirmed + between
}

/** True while turns of a campaign that rolls back still have to be told that they are not to go on. */
export function leadsForward(rollout: Rollout): boolean {
  const { assigned, queued } = tally(rollout)
  return assigned + queued > 0
}

/** The tally of a wave, or of all of them. */
export function tally(rollout: Rollout, wave?: number): Tally {
  if (wave !== undefined) return rollout.waves[wave] ?? { ...ZEROS, total: 0 }
  const all = { ...ZEROS, total: 0 }
  for (const one of rollout.waves) {
    for (const name of Object.keys(all) as (keyof Tally)[]) all[name] += one[name]
  }
  return all
}

/** Controllers of a wave that have not ended: they wait, or are under way. */
export const unsettled = (count: Tally): number =>
  count.waiting + count.between + count.queued + count.assigned + count['backing-off']

// --- Stored form ---

const moment = then(whole(0, Number.MAX_SAFE_INTEGER), value => instant(value))
const wave = whole(0, 1024)
const count = whole(0, 10_000_000)
const reason = line(MAX_REASON, 0)

const stateShape = either(
  either(
    either(object({ at: word('created') }), object({ at: word('approved'), since: moment })),
    either(
      object({ at: word('running'), wave, since: moment }),
      object({ at: word('soaking'), wave, since: moment, until: moment }),
    ),
  ),
  either(
    either(
      object(
        {
          at: word('paused'),
          wave,
          since: moment,
          by: word('person', 'gate'),
          reason,
          from: word('running', 'soaking', 'rolling-back'),
          until: moment,
        },
        { retrying: count, undoes: reason },
      ),
      object({
        at: word('halted'),
        wave: either(wave, (value, at) => (value === null ? null : new Misfit(at, 'null', 'something else'))),
        since: moment,
        by: word('person', 'failures', 'deadline'),
        reason,
      }),
    ),
    either(
      object({ at: word('rolling-back'), wave, since: moment, reason }),
      object({ at: word('done'), since: moment, undone: truth }),
    ),
  ),
)

const amount = whole(0, Number.MAX_SAFE_INTEGER)
const passage = object({
  at: word('approved', 'running', 'soaking', 'paused', 'halted', 'rolling-back', 'done'),
  wave: either(wave, (value, at) => (value === null ? null : new Misfit(at, 'null', 'something else'))),
  since: moment,
})
const heard = object({ controllers: count, rose: amount, millis: amount })
const tallyShape = object({ total: count, ...mapped(count) })

const rolloutShape = object(
  {
    v: exactly(2),
    campaign: line(64),
    state: stateShape,
    waves: list(tallyShape, 1, 1024),
    priority: whole(0, 100),
  },
  {
    course: list(passage, 0, MAX_COURSE),
    heard: object({
      wave,
      since: moment,
      figures: dictionary(figureName, object({ treated: heard, control: heard }), MAX_FIGURES),
    }),
  },
)

function mapped<T>(shape: T): { readonly [At in TurnAt]: T } {
  return Object.fromEntries(TURN_STATES.map(at => [at, shape])) as { [At in TurnAt]: T }
}

/** The head as a text for the store's `state` column. */
export function writeRollout({ heard: of, ...rest }: Rollout): string {
  return JSON.stringify({ v: 2, ...rest, ...(of === null ? {} : { heard: of }) })
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
  const { campaign, state, waves, priority } = read
  return {
    campaign,
    state: state as RolloutState,
    waves: waves as readonly Tally[],
    priority,
    course: read.course ?? [],
    heard: read.heard ?? null,
  }
}
