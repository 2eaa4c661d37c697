import type { Instant } from '../encoding/units.ts'

/** What entries of the log are looked for by. */

/** What is asked: all that is named must hold. `since` counts, `until` does not. `actors`: any one of these. */
export type SoughtFilter = {
  readonly site?: string
  readonly controller?: string
  readonly campaign?: string
  readonly kind?: string
  readonly code?: string
  readonly actors?: readonly string[]
  readonly since?: Instant
  readonly until?: Instant
}

/** A stretch of the log: `from` inclusive, `to` exclusive. */
export type Stretch = { readonly from: number; readonly to: number }

/**
 * An entry by what it is looked for. `at` and `actor` are null of one whose bytes had left the database before there was a search: only
 * its kind, its place and its campaign are known there.
 */
export type SoughtRow = {
  readonly index: number
  readonly at: Instant | null
  readonly kind: string
  readonly actor: string | null
  readonly code: string | null
  readonly site: string | null
  readonly controller: string | null
  readonly campaign: string | null
}
