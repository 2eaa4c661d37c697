import type { DatabaseSync } from 'node:sqlite'
import type { WitnessedLog } from '../../core/ledger/witness-rows.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import type { WitnessStore } from '../../flows/witness-ports.ts'
import { openDatabase, Writer } from './database.ts'

/** What a witness signed last of each log, with the last trouble that there was with it. */
export const WITNESSED_TABLE = `CREATE TABLE witnessed (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL,
     checkpoint TEXT NOT NULL, at INTEGER NOT NULL, trouble TEXT) STRICT, WITHOUT ROWID;`

const LOG = 'origin, size, root, checkpoint, at, trouble'

/** The rows of that table, in the database of a gateway or of a witness. */
export class WitnessedRows {
  readonly #sql

  constructor(database: DatabaseSync) {
    this.#sql = {
      log: database.prepare(`SELECT ${LOG} FROM witnessed WHERE origin = ?`),
      logs: database.prepare(`SELECT ${LOG} FROM witnessed ORDER BY origin`),
      put: database.prepare(
        `INSERT INTO witnessed VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET size = excluded.size,
         root = excluded.root, checkpoint = excluded.checkpoint, at = excluded.at, trouble = excluded.trouble`,
      ),
      drop: database.prepare('DELETE FROM witnessed WHERE origin = ?'),
    }
  }

  log(origin: string): WitnessedLog | null {
    const row = this.#sql.log.get(origin) as StoredLog | undefined
    return row === undefined ? null : logOf(row)
  }

  logs(): WitnessedLog[] {
    return (this.#sql.logs.all() as StoredLog[]).map(logOf)
  }

  put({ origin, size, root, checkpoint, at, trouble }: WitnessedLog): void {
    this.#sql.put.run(origin, size, root, checkpoint, at, trouble === null ? null : JSON.stringify(trouble))
  }

  drop(origin: string): void {
    this.#sql.drop.run(origin)
  }
}

type StoredLog = Omit<WitnessedLog, 'trouble'> & { readonly trouble: string | null }

const logOf = (row: StoredLog): WitnessedLog => ({
  ...row,
  trouble: row.trouble === null ? null : (JSON.parse(row.trouble) as WitnessedLog['trouble']),
})

const migrations = [WITNESSED_TABLE]

/** The store of a witness of its own, in one SQLite file. Refuses as `openDatabase` does. */
export function openWitnessStore(path: string): SqliteWitnessStore | Refusal {
  const database = openDatabase(path, { version: migrations.length, migrations })
  return isRefusal(database) ? database : new SqliteWitnessStore(database)
}

export class SqliteWitnessStore implements WitnessStore {
  readonly #database: DatabaseSync
  readonly #writer: Writer
  readonly #rows: WitnessedRows

  constructor(database: DatabaseSync) {
    this.#database = database
    this.#writer = new Writer(database)
    this.#rows = new WitnessedRows(database)
  }

  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.#writer.exclusive(work)
  }

  async log(origin: string): Promise<WitnessedLog | null> {
    return this.#rows.log(origin)
  }

  async logs(): Promise<WitnessedLog[]> {
    return this.#rows.logs()
  }

  keep(row: WitnessedLog): Promise<void> {
    return this.#writer.write(() => this.#rows.put(row))
  }

  /** Forgets what was signed of a log. Durable on return. */
  forget(origin: string): Promise<void> {
    return this.#writer.write(() => this.#rows.drop(origin))
  }

  close(): void {
    this.#database.close()
  }
}
