import type { RefusalAction } from '../refusal/code.ts'
import { isRefusalCode, registry } from '../refusal/registry.ts'
import type { AuditEntry } from './entry.ts'
import type { EntryKind } from './entry-kinds.ts'

/** The severities of RFC 5424 section 6.2.1, the worst first: the place in the list is the number. */
export const SEVERITIES = [
  'emergency',
  'alert',
  'critical',
  'error',
  'warning',
  'notice',
  'informational',
  'debug',
] as const
export type Severity = (typeof SEVERITIES)[number]

/**
 * How loud a kind of entry is by itself. `alert`: a person has to look now. `error`: something was stopped for good.
 * `warning`: something was refused or failed, and the rest goes on. `notice`: people and keys; what an auditor reads first.
 * `informational`: the ordinary course. Total by type: a kind without a severity does not compile.
 */
export const SEVERITY_OF_KIND: Readonly<Record<EntryKind, Severity>> = {
  'log-opened': 'notice',
  'clock-set-back': 'warning',

  'release-published': 'notice',
  'release-revoked': 'warning',
  'patch-wanted': 'informational',
  'patch-made': 'informational',
  'patch-not-made': 'informational',
  'repository-updated': 'informational',
  'repository-alarm': 'warning',
  'root-rotated': 'notice',
  'ceremony-closed': 'notice',
  'key-event': 'notice',
  'certificate-event': 'notice',

  'site-registered': 'notice',
  'inventory-imported': 'notice',
  'controller-registered': 'notice',

  'campaign-created': 'notice',
  'approval-signed': 'notice',
  'plan-rejected': 'notice',
  'campaign-approved': 'notice',
  'content-keys-wrapped': 'notice',
  'campaign-started': 'notice',
  'campaign-paused': 'warning',
  'campaign-resumed': 'notice',
  'campaign-retried': 'notice',
  'campaign-halted': 'error',
  'campaign-done': 'notice',
  'campaign-rolling-back': 'error',
  'campaign-rolled-back': 'warning',
  'campaign-priority-raised': 'notice',
  'wave-opened': 'informational',
  'wave-soaking': 'informational',
  'wave-passed': 'informational',
  'wave-failed': 'error',

  'controller-assigned': 'informational',
  'controller-confirmed': 'informational',
  'controller-failed': 'warning',
  'controller-retried': 'notice',
  'controller-again': 'notice',
  'controller-regressed': 'error',
  'controller-recovered': 'notice',
  'controllers-joined': 'informational',
  'controller-overtaken': 'notice',
  'controller-returned': 'notice',
  'controller-left': 'notice',
  'controller-kept': 'notice',

  'assignment-verified': 'informational',
  'assignment-refused': 'warning',
  'download-finished': 'informational',
  'download-failed': 'notice',
  'blob-quarantined': 'warning',
  'stage-begun': 'informational',
  'patch-refused': 'warning',
  'full-image-allowed': 'notice',
  'activation-granted': 'informational',
  'activation-withheld': 'informational',
  'controller-report': 'informational',
  'device-history': 'informational',
  'site-log-lost': 'warning',
  'site-log-continued': 'alert',
  'report-refused': 'warning',

  'access-granted': 'informational',
  'access-ended': 'informational',
  'site-access-granted': 'informational',
  'site-access-ended': 'informational',
  'site-people-changed': 'notice',
  'access-refused': 'warning',
  'account-forgotten': 'notice',
  'account-changed': 'notice',
  'webhook-created': 'notice',
  'webhook-removed': 'notice',
  'delivery-abandoned': 'warning',
  'delivery-repeated': 'notice',
  'siem-tested': 'notice',
  'siem-lost': 'error',
  'siem-restored': 'notice',
  'policy-changed': 'warning',
  'store-restored': 'warning',
  'evidence-exported': 'notice',
  'maintenance-seen': 'notice',
  'link-lost': 'warning',
  'link-restored': 'notice',
  'witness-alarm': 'alert',
  'witness-alarm-over': 'notice',
  'intrusion-signal': 'alert',
}

/** What a refusal's code adds, by what one does about it: what only a person can mend is never less than critical. */
const SEVERITY_OF_ACTION: Readonly<Record<RefusalAction, Severity>> = {
  retry: 'informational',
  refuse: 'warning',
  halt: 'critical',
}

/** The severity of an entry: that of its kind or that of its refusal code, whichever is worse. */
export function severityOf({ kind, code }: Pick<AuditEntry, 'kind' | 'code'>): Severity {
  const own = SEVERITY_OF_KIND[kind]
  if (code === undefined) return own
  // A code of a later version, from a gateway that is newer than this server: refused, as far as anybody here knows.
  const added = isRefusalCode(code) ? SEVERITY_OF_ACTION[registry[code].action] : 'warning'
  return numberOf(added) < numberOf(own) ? added : own
}

/** 0 for an emergency, 7 for debugging. */
export const numberOf = (severity: Severity): number => SEVERITIES.indexOf(severity)
