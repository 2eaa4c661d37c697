import type { DatabaseSync } from 'node:sqlite'
import type { SiemChange, SiemRow } from '../../core/ledger/siem-rows.ts'
import type { SiemStore } from '../../flows/siem-ports.ts'

export const SIEM_TABLES = `CREATE TABLE siem (receiver TEXT PRIMARY KEY, target TEXT NOT NULL, settled INTEGER NOT NULL,
     lost INTEGER NOT NULL) STRICT;`

const SIEM = 'receiver, target, settled, lost'

/** Receivers of the log in the fleet's database. */
export class SqliteSiem implements SiemStore {
  readonly #sql

  constructor(database: DatabaseSync) {
    this.#sql = {
      receiver: database.prepare(`SELECT ${SIEM} FROM siem WHERE receiver = ?`),
      receivers: database.prepare(`SELECT ${SIEM} FROM siem ORDER BY receiver`),
      put: database.prepare(
        `INSERT INTO siem (${SIEM}) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
         SET target = excluded.target, settled = excluded.settled, lost = excluded.lost`,
      ),
      drop: database.prepare('DELETE FROM siem WHERE receiver = ?'),
      firstEntry: database.prepare("SELECT min(ix) AS 'index' FROM entry WHERE ix >= ? AND bytes <> x''"),
    }
  }

  async receiver(name: string): Promise<SiemRow | null> {
    const row = this.#sql.receiver.get(name) as StoredSiem | undefined
    return row === undefined ? null : siemOf(row)
  }

  async receivers(): Promise<SiemRow[]> {
    return (this.#sql.receivers.all() as StoredSiem[]).map(siemOf)
  }

  async firstEntryFrom(index: number): Promise<number | null> {
    return (this.#sql.firstEntry.get(index) as { index: number | null }).index
  }

  /** In the transaction of the decision. */
  apply({ siem = [], siemGone = [] }: SiemChange): void {
    for (const { receiver, target, settled, lost } of siem) this.#sql.put.run(receiver, target, settled, lost ? 1 : 0)
    for (const receiver of siemGone) this.#sql.drop.run(receiver)
  }
}

type StoredSiem = Omit<SiemRow, 'lost'> & { readonly lost: number }

const siemOf = (row: StoredSiem): SiemRow => ({ ...row, lost: row.lost === 1 })
