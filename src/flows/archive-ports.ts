import type { Instant } from '../core/encoding/units.ts'
import type { CopyMark } from '../core/fleet/backup.ts'

/** What the archive of the log (flows/archive.ts) and a restored store (flows/confirm.ts) need of the fleet's store. */

/** What a change of the fleet's store may hold of it. */
export type ArchiveChange = {
  /** Entries whose bytes leave the database, because the archive has them; and entries whose bytes come back. */
  readonly archived?: readonly number[]
  readonly returned?: readonly { readonly index: number; readonly bytes: Uint8Array }[]
  /** When full bundles of entries are looked at next; null: never. `bundlesForgotten`: all are looked at anew. */
  readonly bundles?: readonly { readonly index: number; readonly due: Instant | null }[]
  readonly bundlesForgotten?: boolean
}

/** How many entries are in the archive alone, and from where to where. */
export type ArchivedCount = { readonly count: number; readonly first: number | null; readonly last: number | null }

export interface ArchiveStore {
  /** Entries whose bytes are in the database, `from` inclusive, `to` exclusive. */
  atHand(from: number, to: number): Promise<{ index: number; bytes: Uint8Array }[]>
  /** The number of the newest full bundle of entries that was looked at for what may leave; -1 before the first. */
  newest(): Promise<number>
  /** At most `limit` bundles of which something may leave by now, in order. */
  due(now: Instant, limit: number): Promise<number[]>
  count(): Promise<ArchivedCount>
}

/** What a change of the fleet's store may hold of its having been restored. */
export type RestoreChange = {
  /** Marks the store as a copy; null: somebody has said how it goes on. */
  readonly copied?: CopyMark | null
  /** Sites whose outbox may be further than this store knows, which was restored; and one of which it is known again. */
  readonly behind?: readonly string[]
  readonly caughtUp?: string
}

export interface RestoredStore {
  /** What a restored store knows of itself, until a person has said how it goes on; null: it is no copy. */
  copied(): Promise<CopyMark | null>
  /** Sites whose outbox may once be further than this store knows: it was restored, and has not heard them since. */
  behind(): Promise<string[]>
  /** How far a site's outbox is taken in, and whether it is one of those; null: no such site. Each check-in asks: it costs little. */
  upstream(site: string): Promise<{ readonly taken: number; readonly behind: boolean } | null>
}
