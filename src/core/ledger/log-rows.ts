/** What a store keeps of the log. */

/** An audit entry with the columns that it is looked up by. */
export type EntryRow = {
  readonly bytes: Uint8Array
  readonly leaf: Uint8Array
  readonly kind: string
  readonly site?: string
  readonly controller?: string
  readonly campaign?: string
}

/** Where the log ends: number of entries, the compact range of their hashes, the signed checkpoint over them. */
export type LogRow = { readonly size: number; readonly range: readonly Uint8Array[]; readonly checkpoint: string }
