import { copyFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { VirtualClock } from '../../sim/clock/virtual-clock.ts'
import { readConfig } from '../../src/adapters/config-file.ts'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { generateKeyFile, loadSigner } from '../../src/adapters/signer-file.ts'
import { openFleetStore, type SqliteFleetStore } from '../../src/adapters/store-sqlite/fleet.ts'
import { FLEET_KEYS, type FleetKey, fleetFiles } from '../../src/apps/fleet/files.ts'
import { fleetWorld } from '../../src/apps/fleet/world.ts'
import type { Book } from '../../src/core/campaign/book.ts'
import { planBytes } from '../../src/core/campaign/plan.ts'
import { writeRollout } from '../../src/core/campaign/rollout-state.ts'
import { proveSheets, sheetFile } from '../../src/core/campaign/sheet.ts'
import type { Plan } from '../../src/core/campaign/turns.ts'
import type { JsonObject } from '../../src/core/encoding/canonical-json.ts'
import { parseSite, type Site, siteBytes } from '../../src/core/fleet/topology.ts'
import { type AuditEntry, parseEntry } from '../../src/core/ledger/entry.ts'
import { withNames } from '../../src/core/ledger/pseudonym.ts'
import { firstHead } from '../../src/core/ledger/site-chain.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import { NO_POLICY } from '../../src/core/trust/evidence/judge.ts'
import { signableBytes } from '../../src/core/trust/read-metadata.ts'
import { type FileRequest, refresh } from '../../src/core/trust/refresh.ts'
import { seal, signatureBy } from '../../src/core/trust/repository.ts'
import { type CurrentSet, type TrustedSet, trustRoot } from '../../src/core/trust/trusted-set.ts'
import { record } from '../../src/flows/audit.ts'
import { foundDirector } from '../../src/flows/direct.ts'
import { drive } from '../../src/flows/drive.ts'
import { namesFor } from '../../src/flows/persons.ts'
import type { FleetStore, FleetWorld, Signer } from '../../src/flows/ports.ts'
import type { SiemStore } from '../../src/flows/siem-ports.ts'
import { rowOf } from '../../src/flows/turns.ts'
import type { WebhookStore } from '../../src/flows/webhook-ports.ts'
import type { GatheredStore } from '../../src/flows/witness-ports.ts'
import { FleetConfig, parseConfig } from '../../src/wire/config.ts'
import { FAST, FOUNDED, found, keyFileIn, template } from './founded-fleet.ts'

type Made = { readonly approvers?: number; readonly threshold?: number; readonly above?: string }

/**
 * A fleet server's folder and the world of its flows, without a door and without processes: a test runs one flow after
 * the other, moves the clock, opens it anew, and reads the repositories as their clients do.
 */
export class QuietFleet {
  readonly folder: string
  readonly clock: VirtualClock
  world!: FleetWorld
  /** Transactions of the store since it was made. */
  commits = 0
  /** Called behind each of them, before anything else is done. */
  committed: () => void = () => undefined
  #store: SqliteFleetStore | undefined

  private constructor(folder: string, clock = new VirtualClock(FOUNDED)) {
    this.folder = folder
    this.clock = clock
  }

  /** One that was made before, in this process or another. */
  static at(folder: string, clock?: VirtualClock): QuietFleet {
    const fleet = new QuietFleet(folder, clock)
    fleet.open()
    return fleet
  }

  /**
   * A new one, and unlike all others where `above` says where its folder lies. Otherwise it lies in memory, where the system has such a
   * place, and is a copy of one that is made once by each process: with the same keys.
   */
  static async make({ approvers = 2, threshold = 2, above }: Made = {}): Promise<QuietFleet> {
    const fleet = new QuietFleet(mkdtempSync(join(above ?? FAST, 'voltseal-quiet-')))
    if (above === undefined) cpSync(await template(approvers, threshold), fleet.folder, { recursive: true })
    else await found(fleet.folder, approvers, threshold)
    fleet.open()
    return fleet
  }

  /** What witnesses said of the log. */
  get gathered(): GatheredStore {
    if (this.#store === undefined) throw new Error('the fleet is not open')
    return this.#store.gathered
  }

  /** The store's subscriptions. */
  get webhooks(): WebhookStore {
    if (this.#store === undefined) throw new Error('the fleet is not open')
    return this.#store.webhooks
  }

  /** The store's receivers of the log. */
  get siem(): SiemStore {
    if (this.#store === undefined) throw new Error('the fleet is not open')
    return this.#store.siem
  }

  keyFile(name: string): string {
    return keyFileIn(this.folder, name)
  }

  /** A person's key, or one of the server's own. */
  key(name: string): Signer {
    const own = (FLEET_KEYS as readonly string[]).includes(name)
    return orThrow(loadSigner(own ? fleetFiles(join(this.folder, 'fleet')).key(name as FleetKey) : this.keyFile(name)))
  }

  /** A key that nobody has had before. */
  newKey(name: string): Signer {
    return orThrow(generateKeyFile(this.keyFile(name), 'ed25519'))
  }

  /** Starts the server's flows anew on the folder, with further keys; `through` stands between them and the store. */
  open(spares: readonly Signer[] = [], through: (store: FleetStore) => FleetStore = store => store): void {
    this.#store?.close()
    const folder = join(this.folder, 'fleet')
    const files = fleetFiles(folder)
    const config = orThrow(parseConfig<FleetConfig>(FleetConfig, orThrow(readConfig(files.config)), files.config))
    const keys = Object.fromEntries(FLEET_KEYS.map(name => [name, this.key(name)])) as Record<FleetKey, Signer>
    this.#store = orThrow(openFleetStore(files.database))
    this.#store.onCommit(() => {
      this.commits += 1
      this.committed()
    })
    const more = { publishPolicy: NO_POLICY, wrappingKey: null }
    const parts = { crypto, clock: this.clock, keys, spares, anchors: config.anchors, ...more }
    this.world = fleetWorld(config, through(this.#store), folder, parts)
  }

  /** Ends the server's flows: another process may open the folder. */
  shut(): void {
    this.#store?.close()
    this.#store = undefined
  }

  /** Changes the database as somebody beside the server does; the server is started anew behind it. */
  beside(statements: string): void {
    this.#store?.close()
    const database = new DatabaseSync(fleetFiles(join(this.folder, 'fleet')).database)
    database.exec(statements)
    database.close()
    this.#store = undefined
    this.open()
  }

  /** Copies the database, whole, as a backup has it. */
  backUp(name: string): string {
    const path = join(this.folder, name)
    this.beside(`VACUUM INTO '${path}'`)
    return path
  }

  /** Puts a copy in the place of the database, and starts the server on it. */
  restore(copy: string): void {
    this.#store?.close()
    this.#store = undefined
    const { database } = fleetFiles(join(this.folder, 'fleet'))
    rmSync(`${database}-wal`, { force: true })
    copyFileSync(copy, database)
    this.open()
  }

  close(): void {
    this.#store?.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Registers a site with some controllers (`c0`, `c1`, …) of one class; `keys` that sign its manifests and reports. */
  async site(
    id: string,
    controllers = 1,
    keys: {
      readonly gateway?: Uint8Array
      readonly reports?: readonly Uint8Array[]
      readonly region?: string
      readonly power?: string
      /** The first one says nothing of its power, and all others are behind it. */
      readonly behind?: boolean
    } = {},
  ): Promise<Site> {
    const ids = Array.from({ length: controllers }, (_, n) => `c${n}`)
    const site = orThrow(
      parseSite(
        {
          site: id,
          name: id,
          region: keys.region ?? 'nl',
          zone: 'Europe/Amsterdam',
          vendor: 'voltworks.example',
          gateway: { id: `${id}-gateway` },
          links: [{ id: 'lan', kind: 'ethernet' }],
          classes: { bms: { hardware: 'r1', slot: '64KiB', bootloader: 1 } },
          controllers: ids.map((one, n) => ({
            id: one,
            class: 'bms',
            link: 'lan',
            ...(keys.power === undefined || (keys.behind && n === 0) ? {} : { power: keys.power }),
            ...(keys.behind && n > 0 ? { behind: 'c0' } : {}),
          })),
        },
        id,
      ),
    )
    const files = orThrow(await foundDirector(this.world, id))
    const { spki } = this.key('release').key
    const rows = ids.map((one, n) => {
      return {
        site: id,
        id: one,
        class: 'bms',
        hardware: 'r1',
        reportKey: keys.reports?.[n] ?? spki,
        decryptionKey: null,
        report: null,
        sequence: 0,
      }
    })
    const row = { id, site: siteBytes(site), gatewayKey: keys.gateway ?? spki, upstream: 0, head: firstHead() }
    await record(this.world, { sites: [row], controllers: rows, files }, [])
    return site
  }

  /** Puts a campaign into the store as it stands, without anybody's approval. */
  async campaign(plan: Plan, { head, turns }: Book): Promise<void> {
    const row = { id: plan.id, plan: planBytes(plan), state: writeRollout(head), open: true }
    const { proven } = proveSheets(crypto, [...plan.sheetOf.values()])
    const files = proven.map(one => {
      return { repo: `sheets/${plan.id}`, path: `${one.sheet.site}.json`, bytes: sheetFile(one) }
    })
    await record(
      this.world,
      { campaigns: [row], turns: [...turns.values()].map(turn => rowOf(plan.id, turn)), files },
      [],
    )
  }

  /** Overwrites a stored file, as a broken disk or somebody at the database does. */
  async damage(repo: string, path: string, bytes: Uint8Array = new Uint8Array([0x7b])): Promise<void> {
    await this.world.store.commit({ files: [{ repo, path, bytes }] })
  }

  async entries(): Promise<AuditEntry[]> {
    const { size } = await this.world.store.log()
    const rows = await this.world.store.entries(0, size)
    const entries = rows.map(({ index, bytes }) => orThrow(parseEntry(bytes, `entry ${index}`)))
    const names = await namesFor(this.world, entries)
    return entries.map(entry => withNames(entry, names))
  }

  /** A client of a repository that trusts its first root, and nothing yet. */
  client(repo: string): Promise<TrustedSet> {
    return this.#firstRoot(repo)
  }

  /** Brings a client up to date from the store, as `refresh` does over a line. */
  async refreshed(client: TrustedSet): Promise<CurrentSet | Refusal> {
    const answer = ({ path }: FileRequest) => this.world.store.file(client.repo, path)
    const result = await drive(refresh(client, this.clock.now(), crypto), answer)
    return result.at === 'current' ? result.set : result.refusal
  }

  async #firstRoot(repo: string): Promise<TrustedSet> {
    const site = repo.startsWith('director/') ? repo.slice('director/'.length) : null
    const bytes = await this.world.store.file(repo, '1.root.json')
    if (bytes === null) throw new Error(`${repo} has no first root`)
    const set = trustRoot(repo, bytes, crypto, { site })
    if (isRefusal(set)) throw new Error(set.code)
    return set
  }
}

/** A `signed` object as a file, with the signatures of some keys. */
export async function sealedBy(written: JsonObject, signers: readonly Signer[]): Promise<Uint8Array> {
  const signatures = []
  for (const signer of signers) {
    signatures.push(signatureBy(signer.key, orThrow(await signer.sign(signableBytes(written), 'der')), crypto))
  }
  return seal(written, signatures)
}
