import type { Instant } from '../core/encoding/units.ts'
import type {
  Experience,
  ImportedRow,
  InventoryRow,
  SiteCount,
  VersionCount,
  VersionSaid,
} from '../core/fleet/inventory-row.ts'
import type { ControllerQuery, Position } from '../core/fleet/query.ts'
import type { HistoryRow, NumberedBreak } from '../core/fleet/rows.ts'

/** What versions are counted by. Racks and cabinets have names of their site: they want a question about one site. */
export type VersionsBy = 'fleet' | 'region' | 'site' | 'cabinet' | 'rack'

/** The inventory (core/fleet/inventory-row.ts) as questions are put to it. Answers are of one moment each. */
export interface InventoryStore {
  /**
   * At most `limit` controllers that match, from behind a position on: in order of site and id, or of the last sign of life
   * for a question of `seenBefore`.
   */
  page(query: ControllerQuery, after: Position | null, limit: number): Promise<InventoryRow[]>
  /** How many match; null when no roll-up knows (`isCounted`), since counting would read them all. */
  count(query: ControllerQuery): Promise<number | null>
  /** At most `limit` sites with controllers that match, and how many, in order. */
  sites(query: ControllerQuery, after: string | null, limit: number): Promise<SiteCount[]>
  countSites(query: ControllerQuery): Promise<number | null>
  /** The version map of those that match. */
  versions(query: ControllerQuery, by: VersionsBy): Promise<VersionCount[]>
  /** The newest versions that a controller was said to run, oldest first. */
  history(site: string, id: string, limit: number): Promise<VersionSaid[]>
  /** The experience with the versions of some classes; null for all. */
  experience(classes: readonly string[] | null): Promise<Experience[]>
  /** The next site behind this name that is registered, or has a row. */
  nextSite(after: string): Promise<string | null>
  /** Every row of a site, also of those that were removed. */
  rowsOf(site: string): Promise<InventoryRow[]>
  /** Controllers of a site whose row does not sort where its version does: ranges would miss them. */
  misplaced(site: string): Promise<string[]>
  /** What the roll-ups of a site say that its rows do not; null when they agree. */
  tallyFault(site: string): Promise<string | null>
  /** What the roll-ups of the fleet say that those of its sites do not; null when they agree. */
  fleetTallyFault(): Promise<string | null>
}

/** An import of a list: who brings it, what it is called, its columns, and whether it was decided to take it in. */
export type ImportRow = {
  readonly id: number
  readonly name: string
  readonly person: string
  readonly header: readonly string[]
  readonly decided: boolean
}

/** Where a list of controllers waits until it is decided on. There is one at a time. Each change is durable on return. */
export interface ImportStore {
  current(): Promise<ImportRow | null>
  /** Begins an import; what another one had staged is gone. */
  begin(row: ImportRow): Promise<void>
  /** Stages rows; answers the lines whose controller another line had staged before, with the number of that one. */
  stage(
    rows: readonly { readonly line: number; readonly row: ImportedRow }[],
  ): Promise<{ line: number; first: number }[]>
  /** Keeps the numbers of bad lines, each once. */
  noteFaults(lines: readonly number[]): Promise<void>
  /** How many bad lines were noted. */
  faults(): Promise<number>
  /** How many rows are staged. */
  staged(): Promise<number>
  /** Gives the import up. */
  drop(): Promise<void>
  /**
   * Moves at most so many rows of an import that was decided on into the inventory, in one transaction; 0 when those were the
   * last, or when there is no such import.
   */
  apply(count: number): Promise<number>
  /** The region that a site has in the inventory or among what is staged; null for none. */
  regionOf(site: string): Promise<string | null>
}

/** How far sites have told what they keep, and where that breaks: a projection of the log. */
export interface HistoryStore {
  history(site: string, controller: string): Promise<HistoryRow | null>
  /** At most `limit` breaks in sites' sequences behind a number of the list, with their numbers. */
  breaks(after: number, limit: number, site?: string): Promise<NumberedBreak[]>
  /** At most `limit` of those that somebody has to see to, the newest first: found since an instant, or open still. */
  pressing(since: Instant, limit: number): Promise<NumberedBreak[]>
  /** How many breaks there are, by code, and how many controllers attest decisions that were not told. */
  counts(): Promise<{ readonly codes: ReadonlyMap<string, number>; readonly behind: number }>
}

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

/** What needs somebody, as the store's indexes know it: no answer reads what is well. Each by site. */
export interface AttentionStore {
  /** Controllers that run their golden image, at most `limit` sites of them. */
  golden(limit: number): Promise<Troubled[]>
  /** Controllers that are enrolled and were never heard, at most `limit` sites of them. */
  unheard(limit: number): Promise<Troubled[]>
  /**
   * Controllers that were last heard before an instant, `since` when the first of them was. Of so many that no more than `limit` of them
   * are read, those that are silent longest.
   */
  silent(before: Instant, limit: number): Promise<(Troubled & { readonly since: Instant })[]>
  /**
   * Controllers that are ordered something and whose full image waits for a yes at their site, `since` when the first of them does: at most
   * `limit` controllers, those that wait longest.
   */
  asking(limit: number): Promise<(Troubled & { readonly since: Instant })[]>
  /** The first `limit` turns of a campaign that failed or could not be taken back, without controllers that a later campaign has begun with. */
  failed(campaign: string, limit: number): Promise<FailedTurns[]>
  /** Whether later campaigns have begun with everybody whom a campaign failed, and with its first controller. */
  answered(campaign: string): Promise<boolean>
  /** Every region, with its sites and controllers. */
  regions(): Promise<{ region: string; sites: number; controllers: number }[]>
  /** The region of a site; null: it has no controllers. */
  regionOf(site: string): Promise<string | null>
}
