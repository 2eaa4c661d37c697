import type { Crypto } from '../encoding/crypto.ts'
import { type ControllerRef, refKey } from '../fleet/inventory.ts'
import type { Refusal } from '../refusal/refusal.ts'
import type { PlanHead } from './plan.ts'
import { checkSheets, type Sheet, type SheetTurn } from './sheet.ts'

/** A plan with all its sheets, by site, in order of site. */
export type Plan = PlanHead & { readonly sheetOf: ReadonlyMap<string, Sheet> }

/** A controller with the release (index into the plan's `releases`) that it gets. */
export type PlannedController = ControllerRef & { readonly release: number }

/** A controller's turn in a plan: its wave, and what it gets there. `release` is that of its first step. */
export type PlannedTurn = PlannedController & Pick<SheetTurn, 'wave' | 'steps'>

/** Puts a plan together from its head and its sheets. Refuses as `checkSheets`: these are not the sheets that were approved. */
export function withSheets(head: PlanHead, sheets: readonly Sheet[], crypto: Crypto, subject: string): Plan | Refusal {
  const fault = checkSheets(head, sheets, crypto, subject)
  return fault ?? { ...head, sheetOf: new Map(sheets.map(sheet => [sheet.site, sheet])) }
}

/** Every controller of the plan, in order of site and controller. */
export function* plannedControllers({ sheetOf }: Pick<Plan, 'sheetOf'>): Generator<PlannedTurn> {
  for (const [site, { turns }] of sheetOf) {
    for (const { controller, wave, steps } of turns) yield { site, controller, wave, steps, release: firstOf(steps) }
  }
}

const firstOf = (steps: SheetTurn['steps']): number => (steps[0] as SheetTurn['steps'][number]).release

/** What each controller of the plan gets, and when: by `refKey`, and by wave. */
type Turns = { readonly byKey: ReadonlyMap<string, PlannedTurn>; readonly byWave: readonly (readonly PlannedTurn[])[] }

const known = new WeakMap<Plan, Turns>()

/** Computed once for each plan, since plans never change. */
function indexOf(plan: Plan): Turns {
  const before = known.get(plan)
  if (before !== undefined) return before
  const byKey = new Map<string, PlannedTurn>()
  const byWave: PlannedTurn[][] = plan.waves.map(() => [])
  for (const turn of plannedControllers(plan)) {
    byKey.set(refKey(turn), turn)
    byWave[turn.wave]?.push(turn)
  }
  const turns = { byKey, byWave }
  known.set(plan, turns)
  return turns
}

/** The plan's turns by `refKey`. */
export const turnsOf = (plan: Plan): ReadonlyMap<string, PlannedTurn> => indexOf(plan).byKey

/** The turns of a wave, in order of site and controller. */
export const turnsOfWave = (plan: Plan, wave: number): readonly PlannedTurn[] => indexOf(plan).byWave[wave] ?? []
