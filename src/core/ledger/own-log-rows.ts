/** What a gateway keeps of its own log, and hands over. */

export type ItemKind = 'entry' | 'report' | 'history'

/**
 * An item of a gateway's own log, in its own order: its own audit entries, its controllers' signed reports, and their signed
 * histories. `before`: the head of the log in front of it (core/ledger/site-chain.ts).
 */
export type OutboxItem = {
  readonly sequence: number
  readonly kind: ItemKind
  readonly bytes: Uint8Array
  readonly before: Uint8Array
}

/** Bytes that a gateway keeps of its own log: of what the fleet does not have yet, and of what it has. */
export type Keeping = { readonly unsentBytes: number; readonly sentBytes: number }

/**
 * How a gateway's own log stands: the first number that it still has (0: none), the last that the fleet acknowledged, the last that
 * was given, and the head behind it. `lostFrom`: the first of those that it had to drop before they were handed over.
 */
export type OwnLog = {
  readonly first: number
  readonly acknowledged: number
  readonly last: number
  readonly head: Uint8Array
  readonly unsentBytes: number
  readonly sentBytes: number
  readonly lostFrom?: number
}

/** How far a controller's history was told to its gateway (core/ledger/device-place.ts). `key`: SHA-256 of its report key, in hex. */
export type ToldRow = {
  readonly controller: string
  readonly key: string
  readonly told: number
  readonly digest: string
  readonly sequence: number
}

/** An item as it is handed over. */
export type SentItem = Omit<OutboxItem, 'before'>

/** An end of a gateway's own log. */
export type Upstream = { readonly sequence: number; readonly head: Uint8Array }
