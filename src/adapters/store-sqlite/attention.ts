import type { DatabaseSync } from 'node:sqlite'
import { type Instant, instant } from '../../core/encoding/units.ts'
import type { AttentionStore, FailedTurns, Troubled } from '../../flows/inventory-ports.ts'
import type { FleetChange } from '../../flows/ports.ts'

/**
 * Those who were enrolled and never heard: an index of them alone. By the index of all that were last seen at 0, they are among
 * the million that a list may have brought in.
 */
export const ATTENTION_INDEX = `
  CREATE INDEX inventory_unheard ON inventory (site, region) WHERE seen_at = 0 AND standing = 'enrolled';`

/**
 * Who waits for a yes at their site: an index of the files in which the reasons of each site are kept (flows/reason.ts), and made of them here. What
 * is not as it was kept (a damaged store) says nothing there, and nothing here.
 */
export const ASKING_TABLE = `
  CREATE TABLE asking (site TEXT NOT NULL, controller TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (site, controller)) STRICT, WITHOUT ROWID;
  CREATE INDEX asking_since ON asking (since);
  INSERT INTO asking SELECT site, controller, since FROM (
    SELECT substr(f.repo, 7) AS site, w.key AS controller,
      CASE w.type WHEN 'object' THEN w.value ->> 'rule' || '/' || (w.value ->> 'about') END AS reason,
      CASE w.type WHEN 'object' THEN w.value ->> 'at' END AS since
    FROM (SELECT repo, CAST(bytes AS TEXT) AS text FROM file WHERE repo GLOB 'waits/*' AND path = 'waits.json') f,
      json_each(CASE WHEN json_valid(f.text) THEN f.text ELSE '{}' END, '$.controllers') w)
  WHERE reason IN ('link/ask', 'link/budget') AND typeof(since) = 'integer';`

type Row = Record<string, string | number | null>

/** A controller's turn of a campaign that was made later than another one: `c` and `t` are that one and its turn. */
const LATER = `SELECT 1 FROM turn u JOIN campaign d ON d.id = u.campaign
  WHERE u.site = t.site AND u.controller = t.controller AND d.rowid > c.rowid AND u.at NOT IN ('waiting', 'queued')`

/** The turns of a campaign that ended badly. */
const BAD = `SELECT campaign, site, region, controller, state FROM turn INDEXED BY turn_next
  WHERE campaign = ?1 AND at IN ('failed', 'kept')`

export class SqliteAttention implements AttentionStore {
  readonly #sql

  constructor(database: DatabaseSync) {
    this.#sql = {
      golden: database.prepare(
        `SELECT s.site, s.region, sum(s.n) AS controllers,
           (SELECT min(id) FROM inventory i WHERE i.site = s.site AND i.state = 'golden') AS controller
         FROM site_tally s INDEXED BY site_tally_state WHERE s.state = 'golden' GROUP BY s.site ORDER BY s.site LIMIT ?`,
      ),
      unheard: database.prepare(
        `SELECT site, region, count(*) AS controllers, min(id) AS controller FROM inventory INDEXED BY inventory_unheard
         WHERE seen_at = 0 AND standing = 'enrolled' GROUP BY site ORDER BY site LIMIT ?`,
      ),
      silent: database.prepare(
        `SELECT site, region, count(*) AS controllers, min(id) AS controller, min(seen_at) AS since FROM
           (SELECT site, region, id, seen_at, standing FROM inventory INDEXED BY inventory_seen
            WHERE seen_at > 0 AND seen_at < ? ORDER BY seen_at LIMIT ?)
         WHERE standing = 'enrolled' GROUP BY site ORDER BY site`,
      ),
      // A gateway may name whom it likes: who is ordered nothing, or is nobody, waits for nothing, and is passed over before it is counted.
      asking: database.prepare(
        `SELECT site, region, count(*) AS controllers, min(controller) AS controller, min(since) AS since FROM
           (SELECT a.site, i.region, a.controller, a.since FROM asking a INDEXED BY asking_since
            CROSS JOIN inventory i ON i.site = a.site AND i.id = a.controller
            WHERE i.standing = 'enrolled' AND EXISTS
              (SELECT 1 FROM ordered o WHERE o.site = a.site AND o.controller = a.controller AND o.version IS NULL)
            ORDER BY a.since LIMIT ?)
         GROUP BY site ORDER BY site`,
      ),
      asks: database.prepare('INSERT INTO asking VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
      asksNoMore: database.prepare('DELETE FROM asking WHERE site = ? AND controller = ?'),
      // So many of them are read, and no more: a campaign that failed everywhere has a million.
      failed: database.prepare(
        `SELECT t.campaign, t.site, t.region, count(*) AS controllers, min(t.controller) AS controller,
           coalesce(t.state ->> 'result', 'kept') AS result, t.state ->> 'code' AS code, min(t.state ->> 'since') AS since
         FROM campaign c CROSS JOIN (${BAD} LIMIT ?2) t
         WHERE c.id = ?1 AND NOT EXISTS (${LATER}) GROUP BY t.site, 7, 6 ORDER BY t.site`,
      ),
      answered: database.prepare(
        `SELECT NOT EXISTS (SELECT 1 FROM campaign c CROSS JOIN (${BAD}) t WHERE c.id = ?1 AND NOT EXISTS (${LATER}))
           AND EXISTS (SELECT 1 FROM campaign c CROSS JOIN
             (SELECT site, controller FROM turn WHERE campaign = ?1 ORDER BY site, controller LIMIT 1) t
             WHERE c.id = ?1 AND EXISTS (${LATER})) AS answered`,
      ),
      regions: database.prepare(
        `SELECT region, count(*) AS sites, sum(n) AS controllers
         FROM (SELECT site, region, sum(n) AS n FROM site_tally GROUP BY site) GROUP BY region ORDER BY region`,
      ),
      regionOf: database.prepare('SELECT region FROM site_tally WHERE site = ? LIMIT 1'),
    }
  }

  async golden(limit: number): Promise<Troubled[]> {
    return (this.#sql.golden.all(limit) as Row[]).map(troubled)
  }

  async unheard(limit: number): Promise<Troubled[]> {
    return (this.#sql.unheard.all(limit) as Row[]).map(troubled)
  }

  async silent(before: Instant, limit: number): Promise<(Troubled & { since: Instant })[]> {
    return (this.#sql.silent.all(before, limit) as Row[]).map(troubledSince)
  }

  async asking(limit: number): Promise<(Troubled & { since: Instant })[]> {
    return (this.#sql.asking.all(limit) as Row[]).map(troubledSince)
  }

  async failed(campaign: string, limit: number): Promise<FailedTurns[]> {
    const rows = this.#sql.failed.all(campaign, limit) as Row[]
    return rows.map(row => ({
      ...troubledSince(row),
      campaign: row.campaign as string,
      result: row.result as FailedTurns['result'],
      code: row.code as string | null,
    }))
  }

  async answered(campaign: string): Promise<boolean> {
    return (this.#sql.answered.get(campaign) as Row).answered === 1
  }

  async regions(): Promise<{ region: string; sites: number; controllers: number }[]> {
    return this.#sql.regions.all() as { region: string; sites: number; controllers: number }[]
  }

  async regionOf(site: string): Promise<string | null> {
    return (this.#sql.regionOf.get(site) as { region: string } | undefined)?.region ?? null
  }

  /** In the transaction in which the reasons of a site are kept. */
  apply({ asking = [] }: FleetChange): void {
    for (const { site, controller, since } of asking) {
      if (since === null) this.#sql.asksNoMore.run(site, controller)
      else this.#sql.asks.run(site, controller, since)
    }
  }
}

const troubledSince = (row: Row): Troubled & { since: Instant } => ({
  ...troubled(row),
  since: instant(row.since as number),
})

const troubled = ({ site, region, controller, controllers }: Row): Troubled => ({
  site: site as string,
  region: region as string,
  controller: controller as string,
  controllers: controllers as number,
})
