import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import type { CampaignControllerView, CampaignSummary, CampaignView } from '../../wire/fleet-views.ts'
import type { Session } from './session.ts'

/** Controllers that a campaign is shown with; how many there are stands in its counts. */
const SHOWN = 2000

/** A campaign with the first of its controllers, by wave. */
export async function readCampaign(session: Session, id: string): Promise<CampaignView | Refusal> {
  const summary = await session.get<CampaignSummary>(`/v1/campaigns/${id}`)
  if (isRefusal(summary)) return summary
  const turns = await session.first<CampaignControllerView>(`/v1/campaigns/${id}/controllers`, SHOWN)
  if (isRefusal(turns)) return turns
  return { ...summary, controllers: turns.items.toSorted((a, b) => a.wave - b.wave) }
}
