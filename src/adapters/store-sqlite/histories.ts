import type { DatabaseSync } from 'node:sqlite'
import type { Instant } from '../../core/encoding/units.ts'
import type { HistoryRow, NumberedBreak } from '../../core/fleet/rows.ts'
import type { HistoryStore } from '../../flows/inventory-ports.ts'
import type { FleetChange } from '../../flows/ports.ts'

/** How far sites have told what they keep, and where that breaks. A site of before begins in front of its next item. */
export const HISTORY_TABLES = `
  ALTER TABLE site ADD COLUMN head BLOB NOT NULL DEFAULT x'${'00'.repeat(32)}';
  CREATE TABLE history (site TEXT NOT NULL, controller TEXT NOT NULL, key TEXT NOT NULL, told INTEGER NOT NULL, digest TEXT NOT NULL,
    sequence INTEGER NOT NULL, attested INTEGER NOT NULL, missed INTEGER NOT NULL, PRIMARY KEY (site, controller)) STRICT, WITHOUT ROWID;
  CREATE INDEX history_behind ON history (site, controller) WHERE attested > told;
  CREATE TABLE sequence_break (number INTEGER PRIMARY KEY AUTOINCREMENT, site TEXT NOT NULL, controller TEXT NOT NULL, code TEXT NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
  CREATE INDEX sequence_break_site ON sequence_break (site, number);
  CREATE INDEX sequence_break_at ON sequence_break (at);
  CREATE INDEX sequence_break_open ON sequence_break (site, controller, code) WHERE code IN ('history-withheld', 'upstream-forked');`

/** The tables of `HISTORY_TABLES`: a projection of the log, in the transaction of what it tells of. */
export class SqliteHistories implements HistoryStore {
  readonly #sql

  constructor(database: DatabaseSync) {
    const row = 'SELECT number, site, controller, code, first AS "from", last AS "to", at FROM sequence_break'
    this.#sql = {
      history: database.prepare('SELECT * FROM history WHERE site = ? AND controller = ?'),
      put: database.prepare(
        `INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET key = excluded.key, told = excluded.told,
         digest = excluded.digest, sequence = excluded.sequence, attested = excluded.attested, missed = excluded.missed`,
      ),
      breaks: database.prepare(`${row} WHERE number > ? ORDER BY number LIMIT ?`),
      breaksOf: database.prepare(`${row} WHERE site = ? AND number > ? ORDER BY number LIMIT ?`),
      pressing: database.prepare(
        `${row} WHERE at >= ? OR code IN ('history-withheld', 'upstream-forked') ORDER BY number DESC LIMIT ?`,
      ),
      add: database.prepare(
        'INSERT INTO sequence_break (site, controller, code, first, last, at) VALUES (?, ?, ?, ?, ?, ?)',
      ),
      mend: database.prepare(
        `DELETE FROM sequence_break WHERE site = ? AND controller = ? AND code IN ('history-withheld', 'upstream-forked')
         AND last <= ?`,
      ),
      counts: database.prepare('SELECT code, count(*) AS breaks FROM sequence_break GROUP BY code ORDER BY code'),
      behind: database.prepare('SELECT count(*) AS behind FROM history WHERE attested > told'),
    }
  }

  async history(site: string, controller: string): Promise<HistoryRow | null> {
    return (this.#sql.history.get(site, controller) as HistoryRow | undefined) ?? null
  }

  async breaks(after: number, limit: number, site?: string): Promise<NumberedBreak[]> {
    const rows = site === undefined ? this.#sql.breaks.all(after, limit) : this.#sql.breaksOf.all(site, after, limit)
    return rows as NumberedBreak[]
  }

  async pressing(since: Instant, limit: number): Promise<NumberedBreak[]> {
    return this.#sql.pressing.all(since, limit) as NumberedBreak[]
  }

  async counts(): Promise<{ codes: ReadonlyMap<string, number>; behind: number }> {
    const rows = this.#sql.counts.all() as { code: string; breaks: number }[]
    const { behind } = this.#sql.behind.get() as { behind: number }
    return { codes: new Map(rows.map(({ code, breaks }) => [code, breaks])), behind }
  }

  apply({ histories = [], breaks = [], mended = [] }: FleetChange): void {
    for (const { site, controller, key, told, digest, sequence, attested, missed } of histories) {
      this.#sql.put.run(site, controller, key, told, digest, sequence, attested, missed)
    }
    for (const { site, controller, to } of mended) this.#sql.mend.run(site, controller, to)
    for (const { site, controller, code, from, to, at } of breaks) {
      this.#sql.add.run(site, controller, code, from, to, at)
    }
  }
}
