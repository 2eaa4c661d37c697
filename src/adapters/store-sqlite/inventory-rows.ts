import type { DatabaseSync } from 'node:sqlite'
import { parseVersion } from '../../core/firmware/version.ts'
import { versionKey } from '../../core/firmware/version-key.ts'
import { attestedBy, storedSite } from '../../core/fleet/attested.ts'
import { INCIDENTS } from '../../core/fleet/incidents.ts'
import type { Attested } from '../../core/fleet/inventory.ts'
import type { Experience, ImportedRow } from '../../core/fleet/inventory-row.ts'
import { isRefusal } from '../../core/refusal/refusal.ts'
import { readStoredReport } from '../../core/trust/report.ts'
import type { ControllerRow, SiteRow } from '../../flows/ports.ts'
import { RECOUNT_FLEET, RECOUNT_SITE } from './inventory-schema.ts'

const NONE = new Uint8Array(0)

const SUMS = ['watched', ...INCIDENTS] as const
/** A controller tells what figures it likes: a sum stays a number that can be read. */
const MOST = Number.MAX_SAFE_INTEGER

/** What the inventory says of an attested state; all of it, or nothing of it. */
type AttestedColumns = readonly [
  version: string,
  key: Uint8Array,
  state: string,
  counter: number,
  anchors: number,
  running: number,
  digest: Uint8Array,
  report: number,
  at: number,
]

/**
 * Keeps the inventory in step with what is registered: called for every site and controller that a transaction writes, inside
 * that transaction. Places come from the site's description, the attested state from the stored report: whoever writes a row
 * has verified its report, as `FleetChange` says.
 */
export class InventoryRows {
  readonly #sets = new Map<string, number>()
  readonly #sql

  constructor(database: DatabaseSync) {
    const place = `class = ?, hardware = ?, decrypts = ?`
    this.#sql = {
      set: database.prepare('SELECT id FROM name_set WHERE names = ?'),
      addSet: database.prepare('INSERT INTO name_set (names) VALUES (?) RETURNING id'),
      site: database.prepare('SELECT site FROM site WHERE id = ?'),
      row: database.prepare(
        'SELECT class, hardware, decrypts, said, report, digest FROM inventory WHERE site = ? AND id = ?',
      ),
      placed: database.prepare(
        `INSERT INTO inventory (site, id, region, class, hardware, cabinet, rack, labels, standing)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'enrolled') ON CONFLICT DO UPDATE SET region = excluded.region, class = excluded.class,
         hardware = excluded.hardware, cabinet = excluded.cabinet, rack = excluded.rack, labels = excluded.labels,
         standing = 'enrolled'`,
      ),
      removed: database.prepare(
        `UPDATE inventory SET standing = 'removed' WHERE site = ? AND standing <> 'removed'
         AND id NOT IN (SELECT value FROM json_each(?))`,
      ),
      unplaced: database.prepare(
        "INSERT INTO inventory (site, id, region, class, hardware, standing) VALUES (?, ?, '', ?, ?, 'enrolled') ON CONFLICT DO NOTHING",
      ),
      known: database.prepare(`UPDATE inventory SET ${place} WHERE site = ? AND id = ?`),
      // What the records claim is settled by the first change of version that the controller attests itself.
      attested: database.prepare(
        `UPDATE inventory SET ${place}, said = 'attested', version = ?4, version_key = ?, state = ?, counter = ?, anchors = ?,
         running_sequence = ?, digest = ?, report = ?, attested_at = ?, seen_at = coalesce(?, seen_at),
         claimed_version = iif(said = 'attested' AND version <> ?4, '', claimed_version),
         claimed_at = iif(said = 'attested' AND version <> ?4, 0, claimed_at) WHERE site = ? AND id = ?`,
      ),
      silent: database.prepare(
        `UPDATE inventory SET ${place}, said = 'nothing', version = '', version_key = x'', state = '', counter = -1,
         anchors = 0, running_sequence = 0, digest = x'', report = ?, attested_at = 0, seen_at = coalesce(?, seen_at),
         claimed_version = '', claimed_at = 0 WHERE site = ? AND id = ?`,
      ),
      unregistered: database.prepare(
        `DELETE FROM inventory WHERE site = ?1 AND id = ?2 AND (standing = 'enrolled' OR said = 'attested')
         AND NOT EXISTS (SELECT 1 FROM controller WHERE site = ?1 AND id = ?2)`,
      ),
      doubted: database.prepare(
        `UPDATE inventory SET said = ?3, version = ?4, version_key = ?5, claimed_version = ?4, state = '', counter = -1,
         anchors = 0, running_sequence = 0, digest = x'', report = 0, attested_at = 0 WHERE site = ?1 AND id = ?2`,
      ),
      claim: database.prepare('SELECT claimed_version AS claim FROM inventory WHERE site = ? AND id = ?'),
      keys: database.prepare('SELECT id, version, version_key AS key FROM inventory WHERE site = ?'),
      recount: RECOUNT_SITE.map(sql => database.prepare(sql)),
      recountFleet: RECOUNT_FLEET.map(sql => database.prepare(sql)),
      imported: database.prepare(
        `INSERT INTO inventory (site, id, region, class, hardware, cabinet, rack, labels, standing, said, version,
           version_key, claimed_version, claimed_at) VALUES (?1, ?, ?, ?, ?, ?, ?, ?,
           iif(EXISTS (SELECT 1 FROM site WHERE id = ?1), 'removed', 'imported'), ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET region = iif(standing = 'imported', excluded.region, region),
           class = iif(standing = 'imported', excluded.class, class),
           hardware = iif(standing = 'imported', excluded.hardware, hardware),
           cabinet = iif(standing = 'imported', excluded.cabinet, cabinet),
           rack = iif(standing = 'imported', excluded.rack, rack),
           labels = iif(standing = 'imported', excluded.labels, labels),
           said = iif(said = 'attested', said, excluded.said),
           version = iif(said = 'attested', version, excluded.version),
           version_key = iif(said = 'attested', version_key, excluded.version_key),
           claimed_version = excluded.claimed_version, claimed_at = excluded.claimed_at`,
      ),
      experience: database.prepare(
        `INSERT INTO experience VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET ${SUMS.map(
          sum => `${sum} = min(${sum} + excluded.${sum}, ${MOST})`,
        ).join(', ')}`,
      ),
    }
  }

  /** Before a site's row is written: its controllers' places, when its description is another one. */
  placeSite(row: SiteRow): void {
    const before = this.#sql.site.get(row.id) as { site: Uint8Array } | undefined
    if (before !== undefined && Buffer.compare(before.site, row.site) === 0) return
    this.placeAll(row)
  }

  /** A site's controllers as its description places them. */
  placeAll(row: Pick<SiteRow, 'id' | 'site'>): void {
    const site = storedSite(row.site, `site ${row.id}`)
    // A description that cannot be read places nobody: what is registered stays where it was, and `check-store` tells.
    if (isRefusal(site)) return
    for (const { id, class: of, hardware, cabinet, rack, labels } of site.controllers) {
      this.#sql.placed.run(
        row.id,
        id,
        site.region,
        of,
        hardware,
        cabinet ?? null,
        rack ?? null,
        this.#setOf(labels ?? []),
      )
    }
    this.#sql.removed.run(row.id, JSON.stringify(site.controllers.map(({ id }) => id)))
  }

  /** A controller's registration and what it attested. */
  put(row: ControllerRow): void {
    const { site, id, class: of, hardware, decryptionKey, sequence } = row
    const decrypts = decryptionKey === null ? 0 : 1
    let known = this.#sql.row.get(site, id) as { report: number; said: string } | undefined
    if (known === undefined) {
      this.#sql.unplaced.run(site, id, of, hardware)
      known = { report: 0, said: 'nothing' }
    }
    if (row.report !== null && known.report === sequence) {
      this.#sql.known.run(of, hardware, decrypts, site, id)
      return
    }
    const seen = row.seenAt ?? null
    const columns = row.report === null ? null : this.#attested(row.report, `${site}/${id}`)
    if (columns !== null) this.#sql.attested.run(of, hardware, decrypts, ...columns, seen, site, id)
    // A new board begins anew; one that was never heard keeps what was claimed of it.
    else if (known.report > 0 || row.report !== null) {
      this.#sql.silent.run(of, hardware, decrypts, row.report === null ? 0 : sequence, seen, site, id)
    } else this.#sql.known.run(of, hardware, decrypts, site, id)
  }

  /** What a list claims. What a controller attested, and the place that its site gives it, stay. */
  claim(row: ImportedRow): void {
    const { site, id, region, class: of, hardware, cabinet, rack, labels, claim } = row
    const version = claim === null ? ['nothing', '', NONE, '', 0] : claimed(claim.version, claim.at)
    this.#sql.imported.run(site, id, region, of, hardware, cabinet, rack, this.#setOf(labels), ...version)
  }

  /**
   * A row that does not hold: gone where nobody registered its controller. What it attested is written anew from the report, by
   * who has verified that; what is claimed of it stays, since nobody could say it anew.
   */
  doubt({ site, id }: { readonly site: string; readonly id: string }): void {
    this.#sql.unregistered.run(site, id)
    const { claim = '' } = (this.#sql.claim.get(site, id) as { claim: string } | undefined) ?? {}
    const version = parseVersion(claim, `${site}/${id}`)
    if (isRefusal(version)) this.#sql.doubted.run(site, id, 'nothing', '', NONE)
    else this.#sql.doubted.run(site, id, 'claimed', version, versionKey(version))
    const row = this.#sql.site.get(site) as { site: Uint8Array } | undefined
    if (row !== undefined) this.placeAll({ id: site, site: row.site })
  }

  /** Controllers of a site whose version stands at another place of the order than it has: a range would not find them. */
  misplaced(site: string): string[] {
    const rows = this.#sql.keys.all(site) as { id: string; version: string; key: Uint8Array }[]
    return rows.flatMap(({ id, version, key }) => {
      const read = version === '' ? null : parseVersion(version, id)
      const expected = read === null || isRefusal(read) ? NONE : versionKey(read)
      return Buffer.compare(key, expected) === 0 ? [] : [id]
    })
  }

  /** Counts a site's rows anew. */
  recount(site: string): void {
    for (const statement of this.#sql.recount) statement.run(site)
  }

  /** Adds up what the sites' counts say. */
  recountFleet(): void {
    for (const statement of this.#sql.recountFleet) statement.run()
  }

  experience({ class: of, version, watched, counts }: Experience): void {
    const { revert, golden, refusal, watchdog, alarm } = counts
    this.#sql.experience.run(of, version, watched, revert, golden, refusal, watchdog, alarm)
  }

  /** A transaction was undone: a set that it made is not there. */
  forget(): void {
    this.#sets.clear()
  }

  #attested(report: Uint8Array, subject: string): AttestedColumns | null {
    const read = readStoredReport(report)
    const attested = read === null ? null : attestedBy(read, subject)
    return attested === null || isRefusal(attested) ? null : this.#columns(attested)
  }

  #columns({ sequence, at, state, running, counter, anchors }: Attested): AttestedColumns {
    const { version, digest } = running
    const rest = [running.sequence, Buffer.from(digest, 'hex'), sequence, at] as const
    return [version, versionKey(version), state, counter, this.#setOf(anchors), ...rest]
  }

  #setOf(names: readonly string[]): number {
    if (names.length === 0) return 0
    const text = JSON.stringify([...new Set(names)].sort())
    const known = this.#sets.get(text) ?? (this.#sql.set.get(text) as { id: number } | undefined)?.id
    const id = known ?? (this.#sql.addSet.get(text) as { id: number }).id
    if (this.#sets.size >= MAX_SETS) this.#sets.clear()
    this.#sets.set(text, id)
    return id
  }
}

/** Sets that are kept in memory at most. */
const MAX_SETS = 10_000

const claimed = (version: Parameters<typeof versionKey>[0], at: number) =>
  ['claimed', version, versionKey(version), version, at] as const

/**
 * Fills the inventory of a store of before it. What is stored was verified when it came in; when, is taken from the report's own
 * clock, since nothing better was kept. If power fails in here, the file is the old one, and the next start begins again.
 */
export function fillInventory(database: DatabaseSync): void {
  const rows = new InventoryRows(database)
  const sites = database.prepare('SELECT id, site FROM site ORDER BY id')
  for (const row of sites.iterate()) rows.placeAll(row as unknown as SiteRow)
  const controllers = database.prepare(
    'SELECT site, id, class, hardware, decryption_key AS decryptionKey, report, sequence FROM controller ORDER BY site, id',
  )
  for (const row of controllers.iterate()) {
    const controller = row as unknown as ControllerRow
    const at = controller.report === null ? null : readStoredReport(controller.report)?.at
    rows.put(at == null ? controller : { ...controller, seenAt: at })
  }
  // Who was registered and has no place in a description that can be read was taken out of the site since.
  const unplaced = database.prepare("UPDATE inventory SET standing = 'removed' WHERE site = ? AND region = ''")
  for (const { id, site } of sites.all() as unknown as SiteRow[]) {
    if (!isRefusal(storedSite(site, id))) unplaced.run(id)
  }
}
