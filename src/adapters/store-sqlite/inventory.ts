import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { instant, type Millis } from '../../core/encoding/units.ts'
import { INCIDENTS, type IncidentCounts } from '../../core/fleet/incidents.ts'
import type { Experience, InventoryRow, SiteCount, VersionCount, VersionSaid } from '../../core/fleet/inventory-row.ts'
import { type ControllerQuery, isCounted, type Position } from '../../core/fleet/query.ts'
import type { InventoryStore, VersionsBy } from '../../flows/inventory-ports.ts'
import { COLUMNS, type Row, rowOf } from './inventory-read.ts'
import type { InventoryRows } from './inventory-rows.ts'
import { countedWhere, rowWhere, type Sets, setsOf, type Value, type Where } from './inventory-where.ts'

/**
 * Answers questions about the fleet. The text of each statement is put together from fixed pieces, so there are as many as
 * kinds of questions; what was asked is bound. Pages by place look up in the roll-ups which sites can have a match, and read
 * those one after the other: a page costs what it holds, and not what the fleet has.
 */
export class SqliteInventory implements InventoryStore {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  readonly #sets: Sets
  readonly #rows: InventoryRows
  #asked = 0

  constructor(database: DatabaseSync, rows: InventoryRows) {
    this.#database = database
    this.#rows = rows
    this.#sets = setsOf(database)
  }

  async page(query: ControllerQuery, after: Position | null, limit: number): Promise<InventoryRow[]> {
    await this.#letOthersIn()
    const where = rowWhere(query, this.#sets)
    if (query.seenBefore !== undefined) return this.#bySeen(query, where, after, limit).map(rowOf)
    const behind = [after?.site ?? '', after?.id ?? ''] as const
    const sites = this.#candidates(query, behind[0])
    if (sites === null) {
      const from = query.differs === true ? 'inventory INDEXED BY inventory_differs' : 'inventory'
      const sql = `SELECT ${COLUMNS} FROM ${from} WHERE (site, id) > (?, ?) AND ${where.sql} ORDER BY site, id LIMIT ?`
      return this.#all(sql, [...behind, ...where.values, limit]).map(rowOf)
    }
    const rows: Row[] = []
    const labelled = query.labels === undefined ? '' : 'INDEXED BY inventory_labels'
    const sql = `SELECT ${COLUMNS} FROM inventory ${labelled} WHERE site = ? AND id > ? AND ${where.sql} ORDER BY id LIMIT ?`
    for (const site of sites) {
      rows.push(...this.#all(sql, [site, site === behind[0] ? behind[1] : '', ...where.values, limit - rows.length]))
      if (rows.length >= limit) break
    }
    return rows.map(rowOf)
  }

  async count(query: ControllerQuery): Promise<number | null> {
    if (!isCounted(query)) return null
    const { sql, values } = countedWhere(query, this.#sets)
    const table = bySites(query) ? siteTally(query) : 'fleet_tally'
    const [row] = this.#all(`SELECT coalesce(sum(n), 0) AS n FROM ${table} WHERE ${sql}`, values)
    return row!.n as number
  }

  async sites(query: ControllerQuery, after: string | null, limit: number): Promise<SiteCount[]> {
    const counted = countedWhere(query, this.#sets)
    if (isCounted(query)) {
      const sql = `SELECT site, region, sum(n) AS controllers FROM ${siteTally(query)} WHERE site > ? AND ${counted.sql}
        GROUP BY site ORDER BY site LIMIT ?`
      return this.#all(sql, [after ?? '', ...counted.values, limit]) as SiteCount[]
    }
    const where = rowWhere(query, this.#sets)
    const one = 'SELECT site, region, count(*) AS controllers FROM inventory'
    if (query.differs === true) {
      const differing = `${one} INDEXED BY inventory_differs WHERE site > ? AND ${where.sql} GROUP BY site ORDER BY site LIMIT ?`
      return this.#all(differing, [after ?? '', ...where.values, limit]) as SiteCount[]
    }
    const sql = `${one} WHERE site = ? AND ${where.sql} GROUP BY site`
    const found: SiteCount[] = []
    for (const site of this.#candidates(query, after ?? '') ?? this.#sitesFrom(after ?? '')) {
      if (site === after) continue
      found.push(...(this.#all(sql, [site, ...where.values]) as SiteCount[]))
      if (found.length >= limit) break
    }
    return found
  }

  async countSites(query: ControllerQuery): Promise<number | null> {
    if (!isCounted(query)) return null
    const { sql, values } = countedWhere(query, this.#sets)
    const [row] = this.#all(
      `SELECT count(*) AS n FROM (SELECT DISTINCT site FROM ${siteTally(query)} WHERE ${sql})`,
      values,
    )
    return row!.n as number
  }

  async versions(query: ControllerQuery, by: VersionsBy): Promise<VersionCount[]> {
    const counted = isCounted(query)
    if (counted && by !== 'rack' && by !== 'cabinet') {
      const where = countedWhere(query, this.#sets)
      const table = by === 'site' || bySites(query) ? siteTally(query) : 'fleet_tally'
      const place = by === 'fleet' ? "''" : by
      const sql = `SELECT ${place} AS place, class, version, said, sum(n) AS controllers FROM ${table} WHERE ${where.sql}
        GROUP BY 1, class, version_key, said ORDER BY 1, class, version_key, said`
      return this.#all(sql, where.values) as VersionCount[]
    }
    const where = rowWhere(query, this.#sets)
    const place = by === 'fleet' ? "''" : by === 'rack' || by === 'cabinet' ? `coalesce(${by}, '')` : by
    const [from, ...values] = narrowed(query)
    const sql = `SELECT ${place} AS place, class, version, said, count(*) AS controllers FROM ${from} ${where.sql}
      GROUP BY 1, class, version_key, said ORDER BY 1, class, version_key, said`
    return this.#all(sql, [...values, ...where.values]) as VersionCount[]
  }

  async history(site: string, id: string, limit: number): Promise<VersionSaid[]> {
    const sql = `SELECT at, said, version, digest FROM version_history WHERE site = ? AND id = ? ORDER BY n DESC LIMIT ?`
    const rows = this.#all(sql, [site, id, limit]).reverse()
    return rows.map(({ at, said, version, digest }) => ({
      at: instant(at as number),
      said: said as VersionSaid['said'],
      version: version as string,
      digest: (digest as Uint8Array).length === 0 ? null : (digest as Uint8Array).toHex(),
    }))
  }

  async experience(classes: readonly string[] | null): Promise<Experience[]> {
    const rows = this.#all(
      'SELECT * FROM experience WHERE ?1 IS NULL OR class IN (SELECT value FROM json_each(?1)) ORDER BY class, version',
      [classes === null ? null : JSON.stringify(classes)],
    )
    return rows.map(row => ({
      class: row.class as string,
      version: row.version as string,
      watched: row.watched as Millis,
      counts: Object.fromEntries(INCIDENTS.map(kind => [kind, row[kind]])) as IncidentCounts,
    }))
  }

  async nextSite(after: string): Promise<string | null> {
    const sql = `SELECT min(s) AS site FROM (SELECT (SELECT id FROM site WHERE id > ?1 ORDER BY id LIMIT 1) AS s
      UNION ALL SELECT (SELECT site FROM inventory WHERE site > ?1 ORDER BY site LIMIT 1))`
    return this.#all(sql, [after])[0]!.site as string | null
  }

  async rowsOf(site: string): Promise<InventoryRow[]> {
    await this.#letOthersIn()
    return this.#all(`SELECT ${COLUMNS} FROM inventory WHERE site = ? ORDER BY id`, [site]).map(rowOf)
  }

  async misplaced(site: string): Promise<string[]> {
    return this.#rows.misplaced(site)
  }

  async tallyFault(site: string): Promise<string | null> {
    const columns = 'class, version_key, said, version, counter, state, anchors, region'
    const rows = `SELECT ${columns}, count(*) AS n FROM inventory WHERE site = ?1 AND standing <> 'removed' GROUP BY ${columns}`
    const tally = `SELECT ${columns}, n FROM site_tally WHERE site = ?1`
    const sql = `SELECT (SELECT count(*) FROM (${rows} EXCEPT ${tally})) + (SELECT count(*) FROM (${tally} EXCEPT ${rows})) AS n`
    const [row] = this.#all(sql, [site])
    const labelled = `SELECT value, count(*) FROM inventory, json_each((SELECT names FROM name_set WHERE id = labels))
      WHERE site = ?1 AND labels <> 0 AND standing <> 'removed' GROUP BY value`
    const labels = 'SELECT label, n FROM label_tally WHERE site = ?1'
    const [other] = this.#all(
      `SELECT (SELECT count(*) FROM (${labelled} EXCEPT ${labels})) + (SELECT count(*) FROM (${labels} EXCEPT ${labelled})) AS n`,
      [site],
    )
    const n = (row!.n as number) + (other!.n as number)
    return n === 0 ? null : `${n} counts of site ${site} differ from its rows`
  }

  async fleetTallyFault(): Promise<string | null> {
    const columns = 'class, version_key, region, said, version, counter, state, anchors'
    const sites = `SELECT ${columns}, sum(n) AS n FROM site_tally GROUP BY ${columns}`
    const fleet = `SELECT ${columns}, n FROM fleet_tally`
    const sql = `SELECT (SELECT count(*) FROM (${sites} EXCEPT ${fleet})) + (SELECT count(*) FROM (${fleet} EXCEPT ${sites})) AS n`
    const [row] = this.#all(sql, [])
    return row!.n === 0 ? null : `${row!.n} counts of the fleet differ from those of its sites`
  }

  /**
   * An answer of the database is there at once, and awaiting it gives nobody else a turn: a plan or a look at a campaign, site
   * after site, would hold up the whole server for as long as it takes.
   */
  async #letOthersIn(): Promise<void> {
    this.#asked += 1
    if (this.#asked % ASKED_AT_ONCE === 0) await new Promise(resolve => setImmediate(resolve))
  }

  /** The sites from one on that can have a match, in order; null when the roll-ups narrow nothing. */
  #candidates(query: ControllerQuery, from: string): string[] | null {
    const where = countedWhere(query, this.#sets)
    const [label] = query.labels ?? []
    if (query.differs === true || (where.sql === '1' && label === undefined)) return null
    const tally = `SELECT DISTINCT site FROM ${siteTally(query)} WHERE site >= ? AND ${where.sql}`
    const labels = 'SELECT site FROM label_tally WHERE label = ? AND site >= ?'
    const rows =
      label === undefined
        ? this.#all(`${tally} ORDER BY site`, [from, ...where.values])
        : where.sql === '1'
          ? this.#all(`${labels} ORDER BY site`, [label, from])
          : this.#all(`${tally} INTERSECT ${labels} ORDER BY site`, [from, ...where.values, label, from])
    return rows.map(({ site }) => site as string)
  }

  #sitesFrom(from: string): string[] {
    const rows = this.#all('SELECT DISTINCT site FROM site_tally WHERE site >= ? ORDER BY site', [from])
    return rows.map(({ site }) => site as string)
  }

  /** Those that were longest silent first. */
  #bySeen(query: ControllerQuery, where: Where, after: Position | null, limit: number): Row[] {
    // The index of them is the whole fleet's: of some sites, their own rows are read.
    const from = query.sites === undefined ? 'inventory INDEXED BY inventory_seen' : 'inventory NOT INDEXED'
    const sql = `SELECT ${COLUMNS} FROM ${from} WHERE (seen_at, site, id) > (?, ?, ?)
      AND ${where.sql} ORDER BY seen_at, site, id LIMIT ?`
    const behind = after === null ? [-1, '', ''] : [after.seen, after.site, after.id]
    return this.#all(sql, [...behind, ...where.values, limit])
  }

  #all(sql: string, values: readonly Value[]): Row[] {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear()
      this.#statements.set(sql, statement)
    }
    return statement.all(...values) as Row[]
  }
}

/** The roll-up of the fleet knows regions and no sites. */
const bySites = ({ sites, named, reach }: ControllerQuery): boolean =>
  [sites, named, reach].some(part => part !== undefined)

/** The rows that a question which no roll-up answers has to read, to the WHERE, and what is bound there. */
function narrowed({
  differs,
  labels,
  seenBefore,
  sites,
}: ControllerQuery): readonly [from: string, ...values: Value[]] {
  const label = labels?.[0]
  if (differs === true) return ['inventory INDEXED BY inventory_differs WHERE']
  if (sites !== undefined) return ['inventory WHERE']
  if (label !== undefined) {
    return [
      'inventory INDEXED BY inventory_labels WHERE site IN (SELECT site FROM label_tally WHERE label = ?) AND',
      label,
    ]
  }
  return [seenBefore === undefined ? 'inventory WHERE' : 'inventory INDEXED BY inventory_seen WHERE']
}

/** Some sites are looked up one by one; of all of them, the planner finds what the question narrows most. */
const siteTally = ({ sites }: ControllerQuery): string =>
  sites === undefined ? 'site_tally' : 'site_tally INDEXED BY site_tally_site'

/** Sites that are read before others get a turn: some tens of milliseconds of a plan. */
const ASKED_AT_ONCE = 16

/** Statements that are kept at most: kinds of questions, of which there are few at a time. */
const MAX_STATEMENTS = 200
