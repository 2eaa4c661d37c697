import { fromUtf8, sameBytes, utf8 } from '../../encoding/bytes.ts'
import { canonicalJson, type Json, JsonFault } from '../../encoding/canonical-json.ts'
import {
  dictionary,
  exactly,
  line,
  list,
  Misfit,
  object,
  type ShapeOf,
  text,
  then,
  whole,
} from '../../encoding/shape.ts'
import { readJson } from '../../encoding/strict-json.ts'
import { formatUtc, parseUtc } from '../../encoding/utc-time.ts'
import { type Refusal, refuse } from '../../refusal/refusal.ts'
import { MAX_EVENTS } from './events.ts'
import { queryJson, queryShape } from './query.ts'
import type { Cited } from './selection.ts'

/** The statement of what is in a pack: `pack.json`. Its SHA-256 is what the log seals. */

const hash = text('64 hex digits', /^[0-9a-f]{64}$/)
const count = whole(0, Number.MAX_SAFE_INTEGER)
const kindName = text('the name of a kind', /^[a-z][a-z0-9-]{0,63}$/)
/** A file at the top of a pack. */
const fileName = text('the name of a file', /^[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)+$/)

const shape = object({
  kind: then(line(40), (value, at) => (value === PACK ? value : new Misfit(at, PACK, JSON.stringify(value)))),
  v: exactly(1),
  /** The program that made it. */
  maker: line(80),
  made: then(line(20), (value, at) => parseUtc(value) ?? new Misfit(at, 'a time', JSON.stringify(value))),
  query: queryShape,
  /** Which log was searched: every entry of it, from 0 to `size`. */
  log: object({ origin: line(200), size: count, root: hash }),
  /** The places of the cited events in the log, rising. */
  events: list(count, 0, MAX_EVENTS),
  /** For each kind, how many events of the whole log are of it, and how many of those are cited. */
  counts: dictionary(kindName, object({ log: count, cited: count }), 500),
  files: dictionary(fileName, object({ sha256: hash, bytes: count }), 100),
})

const PACK = 'voltseal-evidence-pack'
export type Manifest = Omit<ShapeOf<typeof shape>, 'kind' | 'v'>
export type Tally = Manifest['counts']

const MAX_MANIFEST = 4 * 1024 * 1024

export function manifestBytes({ maker, made, query, log, events, counts, files }: Manifest): Uint8Array {
  const value = { kind: PACK, v: 1, maker, made: formatUtc(made), query: queryJson(query), log, events, counts, files }
  // The log's hash is over these bytes: one spelling, and a line break for whoever looks.
  return utf8(`${fromUtf8(canonicalJson(value as unknown as Json))}\n`)
}

/** Reads what `manifestBytes` writes. Refuses `pack-malformed`. */
export function readManifest(bytes: Uint8Array): Manifest | Refusal {
  const bad = (expected: string, actual: string): Refusal => refuse('pack-malformed', 'pack.json', expected, actual)
  const json = readJson(bytes, MAX_MANIFEST)
  if (json instanceof JsonFault) return bad('JSON', json.message)
  const read = shape(json, '')
  if (read instanceof Misfit) return bad(read.expected, `${read.actual} ${read.at}`.trim())
  const falls = read.events.findIndex((index, at) => at > 0 && index <= (read.events[at - 1] as number))
  if (falls >= 0) return bad('events in rising order', `${read.events[falls]}`)
  const { kind: _, v: __, ...manifest } = read
  return sameBytes(manifestBytes(manifest), bytes) ? manifest : bad('canonical JSON', 'another spelling')
}

/** Events of each kind, as they are counted in a pack. */
export function countKinds(events: Iterable<Pick<Cited, 'entry'>>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { entry } of events) counts.set(entry.kind, (counts.get(entry.kind) ?? 0) + 1)
  return counts
}
