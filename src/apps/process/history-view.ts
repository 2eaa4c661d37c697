import { canonicalJson } from '../../core/encoding/canonical-json.ts'
import type { AuditEntry } from '../../core/ledger/entry.ts'
import { shortened } from '../../core/ledger/pseudonym.ts'
import { claimedHistory, type DeviceHistory } from '../../core/trust/device-history.ts'
import type { HistoryView, StepView } from '../../wire/fleet-views.ts'

/** What happened to a controller, in the words in which both the fleet server and the site's own gateway show it. */

type Told = Pick<AuditEntry, 'kind' | 'detail' | 'campaign'>

/** An entry about a controller. `index`: where it stands in the log of whoever shows it. */
export function historyView(index: number, entry: Told & Pick<AuditEntry, 'at' | 'code'>): HistoryView {
  const { at, kind, code = null, campaign = null } = entry
  return { index, at, kind, code, summary: summaryOf(entry), campaign, steps: stepsOf(entry) }
}

/** What the controller signed, step by step: the decisions of its history, or what its report is about. */
function stepsOf({ kind, detail }: Told): StepView[] {
  if (kind === 'device-history') {
    return (historyIn(detail)?.decisions ?? []).map(({ decision, at, event, phase, slot, version, cause }) => {
      return { at, event, decision, phase, slot, version: orNull(version), cause: orNull(cause) }
    })
  }
  if (kind !== 'controller-report') return []
  const { at, event, slot, version, lastAttempt } = detail
  if (typeof at !== 'number' || typeof event !== 'string') return []
  const cause = event === 'reverted' || event === 'dropped' ? memberOf(lastAttempt, 'cause') : null
  const about = event === 'reverted' || event === 'dropped' ? memberOf(lastAttempt, 'version') : null
  const ran = typeof version === 'string' ? version : null
  const staged = event === 'staged' && typeof detail.staged === 'string' ? detail.staged : null
  const what = { version: about ?? staged ?? ran, slot: typeof slot === 'string' ? slot : null, cause }
  return [{ at, event, decision: null, phase: null, ...what }]
}

const orNull = (text: string): string | null => (text === '' ? null : text)

function memberOf(value: unknown, name: string): string | null {
  const member = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : null
  return typeof member === 'string' ? orNull(member) : null
}

/** What people look for first. */
const FIRST = ['event', 'version', 'state', 'slot', 'counter', 'from', 'result', 'cause']
/** What only programs look for: it is in the entry. */
const HIDDEN = new Set(['at', 'digest', 'sequence', 'sha256', 'wave', 'decisions', 'reportKey', 'sig'])

/** The scalars of an entry's details, on one line, the telling ones first. */
export function summaryOf({ kind, detail, campaign }: Told): string {
  if (kind === 'device-history') return historySummary(detail)
  const rank = (name: string): number => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length)
  const words = Object.entries(detail)
    .filter(([name, value]) => typeof value !== 'object' && value !== '' && !HIDDEN.has(name))
    .sort(([a], [b]) => rank(a) - rank(b))
    .map(([name, value]) => `${name} ${shortened(String(value)).slice(0, 60)}`)
  return [...words, ...(campaign === undefined ? [] : [`campaign ${campaign}`])].join(', ').slice(0, 200)
}

/** What a device decided, by name, and from-to what its ring had lost. */
function historySummary(detail: AuditEntry['detail']): string {
  const told = historyIn(detail)
  if (told === null) return 'no history'
  const { from, to, decisions, lost } = told
  const gaps = lost.map(range => `lost ${range.from} to ${range.to}`)
  const all = [...decisions.map(({ event }) => event), ...gaps].join(', ')
  return `decisions ${from} to ${to}: ${all}`.slice(0, 200)
}

const historyIn = ({ sig, signed }: AuditEntry['detail']): DeviceHistory | null =>
  claimedHistory(canonicalJson({ sig: sig ?? null, signed: signed ?? null }))?.signed ?? null
