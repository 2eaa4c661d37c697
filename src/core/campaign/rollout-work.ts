import type { JsonObject } from '../encoding/canonical-json.ts'
import { plainText } from '../encoding/plain-text.ts'
import type { Instant } from '../encoding/units.ts'
import { type ControllerRef, refKey } from '../fleet/inventory.ts'
import type { EntryKind } from '../ledger/entry-kinds.ts'
import type { RolloutPlan } from './rollout-plan.ts'
import {
  type Decision,
  MAX_REASON,
  passOn,
  type Rollout,
  type RolloutEffect,
  type RolloutState,
  type Seen,
  type Tally,
} from './rollout-state.ts'
import type { Turn } from './turn.ts'

/**
 * One decision in the making: the head as it is so far, the turns that have changed, what is to be done. It lives within
 * `decide` and is never kept; tallies follow each turn that is put, so that nobody counts.
 */
export class Work {
  readonly plan: RolloutPlan
  readonly seen: Seen
  readonly now: Instant
  head: Rollout
  /** A tick at once would go on. */
  more = false
  readonly #turns = new Map<string, Turn>()
  readonly #effects: RolloutEffect[] = []

  constructor(plan: RolloutPlan, head: Rollout, seen: Seen, now: Instant) {
    this.plan = plan
    this.head = head
    this.seen = seen
    this.now = now
  }

  /** A turn as it is by now, of one that was seen. */
  current(seen: Turn): Turn {
    return this.#turns.get(refKey(seen)) ?? seen
  }

  /** A turn takes the place of another one of the same controller; null: it is new in its wave. */
  put(before: Turn | null, after: Turn): void {
    this.#turns.set(refKey(after), after)
    if (before?.at === after.at) return
    const waves = this.head.waves.map((tally, wave) => {
      if (wave !== after.wave) return tally
      const next: { -readonly [K in keyof Tally]: Tally[K] } = { ...tally, [after.at]: tally[after.at] + 1 }
      if (before === null) next.total += 1
      else next[before.at] -= 1
      return next
    })
    this.head = { ...this.head, waves }
  }

  become(state: RolloutState): void {
    this.head = { ...this.head, state, course: passOn(this.head.course, state) }
  }

  /** Other facts of the head than its state and tallies. */
  keep(facts: Partial<Pick<Rollout, 'heard' | 'priority'>>): void {
    this.head = { ...this.head, ...facts }
  }

  note(kind: EntryKind, detail: JsonObject, of?: ControllerRef): void {
    const about = of === undefined ? {} : { of: { site: of.site, controller: of.controller } }
    this.#effects.push({ do: 'note', kind, ...about, detail })
  }

  assign(turns: readonly Turn[]): void {
    if (turns.length > 0) this.#effects.push({ do: 'assign', turns })
  }

  withdraw(controllers: readonly ControllerRef[]): void {
    if (controllers.length === 0) return
    const refs = controllers.map(({ site, controller }) => ({ site, controller }))
    this.#effects.push({ do: 'withdraw', controllers: refs })
  }

  decision(): Decision {
    return { next: this.head, turns: [...this.#turns.values()], effects: this.#effects, more: this.more }
  }
}

/** The wave of a plan. Throws when a stored rollout is of another plan. */
export function waveAt(plan: RolloutPlan, wave: number): RolloutPlan['waves'][number] {
  const found = plan.waves[wave]
  if (found === undefined) throw new Error(`the rollout of ${plan.id} is at wave ${wave}, which the plan does not have`)
  return found
}

/** A reason as it is stored: one line, and not too long. */
export const reasonOf = (why: string): string => plainText(why, MAX_REASON)
