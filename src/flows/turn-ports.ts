import type { Load } from '../core/campaign/load.ts'
import type { Next } from '../core/campaign/rollout-state.ts'
import type { OrderRow, TurnRow } from '../core/campaign/turn-rows.ts'
import type { Instant } from '../core/encoding/units.ts'
import type { ControllerRef } from '../core/fleet/inventory.ts'

/** Where a turn stands among those of its state. */
export type TurnPlace = readonly [wave: number, region: string, order: number, site: string, controller: string]

/** The turns of campaigns and what is out, as decisions ask for them. No answer grows with a campaign but `page`. */
export interface TurnStore {
  turn(campaign: string, ref: ControllerRef): Promise<TurnRow | null>
  /** The turns of a controller in all campaigns that are open. */
  of(ref: ControllerRef): Promise<TurnRow[]>
  /** At most `limit` turns that are due by an instant, the longest due first. */
  due(campaign: string, by: Instant, limit: number): Promise<TurnRow[]>
  /** At most `limit` turns of a kind, as many of each region: see core/campaign/book.ts. */
  next(campaign: string, next: Next, limit: number): Promise<TurnRow[]>
  /** When a controller of a site last came through, one that was kept, and the turns on their way back. */
  site(campaign: string, site: string): Promise<{ moved: Instant; kept: string | null; back: TurnRow[] }>
  /** The turns of all campaigns that are ordered at a site. */
  ordered(site: string): Promise<TurnRow[]>
  /** The turns of a campaign in order of site and controller, from behind one on. */
  page(campaign: string, after: ControllerRef | null, limit: number): Promise<TurnRow[]>
  /** Those of one state, in order of wave, region, place in the order at the site, site and controller, from behind one on. */
  pageAt(campaign: string, at: TurnRow['at'], after: TurnPlace | null, limit: number): Promise<TurnRow[]>
  /** The sites that a campaign has turns at, in order. */
  sites(campaign: string): Promise<string[]>
  order(ref: ControllerRef): Promise<OrderRow | null>
  /** All orders that are out at a site, by controller. */
  orders(site: string): Promise<ReadonlyMap<string, OrderRow>>
  /** When the first order that was taken back can be carried out no more; null: none is out that was. */
  firstExpiry(): Promise<Instant | null>
  /** The lowest director's version that a site must show for an order of its that was taken back; null: none was. */
  awaited(site: string): Promise<number | null>
  /** What is out, by campaign and region. */
  load(): Promise<({ readonly campaign: string; readonly region: string } & Load)[]>
}
