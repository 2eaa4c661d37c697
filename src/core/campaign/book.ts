import { type Instant, instant } from '../encoding/units.ts'
import { type ControllerRef, refKey } from '../fleet/inventory.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import { type FleetLoad, NO_LOAD, plus } from './load.ts'
import { decide, lookOf } from './rollout.ts'
import type { RolloutPlan } from './rollout-plan.ts'
import {
  createRollout,
  type Decision,
  LOOK,
  type Next,
  type Rollout,
  type RolloutEvent,
  type Seen,
  type SiteStanding,
} from './rollout-state.ts'
import { dueOf, isOrdered, newTurn, type Seat, stepOf, type Turn } from './turn.ts'

/**
 * A campaign in memory: its head and all of its turns. What a store answers to a look, in the same order; it replays a
 * campaign from its events, and shows what a plan would do before it is approved. `alone`: no other campaign holds or
 * limits anything.
 */
export class Book {
  readonly plan: RolloutPlan
  head: Rollout
  readonly turns: Map<string, Turn>

  constructor(plan: RolloutPlan, seats: Iterable<Seat>) {
    this.plan = plan
    this.head = createRollout(plan)
    this.turns = new Map([...seats].map(seat => [refKey(seat), newTurn(seat, plan.createdAt)]))
  }

  /** What a decision about an event is shown when no other campaign is there. */
  seen(event: RolloutEvent): Seen {
    const { named, due, next } = lookOf(this.plan, this.head, event)
    const found = new Map<string, Turn>()
    for (const ref of named) {
      const turn = this.turns.get(refKey(ref))
      if (turn !== undefined) found.set(refKey(ref), turn)
    }
    const all = [...this.turns.values()]
    const late = due === null ? [] : all.filter(turn => isDue(turn, due)).sort(byDue)
    const dues = late.slice(0, LOOK)
    const nexts = next.flatMap(one => nextOf(all, one)).slice(0, LOOK)
    const sites = new Map<string, SiteStanding>()
    for (const { site } of [...dues, ...nexts]) {
      if (!sites.has(site)) sites.set(site, standingOf(all.filter(turn => turn.site === site)))
    }
    const held = new Set(all.filter(isOrdered).map(refKey))
    return {
      turns: found,
      due: dues,
      next: nexts,
      sites,
      rivals: new Map(),
      held,
      staged: new Set(),
      gone: new Map(),
      load: this.load(),
      limits: [],
    }
  }

  /** Takes a decision in. */
  take({ next, turns }: Decision): void {
    this.head = next
    for (const turn of turns) this.turns.set(refKey(turn), turn)
  }

  /** One event, and the ticks that go on at once with what one decision could not hold. A refused event changes nothing. */
  run(event: RolloutEvent): Decision | Refusal {
    const decision = decide(this.plan, this.head, event, this.seen(event))
    if (isRefusal(decision)) return decision
    this.take(decision)
    if (!decision.more) return decision
    const after = this.run({ kind: 'tick', now: event.now })
    if (isRefusal(after)) return after
    return { ...after, turns: [...decision.turns, ...after.turns], effects: [...decision.effects, ...after.effects] }
  }

  /** What is ordered. */
  load(): FleetLoad {
    let fleet = NO_LOAD
    const regions = new Map<string, typeof NO_LOAD>()
    for (const turn of this.turns.values()) {
      if (!isOrdered(turn)) continue
      const one = { controllers: 1, watts: turn.watts, wattHours: turn.wattHours }
      fleet = plus(fleet, one)
      regions.set(turn.region, plus(regions.get(turn.region) ?? NO_LOAD, one))
    }
    return { fleet, regions }
  }

  turn(ref: ControllerRef): Turn | null {
    return this.turns.get(refKey(ref)) ?? null
  }
}

/** The campaign that a list of events leads to. Refused events change nothing. */
export function replay(plan: RolloutPlan, seats: Iterable<Seat>, events: Iterable<RolloutEvent>): Book {
  const book = new Book(plan, seats)
  for (const event of events) book.run(event)
  return book
}

/** How the turns of one campaign stand at one site. */
export function standingOf(turns: Iterable<Turn>): SiteStanding {
  let moved = instant(0)
  let kept: string | null = null
  const returning: Turn[] = []
  for (const turn of turns) {
    const said =
      turn.at === 'confirmed' || turn.at === 'returned' || (turn.at === 'failed' && turn.result !== 'timeout')
    if (said) moved = instant(Math.max(moved, turn.since))
    if (turn.at === 'kept') kept ??= turn.controller
    if (turn.at === 'returning' || (turn.at === 'backing-off' && turn.back)) returning.push(turn)
  }
  return { moved, kept, returning }
}

const isDue = (turn: Turn, now: Instant): boolean => {
  const due = dueOf(turn)
  return due !== null && due <= now
}

const text = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const byRef = (a: Turn, b: Turn): number => text(a.site, b.site) || text(a.controller, b.controller)
const byDue = (a: Turn, b: Turn): number => (dueOf(a) ?? 0) - (dueOf(b) ?? 0) || byRef(a, b)

/** The next turns of a kind: as many of each region as come to `LOOK` in all, in the order of the site, or its reverse. */
function nextOf(all: readonly Turn[], { at, wave, last }: Next): Turn[] {
  const fitting = all.filter(turn => turn.at === at && (wave === null || turn.wave === wave))
  const regions = [...new Set(fitting.map(({ region }) => region))].sort(text)
  const share = Math.ceil(LOOK / Math.max(1, regions.length))
  const order = (turn: Turn): number => stepOf(turn).order * (last ? -1 : 1)
  const byOrder = (a: Turn, b: Turn): number => order(a) - order(b) || byRef(a, b)
  return regions.flatMap(region =>
    fitting
      .filter(turn => turn.region === region)
      .sort(byOrder)
      .slice(0, share),
  )
}
