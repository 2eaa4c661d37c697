import { Book } from '../../src/core/campaign/book.ts'
import { rolloutTerms } from '../../src/core/campaign/rollout-terms.ts'
import { type Plan, plannedControllers } from '../../src/core/campaign/turns.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'

/** A campaign that waits for its approval. */
export function created(plan: Plan): Book {
  const facts = { region: 'nl', watts: 0, wattHours: 0 }
  return new Book(
    rolloutTerms(plan),
    [...plannedControllers(plan)].map(one => ({ ...one, ...facts })),
  )
}

/** A campaign in its first wave, as it stands right after its start: everybody in that wave is ordered. */
export function running(plan: Plan): Book {
  const now = plan.createdAt
  const book = created(plan)
  orThrow(book.run({ kind: 'approve', now }))
  orThrow(book.run({ kind: 'start', now }))
  return book
}
