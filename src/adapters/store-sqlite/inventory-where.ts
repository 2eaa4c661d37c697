import type { DatabaseSync } from 'node:sqlite'
import { versionKey } from '../../core/firmware/version-key.ts'
import type { ControllerQuery } from '../../core/fleet/query.ts'
import { DIFFERS } from './inventory-schema.ts'

export type Value = string | number | Uint8Array | null

/** A condition in SQL and what is bound to it. The text is ours, whatever was asked; what was asked is only ever bound. */
export type Where = { readonly sql: string; readonly values: readonly Value[] }

const IN = 'IN (SELECT value FROM json_each(?))'

/** The conditions of a question that the tallies know the columns of, on a tally. */
export function countedWhere(query: ControllerQuery, sets: Sets): Where {
  const named = namedWhere(query)
  // Names are looked through by themselves, in an index that has no more; of the sites that have it, the counts are read.
  const sites = named.sql === '1' ? named.sql : `site IN (SELECT site FROM site_tally WHERE ${named.sql})`
  return joined([tallied(query, sets), [sites, ...named.values]])
}

/** No index knows what is inside a name: there are as many names as sites, and they are read. */
function namedWhere({ named = [] }: ControllerQuery): Where {
  return joined(named.map(word => ['(instr(site, ?) > 0 OR instr(region, ?) > 0)', word, word]))
}

function tallied(query: ControllerQuery, sets: Sets): readonly [sql: string, ...values: Value[]] {
  const parts: [sql: string, ...values: Value[]][] = []
  const { classes, version, counter, regions, sites, states, said, anchor, lacksAnchor, reach } = query
  if (reach !== undefined) {
    parts.push([`(region ${IN} OR site ${IN})`, JSON.stringify(reach.regions), JSON.stringify(reach.sites)])
  }
  if (classes !== undefined) parts.push([`class ${IN}`, JSON.stringify(classes)])
  if (version !== undefined) parts.push(["version_key > x''"])
  if (version?.from !== undefined) {
    parts.push([`version_key ${version.from.inclusive ? '>=' : '>'} ?`, versionKey(version.from.version)])
  }
  if (version?.to !== undefined) {
    parts.push([`version_key ${version.to.inclusive ? '<=' : '<'} ?`, versionKey(version.to.version)])
  }
  if (counter !== undefined) parts.push(['counter >= ?', counter.min ?? 0])
  if (counter?.max !== undefined) parts.push(['counter <= ?', counter.max])
  if (regions !== undefined) parts.push([`region ${IN}`, JSON.stringify(regions)])
  if (sites !== undefined) parts.push([`site ${IN}`, JSON.stringify(sites)])
  if (states !== undefined) parts.push([`state ${IN}`, JSON.stringify(states)])
  if (said !== undefined) parts.push([`said ${IN}`, JSON.stringify(said)])
  if (anchor !== undefined) parts.push([`said = 'attested' AND anchors ${IN}`, JSON.stringify(sets.having(anchor))])
  if (lacksAnchor !== undefined) {
    parts.push([`said = 'attested' AND anchors ${IN}`, JSON.stringify(sets.lacking(lacksAnchor))])
  }
  const { sql, values } = joined(parts)
  return [sql, ...values]
}

/** All conditions of a question, on the rows themselves. */
export function rowWhere(query: ControllerQuery, sets: Sets): Where {
  const named = namedWhere(query)
  const parts: [sql: string, ...values: Value[]][] = [["standing <> 'removed'"]]
  const { cabinet, rack, labels, differs, seenBefore, campaign } = query
  if (cabinet !== undefined) parts.push(['cabinet = ?', cabinet])
  if (rack !== undefined) parts.push(['rack = ?', rack])
  if (labels !== undefined) {
    const each = labels.map(sets.having)
    const all = (each[0] ?? []).filter(id => each.every(some => some.includes(id)))
    parts.push([`labels <> 0 AND labels ${IN}`, JSON.stringify(all)])
  }
  if (differs === true) parts.push([DIFFERS])
  if (seenBefore !== undefined) parts.push(['seen_at < ?', seenBefore])
  if (campaign !== undefined) throw new Error('a question about a campaign is answered from its turns')
  return joined([tallied(query, sets), [named.sql, ...named.values], ...parts])
}

function joined(parts: readonly (readonly [sql: string, ...values: Value[]])[]): Where {
  const kept = parts.filter(([sql]) => sql !== '1')
  if (kept.length === 0) return { sql: '1', values: [] }
  return { sql: kept.map(([sql]) => sql).join(' AND '), values: kept.flatMap(([, ...values]) => values) }
}

/** The sets of names that hold one, and those that do not. There are few sets, however many controllers: each is read. */
export type Sets = { readonly having: (name: string) => number[]; readonly lacking: (name: string) => number[] }

export function setsOf(database: DatabaseSync): Sets {
  const holds = 'EXISTS (SELECT 1 FROM json_each(names) WHERE value = ?)'
  const [having, lacking] = [holds, `NOT ${holds}`].map(where => {
    const statement = database.prepare(`SELECT id FROM name_set WHERE ${where}`)
    return (name: string) => (statement.all(name) as { id: number }[]).map(({ id }) => id)
  })
  return { having: having!, lacking: lacking! }
}
