import type { DatabaseSync } from 'node:sqlite'
import type { WitnessChange, WitnessRow } from '../../core/ledger/witness-rows.ts'
import type { GatheredStore } from '../../flows/witness-ports.ts'

export const GATHERED_TABLES = `CREATE TABLE witness (key TEXT PRIMARY KEY, name TEXT NOT NULL, size INTEGER NOT NULL,
     line TEXT NOT NULL, at INTEGER NOT NULL, trouble TEXT, troubled INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX witness_troubled ON witness (name) WHERE troubled = 1;
   CREATE TABLE witness_round (one INTEGER PRIMARY KEY CHECK (one = 1), state TEXT NOT NULL, checkpoint TEXT NOT NULL) STRICT;
   CREATE TABLE witnessed (one INTEGER PRIMARY KEY CHECK (one = 1), note TEXT NOT NULL) STRICT;
   CREATE TABLE witness_key (site TEXT PRIMARY KEY, key TEXT NOT NULL) STRICT, WITHOUT ROWID;`

const WITNESS = 'key, name, size, line, at, trouble'

/** What witnesses said of the fleet's log, in the fleet's database. */
export class SqliteGathered implements GatheredStore {
  readonly #sql

  constructor(database: DatabaseSync) {
    this.#sql = {
      round: database.prepare('SELECT state, checkpoint FROM witness_round'),
      putRound: database.prepare(
        `INSERT INTO witness_round VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state,
         checkpoint = excluded.checkpoint`,
      ),
      witnessed: database.prepare('SELECT note FROM witnessed'),
      putWitnessed: database.prepare(
        'INSERT INTO witnessed VALUES (1, ?) ON CONFLICT DO UPDATE SET note = excluded.note',
      ),
      witness: database.prepare(`SELECT ${WITNESS} FROM witness WHERE key = ?`),
      witnesses: database.prepare(`SELECT ${WITNESS} FROM witness ORDER BY name`),
      troubled: database.prepare(`SELECT ${WITNESS} FROM witness WHERE troubled = 1 ORDER BY name`),
      putWitness: database.prepare(
        `INSERT INTO witness VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET name = excluded.name,
         size = excluded.size, line = excluded.line, at = excluded.at, trouble = excluded.trouble,
         troubled = excluded.troubled`,
      ),
      witnessKey: database.prepare('SELECT key FROM witness_key WHERE site = ?'),
      putWitnessKey: database.prepare(
        'INSERT INTO witness_key VALUES (?, ?) ON CONFLICT DO UPDATE SET key = excluded.key',
      ),
    }
  }

  async round(): Promise<{ state: string; checkpoint: string } | null> {
    return (this.#sql.round.get() as { state: string; checkpoint: string } | undefined) ?? null
  }

  async witnessed(): Promise<string | null> {
    return (this.#sql.witnessed.get() as { note: string } | undefined)?.note ?? null
  }

  async witness(key: string): Promise<WitnessRow | null> {
    const row = this.#sql.witness.get(key) as StoredWitness | undefined
    return row === undefined ? null : rowOf(row)
  }

  async witnesses(troubled: boolean): Promise<WitnessRow[]> {
    return ((troubled ? this.#sql.troubled : this.#sql.witnesses).all() as StoredWitness[]).map(rowOf)
  }

  async witnessKey(site: string): Promise<string | null> {
    return (this.#sql.witnessKey.get(site) as { key: string } | undefined)?.key ?? null
  }

  /** In the transaction of the decision. */
  apply({ witnesses = [], round, witnessed, witnessKeys = [] }: WitnessChange): void {
    for (const { key, name, size, line, at, trouble } of witnesses) {
      const text = trouble === null ? null : JSON.stringify(trouble)
      this.#sql.putWitness.run(key, name, size, line, at, text, trouble?.until === null ? 1 : 0)
    }
    if (round !== undefined) this.#sql.putRound.run(round.state, round.checkpoint)
    if (witnessed !== undefined) this.#sql.putWitnessed.run(witnessed)
    for (const { site, key } of witnessKeys) this.#sql.putWitnessKey.run(site, key)
  }
}

type StoredWitness = Omit<WitnessRow, 'trouble'> & { readonly trouble: string | null }

const rowOf = (row: StoredWitness): WitnessRow => ({
  ...row,
  trouble: row.trouble === null ? null : (JSON.parse(row.trouble) as WitnessRow['trouble']),
})
