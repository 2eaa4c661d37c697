import { instant } from '../../../src/core/encoding/units.ts'
import type { AuditEntry } from '../../../src/core/ledger/entry.ts'

/** An entry with every member there is, except an origin. */
export const ENTRY: AuditEntry = {
  v: 1,
  kind: 'controller-confirmed',
  at: instant(1_790_000_000_000),
  clock: 'synchronised',
  actor: { kind: 'controller', id: 'harbour/bms-1', key: '0a1b2c3d' },
  site: 'harbour',
  controller: 'bms-1',
  campaign: 'spring',
  release: 'ab'.repeat(32),
  changeRequest: 'CHG-1042',
  detail: { version: '2.3.0', windowMillis: 60_000, probes: ['cell-spread'] },
}
