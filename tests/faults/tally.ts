import { type Done, KINDS, type Kind } from './enumerate.ts'
import { seedText } from './seed.ts'

/** A run that hurt an invariant: how to repeat it, and what it said. */
export type Hurt = { readonly seed: string; readonly rule: string; readonly message: string }

/** What is counted. Plain data: workers send theirs to be added up. */
export type Tally = {
  runs: number
  boots: number
  readonly kinds: Record<Kind, number>
  /** Runs by phase and kind, and by board and kind. */
  readonly phases: Record<string, Record<Kind, number>>
  readonly boards: Record<string, Record<Kind, number>>
  /** Faults that struck, by mode; and by mode and operation. */
  readonly modes: Record<string, number>
  readonly violations: Record<string, number>
  readonly hurt: Hurt[]
  /** Runs of which a planned fault did not strike: none may be left. */
  missed: number
}

/** Violations that are told one by one; the others are counted. */
const TOLD = 20

const none = (): Record<Kind, number> => ({ single: 0, pair: 0, drawn: 0 })

export const emptyTally = (): Tally => ({
  runs: 0,
  boots: 0,
  kinds: none(),
  phases: {},
  boards: {},
  modes: {},
  violations: {},
  hurt: [],
  missed: 0,
})

/** Counts one run. */
export function count(tally: Tally, { kind, seed, ended }: Done): void {
  tally.runs += 1
  tally.boots += ended.boots
  tally.kinds[kind] += 1
  tally.phases[seed.phase] ??= none()
  ;(tally.phases[seed.phase] as Record<Kind, number>)[kind] += 1
  tally.boards[seed.board] ??= none()
  ;(tally.boards[seed.board] as Record<Kind, number>)[kind] += 1
  for (const { mode } of ended.struck) tally.modes[mode.name] = (tally.modes[mode.name] ?? 0) + 1
  if (ended.struck.length !== seed.faults.length) tally.missed += 1
  if (ended.violation === null) return
  const { rule, message } = ended.violation
  tally.violations[rule] = (tally.violations[rule] ?? 0) + 1
  if (tally.hurt.length < TOLD) tally.hurt.push({ seed: seedText(seed), rule, message })
}

/** Adds what a worker has counted. */
export function add(sum: Tally, part: Tally): void {
  sum.runs += part.runs
  sum.boots += part.boots
  sum.missed += part.missed
  for (const kind of KINDS) sum.kinds[kind] += part.kinds[kind]
  for (const group of ['phases', 'boards'] as const) {
    for (const [name, kinds] of Object.entries(part[group])) {
      sum[group][name] ??= none()
      for (const kind of KINDS) (sum[group][name] as Record<Kind, number>)[kind] += kinds[kind]
    }
  }
  for (const group of ['modes', 'violations'] as const) {
    for (const [name, times] of Object.entries(part[group])) sum[group][name] = (sum[group][name] ?? 0) + times
  }
  sum.hurt.push(...part.hurt.slice(0, Math.max(0, TOLD - sum.hurt.length)))
}
