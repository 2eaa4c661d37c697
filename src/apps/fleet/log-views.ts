import { toBase64 } from '../../core/encoding/bytes.ts'
import { canonicalJson } from '../../core/encoding/canonical-json.ts'
import { plainText } from '../../core/encoding/plain-text.ts'
import { FLEET, type Holder, mayDo } from '../../core/fleet/roles.ts'
import { type AuditEntry, parseEntry } from '../../core/ledger/entry.ts'
import { type LogPolicy, writePolicy } from '../../core/ledger/log-policy.ts'
import { isPseudonym, shortened, withNames } from '../../core/ledger/pseudonym.ts'
import { verifierKey } from '../../core/ledger/signed-note.ts'
import { orThrow, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { claimedHistory, type DeviceHistory } from '../../core/trust/device-history.ts'
import { namesFor } from '../../flows/persons.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import type { PolicyView } from '../../wire/audit-views.ts'
import {
  type AuditPage,
  type CheckpointView,
  type HistoryView,
  MOST_PEOPLE,
  type PeopleView,
  type StepView,
} from '../../wire/fleet-views.ts'
import { type Page, pageOf, shown, type Wanted } from './api/page.ts'

/** What the fleet server shows of its audit log. */

type Row = { readonly index: number; readonly bytes: Uint8Array }

export async function history(
  world: FleetWorld,
  site: string,
  id: string,
  wanted: Wanted & { readonly newest?: string },
  reader: Holder,
): Promise<Page<HistoryView> | Refusal> {
  const row = await world.store.controller(site, id)
  if (row === null) return refuse('controller-unknown', `${site}/${id}`, 'a registered controller', 'none of that name')
  const { newest } = wanted
  const page =
    newest === undefined
      ? await pageOf(wanted, {
          name: `history ${site}/${id}`,
          sorts: ['number'],
          keyOf: ({ index }: Row) => [index] as const,
          behind: (after, count) => world.store.entriesOfFrom({ site, controller: id }, behind(after), count),
        })
      : { items: await world.store.entriesOf({ site, controller: id }, Number(newest)), next: null }
  return shown(page, async ({ index, bytes }) => {
    const entry = await readable(world, reader, orThrow(parseEntry(bytes, `entry ${index}`)))
    const { at, kind, code = null, campaign = null } = entry
    return { index, at, kind, code, summary: summaryOf(entry), campaign, steps: stepsOf(entry) }
  })
}

/** What the controller signed, step by step: the decisions of its history, or what its report is about. */
function stepsOf({ kind, detail }: AuditEntry): StepView[] {
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

const behind = (after: readonly [number] | null): number => (after === null ? 0 : after[0] + 1)

/** What people look for first. */
const FIRST = ['event', 'version', 'state', 'slot', 'counter', 'from', 'result', 'cause']
/** What only programs look for: it is in the entry. */
const HIDDEN = new Set(['at', 'digest', 'sequence', 'sha256', 'wave', 'decisions', 'reportKey', 'sig'])

/** The scalars of an entry's details, on one line, the telling ones first. */
export function summaryOf({ kind, detail, campaign }: AuditEntry): string {
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

export async function checkpoint(world: FleetWorld): Promise<CheckpointView | Refusal> {
  const { size, checkpoint } = await world.store.log()
  const key = verifierKey(world.crypto, { name: world.name, key: world.auditSigner.key })
  if (key === null) return refuse('log-signer-unsuitable', 'the key of the log', 'an Ed25519 key', 'another one')
  return { size, checkpoint, key }
}

/** Whom a reader of the log has to trust: its key, and the witnesses that the fleet server was told of. Their addresses are not shown. */
export function policyOf(world: FleetWorld, { witnesses, groups, quorum }: LogPolicy): LogPolicy {
  const log = { key: { name: world.name, key: world.auditSigner.key }, url: null }
  const named = new Map([...witnesses].map(([name, { key }]) => [name, { key, url: null }]))
  return { logs: [log], witnesses: named, groups, quorum }
}

export const policy = (world: FleetWorld, of: LogPolicy): PolicyView => ({
  policy: writePolicy(policyOf(world, of), world.crypto),
})

/** An entry for people to read: with names where the reader may see accounts, as it is in the log elsewhere. */
export async function readable(world: FleetWorld, reader: Holder, entry: AuditEntry): Promise<AuditEntry> {
  const mayName = mayDo(reader, 'read-accounts', FLEET) === null
  return mayName ? withNames(entry, await namesFor(world, [entry])) : entry
}

/** Whom pseudonyms of the log stand for, as far as it is known. */
export async function people(world: FleetWorld, of: string): Promise<PeopleView | Refusal> {
  const asked = of.split(',')
  const bad = asked.find(one => !isPseudonym(one))
  if (bad === undefined && asked.length <= MOST_PEOPLE) return Object.fromEntries(await world.store.people.named(asked))
  const expected = `at most ${MOST_PEOPLE} pseudonyms of the log, with commas between them`
  return refuse('request-malformed', 'of', expected, bad === undefined ? `${asked.length}` : plainText(bad, 80))
}

const PAGE = 1000

export async function entries(world: FleetWorld, from: number, to: number): Promise<AuditPage | Refusal> {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || to < from || to - from > PAGE) {
    return refuse('request-malformed', `entries ${from} to ${to}`, `at most ${PAGE} from 0 up`, 'another range')
  }
  const rows = await world.store.entries(from, to)
  return { entries: rows.map(({ index, bytes }) => ({ index, bytes: toBase64(bytes) })) }
}

/** The log page by page. New entries come behind the last page: its end is the end for now. */
export async function allEntries(
  world: FleetWorld,
  wanted: Wanted,
): Promise<Page<AuditPage['entries'][number]> | Refusal> {
  const page = await pageOf(wanted, {
    name: 'entries',
    sorts: ['number'],
    keyOf: ({ index }: Row) => [index] as const,
    behind: (after, count) => world.store.entries(behind(after), behind(after) + count),
  })
  return shown(page, ({ index, bytes }) => ({ index, bytes: toBase64(bytes) }))
}
