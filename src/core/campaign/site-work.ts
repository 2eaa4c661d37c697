import type { Instant, Millis } from '../encoding/units.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'

/**
 * What one controller of a site is busy with, as its gateway sees it. An assignment comes from the director's verified
 * metadata; the controller stages it while the plant runs, and restarts when the site grants its turn.
 *
 * `granted`: it may restart, and may begin until `latest`; the conditions that its turn was given under are not believed
 * for longer. `leaving`: its turn was granted, and then its assignment (`left`) was taken back or replaced (`next`). In both
 * it may be restarting, on trial, or dark: it counts against every budget until it shows itself that it is through.
 */
export type SiteWork =
  | { readonly at: 'idle' }
  | { readonly at: 'staging'; readonly assignment: string }
  | { readonly at: 'staged'; readonly assignment: string; readonly since: Instant }
  | { readonly at: 'granted'; readonly assignment: string; readonly since: Instant; readonly latest: Instant }
  | { readonly at: 'leaving'; readonly left: string; readonly since: Instant; readonly next: string | null }
  | { readonly at: 'done'; readonly assignment: string; readonly result: WorkResult }

export type WorkResult = 'confirmed' | 'reverted' | 'refused'

export type SiteEvent =
  | { readonly kind: 'assigned'; readonly assignment: string }
  | { readonly kind: 'withdrawn' }
  | { readonly kind: 'staged'; readonly assignment: string; readonly at: Instant }
  | { readonly kind: 'grant'; readonly at: Instant; readonly latest: Instant }
  | { readonly kind: 'lapsed'; readonly at: Instant }
  | { readonly kind: 'lost'; readonly assignment: string }
  | { readonly kind: 'through' }
  | { readonly kind: 'ended'; readonly assignment: string; readonly result: WorkResult }

type Cell<S extends SiteWork['at'], E extends SiteEvent['kind']> = (
  state: Extract<SiteWork, { at: S }>,
  event: Extract<SiteEvent, { kind: E }>,
) => SiteWork | Refusal

type Table = { readonly [S in SiteWork['at']]: { readonly [E in SiteEvent['kind']]: Cell<S, E> } }

/** A state that is about an assignment of its own. */
type Bound = Extract<SiteWork, { assignment: string }>

const stay = <S extends SiteWork>(state: S): S => state
const begin = (_: SiteWork, event: { assignment: string }): SiteWork => ({
  at: 'staging',
  assignment: event.assignment,
})
/** The same assignment again changes nothing; another one takes its place. */
const replace = (state: Bound, event: { assignment: string }): SiteWork =>
  state.assignment === event.assignment ? state : begin(state, event)
/** The staged image is gone (it was damaged in flash): it is staged again, and waits for another turn. */
const again = (state: Bound, event: { assignment: string }): SiteWork =>
  state.assignment === event.assignment ? begin(state, event) : state
const idle = (): SiteWork => ({ at: 'idle' })
type Granted = Extract<SiteWork, { at: 'granted' }>
type Leaving = Extract<SiteWork, { at: 'leaving' }>
const leave = ({ assignment: left, since }: Granted): SiteWork => ({ at: 'leaving', left, since, next: null })
const leaveFor = (state: Granted, { assignment }: { assignment: string }): SiteWork =>
  state.assignment === assignment
    ? state
    : { at: 'leaving', left: state.assignment, since: state.since, next: assignment }
const through = ({ next }: Leaving): SiteWork => (next === null ? idle() : { at: 'staging', assignment: next })
const noTurn = (state: SiteWork): Refusal =>
  refuse('work-not-staged', 'the turn to restart', 'a controller with a staged image', `one that is ${state.at}`)
/** A report about an assignment that is no longer this controller's is history: it is recorded, and changes nothing. */
const end = (state: Bound, event: Extract<SiteEvent, { kind: 'ended' }>): SiteWork =>
  state.assignment === event.assignment ? { at: 'done', assignment: event.assignment, result: event.result } : state

/** Every state against every event; `stay` where nothing changes. */
export const siteWorkTable: Table = {
  idle: {
    assigned: begin,
    withdrawn: stay,
    staged: stay,
    grant: noTurn,
    lapsed: stay,
    lost: stay,
    through: stay,
    ended: stay,
  },
  staging: {
    assigned: replace,
    withdrawn: idle,
    staged: (state, event) =>
      state.assignment === event.assignment ? { at: 'staged', assignment: state.assignment, since: event.at } : state,
    grant: noTurn,
    lapsed: stay,
    lost: stay,
    through: stay,
    ended: end,
  },
  staged: {
    assigned: replace,
    withdrawn: idle,
    staged: stay,
    grant: ({ assignment }, { at, latest }) => ({ at: 'granted', assignment, since: at, latest }),
    lapsed: stay,
    lost: again,
    through: stay,
    ended: end,
  },
  granted: {
    assigned: leaveFor,
    withdrawn: leave,
    staged: stay,
    grant: stay,
    // It asked after its turn was over: it has not restarted, and waits for another.
    lapsed: ({ assignment }, { at }) => ({ at: 'staged', assignment, since: at }),
    lost: again,
    through: stay,
    ended: end,
  },
  leaving: {
    assigned: (state, { assignment }) => ({ ...state, next: assignment }),
    withdrawn: state => ({ ...state, next: null }),
    staged: stay,
    grant: noTurn,
    lapsed: stay,
    lost: stay,
    through,
    ended: stay,
  },
  done: {
    assigned: replace,
    withdrawn: idle,
    staged: stay,
    grant: noTurn,
    lapsed: stay,
    lost: stay,
    through: stay,
    ended: stay,
  },
}

/** The next state of a controller's work. Refuses `work-not-staged`: a turn for a controller that has nothing staged. */
export function decideSiteWork(state: SiteWork, event: SiteEvent): SiteWork | Refusal {
  const cell = siteWorkTable[state.at][event.kind] as (state: SiteWork, event: SiteEvent) => SiteWork | Refusal
  return cell(state, event)
}

/**
 * True while a controller whose order was taken back in its turn may be restarting still: it has not said that it is
 * through, and by one of the times that the clock may have (`times`), the timeout of its campaign's plan since the turn is not over. One
 * that did not come back in that time has failed, and counts as a controller that is broken: people see to it. A plan that
 * is not known (`timeouts`, by campaign) has no timeout that could be over.
 */
export function mayStillBeOut(
  work: SiteWork,
  timeouts: ReadonlyMap<string, Millis>,
  times: readonly Instant[],
): boolean {
  if (work.at !== 'leaving') return false
  const timeout = timeouts.get(campaignOf(work) ?? '')
  return timeout === undefined || times.some(time => time < work.since + timeout)
}

/** The campaign that a controller's work belongs to, from its assignment's name; null: it has none. */
export const campaignOf = (state: SiteWork): string | null => nameOf(state)?.[0] ?? null

/** How the SHA-256 (hex) of the envelope begins that a controller's work is about; empty: about none. */
export const releaseOf = (state: SiteWork): string => nameOf(state)?.[1] ?? ''

/** A try that failed: an assignment of a campaign that a controller did not confirm. */
export type FailedTry = { readonly campaign: string; readonly controller: string; readonly assignment: string }

/** An assignment's name in its parts: `CAMPAIGN/DIGEST/ATTEMPT` (core/trust/mapping.ts). */
function nameOf(state: SiteWork): readonly string[] | null {
  if (state.at === 'idle') return null
  return (state.at === 'leaving' ? state.left : state.assignment).split('/')
}
