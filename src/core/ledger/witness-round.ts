import type { Instant, Millis } from '../encoding/units.ts'

/**
 * How a log goes to its witnesses, as a machine: one checkpoint at a time, until enough have signed it or its time is up; then the
 * newest one. Whoever is waited for so signs the same checkpoint as the others. It never stops the log.
 */

/** `short`: the last checkpoint whose time is over got too few signatures, and none has got enough since. */
export type Round =
  | { readonly at: 'idle' }
  | { readonly at: 'gathering'; readonly size: number; readonly since: Instant; readonly short: boolean }
  | { readonly at: 'enough'; readonly size: number; readonly since: Instant }

/**
 * `head`: the log ends there now; `foreign`: the checkpoint under way is of a key that signs the log no more. `enough`: the policy says so of
 * the checkpoint under way. `start`: the program has just begun.
 */
export type RoundEvent =
  | {
      readonly kind: 'head'
      readonly size: number
      readonly now: Instant
      readonly patience: Millis
      readonly foreign: boolean
    }
  | { readonly kind: 'enough'; readonly now: Instant }
  | { readonly kind: 'start' }

/** `take`: the checkpoint of the head is the one under way. `alarm`, `clear`: people are told. */
export type RoundEffect = 'take' | 'alarm' | 'clear'
export type RoundMove = { readonly next: Round; readonly effects: readonly RoundEffect[] }

type Table = {
  readonly [S in Round['at']]: {
    readonly [E in RoundEvent['kind']]: (
      round: Extract<Round, { at: S }>,
      event: Extract<RoundEvent, { kind: E }>,
    ) => RoundMove
  }
}

const stay = (round: Round): RoundMove => ({ next: round, effects: [] })
type Head = Extract<RoundEvent, { kind: 'head' }>
const take = ({ size, now }: Head, short: boolean, effects: readonly RoundEffect[] = []): RoundMove => ({
  next: { at: 'gathering', size, since: now, short },
  effects: ['take', ...effects],
})

const table: Table = {
  idle: {
    head: (round, event) => (event.size === 0 ? stay(round) : take(event, false)),
    enough: stay,
    start: stay,
  },
  gathering: {
    head: (round, event) => {
      // Nobody signs it any more: that is no fault of theirs.
      if (event.foreign) return take(event, round.short)
      // A clock that was set back must not make it wait for longer.
      const over = event.now - round.since >= event.patience || event.now < round.since
      if (!over) return stay(round)
      return take(event, true, round.short ? [] : ['alarm'])
    },
    enough: ({ size, short }, { now }) => ({
      next: { at: 'enough', size, since: now },
      effects: short ? ['clear'] : [],
    }),
    // It goes on being asked for, since it was durable before anybody was asked.
    start: stay,
  },
  enough: {
    head: (round, event) => (event.size === round.size ? stay(round) : take(event, false)),
    enough: stay,
    // Whether the log is still the one that the witnesses know is asked before anything else: it may be an older copy.
    start: () => ({ next: { at: 'idle' }, effects: [] }),
  },
}

export function decideRound<E extends RoundEvent>(round: Round, event: E): RoundMove {
  const cell = table[round.at][event.kind] as (round: Round, event: E) => RoundMove
  return cell(round, event)
}
