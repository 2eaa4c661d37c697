import { pino } from 'pino'
import { type Authority, certifyNewKey, createAuthority } from '../../src/adapters/certificates.ts'
import { type HttpsServer, listen } from '../../src/adapters/http-server.ts'
import { type Answer, type ClientTls, HttpsClient } from '../../src/adapters/link-https/client.ts'
import { scryptPasswords } from '../../src/adapters/passwords-scrypt.ts'
import { nodeRandom } from '../../src/adapters/random-node.ts'
import { WebhookHttps } from '../../src/adapters/webhook-https.ts'
import type { FleetDoor } from '../../src/apps/fleet/api/parts.ts'
import { fleetDoor } from '../../src/apps/fleet/door.ts'
import { DryRuns } from '../../src/apps/fleet/dry-runs.ts'
import { Enrolment } from '../../src/apps/fleet/enrolment.ts'
import { Metrics } from '../../src/apps/fleet/metrics.ts'
import { Packs } from '../../src/apps/fleet/packs.ts'
import { Siem } from '../../src/apps/fleet/siem.ts'
import { type KnownParty, signInWays } from '../../src/apps/fleet/sign-in-ways.ts'
import { openWitnesses } from '../../src/apps/fleet/witnesses.ts'
import { type Instant, instant, millis } from '../../src/core/encoding/units.ts'
import { type Account, readGrant } from '../../src/core/fleet/account.ts'
import type { Identity } from '../../src/core/fleet/identity.ts'
import type { Grant } from '../../src/core/fleet/roles.ts'
import { orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import { admit, type Who } from '../../src/flows/admit.ts'
import { addAccount, makeToken, setPassword } from '../../src/flows/appoint.ts'
import { Memory } from '../../src/flows/attempts.ts'
import type { Reception } from '../../src/flows/sign-in.ts'
import type { QuietFleet } from './quiet-fleet.ts'

/** A cost that a test can pay hundreds of times. The real one is tried in passwords-scrypt.test.ts. */
const CHEAP = { ln: 4, r: 8, p: 1 }

/** Grants as people write them. */
export const grants = (...written: readonly string[]): readonly Grant[] => written.map(one => readGrant(one)!)

export const PASSWORD = 'seven quiet harbours'

/** `more`: opens further routes at the same door. `parties`: who else vouches for people. `verifier`: the folder of the one in packs. */
export type DoorOptions = {
  readonly more?: (server: HttpsServer) => void
  readonly parties?: readonly KnownParty[]
  readonly verifier?: string
}

/**
 * The real door of a quiet fleet, over real TLS: who comes in is judged by the fleet's own clock, which a test moves. Without a
 * certificate one gets in, as with `signIn: true`.
 */
export class PeopleDoor {
  readonly fleet: QuietFleet
  readonly reception: Reception
  readonly passwords = scryptPasswords(CHEAP)
  /** What its routes work on: a second door of the same fleet has the same. */
  readonly parts: FleetDoor
  readonly packs: Packs
  readonly #server: HttpsServer
  readonly #authority: Authority
  readonly #now: Instant
  readonly #clients: HttpsClient[] = []
  url = ''

  private constructor(
    fleet: QuietFleet,
    authority: Authority,
    now: Instant,
    cert: { cert: string; key: string },
    siem: Siem,
    { more = () => {}, parties = [], verifier }: DoorOptions,
  ) {
    this.fleet = fleet
    this.#authority = authority
    this.#now = now
    const { providers, ...ways } = signInWays(fleet.world, this.passwords, nodeRandom, { origin: ORIGIN, parties })
    this.reception = { world: fleet.world, random: nodeRandom, providers, memory: new Memory() }
    const { world } = fleet
    const parts = { folder: `${fleet.folder}/fleet`, reception: this.reception, passwords: this.passwords }
    const { gathering } = orThrow(openWitnesses(parts.folder, {}, world, fleet.gathered))
    this.packs = new Packs(gathering, parts.folder, verifier)
    const enrolment = new Enrolment(world, { folder: parts.folder, url: ORIGIN, gathered: fleet.gathered })
    this.parts = {
      world,
      enrolment,
      maxBlobBytes: 1 << 20,
      webhooks: fleet.webhooks,
      hooks: new WebhookHttps([]),
      siem,
      metrics: new Metrics(world, fleet.webhooks, siem, gathering),
      gathering,
      packs: this.packs,
      dryRuns: new DryRuns(),
      ...parts,
      ...ways,
      origin: ORIGIN,
      signIn: true,
    }
    this.#server = fleetDoor(this.parts, { ca: authority.cert, ...cert }, pino({ level: 'silent' }))
    more(this.#server)
  }

  static async open(fleet: QuietFleet, options: DoorOptions = {}): Promise<PeopleDoor> {
    // TLS knows the machine's own clock only.
    const now = instant(Date.now())
    const authority = await createAuthority('Voltseal fleet', now)
    const grant = { identity: { kind: 'fleet', id: 'server' }, hosts: ['127.0.0.1'] } as const
    const siem = await Siem.open(fleet.world, fleet.siem, [])
    const door = new PeopleDoor(fleet, authority, now, await certifyNewKey(authority, grant, now), siem, options)
    door.url = `https://127.0.0.1:${orThrow(await listen(door.#server, '127.0.0.1', 0))}`
    return door
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close()
    await this.#server.close()
    await this.packs.close()
  }

  get ca(): string {
    return this.#authority.cert
  }

  /** A certificate of the fleet's authority for a person. */
  certificate(id: string): Promise<ClientTls> {
    return this.#certified({ kind: 'person', id })
  }

  /** The same for the gateway of a site. */
  gateway(site: string): Promise<ClientTls> {
    return this.#certified({ kind: 'gateway', site })
  }

  async #certified(identity: Identity): Promise<ClientTls> {
    return { ca: this.ca, ...(await certifyNewKey(this.#authority, { identity }, this.#now)) }
  }

  /** A client that keeps its connection; it is closed with the door. */
  client(tls: Partial<ClientTls> = {}): HttpsClient {
    const client = new HttpsClient(this.url, { ca: this.ca, ...tls })
    this.#clients.push(client)
    return client
  }

  /** Somebody who is in, as the flows know them. */
  async who(person: string): Promise<Who> {
    return orThrow(await admit(this.fleet.world, { by: 'certificate', person }))
  }

  /** Makes an account, as the administrator. */
  async account(id: string, roles: readonly string[], kind: Account['kind'] = 'person', keys: readonly string[] = []) {
    const asked = { id, kind, name: id, grants: grants(...roles), keys }
    return orThrow(await addAccount(this.fleet.world, await this.who('administrator'), asked))
  }

  /** Gives an account a password, as the administrator. */
  async password(id: string, password = PASSWORD): Promise<void> {
    const asked = { password, current: null }
    orThrow(await setPassword(this.reception, this.passwords, await this.who('administrator'), id, asked))
  }

  /** The secret of a token of an account, made by whom it is of. */
  async token(id: string, roles: readonly string[] | null = null, lifeMillis = 3_600_000): Promise<string> {
    const asked = { label: 'test', grants: roles === null ? null : grants(...roles), lifeMillis: millis(lifeMillis) }
    return orThrow(await makeToken(this.reception, await this.who(id), id, asked)).secret
  }

  /** Signs in, and answers what came back. */
  signIn(account: string, password: string, cookie = false): Promise<Answer | Refusal> {
    return send(this.client(), 'POST', '/v1/sign-in', { proof: { at: 'password', account, password }, cookie })
  }
}

/** What people know the fleet by; the port is another one in a test. */
export const ORIGIN = 'https://fleet.example:8443'

/** One call with a body in JSON. */
export function send(
  client: HttpsClient,
  method: string,
  path: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer | Refusal> {
  const call = body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }
  const type: Readonly<Record<string, string>> = body === undefined ? {} : { 'content-type': 'application/json' }
  return client.call(method, path, { ...call, headers: { ...type, ...headers }, timeoutMillis: 60_000 })
}

/** The cookie that an answer sets, as a browser sends it back. */
export const cookieOf = (answer: Answer): string => `${answer.headers['set-cookie'] ?? ''}`.split(';')[0] ?? ''
