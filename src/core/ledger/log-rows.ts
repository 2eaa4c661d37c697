import type { Instant } from '../encoding/units.ts'

/** What a store keeps of the log. */

/** An audit entry with the columns that it is looked up by. `actor`: the id of who did it. */
export type EntryRow = {
  readonly bytes: Uint8Array
  readonly leaf: Uint8Array
  readonly kind: string
  readonly at: Instant
  readonly actor: string
  readonly code?: string
  readonly site?: string
  readonly controller?: string
  readonly campaign?: string
}

/** Where the log ends: number of entries, the compact range of their hashes, the signed checkpoint over them. */
export type LogRow = { readonly size: number; readonly range: readonly Uint8Array[]; readonly checkpoint: string }

/** A tile of hashes as it is kept (C2SP tlog-tiles): full ones for ever, above the leaves also the last one, which grows. */
export type TileRow = { readonly level: number; readonly index: number; readonly hashes: Uint8Array }
