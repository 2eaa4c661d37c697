import type { Instant } from '../encoding/units.ts'
import { compareVersions, type Version } from '../firmware/version.ts'
import type { SiteRules } from '../fleet/site-rules.ts'
import type { PlanHead } from './plan.ts'
import { priorityAt } from './priority.ts'
import type { Sheet } from './sheet.ts'

/**
 * What an approved plan says about how a site carries it out.
 * - `priority`: of two campaigns that wait at a site, the higher one goes first; 0 to 100.
 * - `maxFailures`: more failed controllers than these at this site alone, and no more turns are given; null: no bound.
 * - `tries`: how often one release may fail at one controller, whoever orders it again; null: no bound.
 * - `back`: releases that undo others, as SHA-256 of their envelopes (hex): failures do not keep anybody from going back.
 */
export type Terms = {
  readonly rules: SiteRules
  readonly priority: number
  readonly maxFailures: number | null
  readonly tries: number | null
  readonly back: readonly string[]
}

/** Rows of tries that a plan's retries stand for: its own, and the one that a person gives who has looked into it. */
const ROWS = 2

/**
 * One step of one controller in a campaign, and whether the controller has attested it. Within a circle (or the whole site)
 * no step is taken before every step of a lower order is confirmed. `release`: the SHA-256 of its envelope (hex), by which
 * an order says which step it is about.
 */
export type PlannedStep = {
  readonly campaign: string
  readonly controller: string
  readonly release: string
  readonly order: number
  readonly confirmed: boolean
}

/** A plan's terms at a moment: its priority rises with the steps of its deadline, and nothing else does. */
export function termsOf(plan: PlanHead, now: Instant): Terms {
  const { rules, abort, retry, releases } = plan
  const back = (plan.back ?? []).map(({ to }) => releases[to]!.sha256)
  return {
    rules,
    priority: priorityAt(plan, now),
    maxFailures: abort.maxFailures,
    tries: ROWS * (retry.retries + 1),
    back,
  }
}

/** What a controller attests that it runs for good; null: it is on trial, in golden, or has never reported. */
export type Stable = (controller: string) => Version | null

/**
 * The steps of a sheet. A step is confirmed by a controller that attests the step's version, or a later one: a stepping stone
 * that it has left behind.
 */
export function stepsOf(plan: PlanHead, sheet: Sheet, stable: Stable): PlannedStep[] {
  return sheet.turns.flatMap(({ controller, steps }) => {
    const runs = stable(controller)
    return steps.map(({ release, order }): PlannedStep => {
      const { version, sha256 } = plan.releases[release]!
      const confirmed = runs !== null && compareVersions(runs, version) >= 0
      return { campaign: plan.id, controller, release: sha256, order, confirmed }
    })
  })
}
