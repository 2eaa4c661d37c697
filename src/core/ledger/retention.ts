import { after, type Instant, millis } from '../encoding/units.ts'
import type { AuditEntry } from './entry.ts'
import type { EntryKind } from './entry-kinds.ts'

/**
 * For how long an entry stays at hand, in the server's database; behind that its bytes are in the archive alone. Nothing is ever
 * deleted: hashes and tiles stay at hand for good, so an archived entry is proven as before, and the archive is the operator's to keep
 * for as long as the plant and the law want it.
 */

/** Days, or `always`. */
export type AtHand = number | 'always'

/**
 * Why so long, by class of kinds:
 * - `always`: who may do what, by which key, and what was released and approved: few entries, to which every later question leads
 *   back (UN R156 §7.1.2 has a manufacturer record this of each update; IEC 62443-3-3 SR 6.1 wants such records readable).
 * - 1,120 days: what a campaign decided, and how each controller ended: NERC CIP-007-6 section C 1.2 wants evidence of three calendar
 *   years.
 * - 400 days: who came in, who was refused, what an attack leaves: thirteen months, so that a yearly review finds the year before.
 *   NERC CIP-007-6 R4.3 wants 90 consecutive days of logs of security events at hand.
 * - 120 days: the ordinary course of an update, which is most of the log: beyond the 90 days of R4.3.
 */
const ALWAYS = 'always'
const DECIDED = 1120
const WATCHED = 400
const ORDINARY = 120

export const AT_HAND: Readonly<Record<EntryKind, AtHand>> = {
  'log-opened': ALWAYS,
  'clock-set-back': ALWAYS,
  'release-published': ALWAYS,
  'release-revoked': ALWAYS,
  'patch-wanted': ORDINARY,
  'patch-made': ORDINARY,
  'patch-not-made': ORDINARY,
  'repository-updated': ORDINARY,
  'repository-alarm': WATCHED,
  'root-rotated': ALWAYS,
  'ceremony-closed': ALWAYS,
  'key-event': ALWAYS,
  'certificate-event': ALWAYS,
  'site-registered': ALWAYS,
  'inventory-imported': ALWAYS,
  'controller-registered': ALWAYS,
  'campaign-created': ALWAYS,
  'approval-signed': ALWAYS,
  'plan-rejected': ALWAYS,
  'campaign-approved': ALWAYS,
  'content-keys-wrapped': ALWAYS,
  'campaign-started': DECIDED,
  'campaign-paused': DECIDED,
  'campaign-resumed': DECIDED,
  'campaign-retried': DECIDED,
  'campaign-halted': DECIDED,
  'campaign-done': DECIDED,
  'campaign-rolling-back': DECIDED,
  'campaign-rolled-back': DECIDED,
  'campaign-priority-raised': DECIDED,
  'wave-opened': DECIDED,
  'wave-soaking': DECIDED,
  'wave-passed': DECIDED,
  'wave-failed': DECIDED,
  'controller-assigned': ORDINARY,
  'controller-confirmed': DECIDED,
  'controller-failed': DECIDED,
  'controller-retried': DECIDED,
  'controller-again': DECIDED,
  'controller-regressed': DECIDED,
  'controller-recovered': DECIDED,
  'controllers-joined': ORDINARY,
  'controller-overtaken': DECIDED,
  'controller-returned': DECIDED,
  'controller-left': DECIDED,
  'controller-kept': DECIDED,
  'assignment-verified': ORDINARY,
  'assignment-refused': WATCHED,
  'download-finished': ORDINARY,
  'download-failed': ORDINARY,
  'blob-quarantined': WATCHED,
  'stage-begun': ORDINARY,
  'patch-refused': ORDINARY,
  'full-image-allowed': ORDINARY,
  'activation-granted': ORDINARY,
  'activation-withheld': ORDINARY,
  'controller-report': ORDINARY,
  'device-history': ORDINARY,
  'site-log-lost': ALWAYS,
  'site-log-continued': ALWAYS,
  'report-refused': WATCHED,
  'access-granted': WATCHED,
  'access-ended': WATCHED,
  'site-access-granted': WATCHED,
  'site-access-ended': WATCHED,
  'site-people-changed': ALWAYS,
  'access-refused': WATCHED,
  'account-forgotten': ALWAYS,
  'account-changed': ALWAYS,
  'webhook-created': ALWAYS,
  'webhook-removed': ALWAYS,
  'delivery-abandoned': ORDINARY,
  'delivery-repeated': ORDINARY,
  'siem-tested': ORDINARY,
  'siem-lost': ORDINARY,
  'siem-restored': ORDINARY,
  'evidence-exported': DECIDED,
  'witness-alarm': WATCHED,
  'witness-alarm-over': WATCHED,
  'policy-changed': ALWAYS,
  'store-restored': ALWAYS,
  'maintenance-seen': WATCHED,
  'link-lost': ORDINARY,
  'link-restored': ORDINARY,
  'intrusion-signal': WATCHED,
}

/** What a fleet keeps otherwise: days by kind, and for all kinds that it does not name. */
export type KeptOtherwise = { readonly default?: AtHand; readonly kinds?: Readonly<Partial<Record<EntryKind, AtHand>>> }

/** For how long each kind stays at hand. */
export function atHand({ default: otherwise, kinds = {} }: KeptOtherwise): (kind: EntryKind) => AtHand {
  return kind => kinds[kind] ?? otherwise ?? AT_HAND[kind]
}

/**
 * When an entry may leave the database; null: never. Counted from when it was dated: of what a gateway wrote, by the gateway's clock.
 */
export function dueOf(
  { kind, at }: Pick<AuditEntry, 'kind' | 'at'>,
  days: (kind: EntryKind) => AtHand,
): Instant | null {
  const kept = days(kind)
  return kept === 'always' ? null : after(at, millis(kept * DAY_MILLIS))
}

const DAY_MILLIS = 86_400_000
