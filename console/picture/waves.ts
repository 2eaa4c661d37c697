import type { PlanBody } from '../../src/core/campaign/plan.ts'
import type { CampaignControllerView, CampaignView } from '../../src/wire/fleet-views.ts'

/** A gate: not reached, its wave soaking, passed, holding a pause, or the reason of a halt. */
export type GateState = 'ahead' | 'soaking' | 'passed' | 'held' | 'failed'

export type WavePicture = {
  readonly number: number
  readonly name: string
  readonly controllers: readonly CampaignControllerView[]
  readonly confirmed: number
  readonly failed: number
  readonly gate: GateState
  /** Confirmed over what the gate asks for, and failed over what it allows; null while the plan is not known. */
  readonly measured: { readonly confirmed: string; readonly failed: string } | null
}

export type PlanGates = Pick<PlanBody, 'waves'>

/** The waves of a campaign as they are drawn: what was planned, and how far it came. */
export function wavesOf(campaign: CampaignView, plan: PlanGates | null): readonly WavePicture[] {
  return Array.from({ length: campaign.waves }, (_, index): WavePicture => {
    const number = index + 1
    const controllers = campaign.controllers.filter(({ wave }) => wave === number)
    // Counted by the server: the controllers that are drawn may be the first of many.
    const { confirmed = 0, failed = 0, total = 0 } = campaign.tallies[index]?.counts ?? {}
    const planned = plan?.waves[index]
    const name = planned?.name ?? `wave ${number}`
    const percent = total === 0 ? 0 : Math.floor((100 * confirmed) / total)
    const gate = planned?.gate
    const measured =
      gate === undefined
        ? null
        : { confirmed: `${percent} of ${gate.minSuccessPercent} %`, failed: `${failed} of ≤ ${gate.maxFailures}` }
    return { number, name, controllers, confirmed, failed, gate: gateOf(campaign, number), measured }
  })
}

function gateOf({ state, wave }: CampaignView, number: number): GateState {
  if (state === 'done' || number < wave) return 'passed'
  if (number > wave) return 'ahead'
  if (state === 'halted' || state === 'rolling-back') return 'failed'
  if (state === 'paused') return 'held'
  return state === 'soaking' ? 'soaking' : 'ahead'
}
