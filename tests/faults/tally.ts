import { type Done, KINDS, type Kind } from './enumerate.ts'
import { seedText } from './seed.ts'

/** A run that hurt an invariant: how to repeat it, and what it said. */
export type Hurt = { readonly seed: string; readonly rule: string; readonly message: string }

/** Faults of one mode in one phase: with an effect, without one, and in how many of the runs an invariant was hurt. */
export type Cell = { effect: number; none: number; violations: number }

/** What is counted. Plain data: workers send theirs to be added up. */
export type Tally = {
  /** Runs in which every fault had an effect; and the others, which count for nothing. */
  runs: number
  idle: number
  boots: number
  readonly kinds: Record<Kind, number>
  /** Runs by phase and kind, and by board and kind. */
  readonly phases: Record<string, Record<Kind, number>>
  readonly boards: Record<string, Record<Kind, number>>
  /** Faults that struck, by phase and mode. */
  readonly cells: Record<string, Record<string, Cell>>
  readonly violations: Record<string, number>
  readonly hurt: Hurt[]
  /** Different states that the last faults left, and different ends, of a phase on a board. */
  readonly states: Set<number>
  readonly outcomes: Set<number>
  /** Runs of which a planned fault did not strike: none may be left. */
  missed: number
}

/** Violations that are told one by one; the others are counted. */
const TOLD = 20

const none = (): Record<Kind, number> => ({ single: 0, pair: 0, drawn: 0 })

export const emptyTally = (): Tally => ({
  runs: 0,
  idle: 0,
  boots: 0,
  kinds: none(),
  phases: {},
  boards: {},
  cells: {},
  violations: {},
  hurt: [],
  states: new Set(),
  outcomes: new Set(),
  missed: 0,
})

function cellOf({ cells }: Tally, phase: string, mode: string): Cell {
  cells[phase] ??= {}
  const row = cells[phase]
  row[mode] ??= { effect: 0, none: 0, violations: 0 }
  return row[mode]
}

/** Counts one run. */
export function count(tally: Tally, { kind, seed, ended }: Done): void {
  const { struck, violation, left, outcome } = ended
  tally.boots += ended.boots
  for (const { mode, proof } of struck) {
    const cell = cellOf(tally, seed.phase, mode.name)
    if (proof === 'effect') cell.effect += 1
    else cell.none += 1
    if (violation !== null) cell.violations += 1
  }
  if (struck.length !== seed.faults.length) tally.missed += 1
  if (left !== null) tally.states.add(left)
  if (outcome !== null) tally.outcomes.add(outcome)
  if (struck.every(({ proof }) => proof === 'effect')) {
    tally.runs += 1
    tally.kinds[kind] += 1
    tally.phases[seed.phase] ??= none()
    ;(tally.phases[seed.phase] as Record<Kind, number>)[kind] += 1
    tally.boards[seed.board] ??= none()
    ;(tally.boards[seed.board] as Record<Kind, number>)[kind] += 1
  } else tally.idle += 1
  if (violation === null) return
  const { rule, message } = violation
  tally.violations[rule] = (tally.violations[rule] ?? 0) + 1
  if (tally.hurt.length < TOLD) tally.hurt.push({ seed: seedText(seed), rule, message })
}

/** Adds what a worker has counted. */
export function add(sum: Tally, part: Tally): void {
  sum.runs += part.runs
  sum.idle += part.idle
  sum.boots += part.boots
  sum.missed += part.missed
  for (const kind of KINDS) sum.kinds[kind] += part.kinds[kind]
  for (const group of ['phases', 'boards'] as const) {
    for (const [name, kinds] of Object.entries(part[group])) {
      sum[group][name] ??= none()
      for (const kind of KINDS) (sum[group][name] as Record<Kind, number>)[kind] += kinds[kind]
    }
  }
  for (const [phase, row] of Object.entries(part.cells)) {
    for (const [mode, { effect, none: idle, violations }] of Object.entries(row)) {
      const cell = cellOf(sum, phase, mode)
      cell.effect += effect
      cell.none += idle
      cell.violations += violations
    }
  }
  for (const [name, times] of Object.entries(part.violations)) {
    sum.violations[name] = (sum.violations[name] ?? 0) + times
  }
  for (const group of ['states', 'outcomes'] as const) for (const each of part[group]) sum[group].add(each)
  sum.hurt.push(...part.hurt.slice(0, Math.max(0, TOLD - sum.hurt.length)))
}

/** Faults of a mode in all phases. */
export function ofMode({ cells }: Tally, mode: string): Cell {
  const sum: Cell = { effect: 0, none: 0, violations: 0 }
  for (const row of Object.values(cells)) {
    sum.effect += row[mode]?.effect ?? 0
    sum.none += row[mode]?.none ?? 0
    sum.violations += row[mode]?.violations ?? 0
  }
  return sum
}
