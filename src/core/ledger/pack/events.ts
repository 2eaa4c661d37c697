import { fromUtf8, utf8 } from '../../encoding/bytes.ts'
import { canonicalJson, type Json, JsonFault, canonicalText as textOf } from '../../encoding/canonical-json.ts'
import { csvCell } from '../../encoding/csv.ts'
import { Misfit, object, type ShapeOf, whole, word } from '../../encoding/shape.ts'
import { readJson } from '../../encoding/strict-json.ts'
import { formatUtc } from '../../encoding/utc-time.ts'
import { isRefusal, type Refusal, refuse } from '../../refusal/refusal.ts'
import { type AuditEntry, MAX_ENTRY_BYTES, parseEntry } from '../entry.ts'
import { type Cited, REASONS } from './selection.ts'

/** The events of a pack: `events.json`, which is one event to a line, and `events.csv`, which is made from it. */

/** The most events that a pack can cite: each has a file, and a ZIP file of the plain kind has at most 65,535. */
export const MAX_EVENTS = 60_000
const MAX_LINE = MAX_ENTRY_BYTES + 100

/** A cited event with the bytes that the log holds of it. */
export type Event = Cited & { readonly bytes: Uint8Array }

/** The events as JSON: a list, one event to a line, each line canonical. */
export function eventsJson(events: readonly Cited[]): Uint8Array {
  const lines = events.map(({ index, why, entry }) => textOf({ entry: entry as unknown as Json, index, why }))
  return utf8(`[\n${lines.join(',\n')}\n]\n`)
}

const lineShape = object({
  index: whole(0, Number.MAX_SAFE_INTEGER),
  why: word(...REASONS),
  entry: (value: unknown, at: string): Json | Misfit =>
    typeof value === 'object' && value !== null ? (value as Json) : new Misfit(at, 'an entry', 'something else'),
})

/**
 * Reads what `eventsJson` writes, and no other spelling of it: a reader who opens the file with another program sees these events.
 * Refuses `pack-malformed`, and what `parseEntry` refuses.
 */
export function readEvents(bytes: Uint8Array): Event[] | Refusal {
  const bad = (expected: string, actual: string): Refusal => refuse('pack-malformed', 'events.json', expected, actual)
  const text = fromUtf8(bytes)
  if (text === null) return bad('UTF-8', 'other bytes')
  if (!text.startsWith('[\n') || !text.endsWith('\n]\n'))
    return bad('a list of events, one to a line', 'something else')
  const body = text.slice(2, -3)
  const lines = body === '' ? [] : body.split(',\n')
  if (lines.length > MAX_EVENTS) return bad(`at most ${MAX_EVENTS} events`, `${lines.length}`)
  const events: Event[] = []
  for (const [at, line] of lines.entries()) {
    const event = readEvent(line, `line ${at + 2} of events.json`)
    if (isRefusal(event)) return event
    const last = events.at(-1)
    if (last !== undefined && last.index >= event.index) return bad(`an event above ${last.index}`, `${event.index}`)
    events.push(event)
  }
  return events
}

function readEvent(line: string, subject: string): Event | Refusal {
  const json = readJson(utf8(line), MAX_LINE)
  if (json instanceof JsonFault) return refuse('pack-malformed', subject, 'an event', json.message)
  const read: ShapeOf<typeof lineShape> | Misfit = lineShape(json, '')
  if (read instanceof Misfit)
    return refuse('pack-malformed', subject, read.expected, `${read.actual} ${read.at}`.trim())
  if (textOf(json) !== line) return refuse('pack-malformed', subject, 'canonical JSON', 'another spelling')
  const bytes = canonicalJson(read.entry)
  const entry = parseEntry(bytes, subject)
  return isRefusal(entry) ? entry : { index: read.index, why: read.why, entry, bytes }
}

const COLUMNS = [
  'index',
  'why',
  'time',
  'clock',
  'kind',
  'site',
  'controller',
  'campaign',
  'change request',
  'actor kind',
  'actor',
  'actor key',
  'release sha256',
  'code',
  'gateway',
  'gateway sequence',
  'detail',
] as const

/** The events as CSV (RFC 4180), for spreadsheets; times in UTC, details as JSON. Nothing is in it that `events.json` has not. */
export function eventsCsv(events: readonly Cited[]): Uint8Array {
  const lines = events.map(({ index, why, entry }) => rowOf(index, why, entry).map(csvCell).join(','))
  return utf8([COLUMNS.join(','), ...lines].map(line => `${line}\r\n`).join(''))
}

function rowOf(index: number, why: string, entry: AuditEntry): (string | number | null)[] {
  const { actor, origin } = entry
  return [
    index,
    why,
    formatUtc(entry.at),
    entry.clock,
    entry.kind,
    entry.site ?? null,
    entry.controller ?? null,
    entry.campaign ?? null,
    entry.changeRequest ?? null,
    actor.kind,
    actor.id,
    actor.key ?? null,
    entry.release ?? null,
    entry.code ?? null,
    origin?.gateway ?? null,
    origin?.sequence ?? null,
    textOf(entry.detail),
  ]
}
