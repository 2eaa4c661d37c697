import type { JsonObject } from '../encoding/canonical-json.ts'
import { csvCell } from '../encoding/csv.ts'
import type { Instant } from '../encoding/units.ts'
import { formatUtc } from '../encoding/utc-time.ts'
import type { Actor, AuditEntry, ClockQuality } from './entry.ts'

/** Who did something, and when. `key`: the id of the key that they proved to hold. */
export type Signed = { readonly at: Instant; readonly by: string; readonly key: string | null }

/**
 * What became of one controller in a campaign. `from`: the version that it attested when its turn began; `now`: the one
 * that it attested last. `granted`: when the site gave it its turn to restart; null: it never did.
 */
export type Change = {
  readonly site: string
  readonly controller: string
  readonly from: string
  readonly wanted: string
  readonly now: string
  /** The SHA-256 of the release's envelope. */
  readonly release: string
  readonly ordered: Instant
  readonly granted: Instant | null
  readonly ended: Instant | null
  /**
   * `open`: nobody knows yet; `taken-back`: the campaign was halted before its turn ended. `overtaken`: it ran something newer
   * already. `returned`, `kept`: the campaign was rolled back, and this one with it, or not.
   */
  readonly outcome: 'confirmed' | 'failed' | 'open' | 'taken-back' | 'overtaken' | 'returned' | 'kept'
  /** Why it failed: a refusal code, or what the controller or the fleet made of it: `reverted`, `timeout`. */
  readonly why: string | null
  readonly attempts: number
  /** The number of the controller's own signed report that says so; null when it has said nothing. */
  readonly report: number | null
  readonly slot: string | null
  readonly counter: number | null
}

/** A campaign as its entries in the audit log tell it: what was asked, who allowed it, what was done to whom. */
export type ChangeReport = {
  readonly campaign: string
  readonly changeRequest: string | null
  readonly title: string
  readonly criticality: string
  /** SHA-256 of the plan that was approved, in hex. */
  readonly plan: string
  readonly created: Signed
  readonly approvals: readonly Signed[]
  readonly approved: Instant | null
  readonly started: Signed | null
  readonly ended: {
    readonly at: Instant
    readonly how: 'done' | 'halted' | 'rolled-back'
    readonly reason: string | null
  } | null
  /** How good the clocks were that the entries are dated by. */
  readonly clocks: readonly ClockQuality[]
  readonly changes: readonly Change[]
}

type Draft = { -readonly [K in keyof Change]: Change[K] }
type Heads = { -readonly [K in keyof Omit<ChangeReport, 'changes' | 'approvals' | 'clocks'>]: ChangeReport[K] }

/**
 * The report of a campaign, from all entries of a log in their order. Whoever has the log can make it again and compare:
 * it holds nothing that the log does not. Null: the log knows no campaign of that name.
 */
export function changeReport(entries: Iterable<AuditEntry>, campaign: string): ChangeReport | null {
  let heads: Heads | null = null
  const approvals: Signed[] = []
  const clocks = new Set<ClockQuality>()
  const changes = new Map<string, Draft>()
  for (const entry of entries) {
    const change = changes.get(`${entry.site}/${entry.controller}`)
    if (entry.kind === 'controller-report' && change !== undefined) attest(change, entry, campaign)
    if (entry.campaign !== campaign) continue
    clocks.add(entry.clock)
    if (entry.kind === 'campaign-created') heads = begun(entry, campaign)
    else if (entry.kind === 'approval-signed') approvals.push(signed(entry))
    else if (entry.kind === 'controller-assigned') order(changes, entry)
    else if (change !== undefined) follow(change, entry)
    else if (heads !== null) head(heads, entry)
  }
  if (heads === null) return null
  const over = heads.ended?.how === 'halted'
  const told = [...changes.values()].map(one =>
    over && one.outcome === 'open' ? { ...one, outcome: 'taken-back' as const } : one,
  )
  return { ...heads, approvals, clocks: [...clocks].sort(), changes: told }
}

function begun({ at, actor, changeRequest, detail }: AuditEntry, campaign: string): Heads {
  const created = signed({ at, actor })
  const { title, criticality, sha256 } = detail
  const said = { title: words(title), criticality: words(criticality), plan: words(sha256) }
  return {
    campaign,
    changeRequest: changeRequest ?? null,
    ...said,
    created,
    approved: null,
    started: null,
    ended: null,
  }
}

function head(heads: Heads, entry: AuditEntry): void {
  const { kind, at, detail } = entry
  if (kind === 'campaign-approved') heads.approved = at
  else if (kind === 'campaign-started') heads.started ??= signed(entry)
  else if (kind === 'campaign-done') heads.ended = { at, how: 'done', reason: null }
  else if (kind === 'campaign-rolled-back') heads.ended = { at, how: 'rolled-back', reason: null }
  else if (kind === 'campaign-halted') heads.ended = { at, how: 'halted', reason: words(detail.reason) }
}

/** A turn begins. One that begins again counts: what it ran at first stays what it came from. */
function order(changes: Map<string, Draft>, { site, controller, release, at, detail }: AuditEntry): void {
  if (site === undefined || controller === undefined) return
  const key = `${site}/${controller}`
  const before = changes.get(key)
  const from = before?.from ?? words(detail.from)
  changes.set(key, {
    site,
    controller,
    from,
    wanted: versionIn(words(detail.path)),
    now: before?.now ?? from,
    release: release ?? '',
    ordered: before?.ordered ?? at,
    granted: before?.granted ?? null,
    ended: null,
    outcome: 'open',
    why: null,
    attempts: (before?.attempts ?? 0) + 1,
    report: before?.report ?? null,
    slot: before?.slot ?? null,
    counter: before?.counter ?? null,
  })
}

function follow(change: Draft, { kind, at, detail }: AuditEntry): void {
  if (kind === 'activation-granted') change.granted = at
  else if (kind === 'controller-confirmed' || kind === 'controller-recovered') {
    // A stepping stone on the way is not the end of it.
    if (detail.step !== detail.of) return
    Object.assign(change, { outcome: 'confirmed', ended: at, why: null })
  } else if (kind === 'controller-failed' || kind === 'controller-regressed') {
    Object.assign(change, { outcome: 'failed', ended: at, why: words(detail.code ?? detail.result) || kind })
  } else if (kind === 'controller-overtaken' || kind === 'controller-returned') {
    Object.assign(change, { outcome: kind === 'controller-returned' ? 'returned' : 'overtaken', ended: at, why: null })
  } else if (kind === 'controller-left') {
    Object.assign(change, { outcome: 'taken-back', ended: at, why: words(detail.why) })
  } else if (kind === 'controller-kept') {
    Object.assign(change, { outcome: 'kept', ended: at, why: words(detail.why) })
  }
}

/** What the controller itself signed, of its turn in this campaign and of every restart since. */
function attest(change: Draft, { detail }: AuditEntry, campaign: string): void {
  const { assignment, version, slot, counter, sequence } = detail as JsonObject
  const ours = typeof assignment === 'string' && assignment.startsWith(`${campaign}/`)
  // A report of no work counts while the turn is open: what comes behind it may be the next campaign's.
  if (typeof version !== 'string' || !(ours || (assignment === undefined && change.ended === null))) return
  change.now = version
  change.slot = typeof slot === 'string' ? slot : null
  change.counter = typeof counter === 'number' ? counter : null
  change.report = typeof sequence === 'number' ? sequence : null
}

const signed = ({ at, actor }: { at: Instant; actor: Actor }): Signed => ({ at, by: actor.id, key: actor.key ?? null })
const words = (value: unknown): string => (typeof value === 'string' ? value : '')
/** The version in the path of a release: CLASS/VERSION/envelope.suit. */
const versionIn = (path: string): string => path.split('/').at(-2) ?? ''

const COLUMNS = [
  'campaign',
  'change request',
  'plan sha256',
  'created by',
  'approved by',
  'started by',
  'site',
  'controller',
  'from',
  'wanted',
  'now',
  'release sha256',
  'ordered',
  'granted',
  'ended',
  'outcome',
  'why',
  'attempts',
  'report',
  'slot',
  'counter',
] as const

/** The report as CSV (RFC 4180), a line for each controller; times in UTC. What stands for all stands in every line. */
export function changeReportCsv(report: ChangeReport): string {
  const { campaign, changeRequest, plan, created, approvals, started, changes } = report
  const approvers = approvals.map(({ by }) => by).join(' ')
  const common = [campaign, changeRequest, plan, created.by, approvers, started?.by ?? null]
  const lines = changes.map(one => [
    ...common,
    one.site,
    one.controller,
    one.from,
    one.wanted,
    one.now,
    one.release,
    time(one.ordered),
    time(one.granted),
    time(one.ended),
    one.outcome,
    one.why,
    one.attempts,
    one.report,
    one.slot,
    one.counter,
  ])
  return [COLUMNS, ...lines].map(line => `${line.map(csvCell).join(',')}\r\n`).join('')
}

const time = (at: Instant | null): string | null => (at === null ? null : formatUtc(at))
