import type { Instant, Millis } from '../encoding/units.ts'
import type { VersionRange } from '../firmware/version-range.ts'
import type { SiteRules } from '../fleet/site-rules.ts'
import type { Gate } from './gate.ts'
import type { Criticality, Deadline } from './plan.ts'
import type { Abort, Retry } from './rollout-plan.ts'

/**
 * Which controllers a campaign is for. Each list that is given narrows the selection: one of the regions, sites and classes,
 * at least one of the labels, and of a class in `versions` those that run a version in the range. `controllers` (as
 * `SITE/CONTROLLER`) names them one by one, and then each of them must be fit.
 */
export type Selection = {
  readonly regions?: readonly string[]
  readonly sites?: readonly string[]
  readonly classes?: readonly string[]
  readonly labels?: readonly string[]
  readonly versions?: Readonly<Record<string, VersionRange>>
  readonly controllers?: readonly string[]
}

/** What hangs together at a site, and goes together: a rack, a cabinet, a circle; or the whole site. */
export type Unit = 'rack' | 'cabinet' | 'circle' | 'site'

/**
 * Whom a wave takes of the selected controllers that have no wave yet, in order of site and id:
 * - so many of each class; so many; so many percent of all that are selected (rounded up);
 * - those with one of the labels; those of the named sites; the ones that are named;
 * - at each site the next so many racks, cabinets or circles, whole; or the next so many sites;
 * - the rest.
 */
export type Take =
  | { readonly by: 'class'; readonly count: number }
  | { readonly by: 'count'; readonly count: number }
  | { readonly by: 'percent'; readonly percent: number }
  | { readonly by: 'labels'; readonly labels: readonly string[] }
  | { readonly by: 'sites'; readonly sites: readonly string[] }
  | { readonly by: 'controllers'; readonly controllers: readonly string[] }
  | { readonly by: 'unit'; readonly unit: Unit; readonly count: number }
  | { readonly by: 'rest' }

export type WaveRequest = {
  readonly name: string
  readonly soakMillis: Millis
  readonly gate: Gate
  readonly take: Take
}

/** When the campaign ends at the latest: at an instant, or so long after it was drawn up. */
export type End = { readonly at: Instant } | { readonly afterMillis: Millis }

/**
 * What an operator asks for. `releases` are target paths of published envelopes. `stones`: a controller that cannot take its
 * release at once passes other published releases on its way there; else it is passed over. `joining`: the wave of those that come to the
 * selection's regions, sites, classes and labels later; null: nobody joins.
 */
export type PlanRequest = {
  readonly id: string
  readonly title: string
  readonly changeRequest?: string
  readonly criticality: Criticality
  readonly notBefore?: Instant
  readonly end: End
  readonly priority: number
  readonly releases: readonly { readonly path: string; readonly criticality?: Criticality }[]
  readonly select: Selection
  readonly waves: readonly WaveRequest[]
  readonly timeoutMillis: Millis
  readonly retry: Retry
  readonly abort: Abort
  readonly rules: SiteRules
  readonly deadline?: Deadline
  readonly joining: string | null
  /** What undoes which release, if the campaign has to be rolled back: target paths. */
  readonly back: readonly { readonly of: string; readonly to: string }[]
  readonly stones: boolean
}
