import type { DatabaseSync } from 'node:sqlite'
import type { FleetChange } from '../../flows/ports.ts'

/** Sites whose outbox may be further than a restored store knows. */
export const BEHIND_TABLE = 'CREATE TABLE behind (site TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;'

/** The part of the fleet's store that holds them. It writes inside the store's own transaction. */
export class Behind {
  readonly #sql

  constructor(database: DatabaseSync) {
    this.#sql = {
      all: database.prepare('SELECT site FROM behind ORDER BY site'),
      upstream: database.prepare(
        'SELECT upstream AS taken, behind.site AS behind FROM site LEFT JOIN behind ON behind.site = site.id WHERE id = ?',
      ),
      put: database.prepare('INSERT INTO behind VALUES (?) ON CONFLICT DO NOTHING'),
      drop: database.prepare('DELETE FROM behind WHERE site = ?'),
    }
  }

  all(): string[] {
    return (this.#sql.all.all() as { site: string }[]).map(({ site }) => site)
  }

  upstream(site: string): { taken: number; behind: boolean } | null {
    const row = this.#sql.upstream.get(site) as { taken: number; behind: string | null } | undefined
    return row === undefined ? null : { taken: row.taken, behind: row.behind !== null }
  }

  apply({ behind = [], caughtUp }: FleetChange): void {
    for (const site of behind) this.#sql.put.run(site)
    if (caughtUp !== undefined) this.#sql.drop.run(caughtUp)
  }
}
