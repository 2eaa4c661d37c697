import type { DatabaseSync } from 'node:sqlite'
import type { ImportedRow } from '../../core/fleet/inventory-row.ts'
import type { ImportRow, ImportStore } from '../../flows/inventory-ports.ts'
import type { Writer } from './database.ts'
import type { InventoryRows } from './inventory-rows.ts'

/**
 * One import at a time, staged beside the inventory: `import` is the one that stands, `import_line` what it has staged, each
 * controller once.
 */
export const IMPORT_TABLES = `
CREATE TABLE import (one INTEGER PRIMARY KEY CHECK (one = 1), id INTEGER NOT NULL, name TEXT NOT NULL, person TEXT NOT NULL,
  header TEXT NOT NULL, decided INTEGER NOT NULL) STRICT;
CREATE TABLE import_line (site TEXT NOT NULL, id TEXT NOT NULL, line INTEGER NOT NULL, claims TEXT NOT NULL,
  PRIMARY KEY (site, id)) STRICT, WITHOUT ROWID;
`

/** Later: the lines of the import that nothing could be made of. */
export const IMPORT_FAULTS = `CREATE TABLE import_fault (line INTEGER PRIMARY KEY) STRICT;`

export class SqliteImports implements ImportStore {
  readonly #writer: Writer
  readonly #rows: InventoryRows
  readonly #sql

  constructor(database: DatabaseSync, writer: Writer, rows: InventoryRows) {
    this.#writer = writer
    this.#rows = rows
    this.#sql = {
      current: database.prepare('SELECT id, name, person, header, decided FROM import'),
      begin: database.prepare('INSERT OR REPLACE INTO import VALUES (1, ?, ?, ?, ?, 0)'),
      clear: database.prepare('DELETE FROM import_line'),
      end: database.prepare('DELETE FROM import'),
      decide: database.prepare('UPDATE import SET decided = 1 WHERE id = ?'),
      stage: database.prepare('INSERT INTO import_line VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING'),
      first: database.prepare('SELECT line FROM import_line WHERE site = ? AND id = ?'),
      count: database.prepare('SELECT count(*) AS n FROM import_line'),
      fault: database.prepare('INSERT INTO import_fault VALUES (?) ON CONFLICT DO NOTHING'),
      faults: database.prepare('SELECT count(*) AS n FROM import_fault'),
      noFaults: database.prepare('DELETE FROM import_fault'),
      next: database.prepare('SELECT site, id, claims FROM import_line ORDER BY site, id LIMIT ?'),
      taken: database.prepare('DELETE FROM import_line WHERE site = ? AND id = ?'),
      region: database.prepare(
        `SELECT region FROM inventory WHERE site = ?1 AND standing <> 'removed'
         UNION ALL SELECT claims ->> '$.region' FROM import_line WHERE site = ?1 LIMIT 1`,
      ),
    }
  }

  async current(): Promise<ImportRow | null> {
    const row = this.#sql.current.get() as (Omit<ImportRow, 'header' | 'decided'> & Stored) | undefined
    return row === undefined ? null : { ...row, header: JSON.parse(row.header), decided: row.decided === 1 }
  }

  begin({ id, name, person, header }: ImportRow): Promise<void> {
    // If power fails in here, the import of before is open and whole, and nobody was told of this one.
    return this.#writer.write(() => {
      this.#clear()
      this.#sql.begin.run(id, name, person, JSON.stringify(header))
    })
  }

  async stage(rows: readonly { line: number; row: ImportedRow }[]): Promise<{ line: number; first: number }[]> {
    const repeated: { line: number; first: number }[] = []
    await this.#writer.write(() => {
      for (const { line, row } of rows) {
        if (this.#sql.stage.run(row.site, row.id, line, JSON.stringify(row)).changes === 1) continue
        const { line: first } = this.#sql.first.get(row.site, row.id) as { line: number }
        // The same line again: the answer to it was lost.
        if (first !== line) repeated.push({ line, first })
      }
    })
    return repeated
  }

  async noteFaults(lines: readonly number[]): Promise<void> {
    if (lines.length === 0) return
    await this.#writer.write(() => {
      for (const line of lines) this.#sql.fault.run(line)
    })
  }

  async faults(): Promise<number> {
    return (this.#sql.faults.get() as { n: number }).n
  }

  async staged(): Promise<number> {
    return (this.#sql.count.get() as { n: number }).n
  }

  drop(): Promise<void> {
    return this.#writer.write(() => {
      this.#clear()
      this.#sql.end.run()
    })
  }

  #clear(): void {
    this.#sql.clear.run()
    this.#sql.noFaults.run()
  }

  /** Part of the transaction that records the decision. */
  decide(id: number): void {
    this.#sql.decide.run(id)
  }

  async apply(count: number): Promise<number> {
    let left = 0
    await this.#writer.write(() => {
      // Another call may have brought in the last of it, and what is staged now may be what nobody has decided on.
      if ((this.#sql.current.get() as Stored | undefined)?.decided !== 1) return
      const lines = this.#sql.next.all(count) as { site: string; id: string; claims: string }[]
      for (const { site, id, claims } of lines) {
        this.#rows.claim(JSON.parse(claims) as ImportedRow)
        this.#sql.taken.run(site, id)
      }
      left = lines.length < count ? 0 : 1
      if (left === 0) this.#sql.end.run()
    })
    return left
  }

  async regionOf(site: string): Promise<string | null> {
    return (this.#sql.region.get(site) as { region: string } | undefined)?.region ?? null
  }
}

type Stored = { readonly header: string; readonly decided: number }
