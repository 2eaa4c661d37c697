import type { DatabaseSync } from 'node:sqlite'
import { instant } from '../../core/encoding/units.ts'
import type { CopyMark } from '../../core/fleet/backup.ts'
import type { Keeping, OutboxItem, OwnLog, ToldRow } from '../../core/ledger/own-log-rows.ts'
import type { WitnessedLog } from '../../core/ledger/witness-rows.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import type { GatewayChange, GatewayControllerRow, GatewayStore, KeptTime } from '../../flows/ports.ts'
import { COPY_TABLE, Copies, type OnPages } from './copy.ts'
import { type Migration, openDatabase, Writer } from './database.ts'
import { chainOutbox, ITEMS_BY_CONTROLLER, SqliteOwnLog } from './own-log.ts'
import { WITNESSED_TABLE, WitnessedRows } from './witnessed.ts'

const migrations: readonly Migration[] = [
  `CREATE TABLE file (repo TEXT NOT NULL, path TEXT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (repo, path)) STRICT, WITHOUT ROWID;
   CREATE TABLE controller (id TEXT PRIMARY KEY, report_key BLOB NOT NULL, report BLOB, sequence INTEGER NOT NULL,
     work TEXT NOT NULL) STRICT;
   CREATE TABLE assignments (one INTEGER PRIMARY KEY CHECK (one = 1), bytes BLOB NOT NULL) STRICT;
   CREATE TABLE outbox (sequence INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, bytes BLOB NOT NULL) STRICT;`,
  'CREATE TABLE time (one INTEGER PRIMARY KEY CHECK (one = 1), latest INTEGER NOT NULL, bound INTEGER NOT NULL) STRICT;',
  COPY_TABLE,
  WITNESSED_TABLE,
  chainOutbox,
  ITEMS_BY_CONTROLLER,
]

/** The version of the tables: what a backup names, and a restore compares. */
export const GATEWAY_DATA = migrations.length

/** What a gateway keeps of its own log unless it is told: about two months of a site that is always busy, and the last of what it told. */
export const USUAL_KEEPING: Keeping = { unsentBytes: 512 << 20, sentBytes: 64 << 20 }

/** The gateway's store in one SQLite file. Refuses as `openDatabase` does. */
export function openGatewayStore(path: string, keep: Partial<Keeping> = {}): SqliteGatewayStore | Refusal {
  const database = openDatabase(path, { version: GATEWAY_DATA, migrations })
  return isRefusal(database) ? database : new SqliteGatewayStore(database, { ...USUAL_KEEPING, ...keep })
}

export class SqliteGatewayStore implements GatewayStore {
  readonly #database: DatabaseSync
  readonly #writer: Writer
  readonly #copies: Copies
  readonly #own: SqliteOwnLog
  readonly #sql
  readonly #witnessed: WitnessedRows
  /** The assignments as they are in the database; undefined until they are read. */
  #assignments: Uint8Array | null | undefined

  constructor(database: DatabaseSync, keep: Keeping) {
    this.#database = database
    this.#own = new SqliteOwnLog(database, keep)
    this.#writer = new Writer(database)
    this.#copies = new Copies(database)
    this.#witnessed = new WitnessedRows(database)
    const controller = 'id, report_key AS reportKey, report, sequence, work FROM controller'
    this.#sql = {
      files: database.prepare('SELECT path, bytes FROM file WHERE repo = ?'),
      controller: database.prepare(`SELECT ${controller} WHERE id = ?`),
      controllers: database.prepare(`SELECT ${controller} ORDER BY id`),
      assignments: database.prepare('SELECT bytes FROM assignments'),
      told: database.prepare('SELECT controller, key, told, digest, sequence FROM told WHERE controller = ?'),
      putTold: database.prepare(
        `INSERT INTO told VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET key = excluded.key, told = excluded.told,
         digest = excluded.digest, sequence = excluded.sequence`,
      ),
      putFile: database.prepare('INSERT INTO file VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET bytes = excluded.bytes'),
      dropFile: database.prepare('DELETE FROM file WHERE repo = ? AND path = ?'),
      putController: database.prepare(
        `INSERT INTO controller VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET report_key = excluded.report_key,
         report = excluded.report, sequence = excluded.sequence, work = excluded.work`,
      ),
      putAssignments: database.prepare(
        'INSERT INTO assignments VALUES (1, ?) ON CONFLICT DO UPDATE SET bytes = excluded.bytes',
      ),
      time: database.prepare('SELECT latest, bound FROM time'),
      putTime: database.prepare(
        `INSERT INTO time VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET latest = max(latest, excluded.latest),
         bound = excluded.bound`,
      ),
    }
  }

  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.#writer.exclusive(work)
  }

  async files(repo: string): Promise<Map<string, Uint8Array>> {
    const rows = this.#sql.files.all(repo) as { path: string; bytes: Uint8Array }[]
    return new Map(rows.map(row => [row.path, row.bytes]))
  }

  async controller(id: string): Promise<GatewayControllerRow | null> {
    return (this.#sql.controller.get(id) as GatewayControllerRow | undefined) ?? null
  }

  async controllers(): Promise<GatewayControllerRow[]> {
    return this.#sql.controllers.all() as GatewayControllerRow[]
  }

  async assignments(): Promise<Uint8Array | null> {
    if (this.#assignments === undefined) {
      this.#assignments = (this.#sql.assignments.get() as { bytes: Uint8Array } | undefined)?.bytes ?? null
    }
    return this.#assignments
  }

  async outbox(limit: number): Promise<OutboxItem[]> {
    return this.#own.unsent(limit)
  }

  async lastGiven(): Promise<number> {
    return this.#own.last()
  }

  async ownLog(): Promise<OwnLog> {
    return this.#own.read()
  }

  async logged(behind: number, limit: number): Promise<OutboxItem[]> {
    return this.#own.behind(behind, limit)
  }

  async loggedAbout(controller: string, limit: number): Promise<OutboxItem[]> {
    return this.#own.about(controller, limit)
  }

  async told(controller: string): Promise<ToldRow | null> {
    return (this.#sql.told.get(controller) as ToldRow | undefined) ?? null
  }

  async time(): Promise<KeptTime> {
    return (this.#sql.time.get() as KeptTime | undefined) ?? { latest: instant(0), bound: instant(0) }
  }

  async witnessed(origin: string): Promise<WitnessedLog | null> {
    return this.#witnessed.log(origin)
  }

  commit(change: GatewayChange): Promise<void> {
    return this.#writer.write(() => {
      for (const { repo, path, bytes } of change.files ?? []) this.#sql.putFile.run(repo, path, bytes)
      for (const { repo, path } of change.forgotten ?? []) this.#sql.dropFile.run(repo, path)
      for (const row of change.controllers ?? []) {
        this.#sql.putController.run(row.id, row.reportKey, row.report, row.sequence, row.work)
      }
      if (change.assignments !== undefined) {
        this.#sql.putAssignments.run(change.assignments)
        // Nobody reads between here and the end of the transaction; whichever way it ends, the next read asks it.
        this.#assignments = undefined
      }
      if (change.time !== undefined) this.#sql.putTime.run(change.time.latest, change.time.bound)
      if (change.witnessed !== undefined) this.#witnessed.put(change.witnessed)
      for (const row of change.told ?? []) {
        this.#sql.putTold.run(row.controller, row.key, row.told, row.digest, row.sequence)
      }
      this.#own.apply(change)
      this.#copies.apply(change.copied)
    })
  }

  async copied(): Promise<CopyMark | null> {
    return this.#copies.mark
  }

  /** Copies the store to a new file while it is in use (see copy.ts). */
  copyTo(path: string, goesOn: OnPages): Promise<null | Refusal> {
    return this.#copies.to(path, goesOn)
  }

  /** What SQLite finds wrong with the file; null: nothing. */
  fault(): string | null {
    return this.#copies.fault()
  }

  close(): void {
    this.#database.close()
  }
}
