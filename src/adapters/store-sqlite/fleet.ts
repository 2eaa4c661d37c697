import type { DatabaseSync } from 'node:sqlite'
import type { AccountRow, KeptCredential, PasskeyRow } from '../../core/fleet/account-rows.ts'
import type { Repeatable } from '../../core/fleet/answer-rows.ts'
import type { CopyMark } from '../../core/fleet/backup.ts'
import type { LogRow } from '../../core/ledger/log-rows.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import type {
  CampaignRow,
  ControllerRow,
  EntryFilter,
  FleetChange,
  FleetStore,
  LogFiles,
  OrderableRow,
  RepoFile,
  SiteRow,
} from '../../flows/ports.ts'
import { Accounts } from './accounts.ts'
import { Answers } from './answers.ts'
import { Archived, type StoredEntry } from './archived.ts'
import { SqliteAttention } from './attention.ts'
import { Behind } from './behind.ts'
import { Copies, type OnPages } from './copy.ts'
import { openDatabase, type Told, Writer } from './database.ts'
import { FLEET_DATA, FLEET_MIGRATIONS } from './fleet-migrations.ts'
import { SqliteGathered } from './gathered.ts'
import { SqliteHistories } from './histories.ts'
import { SqliteImports } from './imports.ts'
import { SqliteInventory } from './inventory.ts'
import { InventoryRows } from './inventory-rows.ts'
import { SqlitePatches } from './patches.ts'
import { Persons } from './persons.ts'
import { SqliteSiem } from './siem.ts'
import { SqliteSought } from './sought.ts'
import { Tiles } from './tiles.ts'
import { SqliteTurns } from './turns.ts'
import { SqliteWebhooks } from './webhooks.ts'

const HASH = 32

/** The one file that every check-in asks for. It is kept in memory; there is one for each repository. */
const TIMESTAMP = 'timestamp.json'

/** The fleet server's store in one SQLite file. `archive`: where old entries are. Refuses as `openDatabase` does. */
export function openFleetStore(path: string, archive: LogFiles | null = null, told?: Told): SqliteFleetStore | Refusal {
  const database = openDatabase(path, { version: FLEET_DATA, migrations: FLEET_MIGRATIONS }, told)
  return isRefusal(database) ? database : new SqliteFleetStore(database, archive)
}

export class SqliteFleetStore implements FleetStore {
  readonly #database: DatabaseSync
  readonly #writer: Writer
  readonly #answers: Answers
  readonly #accounts: Accounts
  readonly #tiles: Tiles
  readonly #copies: Copies
  readonly #behind: Behind
  readonly people: Persons
  readonly webhooks: SqliteWebhooks
  readonly siem: SqliteSiem
  readonly gathered: SqliteGathered
  readonly patches: SqlitePatches
  readonly #sql
  /** Timestamps by repository, as they are in the database: a commit that touches one forgets it first. */
  readonly #timestamps = new Map<string, Uint8Array>()
  /** Campaigns as they are in the database: a commit that touches one forgets it first. */
  readonly #campaigns = new Map<string, CampaignRow>()
  readonly inventory: SqliteInventory
  readonly imports: SqliteImports
  readonly archived: Archived
  readonly sought: SqliteSought
  readonly turns: SqliteTurns
  readonly histories: SqliteHistories
  readonly attention: SqliteAttention
  readonly #rows: InventoryRows
  /** Plans by campaign. A plan never changes: it is read once. */
  readonly #plans = new Map<string, Uint8Array>()

  constructor(database: DatabaseSync, archive: LogFiles | null) {
    this.#database = database
    this.archived = new Archived(database, archive)
    this.#writer = new Writer(database)
    this.#answers = new Answers(database)
    this.#copies = new Copies(database)
    this.#behind = new Behind(database)
    this.webhooks = new SqliteWebhooks(database)
    this.siem = new SqliteSiem(database)
    this.gathered = new SqliteGathered(database)
    this.patches = new SqlitePatches(database)
    this.turns = new SqliteTurns(database)
    this.histories = new SqliteHistories(database)
    this.attention = new SqliteAttention(database)
    this.#rows = new InventoryRows(database)
    this.inventory = new SqliteInventory(database, this.#rows)
    this.sought = new SqliteSought(database, this.archived)
    this.#writer.onUndone = () => {
      this.#rows.forget()
      this.sought.forget()
    }
    this.imports = new SqliteImports(database, this.#writer, this.#rows)
    this.#accounts = new Accounts(database)
    this.#tiles = new Tiles(database)
    this.people = new Persons(database)
    const controller =
      'site, id, class, hardware, report_key AS reportKey, decryption_key AS decryptionKey, report, sequence FROM controller'
    this.#sql = {
      file: database.prepare('SELECT bytes FROM file WHERE repo = ? AND path = ?'),
      filesAfter: database.prepare('SELECT path, bytes FROM file WHERE repo = ? AND path > ? ORDER BY path LIMIT ?'),
      site: database.prepare('SELECT id, site, gateway_key AS gatewayKey, upstream, head FROM site WHERE id = ?'),
      sites: database.prepare('SELECT id, site, gateway_key AS gatewayKey, upstream, head FROM site ORDER BY id'),
      siteNames: database.prepare('SELECT id FROM site WHERE id > ? ORDER BY id LIMIT ?'),
      controller: database.prepare(`SELECT ${controller} WHERE site = ? AND id = ?`),
      seen: database.prepare('SELECT seen_at AS seenAt FROM inventory WHERE site = ? AND id = ? AND seen_at > 0'),
      attested: database.prepare("SELECT version FROM inventory WHERE site = ? AND id = ? AND said = 'attested'"),
      controllers: database.prepare(`SELECT ${controller} ORDER BY site, id`),
      controllersOf: database.prepare(`SELECT ${controller} WHERE site = ? ORDER BY id`),
      // Without a region: registered, but in no description that could be read.
      orderables: database.prepare(
        "SELECT id, class, hardware, digest AS running FROM inventory WHERE site = ? AND standing = 'enrolled' AND region <> ''",
      ),
      controllersBehind: database.prepare(`SELECT ${controller} WHERE (site, id) > (?, ?) ORDER BY site, id LIMIT ?`),
      formerKey: database.prepare('SELECT 1 FROM former_key WHERE site = ? AND controller = ? AND report_key = ?'),
      wraps: database.prepare('SELECT controller, wrap FROM wrap WHERE envelope = ? AND site = ?'),
      putWrap: database.prepare('INSERT INTO wrap VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET wrap = excluded.wrap'),
      plan: database.prepare('SELECT plan FROM campaign WHERE id = ?'),
      campaign: database.prepare('SELECT state, open FROM campaign WHERE id = ?'),
      campaigns: database.prepare('SELECT id FROM campaign ORDER BY rowid'),
      openCampaigns: database.prepare('SELECT id FROM campaign WHERE open = 1 ORDER BY rowid'),
      log: database.prepare('SELECT size, range, checkpoint FROM log'),
      entries: database.prepare('SELECT ix AS "index", bytes FROM entry WHERE ix >= ? AND ix < ? ORDER BY ix'),
      putFile: database.prepare('INSERT INTO file VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET bytes = excluded.bytes'),
      putSite: database.prepare(
        `INSERT INTO site (id, site, gateway_key, upstream, head) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET site = excluded.site,
         gateway_key = excluded.gateway_key, upstream = excluded.upstream, head = excluded.head`,
      ),
      putController: database.prepare(
        `INSERT INTO controller (site, id, class, hardware, report_key, decryption_key, report, sequence)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET class = excluded.class,
         hardware = excluded.hardware, report_key = excluded.report_key, decryption_key = excluded.decryption_key,
         report = excluded.report, sequence = excluded.sequence`,
      ),
      putCampaign: database.prepare(
        `INSERT INTO campaign (id, plan, state, open) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET state = excluded.state, open = excluded.open`,
      ),
      leaf: database.prepare('SELECT leaf FROM entry WHERE ix = ?'),
      addEntry: database.prepare('INSERT INTO entry VALUES (?, ?, ?)'),
      putLog: database.prepare('UPDATE log SET size = ?, range = ?, checkpoint = ?'),
    }
  }

  /** Tells of each transaction how long it took, in milliseconds. */
  onCommit(tell: (millis: number) => void): void {
    this.#writer.onCommit = tell
  }

  get inTurn(): boolean {
    return this.#answers.inTurn
  }

  exclusive<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#answers.inTurn) return this.#writer.exclusive(work)
    return this.#answers.turn(work, before => this.#commit(before))
  }

  once<T>(request: Repeatable, work: () => Promise<T | Refusal>, write: (result: T) => Uint8Array) {
    return this.#writer.exclusive(() => this.#answers.once(request, work, write, change => this.#commit(change)))
  }

  async file(repo: string, path: string): Promise<Uint8Array | null> {
    const kept = path === TIMESTAMP ? this.#timestamps.get(repo) : undefined
    if (kept !== undefined) return kept
    const bytes = (this.#sql.file.get(repo, path) as { bytes: Uint8Array } | undefined)?.bytes ?? null
    if (path === TIMESTAMP && bytes !== null) this.#timestamps.set(repo, bytes)
    return bytes
  }

  async filesAfter(repo: string, path: string, limit: number): Promise<Omit<RepoFile, 'repo'>[]> {
    return this.#sql.filesAfter.all(repo, path, limit) as Omit<RepoFile, 'repo'>[]
  }

  async site(id: string): Promise<SiteRow | null> {
    return (this.#sql.site.get(id) as SiteRow | undefined) ?? null
  }

  async sites(): Promise<SiteRow[]> {
    return this.#sql.sites.all() as SiteRow[]
  }

  async siteNames(after: string, limit: number): Promise<string[]> {
    return (this.#sql.siteNames.all(after, limit) as { id: string }[]).map(({ id }) => id)
  }

  async controller(site: string, id: string): Promise<ControllerRow | null> {
    const row = this.#sql.controller.get(site, id) as ControllerRow | undefined
    return row === undefined ? null : { ...row, ...this.#sql.seen.get(site, id) }
  }

  async controllers(site?: string): Promise<ControllerRow[]> {
    const rows = site === undefined ? this.#sql.controllers.all() : this.#sql.controllersOf.all(site)
    return rows as ControllerRow[]
  }

  async orderables(site: string): Promise<OrderableRow[]> {
    return this.#sql.orderables.all(site) as OrderableRow[]
  }

  async controllersBehind(after: readonly [string, string] | null, limit: number): Promise<ControllerRow[]> {
    // No name is empty: everything is behind this one.
    const [site, id] = after ?? ['', '']
    return this.#sql.controllersBehind.all(site, id, limit) as ControllerRow[]
  }

  async attestedVersion(site: string, id: string): Promise<string> {
    const row = this.#sql.attested.get(site, id) as { version: string } | undefined
    return row?.version ?? ''
  }

  async hadReportKey(site: string, id: string, key: Uint8Array): Promise<boolean> {
    return this.#sql.formerKey.get(site, id, key) !== undefined
  }

  async wraps(envelope: string, site: string): Promise<ReadonlyMap<string, Uint8Array>> {
    const rows = this.#sql.wraps.all(envelope, site) as { controller: string; wrap: Uint8Array }[]
    return new Map(rows.map(({ controller, wrap }) => [controller, wrap]))
  }

  async campaign(id: string): Promise<CampaignRow | null> {
    const known = this.#campaigns.get(id)
    if (known !== undefined) return known
    const found = this.#sql.campaign.get(id) as { state: string; open: number } | undefined
    if (found === undefined) return null
    const row = { id, plan: this.#plan(id), state: found.state, open: found.open === 1 }
    this.#campaigns.set(id, row)
    return row
  }

  async campaigns(): Promise<CampaignRow[]> {
    return this.#named(this.#sql.campaigns.all() as { id: string }[])
  }

  async openCampaigns(): Promise<CampaignRow[]> {
    return this.#named(this.#sql.openCampaigns.all() as { id: string }[])
  }

  async #named(ids: readonly { readonly id: string }[]): Promise<CampaignRow[]> {
    const rows: CampaignRow[] = []
    for (const { id } of ids) rows.push((await this.campaign(id)) as CampaignRow)
    return rows
  }

  async account(id: string): Promise<AccountRow | null> {
    return this.#accounts.account(id)
  }

  async accounts(): Promise<AccountRow[]> {
    return this.#accounts.all()
  }

  async password(account: string): Promise<string | null> {
    return this.#accounts.password(account)
  }

  async credential(id: string): Promise<KeptCredential | null> {
    return this.#accounts.credential(id)
  }

  async credentials(account: string): Promise<KeptCredential[]> {
    return this.#accounts.credentials(account)
  }

  async passkey(id: string): Promise<PasskeyRow | null> {
    return this.#accounts.passkey(id)
  }

  async passkeys(account: string): Promise<PasskeyRow[]> {
    return this.#accounts.passkeys(account)
  }

  async log(): Promise<LogRow> {
    const row = this.#sql.log.get() as { size: number; range: Uint8Array; checkpoint: string }
    const range = Array.from({ length: row.range.length / HASH }, (_, at) =>
      row.range.slice(at * HASH, (at + 1) * HASH),
    )
    return { size: row.size, range, checkpoint: row.checkpoint }
  }

  async tile(level: number, index: number): Promise<Uint8Array | null> {
    return this.#tiles.tile({ level, index })
  }

  async entries(from: number, to: number): Promise<{ index: number; bytes: Uint8Array }[]> {
    return this.archived.whole(this.#sql.entries.all(from, to) as StoredEntry[])
  }

  async entriesThere(from: number, to: number): Promise<{ index: number; bytes: Uint8Array }[]> {
    return this.archived.there(this.#sql.entries.all(from, to) as StoredEntry[])
  }

  async leaf(index: number): Promise<Uint8Array | null> {
    return (this.#sql.leaf.get(index) as { leaf: Uint8Array } | undefined)?.leaf ?? null
  }

  async entriesOf(filter: EntryFilter, limit: number): Promise<{ index: number; bytes: Uint8Array }[]> {
    return this.archived.there(this.sought.entriesOf(filter, 0, 'last', limit))
  }

  async entriesOfFrom(
    filter: EntryFilter,
    from: number,
    limit: number,
  ): Promise<{ index: number; bytes: Uint8Array }[]> {
    return this.archived.whole(this.sought.entriesOf(filter, from, 'first', limit))
  }

  async commit(change: FleetChange): Promise<void> {
    const held = await this.#answers.hold(change, before => this.#commit(before))
    if (!held) await this.#commit(change)
  }

  async #commit(change: FleetChange): Promise<void> {
    await this.people.wiping(change, () => this.#writer.write(() => this.#apply(change)))
    // It is in the database now, and the next read would find just this; commits end in the order they began in.
    for (const { repo, path, bytes } of change.files ?? []) if (path === TIMESTAMP) this.#timestamps.set(repo, bytes)
  }

  async copied(): Promise<CopyMark | null> {
    return this.#copies.mark
  }

  async behind(): Promise<string[]> {
    return this.#behind.all()
  }

  async upstream(site: string): Promise<{ taken: number; behind: boolean } | null> {
    return this.#behind.upstream(site)
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

  #plan(id: string): Uint8Array {
    const known = this.#plans.get(id)
    if (known !== undefined) return known
    const { plan } = this.#sql.plan.get(id) as { plan: Uint8Array }
    this.#plans.set(id, plan)
    return plan
  }

  #apply(change: FleetChange): void {
    this.people.overwriting(change)
    for (const { repo, path, bytes } of change.files ?? []) {
      this.#sql.putFile.run(repo, path, bytes)
      // Nobody reads between here and the end of the transaction; whichever way it ends, the next read asks the database.
      if (path === TIMESTAMP) this.#timestamps.delete(repo)
    }
    for (const row of change.sites ?? []) {
      this.#rows.placeSite(row)
      this.#sql.putSite.run(row.id, row.site, row.gatewayKey, row.upstream, row.head)
    }
    for (const one of change.doubted ?? []) this.#rows.doubt(one)
    for (const row of change.controllers ?? []) {
      const { site, id, class: of, hardware, reportKey, decryptionKey, report, sequence } = row
      this.#sql.putController.run(site, id, of, hardware, reportKey, decryptionKey, report, sequence)
      this.#rows.put(row)
    }
    for (const site of change.recounted ?? []) this.#rows.recount(site)
    if (change.recountedFleet === true) this.#rows.recountFleet()
    if (change.importDecided !== undefined) this.imports.decide(change.importDecided)
    for (const one of change.experience ?? []) this.#rows.experience(one)
    for (const row of change.wraps ?? []) {
      this.#sql.putWrap.run(row.envelope, row.site, row.controller, row.wrap)
    }
    for (const row of change.campaigns ?? []) {
      this.#sql.putCampaign.run(row.id, row.plan, row.state, row.open ? 1 : 0)
      this.#campaigns.delete(row.id)
    }
    for (const row of change.answers ?? []) this.#answers.put(row)
    this.#accounts.apply(change)
    this.people.apply(change)
    this.turns.apply(change)
    this.histories.apply(change)
    this.webhooks.apply(change)
    this.siem.apply(change)
    this.#copies.apply(change.copied)
    this.#behind.apply(change)
    this.gathered.apply(change)
    this.patches.apply(change)
    this.attention.apply(change)
    this.archived.apply(change)
    if (change.log === undefined) return
    // The entry's index is the log's size before it: a second writer's fork fails on the primary key.
    let index = change.log.size - (change.entries?.length ?? 0)
    for (const row of change.entries ?? []) {
      this.#sql.addEntry.run(index, row.bytes, row.leaf)
      this.sought.add(index, row)
      index += 1
    }
    this.#tiles.put(change.tiles ?? [])
    const range = Buffer.concat(change.log.range)
    this.#sql.putLog.run(change.log.size, range, change.log.checkpoint)
  }
}
