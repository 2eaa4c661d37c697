import type { Crypto } from '../encoding/crypto.ts'
import type { Refusal } from '../refusal/refusal.ts'
import { register, takeHistory, takeReport } from './device-sequence.ts'
import type { AuditEntry } from './entry.ts'
import { takeForgotten, takeGateway } from './gateway-sequence.ts'
import type { Origins } from './origins.ts'

/**
 * Takes an entry: its gateway's number and head must follow the ones before it, and a controller's history what was told
 * of it. Whatever does not follow, and is not said by the entry itself, is a finding: `log-origin-gap`, `log-origin-repeated`,
 * `log-origin-forked`, `log-break-unsaid`, `history-replayed`, `history-malformed`, `history-wrong-controller`,
 * `history-signature-invalid`. What an entry does say is kept as a break.
 *
 * Behind entries that were passed over (`passOver`), each sequence is taken up anew where its next entry stands: what no entry that was passed
 * over could explain is a finding as ever, and what one could is kept in `passed`.
 */
export function takeOrigin(crypto: Crypto, so: Origins, entry: AuditEntry, index: number): readonly Refusal[] {
  const faults = entry.origin === undefined ? [] : takeGateway(crypto, so, entry, entry.origin, index)
  if (entry.kind === 'store-restored' && entry.origin === undefined) takeForgotten(so, entry, index)
  if (entry.kind === 'controller-registered') register(so, entry)
  if (entry.kind === 'controller-report') faults.push(...takeReport(so, entry, index))
  if (entry.kind === 'device-history') faults.push(...takeHistory(crypto, so, entry, index))
  return faults
}
