import type { JsonObject } from '../encoding/canonical-json.ts'
import { plainText } from '../encoding/plain-text.ts'
import { after, between, type Instant, instant } from '../encoding/units.ts'
import { refKey } from '../fleet/inventory.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { NO_LOAD, Reckoning } from './load.ts'
import { listen } from './rollout-figures.ts'
import { keep, lookAgain, returned } from './rollout-orders.ts'
import { backOff } from './rollout-plan.ts'
import { isOpen, lets, type RolloutEvent } from './rollout-state.ts'
import { type Work, waveAt } from './rollout-work.ts'
import { type Failure, hasBegun, lasting, standing, type Turn } from './turn.ts'

/** What becomes of a turn when its controller says something, or says nothing for too long. */

type Of<E extends RolloutEvent['kind']> = Extract<RolloutEvent, { kind: E }>

/**
 * Counts what a controller's report says. A report that was counted, or an older one, changes nothing. Refuses
 * `campaign-controller-foreign`, `campaign-outcome-unexpected`.
 */
export function record(work: Work, event: Of<'outcome'>): Refusal | null {
  const key = refKey(event)
  const turn = work.seen.turns.get(key)
  if (turn === undefined) {
    return refuse('campaign-controller-foreign', key, `a controller of ${work.plan.id}`, 'another')
  }
  if (!hasBegun(turn) && event.result !== 'overtaken') {
    const expected = `no outcome before wave ${waveAt(work.plan, turn.wave).name} has ordered it`
    return refuse('campaign-outcome-unexpected', key, expected, event.result)
  }
  if (event.report <= turn.report) return null
  const heard: Turn = { ...turn, report: event.report }
  if (event.result === 'overtaken') overtake(work, heard)
  else if (heard.at === 'returning' || heard.at === 'kept' || heard.at === 'returned') goBack(work, heard, event)
  else if (event.result === 'confirmed') confirm(work, heard, event.further === true)
  else deny(work, heard, event.result, event)
  return null
}

/** It runs something newer than it would get: it needs nothing of this campaign, and is no success of it either. */
function overtake(work: Work, turn: Turn): void {
  if (!['waiting', 'between', 'queued', 'assigned', 'backing-off'].includes(turn.at)) return
  if (turn.at === 'assigned') work.withdraw([turn])
  work.put(turn, { ...lasting(turn), at: 'overtaken', since: work.now })
  work.note('controller-overtaken', { report: turn.report }, turn)
}

/**
 * The controller runs what it was given: the next step follows, or it is done. `further`: it runs the step behind its stone.
 * In a campaign that is over it stays on the stone that it has reached, from where a roll-back takes it.
 */
function confirm(work: Work, turn: Turn, further: boolean): void {
  const stands = turn.at === 'between' || (turn.at === 'queued' && turn.was === 'between')
  // A report that says once more what was counted.
  if (turn.at === 'confirmed' || turn.at === 'overtaken' || (stands && !further)) {
    work.put(turn, turn)
    return
  }
  const step = stands ? turn.step + 1 : turn.step
  const attempt = turn.attempt + 1
  const detail = { report: turn.report, ...(turn.steps.length > 1 ? { step: step + 1, of: turn.steps.length } : {}) }
  work.note(turn.at === 'failed' ? 'controller-recovered' : 'controller-confirmed', detail, turn)
  const at = step === turn.steps.length - 1 ? 'confirmed' : 'between'
  work.put(turn, { ...lasting(turn), at, step, since: work.now, attempt, first: attempt })
}

type Bad = 'reverted' | 'refused'

/** The controller does not run what it was given: it fell back, or said no. */
function deny(work: Work, turn: Turn, result: Bad, event: Of<'outcome'>): void {
  const { now, plan } = work
  // A controller that runs the release refuses to be given it once more; and one whose order was taken back may say no.
  // Neither is a fault of the release.
  if (turn.at === 'overtaken' || (result === 'refused' && turn.at !== 'assigned' && turn.at !== 'failed')) {
    work.put(turn, turn)
    return
  }
  const code = codeOf(event)
  const passing = event.again === true && now < plan.notAfter
  if (turn.at === 'assigned' && passing && tryAgain(work, turn, result, code)) return
  if (turn.at === 'failed') {
    work.put(turn, { ...turn, result, ...code })
    return
  }
  const kind = turn.at === 'confirmed' || turn.at === 'between' ? 'controller-regressed' : 'controller-failed'
  work.withdraw([turn])
  work.put(turn, { ...lasting(turn), at: 'failed', result, ...code, since: now })
  work.note(kind, { result, report: turn.report, ...code } as JsonObject, turn)
}

const codeOf = ({ code }: Of<'outcome'>): { readonly code?: string } =>
  code === undefined ? {} : { code: plainText(code, 100) }

/**
 * Another try, as far as the plan allows: at once, or after a rest in which the order is taken back. False: there is none
 * left. While the campaign is paused it waits for the campaign to go on.
 */
function tryAgain(
  work: Work,
  turn: Extract<Turn, { at: 'assigned' | 'returning' }>,
  result: Failure,
  code: { readonly code?: string } = {},
): boolean {
  const { plan, now } = work
  const tries = turn.attempt - turn.first + 1
  if (tries > plan.retry.retries || !isOpen(work.head)) return false
  const attempt = turn.attempt + 1
  const rest = backOff(plan.retry, tries)
  const until = after(now, rest)
  work.note('controller-retried', { result, attempt, ...(rest > 0 ? { until } : {}), ...code } as JsonObject, turn)
  const again = { ...lasting(turn), attempt, since: now }
  if (!lets(work.head, turn)) {
    work.put(turn, { ...(turn.at === 'returning' ? returned(turn, now) : standing(turn, now)), attempt })
    return true
  }
  if (rest > 0) {
    work.withdraw([turn])
    work.put(turn, { ...again, at: 'backing-off', due: until, back: turn.at === 'returning' })
    return true
  }
  // The same controller, whose order was out: nothing more is out of service than was.
  const due = after(now, plan.timeoutMillis)
  const next: Turn = { ...again, at: turn.at, stage: 'ordered', due }
  work.put(turn, next)
  work.assign([next])
  return true
}

/** What a controller that was sent back says of it. */
function goBack(
  work: Work,
  turn: Extract<Turn, { at: 'returning' | 'kept' | 'returned' }>,
  event: Of<'outcome'>,
): void {
  const { result, report } = event
  const code = codeOf(event)
  if (turn.at === 'returned') {
    work.put(turn, turn)
    return
  }
  if (result === 'confirmed') {
    work.note('controller-returned', { report }, turn)
    work.put(turn, { ...lasting(turn), at: 'returned', since: work.now })
    return
  }
  if (turn.at !== 'returning') {
    work.put(turn, turn)
    return
  }
  const passing = event.again === true && work.now < work.plan.notAfter && result !== 'overtaken'
  if (passing && tryAgain(work, turn, result, code)) return
  work.withdraw([turn])
  if (result === 'overtaken') {
    keep(work, turn, 'it runs something newer by now')
    return
  }
  keep(work, turn, `it ${result === 'refused' ? 'refused to go back' : 'fell back'}: ${code.code ?? 'no reason given'}`)
}

/**
 * Time passes for the turns that are due: a rest is over, a queue is looked at again, or a controller did not come back.
 * While nobody listened, nobody was late. A controller that waits for others of its site to come through is not late
 * either: its time begins again with each of them, so a site may have more controllers than fit into one timeout. One that
 * has staged its release waits for its site, and is not due at all until the site has let it restart: also when it said so
 * before this order, which its gateway may never have seen taken back and given again. Answers the turns that may be
 * ordered again.
 */
export function expire(work: Work, listeningSince: Instant | undefined): Turn[] {
  const { seen, now, plan } = work
  const free: Turn[] = []
  const reckoning = new Reckoning(seen.load, [...plan.budgets, ...seen.limits])
  for (const shown of seen.due) {
    const turn = work.current(shown)
    if (turn.at === 'queued') free.push(lookAgain(work, turn))
    else if (turn.at === 'backing-off' && !turn.back) {
      const next = standing(turn, now)
      work.put(turn, next)
      free.push(next)
    } else if (turn.at === 'backing-off') sendAgain(work, turn, reckoning)
    else if (turn.at === 'assigned' || turn.at === 'returning') {
      const moved = turn.stage === 'ordered' ? (seen.sites.get(turn.site)?.moved ?? 0) : 0
      const since = instant(Math.max(turn.since, listeningSince ?? 0, moved))
      if (between(since, now) < plan.timeoutMillis) work.put(turn, { ...turn, due: after(since, plan.timeoutMillis) })
      else if (turn.stage === 'ordered' && seen.staged.has(refKey(turn)))
        work.put(turn, { ...turn, stage: 'staged', due: null })
      else giveUp(work, turn)
    }
  }
  return free
}

/** The rest before another try of a return is over. Where there is no room for it now, it rests a little longer. */
function sendAgain(work: Work, turn: Extract<Turn, { at: 'backing-off' }>, reckoning: Reckoning): void {
  const { seen, now, plan } = work
  const { watts, wattHours } = turn
  const size = seen.held.has(refKey(turn)) ? NO_LOAD : { controllers: 1, watts, wattHours }
  if (seen.rivals.has(refKey(turn)) || reckoning.take(turn.region, size) !== null) {
    work.put(turn, { ...turn, due: instant(now + 15_000) })
    return
  }
  const next: Turn = {
    ...lasting(turn),
    at: 'returning',
    stage: 'ordered',
    since: now,
    due: after(now, plan.timeoutMillis),
  }
  work.put(turn, next)
  work.assign([next])
}

function giveUp(work: Work, turn: Extract<Turn, { at: 'assigned' | 'returning' }>): void {
  const { attempt } = turn
  const result: Failure = 'timeout'
  const why = work.seen.gone.get(refKey(turn))
  if (why !== undefined && turn.at === 'assigned') {
    // Its order reached nobody: that says nothing of the release, and is no failure of it.
    work.withdraw([turn])
    work.put(turn, { ...lasting(turn), at: 'withdrawn', since: work.now })
    work.note('controller-left', { why }, turn)
    return
  }
  if (tryAgain(work, turn, result)) return
  work.withdraw([turn])
  if (turn.at === 'returning') {
    keep(work, turn, 'it did not come back in time')
    return
  }
  work.put(turn, { ...lasting(turn), at: 'failed', result, since: work.now })
  work.note('controller-failed', { result, attempt }, turn)
}

/**
 * What else is heard of a controller: that it holds the verified image and waits for its site, which no timeout measures;
 * that its site lets it restart, from when on it does; its figures.
 */
export function hear(work: Work, event: Of<'heard'>): void {
  const turn = work.seen.turns.get(refKey(event))
  if (turn === undefined) return
  let next = turn
  if ((turn.at === 'assigned' || turn.at === 'returning') && event.stage !== undefined && event.stage !== turn.stage) {
    // A controller that was granted its turn and tells once more that it has the image is still one that may be away.
    if (event.stage === 'granted') {
      next = { ...turn, stage: 'granted', since: work.now, due: after(work.now, work.plan.timeoutMillis) }
    } else if (turn.stage === 'ordered') next = { ...turn, stage: 'staged', due: null }
  }
  next = listen(work, next, event)
  if (next !== turn) work.put(turn, next)
}
