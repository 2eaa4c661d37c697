import type { DatabaseSync } from 'node:sqlite'
import { instant } from '../../core/encoding/units.ts'
import type { Told } from './database.ts'
import { type Said, SOUGHT_INDEXES, SOUGHT_TABLE, SoughtRows } from './sought.ts'

/** What entries are looked for by, as it was first kept: the name of a controller was a word too, and `entry` had columns of its own for it. */
export const FIRST_SOUGHT = `CREATE TABLE word (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE sought (ix INTEGER PRIMARY KEY, at INTEGER, kind INTEGER NOT NULL, actor INTEGER, code INTEGER,
    site INTEGER, controller INTEGER, campaign INTEGER) STRICT;`

/** Entries after which the next word is said of how far it is. */
const STEP = 20_000

type Former = Said & { readonly ix: number; readonly bytes: Uint8Array }

/**
 * Makes the rows of a log that was begun without them, from its entries, and leaves in `entry` their bytes and hashes. Entries that were
 * in the archive alone before they had rows are found by kind, place and campaign.
 */
export function makeSought(database: DatabaseSync, told: Told): void {
  const { end } = database.prepare('SELECT coalesce(max(ix) + 1, 0) AS end FROM entry').get() as { end: number }
  database.exec(`ALTER TABLE sought RENAME TO former; ${SOUGHT_TABLE}`)
  const rows = new SoughtRows(database)
  const entries = database.prepare(
    `SELECT e.ix, e.bytes, e.kind, e.site, e.controller, e.campaign, f.at, a.word AS actor, c.word AS code FROM entry e
     LEFT JOIN former f ON f.ix = e.ix LEFT JOIN word a ON a.id = f.actor LEFT JOIN word c ON c.id = f.code ORDER BY e.ix`,
  )
  for (const row of entries.iterate() as Iterable<Former>) {
    if (row.ix % STEP === 0 && row.ix > 0) told(row.ix, 2 * end)
    rows.add(row.ix, row.at === null ? saidIn(row) : row)
  }
  database.exec(`${SOUGHT_INDEXES}
    DELETE FROM word WHERE id IN (SELECT controller FROM former) AND id NOT IN (SELECT kind FROM sought
      UNION SELECT actor FROM sought WHERE actor IS NOT NULL UNION SELECT code FROM sought WHERE code IS NOT NULL
      UNION SELECT site FROM sought WHERE site IS NOT NULL UNION SELECT campaign FROM sought WHERE campaign IS NOT NULL);
    DROP TABLE former;
    CREATE TABLE entry_alone (ix INTEGER PRIMARY KEY, bytes BLOB NOT NULL, leaf BLOB NOT NULL) STRICT;`)
  const copy = database.prepare(
    'INSERT INTO entry_alone SELECT ix, bytes, leaf FROM entry WHERE ix >= ? AND ix < ? ORDER BY ix',
  )
  for (let from = 0; from < end; from += STEP) {
    told(end + from, 2 * end)
    copy.run(from, from + STEP)
  }
  database.exec('DROP TABLE entry; ALTER TABLE entry_alone RENAME TO entry')
}

/** What of an entry's bytes is looked for. A migration runs over a store as it is: an entry that reads as none is found by its place. */
function saidIn(row: Former): Said {
  try {
    const { at, actor, code } = JSON.parse(new TextDecoder().decode(row.bytes)) as Record<string, unknown>
    const id = (actor as { id?: unknown } | undefined)?.id
    return {
      ...row,
      at: Number.isSafeInteger(at) ? instant(at as number) : null,
      ...(typeof id === 'string' ? { actor: id } : {}),
      ...(typeof code === 'string' ? { code } : {}),
    }
  } catch {
    return row
  }
}
