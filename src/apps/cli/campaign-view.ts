import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import type { CampaignControllerView, CampaignView } from '../../wire/fleet-views.ts'
import type { CampaignDetail } from '../../wire/plan-views.ts'
import type { Session } from './session.ts'

/** Controllers that a campaign is shown with; how many there are stands in its counts. */
const SHOWN = 2000

/** A campaign with the first of its controllers, and what the caller may tell it; an older server does not say that. */
export type ShownCampaign = CampaignView & Partial<Pick<CampaignDetail, 'commands'>>

/** A campaign with the first of its controllers, by wave. */
export async function readCampaign(session: Session, id: string): Promise<ShownCampaign | Refusal> {
  const summary = await session.get<CampaignDetail>(`/v1/campaigns/${id}`)
  if (isRefusal(summary)) return summary
  const turns = await session.first<CampaignControllerView>(`/v1/campaigns/${id}/controllers`, SHOWN)
  if (isRefusal(turns)) return turns
  return { ...summary, controllers: turns.items.toSorted((a, b) => a.wave - b.wave) }
}
