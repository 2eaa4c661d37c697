import type { CampaignSummary } from '../../src/wire/fleet-views.ts'
import type { DeadlineView } from '../../src/wire/inventory-views.ts'
import { ageText } from './age.ts'

/** How far a campaign has come by its deadline. */
export type Due = {
  readonly campaign: string
  readonly title: string
  readonly deadline: number
  /** Controllers that have what it brings, or something newer; and that cannot be ordered anything, which is nobody's task. */
  readonly done: number
  readonly failed: number
  readonly left: number
  readonly total: number
  readonly late: boolean
  /** It was rolled back: nobody has what it brought, and nobody gets it by this campaign. */
  readonly undone: boolean
  /** `in 3 d`, `2 h late`, `done`, `rolled back`. */
  readonly inWords: string
}

/** Campaigns with a deadline, the first one first; none that was done a month ago. */
export function dueOf(deadlines: readonly DeadlineView[], campaigns: readonly CampaignSummary[], now: number): Due[] {
  const known = new Map(campaigns.map(one => [one.id, one]))
  return deadlines.flatMap(({ campaign, title, deadline }) => {
    const one = known.get(campaign)
    const counts: Readonly<Record<string, number>> = one?.counts ?? {}
    const { total = 0, confirmed = 0, overtaken = 0, withdrawn = 0, failed = 0 } = counts
    const done = confirmed + overtaken
    const left = Math.max(0, total - done - withdrawn)
    const undone = one?.state === 'rolled-back'
    const over = left === 0 || undone || one?.state === 'done'
    if (over && now - deadline > MONTH) return []
    const late = !over && now > deadline
    const time = late ? `${ageText(now - deadline)} late` : `in ${ageText(deadline - now)}`
    const inWords = undone ? 'rolled back' : over ? 'done' : time
    return [{ campaign, title, deadline, done, failed, left, total, late, undone, inWords }]
  })
}

const MONTH = 30 * 86_400_000
