import type { Crypto } from '../encoding/crypto.ts'
import type { Site } from '../fleet/topology.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import type { PlannedReleases } from '../trust/mapping.ts'
import { joins, type PlanHead } from './plan.ts'
import { openSheet } from './sheet.ts'

/** As much of a site as decides who joins a dynamic plan there. */
export type JoiningSite = Pick<Site, 'site' | 'region'> & {
  readonly controllers: readonly { readonly id: string; readonly class: string; readonly labels?: readonly string[] }[]
}

/** A release of a plan, and the one that undoes it: who approves the plan approves both. */
function given({ releases, back = [] }: PlanHead, index: number): PlanHead['releases'] {
  const undoes = back.find(({ of }) => of === index)
  return [releases[index]!, ...(undoes === undefined ? [] : [releases[undoes.to]!])]
}

/**
 * What an approved plan gives to a site, by its own sheet (core/trust/mapping.ts): the releases of each controller's steps;
 * and, when the plan is dynamic, for a controller that came later and fits, those of its class. Refuses as `openSheet`.
 */
export function releasesAt(site: JoiningSite, crypto: Crypto) {
  return (bytes: Uint8Array, plan: PlanHead): PlannedReleases | Refusal => {
    const opened = openSheet(bytes, plan, site.site, crypto)
    if (isRefusal(opened)) return opened
    const planned = new Map(
      opened.sheet.turns.map(({ controller, steps }) => [controller, steps.flatMap(step => given(plan, step.release))]),
    )
    for (const { id, class: of, labels = [] } of site.controllers) {
      if (planned.has(id) || !joins(plan, { region: site.region, site: site.site, class: of, labels })) continue
      planned.set(
        id,
        plan.releases.filter(release => release.class === of),
      )
    }
    return planned
  }
}
