import type { Gate } from '../../../src/core/campaign/gate.ts'
import type { RolloutPlan } from '../../../src/core/campaign/rollout-plan.ts'
import type { Seat } from '../../../src/core/campaign/turn.ts'
import { instant, millis } from '../../../src/core/encoding/units.ts'
import { HOUR, T0 } from './plans.ts'

/** What the rollout machine works by, without the documents around it: terms, and seats of one site or of several. */
export type Setting = { readonly plan: RolloutPlan; readonly seats: readonly Seat[] }

/** Controllers `c0`, `c1`, … of the site harbour, so many in each wave. */
export function seats(sizes: readonly number[], change: (index: number) => Partial<Seat> = () => ({})): Seat[] {
  let next = 0
  return sizes.flatMap((size, wave) =>
    Array.from({ length: size }, () => {
      const controller = `c${next++}`
      const facts = { region: 'north', watts: 1000, wattHours: 500, steps: [{ release: 0, order: 0 }] }
      return { site: 'harbour', controller, wave, ...facts, ...change(next - 1) }
    }),
  )
}

/** Terms for so many controllers in each wave. Release 1 undoes release 0. */
export function termsOf(sizes: readonly number[], change: Partial<RolloutPlan> = {}, gate?: Gate): RolloutPlan {
  return {
    id: 'spring',
    createdAt: instant(T0 - HOUR),
    notAfter: instant(T0 + 1000 * HOUR),
    priority: 50,
    releases: [{ path: 'bms/2.3.0.suit' }, { path: 'bms/2.3.1.suit' }],
    waves: sizes.map((controllers, index) => ({
      name: `wave-${index}`,
      soakMillis: millis(HOUR),
      gate: gate ?? { minSuccessPercent: 60, maxFailures: 1 },
      controllers,
    })),
    timeoutMillis: millis(2 * HOUR),
    retry: { retries: 1, backOffMillis: millis(0), maxBackOffMillis: millis(0) },
    abort: null,
    back: [{ of: 0, to: 1 }],
    budgets: [],
    ...change,
  }
}

export const settingOf = (sizes: readonly number[], change: Partial<RolloutPlan> = {}, gate?: Gate): Setting => ({
  plan: termsOf(sizes, change, gate),
  seats: seats(sizes),
})
