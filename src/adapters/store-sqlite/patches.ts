import type { DatabaseSync } from 'node:sqlite'
import { PATCH_VERSION } from '../../core/delta/patch.ts'
import { instant, millis } from '../../core/encoding/units.ts'
import type {
  NumberedPatch,
  PatchChange,
  PatchCounts,
  PatchPair,
  PatchRow,
  RunningImage,
} from '../../core/fleet/patch-rows.ts'
import type { RefusalCode } from '../../core/refusal/registry.ts'
import type { PatchStore } from '../../flows/patch-ports.ts'

export const PATCH_TABLES = `
CREATE TABLE patch (n INTEGER PRIMARY KEY, base TEXT NOT NULL, target TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL,
  since INTEGER NOT NULL, by TEXT NOT NULL, sha256 TEXT NOT NULL, length INTEGER NOT NULL, memory INTEGER NOT NULL, took INTEGER NOT NULL,
  code TEXT NOT NULL, expected TEXT NOT NULL, actual TEXT NOT NULL, UNIQUE (target, base, version)) STRICT;
CREATE INDEX patch_wanted ON patch (n) WHERE state = 'wanted';
CREATE TABLE patch_wait (site TEXT NOT NULL, base TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (site, target, base)) STRICT, WITHOUT ROWID;
CREATE TABLE patch_tally (state TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO patch_tally VALUES ('wanted', 0), ('made', 0), ('none', 0);
CREATE TRIGGER patch_enters AFTER INSERT ON patch BEGIN UPDATE patch_tally SET n = n + 1 WHERE state = NEW.state; END;
CREATE TRIGGER patch_leaves AFTER DELETE ON patch BEGIN UPDATE patch_tally SET n = n - 1 WHERE state = OLD.state; END;`

const ROW = 'n AS number, base, target, state, since, by, sha256, length, memory, took, code, expected, actual'

/** Patches in the fleet's database. Rows of another version of the algorithm are as if they were not there. */
export class SqlitePatches implements PatchStore {
  readonly #sql

  constructor(database: DatabaseSync) {
    const ours = `version = ${PATCH_VERSION}`
    this.#sql = {
      patch: database.prepare(`SELECT ${ROW} FROM patch WHERE target = ? AND base = ? AND ${ours}`),
      next: database.prepare(`SELECT ${ROW} FROM patch WHERE state = 'wanted' AND ${ours} ORDER BY n LIMIT 1`),
      counts: database.prepare('SELECT state, n FROM patch_tally'),
      page: database.prepare(`SELECT ${ROW} FROM patch WHERE n < ? AND ${ours} ORDER BY n DESC LIMIT ?`),
      ahead: database.prepare(
        `SELECT (SELECT count(*) FROM patch AS before WHERE before.state = 'wanted' AND before.n < one.n AND before.version = one.version) AS n
         FROM patch AS one WHERE target = ? AND base = ? AND ${ours} AND state = 'wanted'`,
      ),
      to: database.prepare(`SELECT ${ROW} FROM patch WHERE target = ? AND ${ours} ORDER BY n DESC LIMIT ?`),
      awaiting: database.prepare(
        `SELECT DISTINCT site FROM patch_wait AS one WHERE NOT EXISTS (SELECT 1 FROM patch WHERE target = one.target AND
         base = one.base AND ${ours} AND state = 'wanted') ORDER BY site LIMIT ?`,
      ),
      versions: database.prepare(
        `SELECT version, version_key AS key, sum(n) AS n FROM fleet_tally WHERE class = ? AND said = 'attested'
         GROUP BY version_key, version ORDER BY n DESC, version LIMIT ?`,
      ),
      site: database.prepare(
        `SELECT site FROM site_tally WHERE class = ? AND version_key = ? AND version = ? AND said = 'attested' LIMIT 1`,
      ),
      digest: database.prepare(
        `SELECT digest FROM inventory WHERE site = ? AND class = ? AND version = ? AND said = 'attested' AND standing <> 'removed'
         GROUP BY digest ORDER BY count(*) DESC, digest LIMIT 1`,
      ),
      // A row that is written anew gets the last place: it waits behind the others.
      forget: database.prepare('DELETE FROM patch WHERE target = ? AND base = ?'),
      put: database.prepare(
        `INSERT INTO patch (base, target, version, state, since, by, sha256, length, memory, took, code, expected, actual)
         VALUES (?, ?, ${PATCH_VERSION}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      wait: database.prepare('INSERT INTO patch_wait (site, base, target) VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
      served: database.prepare('DELETE FROM patch_wait WHERE site = ?'),
      unpatched: database.prepare('DELETE FROM patch WHERE target = ?'),
    }
  }

  async patch({ base, target }: PatchPair): Promise<PatchRow | null> {
    return read(this.#sql.patch.get(target, base))
  }

  async next(): Promise<PatchRow | null> {
    return read(this.#sql.next.get())
  }

  async counts(): Promise<PatchCounts> {
    const rows = this.#sql.counts.all() as { state: keyof PatchCounts; n: number }[]
    return Object.fromEntries(rows.map(({ state, n }) => [state, n])) as PatchCounts
  }

  async ahead({ base, target }: PatchPair): Promise<number | null> {
    return (this.#sql.ahead.get(target, base) as { n: number } | undefined)?.n ?? null
  }

  async to(target: string, limit: number): Promise<PatchRow[]> {
    return (this.#sql.to.all(target, limit) as Stored[]).map(rowOf)
  }

  async page(before: number | null, limit: number): Promise<NumberedPatch[]> {
    return (this.#sql.page.all(before ?? Number.MAX_SAFE_INTEGER, limit) as Stored[]).map(rowOf)
  }

  async awaiting(limit: number): Promise<string[]> {
    return (this.#sql.awaiting.all(limit) as { site: string }[]).map(({ site }) => site)
  }

  async running(of: string, limit: number): Promise<RunningImage[]> {
    const versions = this.#sql.versions.all(of, limit) as { version: string; key: Uint8Array; n: number }[]
    return versions.flatMap(({ version, key, n }) => {
      const at = this.#sql.site.get(of, key, version) as { site: string } | undefined
      const found = at && (this.#sql.digest.get(at.site, of, version) as { digest: Uint8Array } | undefined)
      return found === undefined ? [] : [{ version, digest: found.digest.toHex(), controllers: n }]
    })
  }

  /** In the transaction of the decision. */
  apply({ patches = [], patchWaits = [], patchServed = [], unpatched = [] }: PatchChange): void {
    for (const target of unpatched) this.#sql.unpatched.run(target)
    for (const row of patches) {
      const { base, target, at, since } = row
      const made = row.at === 'made' ? row : { by: '', sha256: '', length: 0, memory: 0, took: 0 }
      const { code, expected, actual } = row.at === 'none' ? row : { code: '', expected: '', actual: '' }
      this.#sql.forget.run(target, base)
      const { by, sha256, length, memory, took } = made
      this.#sql.put.run(base, target, at, since, by, sha256, length, memory, took, code, expected, actual)
    }
    for (const site of patchServed) this.#sql.served.run(site)
    for (const { site, base, target } of patchWaits) this.#sql.wait.run(site, base, target)
  }
}

type Stored = {
  readonly number: number
  readonly base: string
  readonly target: string
  readonly state: PatchRow['at']
  readonly since: number
  readonly by: 'fleet' | 'publisher'
  readonly sha256: string
  readonly length: number
  readonly memory: number
  readonly took: number
  readonly code: RefusalCode
  readonly expected: string
  readonly actual: string
}

const read = (row: unknown): NumberedPatch | null => (row === undefined ? null : rowOf(row as Stored))

function rowOf({ number, base, target, state, since, ...more }: Stored): NumberedPatch {
  const row = { number, base, target, since: instant(since) }
  const { by, sha256, length, memory, took, code, expected, actual } = more
  if (state === 'made') return { ...row, at: state, by, sha256, length, memory, took: millis(took) }
  return state === 'none' ? { ...row, at: state, code, expected, actual } : { ...row, at: state }
}
