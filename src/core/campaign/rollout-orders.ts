import { after, instant } from '../encoding/units.ts'
import { refKey } from '../fleet/inventory.ts'
import { beyond, type Load, NO_LOAD, Reckoning } from './load.ts'
import { wayBack } from './rollout-plan.ts'
import { LOOK } from './rollout-state.ts'
import type { Work } from './rollout-work.ts'
import { hasBegun, isOrdered, lasting, runs, standing, stepOf, type Turn } from './turn.ts'

/** Orders that are given and taken back: as many in one decision as it is shown, in the order in which it is shown them. */

/** How long after a look at who holds a controller the next one follows: other campaigns do not tell when they are through. */
const LOOK_AGAIN = 15_000

/**
 * Orders turns of a running wave: a controller that another campaign holds queues behind it; the others go as far as the
 * budgets of regions and fleet let. Within a region nobody overtakes: one that does not fit keeps the ones behind it, so
 * that the large do not starve. One that is larger than a budget of this very plan would keep them for ever: it has failed.
 */
export function orderNext(work: Work, candidates: readonly Turn[]): void {
  const { seen } = work
  const reckoning = new Reckoning(seen.load, [...work.plan.budgets, ...seen.limits])
  const full = new Set<string>()
  const ordered: Turn[] = []
  for (const shown of candidates) {
    const turn = work.current(shown)
    if (turn.at !== 'waiting' && turn.at !== 'between') continue
    const rival = seen.rivals.get(refKey(turn))
    if (rival !== undefined) {
      queue(work, turn, rival)
      continue
    }
    if (full.has(turn.region) || refuseTooLarge(work, turn)) continue
    const excess = reckoning.take(turn.region, loadOf(work, turn))
    if (excess?.budget.per === 'fleet') break
    if (excess === null) ordered.push(order(work, turn))
    else full.add(turn.region)
  }
  work.assign(ordered)
  if (seen.next.length >= LOOK && ordered.length > 0) work.more = true
}

/** Orders the step that a turn is at, or the next one when it stands between two. */
export function order(work: Work, turn: Turn): Turn {
  const step = turn.at === 'between' ? turn.step + 1 : turn.step
  const due = after(work.now, work.plan.timeoutMillis)
  const next: Turn = { ...lasting(turn), at: 'assigned', stage: 'ordered', since: work.now, due, step }
  work.put(turn, next)
  return next
}

/** What an order comes to on top of what is out: nothing, when an order of the same controller is still out. */
function loadOf({ seen }: Work, turn: Turn): Load {
  return seen.held.has(refKey(turn)) ? NO_LOAD : sizeOf(turn)
}

const sizeOf = ({ watts, wattHours }: Turn): Load => ({ controllers: 1, watts, wattHours })

function queue(work: Work, turn: Extract<Turn, { at: 'waiting' | 'between' }>, behind: string): void {
  const due = instant(work.now + LOOK_AGAIN)
  const begun = hasBegun(turn)
  work.put(turn, { ...lasting(turn), at: 'queued', behind, due, was: turn.at, begun, since: work.now })
}

/** A queued turn is looked at again: it goes on queueing, or stands where it stood. Answers what became of it. */
export function lookAgain(work: Work, turn: Extract<Turn, { at: 'queued' }>): Turn {
  const rival = work.seen.rivals.get(refKey(turn))
  const due = instant(work.now + LOOK_AGAIN)
  const next = rival === undefined ? standing(turn, work.now) : { ...turn, behind: rival, due }
  work.put(turn, next)
  return next
}

function refuseTooLarge(work: Work, turn: Turn): boolean {
  const size = sizeOf(turn)
  const excess = beyond(work.plan.budgets, size, size)
  if (excess === null) return false
  const { budget, amount, of } = excess
  const code = 'campaign-budget-too-small'
  work.put(turn, { ...lasting(turn), at: 'failed', result: 'refused', code, since: work.now })
  const detail = { result: 'refused', code, per: budget.per, amount, needs: of, allowed: budget[amount] ?? 0 }
  work.note('controller-failed', detail, turn)
  return true
}

/**
 * Orders the way back of the turns that were seen next, which come in the reverse of the order in which they went: the last
 * wave first, and within it the highest place in the order of the site. At a site nobody goes back before those that came
 * after it have: one of them that is still on its way keeps the others waiting, and one that did not get back keeps them
 * for good, for what it runs may need what they run.
 */
export function returnNext(work: Work): void {
  const { seen, plan } = work
  const reckoning = new Reckoning(seen.load, [...plan.budgets, ...seen.limits])
  const ahead = new Map<string, Turn>()
  const kept = new Map<string, string>()
  const ordered: Turn[] = []
  for (const shown of seen.next) {
    const turn = work.current(shown)
    if (turn.at !== 'confirmed' && turn.at !== 'between') continue
    const site = seen.sites.get(turn.site)
    const release = runs(turn)
    if (release === null || wayBack(plan, release) === null) {
      keep(work, turn, 'the plan names no release that undoes what it runs')
      if (!kept.has(turn.site)) kept.set(turn.site, turn.controller)
      continue
    }
    const stays = site?.kept ?? kept.get(turn.site)
    if (stays !== undefined) {
      keep(work, turn, `${stays} did not go back, and may need it`)
      continue
    }
    const others = [...(site?.returning ?? []), ahead.get(turn.site)]
    if (!ahead.has(turn.site)) ahead.set(turn.site, turn)
    if (others.some(other => other !== undefined && isAfter(other, turn)) || seen.rivals.has(refKey(turn))) continue
    if (reckoning.take(turn.region, loadOf(work, turn)) !== null) continue
    ordered.push(sendBack(work, turn))
  }
  work.assign(ordered)
  if (seen.next.length >= LOOK && ordered.length > 0) work.more = true
}

/** Orders the release that undoes what a controller runs. A return has a row of tries of its own. */
function sendBack(work: Work, turn: Turn): Turn {
  const due = after(work.now, work.plan.timeoutMillis)
  const { attempt } = turn
  const next: Turn = { ...lasting(turn), at: 'returning', stage: 'ordered', since: work.now, due, first: attempt }
  work.put(turn, next)
  return next
}

/** Leaves a controller on what it runs. */
export function keep(work: Work, turn: Turn, why: string): void {
  work.put(turn, { ...lasting(turn), at: 'kept', why, since: work.now })
  work.note('controller-kept', { why }, turn)
}

/** Whether a controller was updated after another one of its site. */
function isAfter(a: Pick<Turn, 'wave' | 'steps' | 'step'>, b: Turn): boolean {
  const order = (one: Pick<Turn, 'steps' | 'step'>): number => stepOf(one).order
  return a.wave > b.wave || (a.wave === b.wave && order(a) > order(b))
}

/**
 * Takes back the orders that were seen next, since the campaign does not let them any more, and the tries that were to
 * follow. `forGood`: they are withdrawn, but for a controller that stands on a stepping stone; and nobody queues any more.
 * While the campaign rolls back, the tries of that go on.
 */
export function takeBack(work: Work, forGood: boolean): void {
  const taken: Turn[] = []
  const undoes = work.head.state.at === 'rolling-back'
  for (const shown of work.seen.next) {
    const turn = work.current(shown)
    if (isOrdered(turn)) taken.push(turn)
    else if (turn.at === 'queued' ? !forGood : turn.at !== 'backing-off' || (undoes && turn.back)) continue
    const back = turn.at === 'returning' || (turn.at === 'backing-off' && turn.back)
    const stands = back ? returned(turn, work.now) : standing(turn, work.now)
    const ends = forGood && stands.at === 'waiting' && hasBegun(stands)
    work.put(turn, ends ? { ...lasting(turn), at: 'withdrawn', since: work.now } : stands)
  }
  work.withdraw(taken)
  if (work.seen.next.length >= LOOK) work.more = true
}

/** Where a turn stands whose return was taken back: on what the campaign gave it. */
export function returned(turn: Turn, now: Work['now']): Turn {
  const at = turn.step === turn.steps.length - 1 ? 'confirmed' : 'between'
  return { ...lasting(turn), at, since: now }
}
