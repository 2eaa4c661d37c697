import { after } from '../encoding/units.ts'
import { refKey } from '../fleet/inventory.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { type Finding, judgeGate } from './gate.ts'
import { priorityAt } from './priority.ts'
import { orderNext, returnNext, takeBack } from './rollout-orders.ts'
import { expire } from './rollout-outcomes.ts'
import { type RolloutPlan, wayBack } from './rollout-plan.ts'
import {
  isOpen,
  leadsForward,
  type Rollout,
  type RolloutEvent,
  type RolloutState,
  tally,
  unsettled,
} from './rollout-state.ts'
import { reasonOf, type Work, waveAt } from './rollout-work.ts'
import { newTurn, standing, type Turn } from './turn.ts'

/** The moves that the rollout's table is made of. Each changes the work in hand, or refuses and changes nothing. */

type Of<E extends RolloutEvent['kind']> = Extract<RolloutEvent, { kind: E }>
type At<S extends RolloutState['at']> = Extract<RolloutState, { at: S }>

const OVER = 'the time that the plan allows is over'

export function start(work: Work): Refusal | null {
  const { plan, now } = work
  if (now >= plan.notAfter) return expired(work)
  if (plan.notBefore !== undefined && now < plan.notBefore) {
    return refuse('campaign-too-early', plan.id, `an instant from ${plan.notBefore} on`, String(now))
  }
  work.note('campaign-started', { waves: plan.waves.length })
  openWave(work, 0)
  return null
}

/** Opens a wave: its controllers are ordered, as many as there is room for. At the plan's end it halts instead. */
function openWave(work: Work, wave: number): void {
  const { plan, now } = work
  if (now >= plan.notAfter) {
    halt(work, 'deadline', OVER)
    return
  }
  const { name, gate } = waveAt(plan, wave)
  work.become({ at: 'running', wave, since: now })
  work.keep({ heard: gate.health === undefined ? null : { wave, since: now, figures: {} } })
  work.note('wave-opened', { wave, name, controllers: tally(work.head, wave).total })
  orderNext(work, work.seen.next)
  settle(work)
}

/** Ends the campaign for good and takes back its orders: those that were seen, and then the others tick by tick. */
export function halt(work: Work, by: At<'halted'>['by'], why: string): void {
  const { state } = work.head
  const reason = reasonOf(why)
  const wave = 'wave' in state ? state.wave : null
  work.become({ at: 'halted', wave, since: work.now, by, reason })
  work.note('campaign-halted', { by, reason })
  takeBackAll(work)
}

/** Takes back what was seen, and says whether more is out. */
export function takeBackAll(work: Work): void {
  takeBack(work, !isOpen(work.head))
  if (hasOut(work)) work.more = true
}

const hasOut = ({ head }: Work): boolean => {
  const all = tally(head)
  return all.assigned + all.returning + (isOpen(head) ? 0 : all['backing-off'] + all.queued) > 0
}

/** Stops ordering. What a controller has begun it may finish: its report still counts. */
export function pause(work: Work, by: At<'paused'>['by'], why: string): void {
  const { state } = work.head
  if (state.at !== 'running' && state.at !== 'soaking' && state.at !== 'rolling-back') return
  const reason = reasonOf(why)
  const until = state.at === 'soaking' ? state.until : work.now
  const undoes = state.at === 'rolling-back' ? { undoes: state.reason } : {}
  work.become({ at: 'paused', wave: state.wave, since: work.now, by, reason, from: state.at, until, ...undoes })
  work.note('campaign-paused', { by, reason })
  takeBackAll(work)
}

/** Goes on after a pause. A gate that did not pass stays closed until late or retried controllers have opened it. */
export function resume(work: Work, paused: At<'paused'>): Refusal | null {
  const { plan, now } = work
  if (now >= plan.notAfter) return expired(work)
  const { wave, from, until, by } = paused
  const { passes, findings } = judged(work, wave)
  if (by === 'gate' && !passes) {
    const shut = findings[0] as Finding
    return refuse('campaign-gate-closed', plan.id, `wave ${waveAt(plan, wave).name} through its gate`, shut.sentence)
  }
  work.note('campaign-resumed', { wave, to: from })
  if (from === 'soaking') work.become({ at: 'soaking', wave, since: now, until })
  else if (from === 'rolling-back')
    work.become({ at: 'rolling-back', wave, since: now, reason: paused.undoes ?? paused.reason })
  else {
    work.become({ at: 'running', wave, since: now })
    orderNext(work, work.seen.next)
  }
  settle(work)
  return null
}

/**
 * Gives failed controllers of the paused wave a fresh row of tries, as many as are seen at once; ticks go on with the others,
 * and then with the wave. Refuses `campaign-expired`, `campaign-nothing-to-retry`.
 */
export function retry(work: Work, paused: At<'paused'>): Refusal | null {
  const { plan, now, seen } = work
  const { wave, from, retrying = 0 } = paused
  if (now >= plan.notAfter) return expired(work)
  const failed = from === 'rolling-back' ? [] : seen.next.filter(turn => turn.at === 'failed')
  // Counted, and not looked for: whether it may be done is asked without its turns (commands.ts).
  const left = from === 'rolling-back' ? 0 : tally(work.head, wave).failed
  if (left + retrying === 0) {
    return refuse('campaign-nothing-to-retry', plan.id, 'a failed controller', 'none')
  }
  const again = failed.map((turn): Turn => {
    const attempt = turn.attempt + 1
    const next = { ...standing(turn, now), attempt, first: attempt }
    work.put(turn, next)
    work.note('controller-again', { attempt }, turn)
    return next
  })
  const controllers = retrying + failed.length
  work.more = true
  if (failed.length > 0 && tally(work.head, wave).failed > 0) {
    // If power fails between two of these, the next tick goes on.
    work.become({ ...paused, retrying: controllers })
    return null
  }
  work.note('campaign-retried', { wave, controllers })
  work.become({ at: 'running', wave, since: now })
  orderNext(work, again)
  settle(work)
  return null
}

/**
 * Undoes what the campaign did. Refuses `campaign-expired` (the gateways would not take orders of a plan whose time is
 * over), `campaign-no-way-back`: the plan names no release that undoes one of its own, and `partly` was not said.
 */
export function rollBack(work: Work, { reason, partly }: Of<'roll-back'>): Refusal | null {
  const { plan, now, head } = work
  if (now >= plan.notAfter) return expired(work)
  const ways = new Set(plan.back.map(({ to }) => to))
  const without = plan.releases.findIndex((_, index) => !ways.has(index) && wayBack(plan, index) === null)
  if (plan.back.length === 0 || (without >= 0 && !partly)) {
    const path = plan.releases[Math.max(0, without)]?.path ?? ''
    return refuse('campaign-no-way-back', `${plan.id}: ${path}`, 'a release that undoes it, named by the plan', 'none')
  }
  const wave = 'wave' in head.state && head.state.wave !== null ? head.state.wave : plan.waves.length - 1
  const why = reasonOf(reason)
  work.become({ at: 'rolling-back', wave, since: now, reason: why })
  const { confirmed, between } = tally(head)
  work.note('campaign-rolling-back', { reason: why, controllers: confirmed + between })
  takeBack(work, true)
  work.more = true
  settle(work)
  return null
}

/** Time passes in a running wave. */
export function tickRunning(work: Work, { listeningSince }: Of<'tick'>): void {
  if (work.now >= work.plan.notAfter) {
    halt(work, 'deadline', OVER)
    return
  }
  raise(work)
  const free = expire(work, listeningSince)
  if (!settle(work)) return
  orderNext(work, [...free, ...work.seen.next])
  settle(work)
}

/** Time passes while what was done is undone. First nothing that leads forward is out any more. */
export function tickBack(work: Work, { listeningSince }: Of<'tick'>): void {
  if (work.now >= work.plan.notAfter) {
    halt(work, 'deadline', OVER)
    return
  }
  raise(work)
  const forward = leadsForward(work.head)
  for (const turn of expire(work, listeningSince)) {
    const now = work.current(turn)
    if (now.at === 'waiting' && now.begun) work.put(now, { ...now, at: 'withdrawn', since: work.now })
  }
  if (forward) {
    takeBack(work, true)
    work.more = true
  } else returnNext(work)
  settle(work)
}

/** The soak is over: the gate is judged, and the next wave opens, the campaign is done, or it waits for a person. */
export function judge(work: Work, { wave, until }: At<'soaking'>): void {
  const { plan, now } = work
  raise(work)
  if (now < until) return
  const { name } = waveAt(plan, wave)
  const { confirmed, failed, total } = tally(work.head, wave)
  const { passes, findings } = judged(work, wave)
  const said = findings.filter(({ passes, compared }) => !passes || !compared).map(({ sentence }) => sentence)
  const detail = { wave, name, confirmed, failed, total, ...(said.length === 0 ? {} : { said: said.slice(0, 8) }) }
  if (!passes) {
    work.note('wave-failed', detail)
    pause(work, 'gate', `wave ${name}: ${said[0]}`)
    return
  }
  work.note('wave-passed', detail)
  if (wave + 1 < plan.waves.length) {
    openWave(work, wave + 1)
    return
  }
  work.become({ at: 'done', since: now, undone: false })
  const all = tally(work.head)
  work.note('campaign-done', {
    total: all.total,
    confirmed: all.confirmed,
    failed: all.failed,
    overtaken: all.overtaken,
  })
}

/** A campaign that is paused, or over, takes back what is still out. */
export function drain(work: Work): void {
  if (isOpen(work.head)) {
    if (work.now >= work.plan.notAfter) {
      halt(work, 'deadline', OVER)
      return
    }
    raise(work)
  }
  const { state } = work.head
  if (state.at === 'paused' && state.retrying !== undefined) retry(work, state)
  else takeBackAll(work)
}

/** Controllers that came to match join the wave that the plan names, or the next one that can take them. */
export function join(work: Work, { seats }: Of<'join'>): void {
  const { plan, now } = work
  const { state } = work.head
  const soaks = state.at === 'soaking' || (state.at === 'paused' && state.from === 'soaking')
  const first = 'wave' in state && state.wave !== null ? state.wave + (soaks ? 1 : 0) : 0
  const last = first >= plan.waves.length
  // Nobody comes into a wave whose gate was judged and did not pass: it would stay shut for them. They join later.
  if (last && state.at === 'paused' && state.by === 'gate') return
  const wave = (asked: number): number => Math.min(Math.max(asked, first), plan.waves.length - 1)
  const fresh = seats.filter(seat => !work.seen.turns.has(refKey(seat)))
  if (fresh.length === 0) return
  for (const seat of fresh) work.put(null, newTurn({ ...seat, wave: wave(seat.wave) }, now))
  work.note('controllers-joined', { controllers: fresh.length, some: fresh.slice(0, 20).map(refKey) })
  // Behind the last wave comes no other one: it is not over yet.
  if (!last) return
  if (state.at === 'paused') {
    work.become({ ...state, from: 'running' })
    return
  }
  work.become({ at: 'running', wave: first - 1, since: now })
  work.note('wave-opened', { wave: first - 1, name: waveAt(plan, first - 1).name, controllers: fresh.length })
}

function raise(work: Work): void {
  const priority = priorityAt(work.plan, work.now)
  if (priority === work.head.priority) return
  work.keep({ priority })
  work.note('campaign-priority-raised', { priority })
}

/**
 * Looks at the campaign after turns have changed: too many failures halt it, a wave with nobody left to wait for soaks, and
 * a roll-back with nobody left to go back is done. False when it was halted.
 */
export function settle(work: Work): boolean {
  const { head, plan, now } = work
  const { state } = head
  if (state.at === 'rolling-back') {
    const { confirmed, between, returning, returned, kept, assigned, queued, ...all } = tally(head)
    if (confirmed + between + returning + assigned + queued + all['backing-off'] > 0) return true
    work.become({ at: 'done', since: now, undone: true })
    work.note('campaign-rolled-back', { returned, kept })
    return true
  }
  const forward =
    state.at === 'running' || state.at === 'soaking' || (state.at === 'paused' && state.from !== 'rolling-back')
  if (!forward) return true
  const why = tooMany(work)
  if (why !== null) {
    halt(work, 'failures', why)
    return false
  }
  if (state.at !== 'running' || unsettled(tally(head, state.wave)) > 0) return true
  const { name, soakMillis } = waveAt(plan, state.wave)
  const until = after(now, soakMillis)
  work.become({ at: 'soaking', wave: state.wave, since: now, until })
  work.note('wave-soaking', { wave: state.wave, name, until })
  return true
}

/** Why a campaign must stop: a wave, or the campaign, has more failures than its plan allows. Null: it need not. */
function tooMany({ head, plan }: Work): string | null {
  for (const [index, { name, gate }] of plan.waves.entries()) {
    const { failed } = tally(head, index)
    if (failed > gate.maxFailures) return `${failed} failed in wave ${name}, and ${gate.maxFailures} are allowed`
  }
  if (plan.abort === null) return null
  const { maxFailures, maxFailurePercent } = plan.abort
  const { failed, confirmed } = tally(head)
  if (failed > maxFailures) return `${failed} failed in the campaign, and ${maxFailures} are allowed`
  const ended = failed + confirmed
  const share = maxFailurePercent === 0 ? 1 : Math.ceil(100 / maxFailurePercent)
  if (ended < share || failed * 100 <= maxFailurePercent * ended) return null
  return `${failed} of ${ended} failed, and ${maxFailurePercent} percent are allowed`
}

const judged = ({ head, plan }: Work, wave: number): ReturnType<typeof judgeGate> => judgeWave(plan, head, wave)

/** The gate of a wave, judged by what is counted and heard now. */
export function judgeWave(plan: RolloutPlan, head: Rollout, wave: number): ReturnType<typeof judgeGate> {
  const { confirmed, failed, total, overtaken, withdrawn } = tally(head, wave)
  const heard = head.heard?.wave === wave ? Object.entries(head.heard.figures) : []
  return judgeGate(waveAt(plan, wave).gate, { confirmed, failed, total, left: overtaken + withdrawn }, new Map(heard))
}

/** The start and the return to a campaign are refused once its time is over. */
function expired({ plan, now }: Work): Refusal {
  return refuse('campaign-expired', plan.id, `an instant before ${plan.notAfter}`, String(now))
}
