import { sameBytes } from '../../encoding/bytes.ts'
import { canonicalJson, type Json, JsonFault } from '../../encoding/canonical-json.ts'
import { Misfit } from '../../encoding/shape.ts'
import { readJson } from '../../encoding/strict-json.ts'
import { type Refusal, refuse } from '../../refusal/refusal.ts'
import { clausesJson, readClauses, type Standard } from './clauses.ts'
import { type Event, eventsCsv } from './events.ts'
import { countKinds, type Manifest } from './manifest.ts'
import { select } from './selection.ts'

/** What follows from the proven events of a pack is made again from them, and compared: nobody needs to vouch for it. */

/** The table. Finds `pack-csv-changed`. */
export function judgeTable(csv: Uint8Array, events: readonly Event[]): Refusal[] {
  if (sameBytes(csv, eventsCsv(events))) return []
  return [refuse('pack-csv-changed', 'events.csv', 'the table of the proven events', 'another one')]
}

/** Which events are cited, and why. Finds `pack-event-unasked`. */
export function judgeChoice({ query }: Manifest, events: readonly Event[]): Refusal[] {
  const placed = events.map(({ index, entry }) => [index, entry] as const)
  const chosen = new Map(select(query, placed).map(({ index, why }) => [index, why]))
  const faults: Refusal[] = []
  for (const { index, why } of events) {
    const actual = chosen.get(index)
    if (actual === why) continue
    const found = actual ?? 'one that the query does not ask for'
    faults.push(refuse('pack-event-unasked', `entry ${index}`, `an event that is ${why}`, found))
  }
  return faults
}

/** How many events of each kind are cited, and that the kinds of the log add up to its entries. Finds `pack-counts-wrong`. */
export function judgeCounts({ counts, log }: Manifest, events: readonly Event[]): Refusal[] {
  const cited = countKinds(events)
  const wrong = (what: string, expected: string, actual: string) => refuse('pack-counts-wrong', what, expected, actual)
  const faults: Refusal[] = []
  let total = 0
  for (const [kind, told] of Object.entries(counts)) {
    const actual = cited.get(kind) ?? 0
    cited.delete(kind)
    total += told.log
    if (told.cited === actual && told.log >= actual) continue
    faults.push(wrong(kind, `${actual} cited, and no fewer in the log`, `${told.cited} of ${told.log}`))
  }
  for (const [kind, actual] of cited) faults.push(wrong(kind, `${actual} cited`, 'none'))
  if (total !== log.size) faults.push(wrong('all kinds', `${log.size} entries of the log`, `${total}`))
  return faults
}

/** How the events bear on clauses. Finds `pack-clauses-wrong`; `pack-malformed` when it cannot be read. */
export function judgeClauses(
  bytes: Uint8Array,
  events: readonly Event[],
): { readonly standards: readonly Standard[]; readonly faults: readonly Refusal[] } {
  const json = readJson(bytes, bytes.length)
  const read = json instanceof JsonFault ? new Misfit('', 'JSON', json.message) : readClauses(json)
  if (read instanceof Misfit) {
    const actual = `${read.actual} ${read.at}`.trim()
    return { standards: [], faults: [refuse('pack-malformed', 'clauses.json', read.expected, actual)] }
  }
  const again = canonicalJson(clausesJson(read.standards, countKinds(events)))
  if (sameBytes(canonicalJson(json as Json), again)) return { standards: read.standards, faults: [] }
  const wrong = refuse('pack-clauses-wrong', 'clauses.json', 'how the events bear on each clause', 'something else')
  return { standards: read.standards, faults: [wrong] }
}
