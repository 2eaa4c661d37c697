import type { MarkKind } from './mark-kind.ts'

/** The states of campaigns and of turns, as they are shown: a shape, and a word that says the same. */

const STATES: Readonly<Record<string, MarkKind>> = {
  created: 'attention',
  approved: 'attention',
  running: 'busy',
  soaking: 'busy',
  paused: 'attention',
  halted: 'failed',
  'rolling-back': 'attention',
  'rolled-back': 'failed',
  done: 'good',
}

const STATE_WORDS: Readonly<Record<string, string>> = {
  created: 'waits for approval',
  approved: 'approved, not started',
  'rolling-back': 'rolling back',
  'rolled-back': 'rolled back',
}

const TURNS: Readonly<Record<string, MarkKind>> = {
  waiting: 'waiting',
  between: 'busy',
  queued: 'waiting',
  assigned: 'busy',
  'backing-off': 'attention',
  confirmed: 'good',
  failed: 'failed',
  withdrawn: 'unknown',
  overtaken: 'unknown',
  returning: 'busy',
  returned: 'good',
  kept: 'failed',
}

export const stateMark = (state: string): MarkKind => STATES[state] ?? 'unknown'
export const stateWord = (state: string): string => STATE_WORDS[state] ?? state
/** Whether a campaign orders nothing any more, by its state. */
export const isOver = (state: string): boolean => ['done', 'halted', 'rolled-back'].includes(state)
export const turnMark = (state: string): MarkKind => TURNS[state] ?? 'unknown'
export const turnWord = (state: string): string => state.replaceAll('-', ' ')

/** What is counted of a campaign, in the order in which it is told, without what nobody is. */
export const countsOf = (
  counts: Readonly<Record<string, number>>,
): readonly (readonly [state: string, count: number])[] =>
  Object.keys(TURNS).flatMap(state => {
    const count = counts[state] ?? 0
    return count > 0 ? [[state, count] as const] : []
  })
