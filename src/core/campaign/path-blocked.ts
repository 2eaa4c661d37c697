import { type Cohort, meet } from './path-cohorts.ts'
import type { Puzzle } from './path-pairs.ts'
import { brokenBetween, type Rule, type Running } from './path-rules.ts'
import { searchMoves } from './path-search.ts'

/** Sets that are tried before the smallest one is no longer looked for, but one from which nothing can be left out. */
const TRIES = 3000
const STATES = 5000

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
 * have no way together. Where there are too many sets to try, it is one from which nothing can be left out.
 */
export function smallestBlock<Release>(cohorts: readonly Cohort<Release>[]): Block<Release> {
  const stuck = smallest(cohorts, some => searchMoves(puzzleOf(some), STATES).at === 'blocked')
  const rules = new Map<string, Rule>()
  for (const [at, one] of stuck.entries()) {
    for (const other of stuck.slice(at + 1)) {
      if (!meet(one, other)) continue
      for (const a of one.runs)
        for (const b of other.runs) for (const rule of brokenBetween(a, b)) rules.set(nameOf(rule), rule)
    }
  }
  const blocking = smallest([...rules.values()], some => {
    const names = new Set(some.map(nameOf))
    const holds = (a: Running, b: Running): boolean => !brokenBetween(a, b).some(rule => names.has(nameOf(rule)))
    return searchMoves(puzzleOf(stuck, holds), STATES).at === 'blocked'
  })
  return { cohorts: stuck, rules: inTurn(stuck, blocking) }
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

/** The first smallest subset of which `blocks` is true, as it is of the whole; `blocks` of a set holds for all larger ones. */
function smallest<T>(all: readonly T[], blocks: (some: readonly T[]) => boolean): readonly T[] {
  let tries = 0
  for (let size = 1; size < all.length; size += 1) {
    for (const some of subsets(all, size)) {
      tries += 1
      if (tries > TRIES) return irreducible(all, blocks)
      if (blocks(some)) return some
    }
  }
  return all
}

function irreducible<T>(all: readonly T[], blocks: (some: readonly T[]) => boolean): readonly T[] {
  let kept = all
  for (const one of all) {
    const without = kept.filter(other => other !== one)
    if (blocks(without)) kept = without
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
