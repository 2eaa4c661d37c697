import type { CampaignDraft } from '../../src/wire/plan-views.ts'
import { utcText } from './course.ts'

type Run = CampaignDraft['dryRun']

/** What is to be known of sites that were asked for later: whether they are of the dry run above, and how much has happened since it. */
export type Later = { readonly anew: string | null; readonly since: string | null }

export const NOTHING_LATER: Later = { anew: null, since: null }

/** Sites behind one came as part of a dry run. `before`: the one above; `later`: what was to be known already. */
export function laterOf(before: Run, now: Run, behind: string, later: Later): Later {
  if (now === null) return later
  const at = utcText(now.at)
  const anew =
    before?.of === now.of
      ? later.anew
      : `The server had forgotten the dry run above. The sites behind ${behind} are of a new one, of ${at}.`
  const entries = now.entriesSince === 1 ? 'one entry' : `${now.entriesSince} entries`
  const since =
    now.entriesSince === 0
      ? null
      : `As the fleet was at ${at}. The log has got ${entries} since: another dry run would show what that changes.`
  return { anew, since }
}
