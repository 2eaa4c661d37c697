import { Book } from '../../src/core/campaign/book.ts'
import { priorityAt } from '../../src/core/campaign/priority.ts'
import { rivalOf } from '../../src/core/campaign/rival.ts'
import { decide } from '../../src/core/campaign/rollout.ts'
import type { RolloutPlan } from '../../src/core/campaign/rollout-plan.ts'
import { isOpen, type RolloutEvent, type Seen } from '../../src/core/campaign/rollout-state.ts'
import { isOrdered, type Seat, type Turn } from '../../src/core/campaign/turn.ts'
import type { Instant } from '../../src/core/encoding/units.ts'
import { type ControllerRef, refKey } from '../../src/core/fleet/inventory.ts'
import { isRefusal, type Refusal } from '../../src/core/refusal/refusal.ts'

/** What the fleet orders of a controller. */
export type Ordered = { readonly book: Book; readonly turn: Turn }

/** A fleet without its doors and its store: the real rollout machine over campaigns that are held in memory. */
export class YearFleet {
  readonly books: Book[] = []

  add(plan: RolloutPlan, seats: readonly Seat[]): Book {
    const book = new Book(plan, seats)
    this.books.push(book)
    return book
  }

  /** The campaigns that may still order something. */
  open(): Book[] {
    return this.books.filter(book => isOpen(book.head))
  }

  /** One event of a campaign, and what follows at once. Answers a refusal, with nothing changed. */
  tell(book: Book, event: RolloutEvent): null | Refusal {
    for (let now: RolloutEvent = event; ; now = { kind: 'tick', now: event.now }) {
      const decision = decide(book.plan, book.head, now, this.#seen(book, now))
      if (isRefusal(decision)) return decision
      book.take(decision)
      if (!decision.more) return null
    }
  }

  tick(now: Instant): void {
    for (const book of this.open()) this.tell(book, { kind: 'tick', now })
  }

  /** What is ordered at a site now. */
  orderedAt(refs: readonly ControllerRef[]): Ordered[] {
    return this.books.flatMap(book =>
      refs.flatMap(ref => {
        const turn = book.turn(ref)
        return turn !== null && isOrdered(turn) ? [{ book, turn }] : []
      }),
    )
  }

  priority(book: Book, now: Instant): number {
    return priorityAt(book.plan, now)
  }

  /** As a store would show it: who of the others keeps a controller from this campaign. */
  #seen(book: Book, event: RolloutEvent): Seen {
    const alone = book.seen(event)
    const others = this.books.filter(other => other !== book)
    const rivals = new Map<string, string>()
    for (const turn of [...alone.next, ...alone.due, ...alone.turns.values()]) {
      const with_ = others.flatMap(({ plan, head, turns }) => {
        const theirs = turns.get(refKey(turn))
        return theirs === undefined ? [] : [{ plan, rollout: head, turn: theirs }]
      })
      const holder = with_.find(one => isOrdered(one.turn))?.plan.id ?? null
      const rival = rivalOf(book.plan, holder, with_, event.now)
      if (rival !== null) rivals.set(refKey(turn), rival)
    }
    return { ...alone, rivals }
  }
}
