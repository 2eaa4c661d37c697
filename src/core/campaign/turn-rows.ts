import type { Instant } from '../encoding/units.ts'
import type { ControllerRef } from '../fleet/inventory.ts'
import type { TurnAt } from './turn.ts'

/**
 * A controller's turn in a campaign (core/campaign/turn.ts). `state` is the turn as text; the other members are what it is
 * looked up by. `moved`: when its controller last came through by its own word.
 */
export type TurnRow = ControllerRef & {
  readonly campaign: string
  readonly wave: number
  readonly region: string
  readonly order: number
  readonly at: TurnAt
  readonly due: Instant | null
  readonly moved: Instant | null
  readonly state: string
}

/**
 * An order that is out: what a controller may be out of service for. There is one for a controller at most, whatever the
 * campaigns. One that was taken back counts until its site has shown a director's version from `version` on, or `until`.
 */
export type OrderRow = ControllerRef & {
  readonly campaign: string
  readonly region: string
  readonly watts: number
  readonly wattHours: number
  readonly takenBack: { readonly version: number; readonly until: Instant } | null
}
