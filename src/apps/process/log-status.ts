import type { Instant } from '../../core/encoding/units.ts'
import type { Trouble, WitnessedLog } from '../../core/ledger/witness-rows.ts'

/** What a witness says of a log: what it signed last, and the last trouble that there was. Sizes are numbers of entries. */
export type LogStatus = {
  readonly origin: string
  readonly size: number
  /** When it signed that; null: it has signed nothing yet. */
  readonly signedAt: Instant | null
  /** What it signed last, as the log wrote it; empty: nothing yet. */
  readonly checkpoint: string
  readonly trouble: Trouble | null
}

export const logStatus = (origin: string, row: WitnessedLog | null): LogStatus => ({
  origin,
  size: row?.size ?? 0,
  signedAt: row === null || row.size === 0 ? null : row.at,
  checkpoint: row?.checkpoint ?? '',
  trouble: row?.trouble ?? null,
})
