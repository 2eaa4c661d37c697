import type { AccountPolicy } from '../fleet/account.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import type { Criticality, PlanHead } from './plan.ts'

/** What the fleet demands of the people who decide: `governance` of fleet.yaml. */
export type Governance = AccountPolicy & {
  /** Criticalities of campaigns that need the id of a change request. */
  readonly changeRequest: readonly Criticality[]
}

/**
 * Whether a plan names the change request that its operator demands for campaigns of its criticality. Refuses
 * `change-request-missing`.
 */
export function refuseUngoverned(
  { changeRequest: demanded }: Pick<Governance, 'changeRequest'>,
  { id, criticality, changeRequest }: Pick<PlanHead, 'id' | 'criticality' | 'changeRequest'>,
): null | Refusal {
  if (changeRequest !== undefined || !demanded.includes(criticality)) return null
  const expected = `the id of a change request, as the campaign is of the criticality ${criticality}`
  return refuse('change-request-missing', id, expected, 'none', 'governance.changeRequest of fleet.yaml')
}
