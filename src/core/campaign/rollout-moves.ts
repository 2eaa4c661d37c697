import type { JsonObject } from '../encoding/canonical-json.ts'
import { plainText } from '../encoding/plain-text.ts'
import { after, between, type Instant, instant } from '../encoding/units.ts'
import { type ControllerRef, refKey } from '../fleet/inventory.ts'
import type { EntryKind } from '../ledger/entry-kinds.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import type { Wave } from './plan.ts'
import {
  type Decision,
  type Failure,
  MAX_REASON,
  type Rollout,
  type RolloutEffect,
  type RolloutEvent,
  type RolloutState,
  type Turn,
  tally,
  turnOf,
} from './rollout-state.ts'
import { type Plan, type PlannedController, turnsOf, turnsOfWave } from './turns.ts'

/** The moves that the rollout's table is made of. Each is a pure step; the table says when it is made. */

export type In<S extends RolloutState['at']> = Rollout & { readonly state: Extract<RolloutState, { at: S }> }
export type Of<E extends RolloutEvent['kind']> = Extract<RolloutEvent, { kind: E }>

/** Nothing changes: the same rollout, nothing to do. */
export function stay(rollout: Rollout): Decision {
  return { next: rollout, effects: [] }
}

/** Opens a wave: each of its controllers gets its first attempt. At the plan's end it halts instead. */
export function openWave(plan: Plan, rollout: Rollout, wave: number, now: Instant): Decision {
  if (now >= plan.notAfter) return halt(plan, rollout, 'deadline', 'the time that the plan allows is over', now)
  const { name } = waveAt(plan, wave)
  const controllers = turnsOfWave(plan, wave).map(plain)
  const turns = withTurns(rollout, controllers, previous => ({
    at: 'assigned',
    since: now,
    report: previous?.report ?? 0,
    attempt: 1,
  }))
  const next: Rollout = { ...rollout, turns, state: { at: 'running', wave, since: now } }
  const opened = note('wave-opened', { wave, name, controllers: controllers.length })
  return { next, effects: [opened, { do: 'assign', wave, controllers }] }
}

/** Ends the campaign for good and takes back every assignment. */
export function halt(
  plan: Plan,
  rollout: Rollout,
  by: 'person' | 'failures' | 'deadline',
  why: string,
  now: Instant,
): Decision {
  const reason = plainText(why, MAX_REASON)
  const wave = 'wave' in rollout.state ? rollout.state.wave : null
  const open = wave === null ? [] : unsettled(plan, rollout, wave)
  const turns = withTurns(rollout, open, previous => ({ at: 'withdrawn', since: now, report: previous?.report ?? 0 }))
  const next: Rollout = { ...rollout, turns, state: { at: 'halted', wave, since: now, by, reason } }
  return { next, effects: [...withdraw(open), note('campaign-halted', { by, reason })] }
}

/** Stops assigning. What a controller has begun it may finish: its report still counts. */
export function pause(
  plan: Plan,
  rollout: In<'running' | 'soaking'>,
  by: 'person' | 'gate',
  why: string,
  now: Instant,
): Decision {
  const { state } = rollout
  const reason = plainText(why, MAX_REASON)
  const until = state.at === 'soaking' ? state.until : now
  const paused: RolloutState = { at: 'paused', wave: state.wave, since: now, by, reason, from: state.at, until }
  const effects = [...withdraw(unsettled(plan, rollout, state.wave)), note('campaign-paused', { by, reason })]
  return { next: { ...rollout, state: paused }, effects }
}

/** Goes on after a pause. A gate that did not pass stays closed until late or retried controllers have opened it. */
export function resume(plan: Plan, rollout: In<'paused'>, now: Instant): Decision | Refusal {
  if (now >= plan.notAfter) return expired(plan, now)
  const { wave, from, until, by } = rollout.state
  if (by === 'gate' && !gatePasses(plan, rollout, wave)) {
    const { confirmed, total } = tally(plan, rollout, wave)
    const { minSuccessPercent } = waveAt(plan, wave).gate
    const actual = `${confirmed} of ${total} in wave ${waveAt(plan, wave).name}`
    return refuse('campaign-gate-closed', plan.id, `${minSuccessPercent} percent confirmed`, actual)
  }
  const resumed = note('campaign-resumed', { wave })
  if (from === 'soaking') {
    const state: RolloutState = { at: 'soaking', wave, since: now, until }
    return { next: { ...rollout, state }, effects: [resumed] }
  }
  return follow({ next: rollout, effects: [resumed] }, paused =>
    reassign(plan, paused, unsettled(plan, paused, wave), wave, now),
  )
}

/** Gives the failed controllers of the paused wave, and those that had not finished, a fresh turn. */
export function retry(plan: Plan, rollout: In<'paused'>, now: Instant): Decision | Refusal {
  if (now >= plan.notAfter) return expired(plan, now)
  const { wave } = rollout.state
  const failed = turnsOfWave(plan, wave).filter(planned => turnOf(rollout, planned)?.at === 'failed')
  if (failed.length === 0) return refuse('campaign-nothing-to-retry', plan.id, 'a failed controller', 'none')
  const retried = note('campaign-retried', { wave, controllers: failed.map(refKey) })
  const again = [...failed, ...unsettled(plan, rollout, wave)]
  return follow({ next: rollout, effects: [retried] }, paused => reassign(plan, paused, again, wave, now))
}

function reassign(
  plan: Plan,
  rollout: Rollout,
  controllers: readonly PlannedController[],
  wave: number,
  now: Instant,
): Decision {
  const turns = withTurns(rollout, controllers, previous => {
    const attempt = previous?.at === 'assigned' ? previous.attempt : 1
    return { at: 'assigned', since: now, report: previous?.report ?? 0, attempt }
  })
  const next: Rollout = { ...rollout, turns, state: { at: 'running', wave, since: now } }
  const effects: RolloutEffect[] = controllers.length > 0 ? [{ do: 'assign', wave, controllers }] : []
  return follow({ next, effects }, running => settle(plan, running, wave, now))
}

/** Counts what a controller's report says. A report that was counted, or an older one, changes nothing. */
export function record(plan: Plan, rollout: Rollout, event: Of<'outcome'>): Decision | Refusal {
  const key = refKey(event)
  const planned = turnsOf(plan).get(key)
  if (planned === undefined) return refuse('campaign-controller-foreign', key, `a controller of ${plan.id}`, 'another')
  const turn = turnOf(rollout, event)
  if (turn === null) {
    const expected = `no outcome before wave ${waveAt(plan, planned.wave).name} opens`
    return refuse('campaign-outcome-unexpected', key, expected, event.result)
  }
  if (event.report <= turn.report) return stay(rollout)
  const counted = count(plan, rollout, planned, turn, event)
  return follow(counted, next => settle(plan, next, planned.wave, event.now))
}

function count(
  plan: Plan,
  rollout: Rollout,
  planned: PlannedController & { readonly wave: number },
  turn: Turn,
  event: Of<'outcome'>,
): Decision {
  const { now, report, result } = event
  const put = (next: Turn): Rollout => ({ ...rollout, turns: { ...rollout.turns, [refKey(event)]: next } })
  if (result === 'confirmed') {
    if (turn.at === 'confirmed') return stay(put({ ...turn, report }))
    const kind = turn.at === 'failed' ? 'controller-recovered' : 'controller-confirmed'
    return { next: put({ at: 'confirmed', since: now, report }), effects: [note(kind, { report }, event)] }
  }
  // A controller that runs the release refuses to be given it once more; and one that was told to stop may say no. That
  // is not a fault of the release.
  const harmless = result === 'refused' && (turn.at === 'confirmed' || turn.at === 'withdrawn')
  if (harmless) return stay(put({ ...turn, report }))
  const code: { readonly code?: string } = event.code === undefined ? {} : { code: plainText(event.code, 100) }
  const passing = event.again === true && now < plan.notAfter
  if (turn.at === 'assigned' && passing && turn.attempt <= plan.retry.retries) {
    const retried: Turn = { at: 'assigned', since: now, report, attempt: turn.attempt + 1 }
    const effects: RolloutEffect[] = [
      note('controller-retried', { result, attempt: turn.attempt + 1, ...code } as JsonObject, event),
    ]
    if (rollout.state.at === 'running')
      effects.push({ do: 'assign', wave: planned.wave, controllers: [plain(planned)] })
    return { next: put(retried), effects }
  }
  const failed: Turn = { at: 'failed', since: now, report, result, ...code }
  if (turn.at === 'failed') return stay(put({ ...failed, since: turn.since }))
  const kind = turn.at === 'confirmed' ? 'controller-regressed' : 'controller-failed'
  return {
    next: put(failed),
    effects: [...withdraw([event]), note(kind, { result, report, ...code } as JsonObject, event)],
  }
}

/**
 * Time passes in a running wave: controllers that did not come back get another attempt, or have failed. While nobody
 * listened, nobody was late. A controller that waits for others of its site to restart is not late either: its time
 * begins again with each of them that comes through, so a site may have more controllers than fit into one timeout.
 */
export function expire(plan: Plan, rollout: In<'running'>, { now, listeningSince }: Of<'tick'>): Decision {
  if (now >= plan.notAfter) return halt(plan, rollout, 'deadline', 'the time that the plan allows is over', now)
  const { wave } = rollout.state
  const moved = lastMoves(plan, rollout, wave)
  const late = unsettled(plan, rollout, wave).filter(planned => {
    const turn = turnOf(rollout, planned)
    if (turn === null) return false
    const heard = Math.max(turn.since, listeningSince ?? 0, moved.get(planned.site) ?? 0)
    return between(instant(heard), now) >= plan.timeoutMillis
  })
  if (late.length === 0) return stay(rollout)
  const turns: Record<string, Turn> = { ...rollout.turns }
  const effects: RolloutEffect[] = []
  const again: PlannedController[] = []
  const gone: PlannedController[] = []
  for (const planned of late) {
    const turn = turnOf(rollout, planned) as Extract<Turn, { at: 'assigned' }>
    const { report, attempt } = turn
    const result: Failure = 'timeout'
    if (attempt <= plan.retry.retries) {
      again.push(planned)
      turns[refKey(planned)] = { at: 'assigned', since: now, report, attempt: attempt + 1 }
      effects.push(note('controller-retried', { result, attempt: attempt + 1 }, planned))
    } else {
      gone.push(planned)
      turns[refKey(planned)] = { at: 'failed', since: now, report, result }
      effects.push(note('controller-failed', { result, attempt }, planned))
    }
  }
  if (again.length > 0) effects.push({ do: 'assign', wave, controllers: again })
  effects.push(...withdraw(gone))
  return follow({ next: { ...rollout, turns }, effects }, next => settle(plan, next, wave, now))
}

/** When a controller of each site last came through in a wave, by what it said itself: a timeout moves nothing on. */
function lastMoves(plan: Plan, rollout: Rollout, wave: number): Map<string, number> {
  const moved = new Map<string, number>()
  for (const planned of turnsOfWave(plan, wave)) {
    const turn = turnOf(rollout, planned)
    const said = turn?.at === 'confirmed' || (turn?.at === 'failed' && turn.result !== 'timeout')
    if (said) moved.set(planned.site, Math.max(moved.get(planned.site) ?? 0, turn.since))
  }
  return moved
}

/** The soak is over: the gate is judged, and the next wave opens, the campaign is done, or it waits for a person. */
export function judge(plan: Plan, rollout: In<'soaking'>, now: Instant): Decision {
  const { wave, until } = rollout.state
  if (now < until) return stay(rollout)
  const { name } = waveAt(plan, wave)
  const { confirmed, failed, total } = tally(plan, rollout, wave)
  const detail = { wave, name, confirmed, failed, total }
  if (!gatePasses(plan, rollout, wave)) {
    const reason = `wave ${name} confirmed ${confirmed} of ${total}`
    return follow({ next: rollout, effects: [note('wave-failed', detail)] }, next =>
      pause(plan, next as In<'soaking'>, 'gate', reason, now),
    )
  }
  const passed: Decision = { next: rollout, effects: [note('wave-passed', detail)] }
  if (wave + 1 < plan.waves.length) return follow(passed, next => openWave(plan, next, wave + 1, now))
  const done: Rollout = { ...rollout, state: { at: 'done', since: now } }
  return { next: done, effects: [...passed.effects, note('campaign-done', { ...tally(plan, rollout) })] }
}

/** Looks at a wave after a turn in it has changed: too many failures halt, and a wave with nobody left to wait for soaks. */
function settle(plan: Plan, rollout: Rollout, wave: number, now: Instant): Decision {
  const { state } = rollout
  if (state.at !== 'running' && state.at !== 'soaking' && state.at !== 'paused') return stay(rollout)
  const { failed } = tally(plan, rollout, wave)
  const { gate, name } = waveAt(plan, wave)
  if (failed > gate.maxFailures) {
    const reason = `${failed} failed in wave ${name}, and ${gate.maxFailures} are allowed`
    return halt(plan, rollout, 'failures', reason, now)
  }
  if (state.at !== 'running' || unsettled(plan, rollout, state.wave).length > 0) return stay(rollout)
  const current = waveAt(plan, state.wave)
  const until = after(now, current.soakMillis)
  const soaking: RolloutState = { at: 'soaking', wave: state.wave, since: now, until }
  const effects = [note('wave-soaking', { wave: state.wave, name: current.name, until })]
  return { next: { ...rollout, state: soaking }, effects }
}

function gatePasses(plan: Plan, rollout: Rollout, wave: number): boolean {
  const { confirmed, failed, total } = tally(plan, rollout, wave)
  const { minSuccessPercent, maxFailures } = waveAt(plan, wave).gate
  return failed <= maxFailures && confirmed * 100 >= minSuccessPercent * total
}

/** The start and the return to a campaign are refused once its time is over. */
export function expired(plan: Plan, now: Instant): Refusal {
  return refuse('campaign-expired', plan.id, `an instant before ${plan.notAfter}`, String(now))
}

export function note(kind: EntryKind, detail: JsonObject, of?: ControllerRef): RolloutEffect {
  if (of === undefined) return { do: 'note', kind, detail }
  return { do: 'note', kind, of: { site: of.site, controller: of.controller }, detail }
}

/** A decision, and then another step from where it led. */
export function follow(first: Decision, step: (rollout: Rollout) => Decision): Decision {
  const second = step(first.next)
  return { next: second.next, effects: [...first.effects, ...second.effects] }
}

function unsettled(plan: Plan, rollout: Rollout, wave: number): readonly PlannedController[] {
  return turnsOfWave(plan, wave).filter(planned => turnOf(rollout, planned)?.at === 'assigned')
}

function withTurns(
  rollout: Rollout,
  controllers: readonly ControllerRef[],
  turn: (previous: Turn | null) => Turn,
): Rollout['turns'] {
  const changed = controllers.map(ref => [refKey(ref), turn(turnOf(rollout, ref))] as const)
  return { ...rollout.turns, ...Object.fromEntries(changed) }
}

function withdraw(controllers: readonly ControllerRef[]): RolloutEffect[] {
  if (controllers.length === 0) return []
  return [{ do: 'withdraw', controllers: controllers.map(({ site, controller }) => ({ site, controller })) }]
}

const plain = ({ site, controller, release }: PlannedController): PlannedController => ({ site, controller, release })

function waveAt(plan: Plan, wave: number): Wave {
  const found = plan.waves[wave]
  if (found === undefined) throw new Error(`the rollout of ${plan.id} is at wave ${wave}, which the plan does not have`)
  return found
}
