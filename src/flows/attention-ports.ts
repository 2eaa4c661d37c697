import type { Instant } from '../core/encoding/units.ts'

/** Controllers of a site that have the same trouble: how many, and the first of them. */
export type Troubled = {
  readonly site: string
  readonly region: string
  readonly controller: string
  readonly controllers: number
}

/** Turns of a campaign at a site that ended badly in the same way. `since`: when the first of them did. */
export type FailedTurns = Troubled & {
  readonly campaign: string
  readonly result: 'reverted' | 'refused' | 'timeout' | 'kept'
  readonly code: string | null
  readonly since: Instant
}

/** What needs somebody, as the store's indexes know it: no answer reads what is well. Each by site, at most `limit` sites. */
export interface AttentionStore {
  /** Controllers that run their golden image. */
  golden(limit: number): Promise<Troubled[]>
  /** Controllers that are enrolled and were never heard. */
  unheard(limit: number): Promise<Troubled[]>
  /**
   * Controllers that were last heard before an instant, `since` when the first of them was. Of so many that no more than `limit` of them
   * are read, those that are silent longest.
   */
  silent(before: Instant, limit: number): Promise<(Troubled & { readonly since: Instant })[]>
  /** Turns that failed, or could not be taken back, of controllers that no later campaign has given a turn. */
  failed(limit: number): Promise<FailedTurns[]>
  /** Whether later campaigns have given every controller of a campaign a turn. */
  answered(campaign: string): Promise<boolean>
  /** Every region, with its sites and controllers. */
  regions(): Promise<{ region: string; sites: number; controllers: number }[]>
  /** The region of a site; null: it has no controllers. */
  regionOf(site: string): Promise<string | null>
}
