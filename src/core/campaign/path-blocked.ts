import { type Cohort, meet } from './path-cohorts.ts'
import { type Puzzle, pairsOf } from './path-pairs.ts'
import { brokenBetween, type Rule, type Running } from './path-rules.ts'
import { ANY_ORDER, searchMoves } from './path-search.ts'

/** Sets that are tried before the smallest one is no longer looked for, but one from which nothing can be left out. */
const TRIES = 1000
/** States that one try looks at, and all of them together: a fraction of a second. What is not seen to block by then stays. */
const STATES = 1000
const EFFORT = 4000

/** What blocks a site: cohorts that cannot all come to their goals, whatever the others do, and the rules that keep them. */
export type Block<Release> = { readonly cohorts: readonly Cohort<Release>[]; readonly rules: readonly Rule[] }

/** The cohorts as pieces of a puzzle. `holds` tells which rules count: all of them, but where a block is looked for. */
export function puzzleOf(
  cohorts: readonly Cohort<unknown>[],
  holds: (one: Running, other: Running) => boolean = (one, other) => brokenBetween(one, other).length === 0,
): Puzzle {
  // Most classes state nothing of each other: those need not be looked at place by place.
  const related = relatedClasses(cohorts)
  const known = new Map<Running, Map<Running, boolean>>()
  const together = (one: Running, other: Running): boolean => {
    const row = known.get(one) ?? new Map<Running, boolean>()
    known.set(one, row)
    const before = row.get(other)
    if (before !== undefined) return before
    const now = holds(one, other)
    row.set(other, now)
    return now
  }
  return {
    pieces: cohorts.map(({ members, places }) => ({ weight: members.length, next: places.map(place => place.next) })),
    meets: (a, b) => related(cohorts[a]!, cohorts[b]!) && meet(cohorts[a]!, cohorts[b]!),
    fits: (a, i, b, j) => together(cohorts[a]!.runs[i]!, cohorts[b]!.runs[j]!),
  }
}

/** Whether a release that one of two cohorts may run states something of the other's class. */
function relatedClasses(cohorts: readonly Cohort<unknown>[]): (a: Cohort<unknown>, b: Cohort<unknown>) => boolean {
  const stated = new Map<string, Set<string>>()
  for (const { class: name, runs } of cohorts) {
    const classes = stated.get(name) ?? new Set<string>()
    stated.set(name, classes)
    for (const { facts } of runs) for (const needs of facts?.dependencies ?? []) classes.add(needs.class)
  }
  const states = (a: string, b: string): boolean => stated.get(a)?.has(b) === true
  return (a, b) => states(a.class, b.class) || states(b.class, a.class)
}

/**
 * The smallest set of cohorts that block each other, and of the rules between them the smallest set that does it. `cohorts`
 * have no way together. Where there are too many sets to try, it is one from which nothing can be left out, or as much as
 * could be found out in the time that there is.
 */
export function smallestBlock<Release>(cohorts: readonly Cohort<Release>[]): Block<Release> {
  const stuck = blockedPair(cohorts) ?? smallest(cohorts, 3, blocking(puzzleOf))
  const rules = new Map<string, Rule>()
  for (const [at, one] of stuck.entries()) {
    for (const other of stuck.slice(at + 1)) {
      if (!meet(one, other)) continue
      for (const a of one.runs)
        for (const b of other.runs) for (const rule of brokenBetween(a, b)) rules.set(nameOf(rule), rule)
    }
  }
  const within = blocking((some: readonly Rule[]) => {
    const names = new Set(some.map(nameOf))
    return puzzleOf(stuck, (a, b) => !brokenBetween(a, b).some(rule => names.has(nameOf(rule))))
  })
  return { cohorts: stuck, rules: inTurn(stuck, smallest([...rules.values()], 1, within)) }
}

/** Nearly all sites are blocked by two: that is seen without a search. Nobody blocks themselves: all have a way alone. */
function blockedPair<Release>(cohorts: readonly Cohort<Release>[]): readonly Cohort<Release>[] | null {
  for (const [a, row] of pairsOf(puzzleOf(cohorts)).entries()) {
    for (const [b, { ahead }] of row) if (!Number.isFinite(ahead[0]![0]!)) return [cohorts[a]!, cohorts[b]!]
  }
  return null
}

/** Whether what is made of some things is blocked, as far as can be told with the effort that is left. */
function blocking<T>(puzzle: (some: readonly T[]) => Puzzle): (some: readonly T[]) => boolean {
  let left = EFFORT
  return some => {
    if (left <= 0) return false
    const made = puzzle(some)
    const { at, states } = searchMoves(made, STATES, ANY_ORDER)
    // What it takes to set up a search grows with the pieces.
    left -= states + made.pieces.length
    return at === 'blocked'
  }
}

/** Rules as they are read best: those of the first cohort first, and behind each one that of the class that it needs. */
function inTurn(cohorts: readonly Cohort<unknown>[], rules: readonly Rule[]): readonly Rule[] {
  const left = new Set(cohorts.flatMap(({ runs }) => rules.filter(({ of }) => runs.some(({ facts }) => facts === of))))
  const turns: Rule[] = []
  while (left.size > 0) {
    const last = turns.at(-1)
    const next = [...left].find(({ of }) => of.class === last?.needs.class) ?? [...left][0]!
    left.delete(next)
    turns.push(next)
  }
  return turns
}

const nameOf = ({ of, needs }: Rule): string => `${of.class} ${of.version} ${needs.class}`

/**
 * The first smallest subset, of so many at least, of which `blocks` is true, as it is of the whole; `blocks` of a set holds for
 * all larger ones.
 */
function smallest<T>(all: readonly T[], least: number, blocks: (some: readonly T[]) => boolean): readonly T[] {
  let tries = 0
  for (let size = least; size < all.length; size += 1) {
    for (const some of subsets(all, size)) {
      tries += 1
      if (tries > TRIES) return irreducible(all, blocks)
      if (blocks(some)) return some
    }
  }
  return all
}

/** Leaves out halves first, then quarters, and single ones last: a small block in a large site is found in few tries. */
function irreducible<T>(all: readonly T[], blocks: (some: readonly T[]) => boolean): readonly T[] {
  let kept = all
  for (let size = Math.ceil(all.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < kept.length; ) {
      const without = kept.toSpliced(from, size)
      if (without.length > 0 && blocks(without)) kept = without
      else from += size
    }
  }
  return kept
}

function* subsets<T>(all: readonly T[], size: number, from = 0): Generator<readonly T[]> {
  if (size === 0) {
    yield []
    return
  }
  for (let at = from; at <= all.length - size; at += 1) {
    for (const rest of subsets(all, size - 1, at + 1)) yield [all[at]!, ...rest]
  }
}
