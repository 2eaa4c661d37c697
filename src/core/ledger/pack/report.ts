import { formatUtc } from '../../encoding/utc-time.ts'
import { type Change, type ChangeReport, changeReport } from '../change-report.ts'
import type { AuditEntry } from '../entry.ts'
import { entryKinds, isEntryKind } from '../entry-kinds.ts'
import { type Standard, type Standing, standingOf } from './clauses.ts'
import { type Findings, tallyOf } from './make.ts'
import { countKinds } from './manifest.ts'
import { queryLines } from './query.ts'
import { campaignOf, type Reason } from './selection.ts'

/** The report of a pack as what it says, without how it looks: a renderer makes pages of it. */

export type Tone = 'good' | 'warn' | 'bad' | 'faint' | 'strong' | 'plain'
/** A text in a table; `mono`: digits and digests, in letters of one width. */
export type Cell = { readonly text: string; readonly tone?: Tone; readonly mono?: boolean }
export type Block =
  | { readonly at: 'title'; readonly text: string; readonly under: string }
  | { readonly at: 'heading'; readonly text: string }
  | { readonly at: 'subheading'; readonly text: string }
  | { readonly at: 'text'; readonly text: string }
  | { readonly at: 'figures'; readonly figures: readonly (readonly [figure: string, what: string])[] }
  | { readonly at: 'fields'; readonly fields: readonly (readonly [name: string, value: Cell])[] }
  /** `columns`: names, and the share of the width that each takes. */
  | {
      readonly at: 'table'
      readonly columns: readonly (readonly [name: string, share: number])[]
      readonly rows: readonly (readonly Cell[])[]
    }

/** Rows that a person reads. The rest is in the table that programs read. */
const MAX_ROWS = 1500
const MAX_CAMPAIGNS = 40

export function reportOf(findings: Findings): Block[] {
  const { query, searched, events, made, maker } = findings
  const entries = events.map(({ entry }) => entry)
  const reports = campaignsOf(entries)
  const changes = reports.flatMap(one => one.changes)
  const confirmed = changes.filter(({ outcome }) => outcome === 'confirmed' || outcome === 'overtaken').length
  return [
    { at: 'title', text: 'Evidence pack', under: `${searched.origin} · made ${said(formatUtc(made))} by ${maker}` },
    {
      at: 'figures',
      figures: [
        [String(events.length), 'events, each with its proof'],
        [String(searched.size), 'entries of the log searched'],
        [String(reports.length), reports.length === 1 ? 'campaign' : 'campaigns'],
        [`${confirmed} of ${changes.length}`, 'controllers confirmed'],
      ],
    },
    { at: 'heading', text: 'What was asked for' },
    {
      at: 'fields',
      fields: queryLines(query).map(([name, value]) => [name, { text: value, mono: name === 'release' }]),
    },
    { at: 'heading', text: 'The log' },
    {
      at: 'fields',
      fields: [
        ['origin', { text: searched.origin }],
        ['entries', { text: `0 to ${searched.size - 1}, all of them searched` }],
        ['root', { text: searched.root.toHex(), mono: true }],
        ['clocks', { text: clocksOf(entries) }],
      ],
    },
    {
      at: 'text',
      text: 'This report is for reading. What proves it lies beside it in the same ZIP file: open verify.html in a browser, or run verify.mjs with Node.js; neither needs a network. Both want the key of the log: get it from somebody you trust, not from the pack.',
    },
    {
      at: 'text',
      text: 'A proof shows that an event is in the log. It does not show that nothing else is: that is why the pack states what was asked for, how much was searched, and how many events of each kind the whole log has. Whoever can read the log can repeat the search.',
    },
    ...changeBlocks(reports),
    ...clauseBlocks(findings),
    ...kindBlocks(findings),
    ...eventBlocks(findings),
  ]
}

/** A pseudonym, short enough for a table: whole ones are in events.json. */
const briefly = (who: string): string => who.replace(/(?:person )?(person:[0-9a-f]{8})[0-9a-f]{56}/g, '$1…')
const said = (utc: string): string => utc.replace('T', ' ').replace('Z', ' UTC')
const time = (at: Parameters<typeof formatUtc>[0] | null): Cell =>
  at === null ? { text: '–', tone: 'faint' } : { text: formatUtc(at).replace('T', ' ').replace('Z', ''), mono: true }

function clocksOf(entries: readonly AuditEntry[]): string {
  const counts = Map.groupBy(entries, ({ clock }) => clock)
  return [...counts].map(([clock, some]) => `${some.length} ${clock}`).join(', ') || '–'
}

/** What the cited entries tell of each campaign. */
function campaignsOf(entries: readonly AuditEntry[]): ChangeReport[] {
  const together = Map.groupBy(entries, campaignOf)
  const reports: ChangeReport[] = []
  for (const [name, some] of together) {
    const report = name === undefined ? null : changeReport(some, name)
    if (report !== null) reports.push(report)
  }
  return reports
}

const OUTCOMES: Readonly<Record<Change['outcome'], Tone>> = {
  confirmed: 'good',
  failed: 'bad',
  open: 'warn',
  'taken-back': 'faint',
  overtaken: 'good',
  returned: 'warn',
  kept: 'warn',
}

function changeBlocks(reports: readonly ChangeReport[]): Block[] {
  if (reports.length === 0) return []
  const shown = reports.slice(0, MAX_CAMPAIGNS)
  const blocks: Block[] = [{ at: 'heading', text: 'Changes' }]
  for (const report of shown) {
    const { campaign, title, changeRequest, criticality, plan, created, approvals, started, ended, changes } = report
    blocks.push({ at: 'subheading', text: title === '' ? campaign : `${campaign}: ${title}` })
    blocks.push({
      at: 'fields',
      fields: [
        ['change request', { text: changeRequest ?? 'none' }],
        ['criticality', { text: criticality }],
        ['drawn up', { text: by(created) }],
        ...approvals.map(one => ['approved', { text: by(one) }] as const),
        ['started', { text: started === null ? 'not in these events' : by(started) }],
        ['ended', { text: ended === null ? 'not in these events' : `${said(formatUtc(ended.at))}, ${ended.how}` }],
        ['plan SHA-256', { text: plan, mono: true }],
      ],
    })
    if (changes.length > 0) blocks.push(changeTable(changes))
  }
  if (shown.length < reports.length) {
    blocks.push({ at: 'text', text: `${reports.length - shown.length} more campaigns are in events.csv.` })
  }
  return blocks
}

const by = ({ at, by: who, key }: ChangeReport['created']): string =>
  `${said(formatUtc(at))} by ${briefly(who)}${key === null ? '' : `, key ${key.slice(0, 16)}`}`

function changeTable(changes: readonly Change[]): Block {
  const rows = changes
    .slice(0, MAX_ROWS)
    .map((one): Cell[] => [
      { text: one.site },
      { text: one.controller },
      { text: one.from, mono: true },
      { text: one.wanted, mono: true },
      { text: one.now, mono: true },
      time(one.granted),
      time(one.ended),
      { text: one.why === null ? one.outcome : `${one.outcome}: ${one.why}`, tone: OUTCOMES[one.outcome] },
    ])
  const columns = [
    ['site', 12],
    ['controller', 13],
    ['from', 8],
    ['wanted', 8],
    ['now', 8],
    ['granted (UTC)', 18],
    ['ended (UTC)', 18],
    ['outcome', 15],
  ] as const
  return { at: 'table', columns, rows }
}

const STANDINGS: Readonly<Record<Standing, Cell>> = {
  shown: { text: 'events shown', tone: 'good' },
  partly: { text: 'partly shown', tone: 'warn' },
  missing: { text: 'missing', tone: 'bad' },
  unrecorded: { text: 'no events', tone: 'faint' },
}

function clauseBlocks({ standards, events }: Findings): Block[] {
  const counts = countKinds(events)
  if (standards.length === 0) return []
  return [
    { at: 'heading', text: 'Standards' },
    {
      at: 'text',
      text: 'No clause is called met here. “events shown” means that the cited events hold at least one of each record that bears on the clause, “missing” that they hold none; whether that is enough is for an auditor. An asterisk marks a clause whose number is not held against a public text of the standard. What is enforced and which tests show it stands in clauses.json.',
    },
    ...standards.flatMap(standard => standardBlocks(standard, counts)),
  ]
}

function standardBlocks(
  { standard, title, edition, reading, clauses }: Standard,
  counts: ReadonlyMap<string, number>,
): Block[] {
  const rows = clauses.map((clause): Cell[] => {
    const { standing, events } = standingOf(clause, counts)
    const told = clause.recorded.map(({ what }, at) => `${what}: ${events[at]}`).join('; ')
    return [
      { text: clause.checked ? clause.clause : `${clause.clause} *`, tone: 'strong' },
      { text: clause.about },
      { text: told || 'nothing is recorded' },
      STANDINGS[standing],
    ]
  })
  const near = reading === 'analogue' ? ' Written for another field; read here by analogy.' : ''
  return [
    { at: 'subheading', text: `${standard}, ${edition}` },
    { at: 'text', text: `${title}.${near}` },
    {
      at: 'table',
      columns: [
        ['clause', 15],
        ['what it is about', 37],
        ['events in this pack', 33],
        ['evidence', 15],
      ],
      rows,
    },
  ]
}

function kindBlocks(findings: Findings): Block[] {
  const rows = Object.entries(tallyOf(findings)).map(([kind, { log, cited }]): Cell[] => [
    { text: kind, tone: 'strong' },
    { text: isEntryKind(kind) ? entryKinds[kind] : '' },
    { text: String(cited), mono: true },
    { text: String(log), mono: true },
  ])
  return [
    { at: 'heading', text: 'Events by kind' },
    {
      at: 'table',
      columns: [
        ['kind', 26],
        ['what it records', 54],
        ['cited', 10],
        ['in the log', 10],
      ],
      rows,
    },
  ]
}

const REASONS: Readonly<Record<Reason, string>> = {
  asked: '',
  campaign: 'plan of the campaign',
  release: 'its release',
  server: 'the server',
}

function eventBlocks({ events }: Findings): Block[] {
  const shown = events.slice(0, MAX_ROWS)
  const rows = shown.map(({ index, why, entry }): Cell[] => [
    { text: String(index), mono: true },
    time(entry.at),
    { text: entry.kind, tone: entry.code === undefined ? 'plain' : 'bad' },
    { text: [entry.site, entry.controller].filter(one => one !== undefined).join('/') || '–' },
    { text: entry.actor.kind === 'fleet' ? 'fleet server' : briefly(`${entry.actor.kind} ${entry.actor.id}`) },
    { text: wordsOf(entry, why) },
  ])
  const left = events.length - shown.length
  return [
    { at: 'heading', text: 'Events' },
    {
      at: 'text',
      text:
        left === 0
          ? 'All cited events, by their place in the log. The details of each are in events.json.'
          : `The first ${shown.length} of ${events.length} cited events, by their place in the log. All of them, with their details, are in events.csv and events.json.`,
    },
    {
      at: 'table',
      columns: [
        ['entry', 7],
        ['time (UTC)', 18],
        ['kind', 18],
        ['where', 16],
        ['who', 17],
        ['what', 24],
      ],
      rows,
    },
  ]
}

const MAX_WORDS = 90

/** What people look for first in an entry, on one line. */
function wordsOf({ campaign, code, detail }: AuditEntry, why: Reason): string {
  const plain = ['version', 'path', 'event', 'from', 'wave', 'title', 'attempt', 'reason']
  const words = plain.flatMap(name => {
    const value = detail[name]
    return typeof value === 'string' || typeof value === 'number' ? [`${name} ${value}`] : []
  })
  const all = [code, campaign, ...words, REASONS[why]].filter(one => one !== undefined && one !== '').join(', ')
  return all.length > MAX_WORDS ? `${all.slice(0, MAX_WORDS)}…` : all
}
