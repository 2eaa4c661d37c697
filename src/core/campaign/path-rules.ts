import { isWithin } from '../firmware/acceptance.ts'
import type { Dependency, ReleaseFacts } from '../firmware/release-facts.ts'
import type { Version } from '../firmware/version.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'

/** What a release states of the versions that it works with, and whose facts they are. */
export type Stating = Pick<ReleaseFacts, 'class' | 'version' | 'dependencies'>

/**
 * What a controller runs, as those that it talks to see it. `version` is null when it has not attested one; `facts` is
 * null when what runs is not among the published releases: it then states nothing of others.
 */
export type Running = { readonly class: string; readonly version: Version | null; readonly facts: Stating | null }

/** One statement of one release: `of` works only beside `needs`. */
export type Rule = { readonly of: Stating; readonly needs: Dependency }

/**
 * The rule of `one` that `other` does not keep; null when it keeps them all. A version that nobody knows keeps no rule. A
 * release states at most one rule for each class.
 */
export function brokenRule(one: Running, other: Running): Rule | null {
  if (one.facts === null) return null
  const needs = one.facts.dependencies.find(dependency => dependency.class === other.class)
  if (needs === undefined || (other.version !== null && isWithin(other.version, needs))) return null
  return { of: one.facts, needs }
}

/** The rules that two controllers that talk break between them: none, one of either, or both. */
export function brokenBetween(one: Running, other: Running): readonly Rule[] {
  return [brokenRule(one, other), brokenRule(other, one)].filter(rule => rule !== null)
}

/** A rule as a sentence's half: `bms 2.0.0 needs pcs 3.0.0 or newer`. */
export const ruleText = ({ of, needs }: Rule): string => `${of.class} ${of.version} needs ${rangeText(needs)}`

/** The versions that a rule accepts: `pcs 3.0.0 or newer, below 4.0.0`. */
export const rangeText = ({ class: name, min, below }: Dependency): string =>
  below === undefined ? `${name} ${min} or newer` : `${name} ${min} or newer, below ${below}`

/**
 * A controller of a site and what it may run. `circle`: controllers of one circle talk to each other; one without a circle
 * talks to all of its site. `runs` is more than one while it restarts or is on trial: what it had, and what it gets.
 */
export type Placed = { readonly id: string; readonly circle: string | null; readonly runs: readonly Running[] }

type Around = Pick<Placed, 'id' | 'circle'>

/** Whether two controllers of one site talk to each other. */
export const talk = (one: Around, other: Around): boolean =>
  one.id !== other.id && (one.circle === null || other.circle === null || one.circle === other.circle)

/** A step of a controller: what it becomes. */
export type Becoming = {
  readonly controller: string
  readonly circle: string | null
  readonly becomes: Running
}

/** What stands in the way of a step: a rule of the release that comes (`own`), or of what a neighbour runs. */
export type Obstacle = { readonly rule: Rule; readonly own: boolean; readonly near: string; readonly runs: Running }

/**
 * The first controller that a step does not go together with: what it becomes, and all that the controllers it talks to may
 * run by then, have to accept each other. Pairs that the step does not touch are not judged: they are as they were. So a site
 * in which two versions do not go together already, by somebody's laptop, can be led out of it. `running` are the controllers of the
 * site, also the one that steps.
 */
export function obstacleTo({ controller, circle, becomes }: Becoming, running: Iterable<Placed>): Obstacle | null {
  for (const near of running) {
    if (!talk({ id: controller, circle }, near)) continue
    for (const runs of near.runs) {
      const own = brokenRule(becomes, runs)
      const rule = own ?? brokenRule(runs, becomes)
      if (rule !== null) return { rule, own: own !== null, near: near.id, runs }
    }
  }
  return null
}

/** Why what `mover` becomes may not run beside what `near` runs. Both are named as people name them. */
export function refuseBeside(mover: string, becomes: Running, near: string, runs: Running): Refusal | null {
  const own = brokenRule(becomes, runs)
  if (own !== null) {
    const subject = `${mover}, ${becomes.class} ${becomes.version}`
    if (runs.version === null) {
      return refuse('release-dependency-unknown', subject, rangeText(own.needs), `nothing attested by ${near}`)
    }
    return refuse('release-dependency-unmet', subject, rangeText(own.needs), `${runs.class} ${runs.version} at ${near}`)
  }
  const others = brokenRule(runs, becomes)
  if (others === null) return null
  const subject = `${near}, ${runs.class} ${runs.version}`
  const actual = `${becomes.class} ${becomes.version} at ${mover}`
  return refuse('release-dependency-unmet', subject, rangeText(others.needs), actual)
}
