import { showDuration } from '../../encoding/quantity.ts'
import type { Instant, Millis } from '../../encoding/units.ts'

/** Which kind of rule a controller waits for; `none`: what it waited for is over. */
export type WaitRule =
  | 'expired'
  | 'failures'
  | 'window'
  | 'blackout'
  | 'clock'
  | 'order'
  | 'versions'
  | 'auxiliary'
  | 'permissive'
  | 'restarting'
  | 'budget'
  | 'redundancy'
  | 'turn'
  | 'link'
  | 'none'

/**
 * What a rule that says no says.
 * - `about`: which one of its kind, for machines: the point, the group, the budget. With `rule` it names the reason; the
 *   words and figures beside it may change while the reason stays.
 * - `because`: one sentence without its subject and full stop ("state of charge 18 %, at least 30 % needed; read 4 s ago").
 * - `value`, `threshold`: what is, and what would have to be, in words; null where there is no such thing.
 * - `ageMillis`: how old the value is; null for what the gateway knows itself.
 * - `nextPossible`: the earliest moment at which this rule can say yes; null when that depends on the plant.
 */
export type No = {
  readonly rule: WaitRule
  readonly about: string
  readonly because: string
  readonly value: string | null
  readonly threshold: string | null
  readonly ageMillis: Millis | null
  readonly nextPossible: Instant | null
}

/** A controller that has staged its release and does not get its turn now, or that has no image yet, and why, in one sentence. */
export type Wait = No & { readonly controller: string; readonly sentence: string }

/** Makes a `No`; what is not given is null. */
export function no(rule: WaitRule, about: string, because: string, more: Partial<No> = {}): No {
  return { rule, about, because, value: null, threshold: null, ageMillis: null, nextPossible: null, ...more }
}

/** The reason by its name: the same while only figures move. */
export const reasonOf = ({ rule, about }: Pick<No, 'rule' | 'about'>): string => `${rule}/${about}`

/** `1 min 30 s old`. */
export const ageText = (age: number): string => `${showDuration(age)} old`
