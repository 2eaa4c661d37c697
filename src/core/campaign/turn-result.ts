import { isRefusalCode, registry } from '../refusal/registry.ts'
import type { Report } from '../trust/report.ts'
import { hasRegressed, isOvertaken, type Outcome, outcomeOf, type Wanted } from './outcome.ts'
import type { Turn } from './turn.ts'

/** What a report means for a turn of a campaign. */
export type Result =
  | Outcome
  | { readonly result: 'overtaken' }
  | { readonly result: 'confirmed'; readonly further: true }

/** The events of a report that tell of work on the controller; the others tell how it stands. */
export const WORK: ReadonlySet<Report['event']> = new Set([
  'staged',
  'withdrawn',
  'armed',
  'trial',
  'confirmed',
  'reverted',
  'refused',
])

/** How a report ends a turn, or undoes its end; null: it says nothing of it. */
export function resultOf(report: Report, turn: Turn, wanted: Wanted): Result | null {
  // A controller that had confirmed and runs something else now is a failure that the soak is there to see.
  if (turn.at === 'confirmed' || turn.at === 'between') {
    // Something newer than it was given is no step back: another campaign came after this one.
    if (isOvertaken(report, wanted)) return null
    return hasRegressed(report, wanted) ? { result: 'reverted', cause: 'regressed' } : null
  }
  return isOvertaken(report, wanted) ? { result: 'overtaken' } : outcomeOf(report, wanted)
}

/** The result as a campaign hears of it. */
export function eventOf(outcome: Result): {
  result: Result['result']
  code?: string
  again?: boolean
  further?: boolean
} {
  if (outcome.result === 'confirmed' || outcome.result === 'overtaken') return outcome
  if (outcome.result === 'reverted') return { result: 'reverted', code: outcome.cause }
  const again = isRefusalCode(outcome.code) && registry[outcome.code].action === 'retry'
  return { result: 'refused', code: outcome.code, again }
}
