import type { DatabaseSync } from 'node:sqlite'
import type { Load } from '../../core/campaign/load.ts'
import type { Next } from '../../core/campaign/rollout-state.ts'
import type { OrderRow, TurnRow } from '../../core/campaign/turn-rows.ts'
import { type Instant, instant } from '../../core/encoding/units.ts'
import type { ControllerRef } from '../../core/fleet/inventory.ts'
import type { FleetChange } from '../../flows/ports.ts'
import type { TurnPlace, TurnStore } from '../../flows/turn-ports.ts'

/**
 * The turns of campaigns, and what is out. A turn is found by its controller, by when it is due, by what it waits for, and
 * at a site while it is ordered: each by an index of its own.
 *
 * `ordered` has one row for a controller, whatever the campaigns: that nobody has two orders at once is its primary key's
 * doing. The sums in `out` follow it by triggers, within the same transaction, and whoever queues for a controller is looked
 * at again when its order is over: no writer can forget either.
 */
export const TURN_TABLES = `
  ALTER TABLE campaign ADD COLUMN open INTEGER NOT NULL DEFAULT 1;
  CREATE INDEX campaign_open ON campaign (open) WHERE open = 1;
  CREATE TABLE turn (campaign TEXT NOT NULL REFERENCES campaign (id), site TEXT NOT NULL, controller TEXT NOT NULL,
    wave INTEGER NOT NULL, region TEXT NOT NULL, ord INTEGER NOT NULL, at TEXT NOT NULL, due INTEGER, moved INTEGER,
    state TEXT NOT NULL, PRIMARY KEY (campaign, site, controller)) STRICT, WITHOUT ROWID;
  CREATE INDEX turn_controller ON turn (site, controller);
  CREATE INDEX turn_due ON turn (campaign, due, site, controller) WHERE due IS NOT NULL;
  CREATE INDEX turn_next ON turn (campaign, at, wave, region, ord, site, controller);
  CREATE INDEX turn_ordered ON turn (site) WHERE at IN ('assigned', 'returning');
  CREATE TABLE ordered (site TEXT NOT NULL, controller TEXT NOT NULL, campaign TEXT NOT NULL, region TEXT NOT NULL,
    watts INTEGER NOT NULL, watt_hours INTEGER NOT NULL, version INTEGER, until INTEGER,
    PRIMARY KEY (site, controller)) STRICT, WITHOUT ROWID;
  CREATE INDEX ordered_until ON ordered (until) WHERE until IS NOT NULL;
  CREATE TABLE out (campaign TEXT NOT NULL, region TEXT NOT NULL, controllers INTEGER NOT NULL, watts INTEGER NOT NULL,
    watt_hours INTEGER NOT NULL, PRIMARY KEY (campaign, region)) STRICT, WITHOUT ROWID;
  CREATE TRIGGER ordered_more AFTER INSERT ON ordered BEGIN
    INSERT INTO out VALUES (NEW.campaign, NEW.region, 1, NEW.watts, NEW.watt_hours) ON CONFLICT DO UPDATE SET
      controllers = controllers + 1, watts = watts + NEW.watts, watt_hours = watt_hours + NEW.watt_hours;
  END;
  CREATE TRIGGER ordered_less AFTER DELETE ON ordered BEGIN
    UPDATE out SET controllers = controllers - 1, watts = watts - OLD.watts, watt_hours = watt_hours - OLD.watt_hours
      WHERE campaign = OLD.campaign AND region = OLD.region;
    DELETE FROM out WHERE campaign = OLD.campaign AND region = OLD.region AND controllers = 0;
    UPDATE turn SET due = 0 WHERE site = OLD.site AND controller = OLD.controller AND at = 'queued';
  END;`

type StoredOrder = Omit<OrderRow, 'takenBack'> & { readonly version: number | null; readonly until: number | null }

const ALL = ''

export class SqliteTurns implements TurnStore {
  readonly #sql

  constructor(database: DatabaseSync) {
    const turn = 'SELECT campaign, site, controller, wave, region, ord AS "order", at, due, moved, state FROM turn'
    const order = `SELECT site, controller, campaign, region, watts, watt_hours AS wattHours, version, until FROM ordered`
    const kind = 'campaign = ? AND at = ?'
    const next = (wave: boolean, last: boolean) =>
      database.prepare(
        `${turn} WHERE ${kind} ${wave ? 'AND wave = ?' : ''} AND region = ?
         ORDER BY ord ${last ? 'DESC' : 'ASC'}, site, controller LIMIT ?`,
      )
    this.#sql = {
      turn: database.prepare(`${turn} WHERE campaign = ? AND site = ? AND controller = ?`),
      of: database.prepare(
        `SELECT t.campaign, t.site, t.controller, t.wave, t.region, t.ord AS "order", t.at, t.due, t.moved, t.state
         FROM turn t JOIN campaign c ON c.id = t.campaign WHERE t.site = ? AND t.controller = ?
         AND (c.open = 1 OR t.at NOT IN ('confirmed', 'returned', 'overtaken', 'waiting', 'queued'))`,
      ),
      due: database.prepare(`${turn} WHERE campaign = ? AND due <= ? ORDER BY due, site, controller LIMIT ?`),
      any: database.prepare(`${turn} WHERE ${kind} LIMIT ?`),
      firstRegion: database.prepare(`SELECT min(region) AS region FROM turn WHERE ${kind} AND wave = ? AND region > ?`),
      first: next(true, false),
      last: next(true, true),
      moved: database.prepare('SELECT max(moved) AS moved FROM turn WHERE campaign = ? AND site = ?'),
      kept: database.prepare(
        `SELECT min(controller) AS kept FROM turn WHERE campaign = ? AND site = ? AND at = 'kept'`,
      ),
      back: database.prepare(`${turn} WHERE campaign = ? AND site = ? AND at IN ('returning', 'backing-off')`),
      ordered: database.prepare(`${turn} WHERE site = ? AND at IN ('assigned', 'returning') ORDER BY controller`),
      page: database.prepare(
        `${turn} WHERE campaign = ? AND (site, controller) > (?, ?) ORDER BY site, controller LIMIT ?`,
      ),
      pageAt: database.prepare(
        `${turn} WHERE ${kind} AND (wave, region, ord, site, controller) > (?, ?, ?, ?, ?)
         ORDER BY wave, region, ord, site, controller LIMIT ?`,
      ),
      nextSite: database.prepare('SELECT min(site) AS site FROM turn WHERE campaign = ? AND site > ?'),
      order: database.prepare(`${order} WHERE site = ? AND controller = ?`),
      orders: database.prepare(`${order} WHERE site = ?`),
      firstExpiry: database.prepare('SELECT min(until) AS first FROM ordered WHERE until IS NOT NULL'),
      awaited: database.prepare('SELECT min(version) AS first FROM ordered WHERE site = ?'),
      load: database.prepare('SELECT campaign, region, controllers, watts, watt_hours AS wattHours FROM out'),
      put: database.prepare(
        `INSERT INTO turn VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET wave = excluded.wave,
         region = excluded.region, ord = excluded.ord, at = excluded.at, due = excluded.due, moved = excluded.moved,
         state = excluded.state`,
      ),
      over: database.prepare('DELETE FROM ordered WHERE site = ? AND controller = ?'),
      putOrder: database.prepare('INSERT INTO ordered VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING'),
      shown: database.prepare('DELETE FROM ordered WHERE site = ? AND version <= ?'),
      expired: database.prepare('DELETE FROM ordered WHERE until <= ?'),
    }
  }

  async turn(campaign: string, { site, controller }: ControllerRef): Promise<TurnRow | null> {
    return (this.#sql.turn.get(campaign, site, controller) as TurnRow | undefined) ?? null
  }

  async of({ site, controller }: ControllerRef): Promise<TurnRow[]> {
    return this.#sql.of.all(site, controller) as TurnRow[]
  }

  async due(campaign: string, by: Instant, limit: number): Promise<TurnRow[]> {
    return this.#sql.due.all(campaign, by, limit) as TurnRow[]
  }

  async next(campaign: string, { at, wave, last }: Next, limit: number): Promise<TurnRow[]> {
    if (wave === null) return this.#sql.any.all(campaign, at, limit) as TurnRow[]
    const regions: string[] = []
    for (let region = ALL; ; ) {
      const found = this.#sql.firstRegion.get(campaign, at, wave, region) as { region: string | null }
      if (found.region === null) break
      region = found.region
      regions.push(region)
    }
    const share = Math.ceil(limit / Math.max(1, regions.length))
    const of = last ? this.#sql.last : this.#sql.first
    return regions.flatMap(region => of.all(campaign, at, wave, region, share) as TurnRow[])
  }

  async site(campaign: string, site: string): Promise<{ moved: Instant; kept: string | null; back: TurnRow[] }> {
    const { moved } = this.#sql.moved.get(campaign, site) as { moved: number | null }
    const { kept } = this.#sql.kept.get(campaign, site) as { kept: string | null }
    const back = this.#sql.back.all(campaign, site) as TurnRow[]
    return { moved: instant(moved ?? 0), kept, back }
  }

  async ordered(site: string): Promise<TurnRow[]> {
    return this.#sql.ordered.all(site) as TurnRow[]
  }

  async page(campaign: string, after: ControllerRef | null, limit: number): Promise<TurnRow[]> {
    return this.#sql.page.all(campaign, after?.site ?? ALL, after?.controller ?? ALL, limit) as TurnRow[]
  }

  async pageAt(campaign: string, at: TurnRow['at'], after: TurnPlace | null, limit: number): Promise<TurnRow[]> {
    return this.#sql.pageAt.all(campaign, at, ...(after ?? [-1, ALL, -1, ALL, ALL]), limit) as TurnRow[]
  }

  async sites(campaign: string): Promise<string[]> {
    const sites: string[] = []
    for (let site = ALL; ; sites.push(site)) {
      const found = this.#sql.nextSite.get(campaign, site) as { site: string | null }
      if (found.site === null) return sites
      site = found.site
    }
  }

  async order({ site, controller }: ControllerRef): Promise<OrderRow | null> {
    const row = this.#sql.order.get(site, controller) as StoredOrder | undefined
    return row === undefined ? null : orderRow(row)
  }

  async orders(site: string): Promise<ReadonlyMap<string, OrderRow>> {
    const rows = this.#sql.orders.all(site) as StoredOrder[]
    return new Map(rows.map(row => [row.controller, orderRow(row)]))
  }

  async firstExpiry(): Promise<Instant | null> {
    const { first } = this.#sql.firstExpiry.get() as { first: number | null }
    return first === null ? null : instant(first)
  }

  async awaited(site: string): Promise<number | null> {
    return (this.#sql.awaited.get(site) as { first: number | null }).first
  }

  async load(): Promise<({ campaign: string; region: string } & Load)[]> {
    return this.#sql.load.all() as ({ campaign: string; region: string } & Load)[]
  }

  /** Writes what a change says of turns and orders: within the store's transaction, in the order of these lines. */
  apply({ turns, orders, ended, shown, expired }: FleetChange): void {
    for (const { campaign, site, controller, wave, region, order, at, due, moved, state } of turns ?? []) {
      this.#sql.put.run(campaign, site, controller, wave, region, order, at, due, moved, state)
    }
    if (shown !== undefined) this.#sql.shown.run(shown.site, shown.version)
    if (expired !== undefined) this.#sql.expired.run(expired)
    for (const { site, controller } of ended ?? []) this.#sql.over.run(site, controller)
    for (const { site, controller, campaign, region, watts, wattHours, takenBack } of orders ?? []) {
      const back = [takenBack?.version ?? null, takenBack?.until ?? null] as const
      const row = [site, controller, campaign, region, watts, wattHours, ...back] as const
      if (this.#sql.putOrder.run(...row).changes === 1) continue
      // One was there: away, and in again, so that the sums follow.
      this.#sql.over.run(site, controller)
      this.#sql.putOrder.run(...row)
    }
  }
}

function orderRow({ version, until, ...order }: StoredOrder): OrderRow {
  return { ...order, takenBack: version === null ? null : { version, until: instant(until ?? 0) } }
}
