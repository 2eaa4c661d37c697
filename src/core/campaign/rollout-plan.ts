import { list, Misfit, object, type Shape, then, whole } from '../encoding/shape.ts'
import { type Millis, millis } from '../encoding/units.ts'
import type { Gate } from './gate.ts'
import type { FleetBudget } from './load.ts'
import type { Ranked } from './priority.ts'

/**
 * How often a controller gets another try after a passing fault or a silence, and how long it rests before: `backOffMillis`,
 * then twice that, and so on up to `maxBackOffMillis`.
 */
export type Retry = { readonly retries: number; readonly backOffMillis: Millis; readonly maxBackOffMillis: Millis }

/**
 * When the whole campaign is halted: more than `maxFailures` failed, or more than `maxFailurePercent` of those that ended.
 * The share is judged from as many on as make it a share: with 5 percent, from 20 on.
 */
export type Abort = { readonly maxFailures: number; readonly maxFailurePercent: number }

/**
 * The way back from a release of the plan: who runs `of` gets `to`, both indices into its releases. No controller takes an
 * older release than it runs, so `to` is the former content released anew, under a higher version and sequence.
 */
export type WayBack = { readonly of: number; readonly to: number }

/** Reads ways back: one for a release at most, and none to itself. */
export const waysBackShape: Shape<readonly WayBack[]> = then(
  list(object({ of: whole(0, 1024), to: whole(0, 1024) }), 1, 64),
  (ways, at) => {
    for (const [index, { of, to }] of ways.entries()) {
      if (of === to) return new Misfit(`${at}[${index}]`, 'another release to go back to', 'the same one')
      if (ways.findIndex(way => way.of === of) !== index) {
        return new Misfit(`${at}[${index}].of`, 'one way back from a release', `two from ${of}`)
      }
    }
    return ways
  },
)

/** As much of a plan as the rollout machine works by. The turns of its controllers come beside it. */
export type RolloutPlan = Ranked & {
  readonly notBefore?: Ranked['createdAt']
  readonly notAfter: Ranked['createdAt']
  readonly releases: readonly { readonly path: string }[]
  readonly waves: readonly {
    readonly name: string
    readonly soakMillis: Millis
    readonly gate: Gate
    readonly controllers: number
  }[]
  readonly timeoutMillis: Millis
  readonly retry: Retry
  readonly abort: Abort | null
  readonly back: readonly WayBack[]
  readonly budgets: readonly FleetBudget[]
}

/** How long a controller rests before its next try; `tries`: how many it has had. */
export function backOff({ backOffMillis, maxBackOffMillis }: Retry, tries: number): Millis {
  return millis(Math.min(backOffMillis * 2 ** Math.min(tries - 1, 40), Math.max(backOffMillis, maxBackOffMillis)))
}

/** The release that undoes another one; null: the plan names none. */
export const wayBack = ({ back }: Pick<RolloutPlan, 'back'>, release: number): number | null =>
  back.find(({ of }) => of === release)?.to ?? null
