import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { DiskBlobs } from '../../src/adapters/blobs-disk.ts'
import { certifyNewKey, createAuthority } from '../../src/adapters/certificates.ts'
import { writeWhole } from '../../src/adapters/config-file.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { type HttpsServer, listen } from '../../src/adapters/http-server.ts'
import { scryptPasswords } from '../../src/adapters/passwords-scrypt.ts'
import { nodeRandom } from '../../src/adapters/random-node.ts'
import { SitePeopleFile } from '../../src/adapters/site-people-file.ts'
import { openGatewayStore, type SqliteGatewayStore } from '../../src/adapters/store-sqlite/gateway.ts'
import { pageDoor } from '../../src/apps/gateway/page-door.ts'
import { type Instant, instant, millis } from '../../src/core/encoding/units.ts'
import { type SitePerson, type SiteRole, sitePeopleText } from '../../src/core/fleet/site-people.ts'
import { parseSite } from '../../src/core/fleet/topology.ts'
import { type AuditEntry, parseEntry } from '../../src/core/ledger/entry.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { Memory } from '../../src/flows/attempts.ts'
import type { PasswordHash } from '../../src/flows/people-ports.ts'
import type { FleetLink, SiteWorld } from '../../src/flows/ports.ts'
import { type SiteReception, SiteSessions } from '../../src/flows/site-sign-in.ts'
import { testSigner } from '../core/ledger/keys.ts'
import { asDescribed } from './described.ts'
import { PageBrowser } from './page-browser.ts'
import { quay } from './quay.ts'

export const SITE_PASSWORD = 'nine slow ferries cross at dusk'
/** The hash of the same: cheap, since it is not what these tests are about. */
export const CHEAP = scryptPasswords({ ln: 4, r: 8, p: 1 })

/** Nobody who is asked from here: whatever of a page asks the fleet fails. */
const NO_FLEET = new Proxy({} as FleetLink, {
  get: (_, name) => () => {
    throw new Error(`the page asked the fleet: ${String(name)}`)
  },
})

/** A gateway's own page over a store of its own, whose fleet is not there, with a clock that a test sets. */
export class SitePage {
  readonly folder = mkdtempSync(join(tmpdir(), 'voltseal-page-'))
  readonly store: SqliteGatewayStore
  readonly reception: SiteReception
  now = Date.UTC(2027, 3, 6, 9)
  steady = 0
  #people: SitePerson[] = []
  readonly #doors: HttpsServer[] = []

  constructor(passwords: PasswordHash = CHEAP) {
    this.store = orThrow(openGatewayStore(join(this.folder, 'gateway.sqlite')))
    // The page needs no more of the world than this.
    const world = {
      site: orThrow(parseSite(quay(2), 'quay')),
      store: this.store,
      blobs: new DiskBlobs(join(this.folder, 'cache')),
      clock: { now: (): Instant => instant(this.now), quality: 'simulated' },
      crypto: nodeCrypto,
      fleet: NO_FLEET,
      signer: testSigner(1),
      conditions: null,
      steady: () => millis(this.steady),
    } as unknown as SiteWorld
    this.reception = {
      world,
      random: nodeRandom,
      people: new SitePeopleFile(this.peopleFile, 'quay'),
      passwords,
      memory: new Memory(),
      sessions: new SiteSessions(),
    }
  }

  /** Time passes, by the clock and by the counter beside it. */
  pass(time: number): void {
    this.now += time
    this.steady += time
  }

  get world(): SiteWorld {
    return this.reception.world
  }

  get peopleFile(): string {
    return join(this.folder, 'people.json')
  }

  /** Puts somebody on the list, in the place of whom of that name was there; null: takes them off it. */
  async person(name: string, person: Partial<SitePerson> | null = {}): Promise<void> {
    const before = this.#people.find(one => one.name === name)
    const others = this.#people.filter(one => one !== before)
    const fresh: SitePerson = {
      name,
      role: 'technician' as SiteRole,
      salt: nodeRandom.bytes(32),
      standing: { at: 'in-force', password: orThrow(await CHEAP.hash(SITE_PASSWORD)) },
      since: instant(this.now),
    }
    this.#people = person === null ? others : [...others, { ...fresh, ...before, ...person }]
    writeWhole(this.peopleFile, sitePeopleText('quay', this.#people), 0o600)
  }

  known(name: string): SitePerson {
    return this.#people.find(one => one.name === name)!
  }

  /** Opens the page's listener on a port that was free. */
  async open({ tls = false }: { readonly tls?: boolean } = {}): Promise<PageBrowser> {
    const controllers = ['bms-1', 'bms-2'].map(id => {
      return { id, reportKey: new Uint8Array(91), report: null, sequence: 0, work: '{"at":"idle"}' }
    })
    await this.store.commit({ controllers })
    const url = tls ? 'https://gateway.example' : 'http://localhost:8446'
    const at = instant(Date.now())
    const authority = tls ? await createAuthority('An operator', at) : null
    const identity = { kind: 'fleet', id: 'server' } as const
    const asked = { identity, hosts: ['gateway.example'] }
    const certified = authority === null ? null : await certifyNewKey(authority, asked, at)
    const pages = join(this.folder, 'page')
    mkdirSync(join(pages, 'assets'), { recursive: true })
    writeFileSync(join(pages, 'index.html'), PAGE)
    writeFileSync(join(pages, 'assets', 'app-1.js'), 'export {}')
    const { host } = new URL(url)
    const place = { host: '127.0.0.1', port: 0, url, names: new Set([host]), origins: new Set([url]), tls: certified }
    const parts = { reception: this.reception, fleet: 'https://fleet.example', startedAt: instant(this.now) }
    const server = pageDoor(place, parts, pino({ level: 'silent' }), pages)
    this.#doors.push(server)
    const port = orThrow(await listen(server, '127.0.0.1', 0))
    return new PageBrowser(url, port, authority?.cert ?? null)
  }

  /** What the gateway's own log says, from an item on. */
  async entries(from = 0): Promise<AuditEntry[]> {
    const items = (await this.store.logged(from, 10_000)).filter(({ kind }) => kind === 'entry')
    return items.map(({ bytes, sequence }) => asDescribed(orThrow(parseEntry(bytes, `item ${sequence}`))))
  }

  async close(): Promise<void> {
    for (const door of this.#doors) await door.close()
    this.store.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

export const PAGE = '<!doctype html><title>the page of the gateway</title>'
