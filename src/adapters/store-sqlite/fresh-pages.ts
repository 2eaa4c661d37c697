import type { DatabaseSync } from 'node:sqlite'

/**
 * Puts tables onto fresh pages, within the open transaction, and overwrites those that they stood on. To delete a row is not enough:
 * where SQLite has moved rows from page to page as a table grew, it leaves old copies of them between the live ones, which no
 * later deletion finds. `tables`: those that are referred to first. Wants `PRAGMA secure_delete = ON`, which overwrites a page as it
 * is given up (sqlite.org/pragma.html#pragma_secure_delete), and reads the tables into memory: they are to be small ones.
 */
export function ontoFreshPages(database: DatabaseSync, tables: readonly string[]): void {
  const schema = database.prepare(
    "SELECT sql FROM sqlite_schema WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type = 'table' DESC",
  )
  const kept = tables.map(table => {
    const statement = database.prepare(`SELECT * FROM ${table}`)
    statement.setReturnArrays(true)
    return { table, sql: schema.all(table) as { sql: string }[], rows: statement.all() as unknown as Row[] }
  })
  for (const { table } of kept.toReversed()) database.exec(`DROP TABLE ${table}`)
  for (const { table, sql, rows } of kept) {
    for (const one of sql) database.exec(one.sql)
    const [first] = rows
    if (first === undefined) continue
    const insert = database.prepare(`INSERT INTO ${table} VALUES (${first.map(() => '?').join(', ')})`)
    for (const row of rows) insert.run(...row)
  }
}

type Row = (string | number | Uint8Array | null)[]
