import { resolve } from 'node:path'
import { DiskBlobs } from '../../adapters/blobs-disk.ts'
import { steadyOf, systemClock } from '../../adapters/clock-system.ts'
import { HttpsConditions } from '../../adapters/conditions-https.ts'
import { readText } from '../../adapters/config-file.ts'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { listen } from '../../adapters/http-server.ts'
import { HttpsClient } from '../../adapters/link-https/client.ts'
import { HttpsFleetLink } from '../../adapters/link-https/fleet-link.ts'
import { OWASP_COST, scryptPasswords } from '../../adapters/passwords-scrypt.ts'
import { nodeRandom } from '../../adapters/random-node.ts'
import { SitePeopleFile } from '../../adapters/site-people-file.ts'
import { openGatewayStore } from '../../adapters/store-sqlite/gateway.ts'
import { sameBytes } from '../../core/encoding/bytes.ts'
import type { KeyAlgorithm } from '../../core/encoding/crypto.ts'
import { instant } from '../../core/encoding/units.ts'
import { type NoteKey, parseVerifierKey } from '../../core/ledger/signed-note.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { Memory } from '../../flows/attempts.ts'
import { giveTurns } from '../../flows/coordinate.ts'
import { noteAllowed } from '../../flows/full-images.ts'
import { flushOutbox } from '../../flows/hand-over.ts'
import { watchLink } from '../../flows/link-watch.ts'
import { Meter, metered } from '../../flows/meter.ts'
import type { Clock, GatewayStore, SiteWorld } from '../../flows/ports.ts'
import { fetchPayloads, takeOrders } from '../../flows/relay.ts'
import { showPlant } from '../../flows/show-plant.ts'
import { shownOrders } from '../../flows/shown-orders.ts'
import { noteSitePeople } from '../../flows/site-people.ts'
import { type SiteReception, SiteSessions } from '../../flows/site-sign-in.ts'
import { askForNews } from '../../flows/wall-time.ts'
import { type SiteWitness, siteWitness, witnessLog } from '../../flows/witness.ts'
import type { GatewayConfig } from '../../wire/config.ts'
import type { EnrolledSite } from '../../wire/fleet-views.ts'
import { type ConsolePlace, consolePlace } from '../process/console-place.ts'
import { serveCopies } from '../process/copy-door.ts'
import { every, startLoop } from '../process/loop.ts'
import { type Log, type Serving, serveUntilSignal, startWithKeys } from '../process/serve.ts'
import type { Signers } from '../process/signers.ts'
import { Bell } from './bell.ts'
import { serveStatus } from './control.ts'
import { type Bells, gatewayDoor } from './door.ts'
import { decoded, type GatewayFolder, gatewayFiles, readGatewayFolder } from './files.ts'
import { AllowedImages, allowImage } from './full-images.ts'
import { KnownLog } from './log-key.ts'
import { pageDoor } from './page-door.ts'

/**
 * `voltseal gateway serve FOLDER`. Ends with null after a signal. Refuses what `readGatewayFolder` refuses, keys that
 * cannot be read, `data-folder-newer`, `data-folder-in-use`, `port-in-use`, `clock-before-build`. The fleet server need
 * not be there: the site goes on with what it holds.
 */
export async function serveGateway(folder: string, clock = systemClock): Promise<null | Refusal> {
  const read = readGatewayFolder(folder)
  return isRefusal(read)
    ? read
    : serveUntilSignal(read.config.log, log => startGateway(folder, read, log, clock), clock)
}

/** Starts a gateway in this process. */
export async function startGateway(
  folder: string,
  read: GatewayFolder,
  log: Log,
  clock = systemClock,
): Promise<Serving | Refusal> {
  const { console: asked, listen: on } = read.config
  const place = asked === undefined ? null : consolePlace(folder, asked, on.host)
  if (isRefusal(place)) return place
  return startWithKeys(signers => startWith(folder, read, place, log, signers, clock))
}

async function startWith(
  folder: string,
  { config, site, issued }: GatewayFolder,
  place: ConsolePlace | null,
  log: Log,
  signers: Signers,
  clock: Clock,
): Promise<Serving | Refusal> {
  const files = gatewayFiles(folder)
  const signer = await signers.open(files.manifestKey)
  if (isRefusal(signer)) return signer
  const cosigner = await signers.open(files.witnessKey)
  if (isRefusal(cosigner)) return cosigner
  const logKey = parseVerifierKey(nodeCrypto, issued.log)
  if (logKey === null) return refuse('config-malformed', files.issued, 'the key of the fleet’s log', 'something else')
  const [callKey, doorKey] = [readText(files.callKey, 1 << 16), readText(files.doorKey, 1 << 16)]
  if (isRefusal(callKey)) return callKey
  if (isRefusal(doorKey)) return doorKey
  const conditions = openConditions(folder, config.conditions)
  if (isRefusal(conditions)) return conditions
  const store = openGatewayStore(files.database, config.keep)
  if (isRefusal(store)) return store
  await registerControllers(store, issued)
  const client = new HttpsClient(config.fleet.url, { ca: issued.fleet.ca, cert: issued.gateway.cert, key: callKey })
  const link = new HttpsFleetLink(client)
  const meter = await Meter.of(store, clock, site.zone)
  const images = new AllowedImages(files.allowed)
  const world: SiteWorld = {
    site,
    store,
    blobs: new DiskBlobs(files.cache),
    clock,
    crypto: nodeCrypto,
    fleet: metered(link, meter),
    signer,
    anchors: issued.anchors.map(({ kid, alg, spki }) => {
      return { kid, key: { alg: alg as KeyAlgorithm, spki: decoded(spki, `anchor ${kid}`) } }
    }),
    roots: {
      image: decoded(issued.roots.image, 'the image root'),
      approval: decoded(issued.roots.approval, 'the approval root'),
      director: decoded(issued.roots.director, 'the director root'),
    },
    maxRestarting: config.maxRestarting,
    conditions,
    steady: steadyOf(clock),
    link: {
      policy: { fullImages: 'allow', ...config.link },
      get spent() {
        return meter.spent
      },
      allow: ({ sha256, by }) => allowImage(files.allowed, { sha256, by, at: clock.now() }),
      allowed: () => new Map(images.now().map(({ sha256, at }) => [sha256, instant(at)])),
    },
  }
  const bells = { reports: new Bell(), work: new Bell() }
  const door = gatewayDoor(world, { ca: issued.siteCa, cert: issued.gateway.serverCert, key: doorKey }, bells, log)
  const reception: SiteReception = {
    world,
    random: nodeRandom,
    people: new SitePeopleFile(files.people, site.site),
    // One at a time: a gateway is a small computer, and each takes 128 MiB.
    passwords: scryptPasswords(OWASP_COST, 1),
    memory: new Memory(),
    sessions: new SiteSessions(),
  }
  const parts = { reception, fleet: config.fleet.url, startedAt: clock.now() }
  const page = place === null ? null : pageDoor(place, parts, log)
  const shown = page === null ? null : await listen(page, place!.host, place!.port)
  const port = isRefusal(shown) ? shown : await listen(door, config.listen.host, config.listen.port)
  if (isRefusal(port)) {
    await page?.close()
    store.close()
    client.close()
    return port
  }
  const known = new KnownLog(folder, logKey)
  const look = (key: NoteKey): SiteWitness => siteWitness(world, key, cosigner, link)
  const control = await serveStatus(files.control, world, logKey.name)
  if (control === null) log.warn({ path: files.control }, 'gateway status cannot ask here')
  const copies = await serveCopies(files.copies, (path, goesOn) => store.copyTo(path, goesOn))
  if (copies === null) log.warn({ path: files.copies }, 'gateway backup cannot ask here')
  const loops = [
    ...startLoops(world, bells, config.pollMillis, log, () => noteAllowed(world, images.now())),
    watchLog(known, look, config.pollMillis, log),
    ...(page === null ? [] : [watchPeople(reception, log)]),
  ]
  if (signer.development) {
    log.warn({ keys: `${folder}/keys` }, 'DEVELOPMENT KEYS: this gateway signs with a key that can be copied')
  }
  return {
    ready: {
      url: `https://${config.listen.host}:${config.listen.port}`,
      site: site.site,
      ...(place === null ? {} : { console: `${place.url}/` }),
    },
    close: async () => {
      await page?.close()
      // The loops first: with a bell closed, one that still ran would never pause, and nothing else would ever run.
      const stopped = loops.map(loop => loop.stop())
      for (const bell of [bells.reports, bells.work]) bell.close()
      await door.close()
      control?.close()
      await copies?.close()
      client.close()
      conditions?.close()
      await Promise.all(stopped)
      store.close()
    },
  }
}

const CONDITIONS_TIMEOUT = 5000

/** Who reads the plant, as the config says. Refuses files that cannot be read. */
function openConditions(folder: string, config: GatewayConfig['conditions']): HttpsConditions | null | Refusal {
  if (config === undefined) return null
  const { url, timeoutMillis = CONDITIONS_TIMEOUT, cert: certFile, key: keyFile } = config
  const ca = readText(resolve(folder, config.ca), 1 << 20)
  if (isRefusal(ca)) return ca
  if (certFile === undefined || keyFile === undefined) {
    if (certFile === keyFile) return new HttpsConditions({ url, ca, timeoutMillis })
    return refuse(
      'config-malformed',
      gatewayFiles(folder).config,
      'conditions with cert and key, or neither',
      'one of them',
    )
  }
  const [cert, key] = [readText(resolve(folder, certFile), 1 << 20), readText(resolve(folder, keyFile), 1 << 16)]
  if (isRefusal(cert)) return cert
  return isRefusal(key) ? key : new HttpsConditions({ url, ca, cert, key, timeoutMillis })
}

/** What a gateway does by itself: ask the fleet for news, give turns to restart, hand its outbox over. */
export function startLoops(
  world: SiteWorld,
  { reports, work }: Bells,
  pollMillis: number,
  log: Log,
  beforeFetch: () => Promise<void> = async () => {},
) {
  let tag: string | null = null
  let asked = false
  const orders = new Bell()
  const looks = new Bell()
  const rung = (stop: AbortSignal): Promise<void> => reports.next(Math.min(pollMillis, 1000), stop)
  const ask = async (): Promise<null | Refusal> => {
    const news = await askForNews(world, tag, await shownOrders(world))
    asked = true
    looks.ring()
    await watchLink(world, isRefusal(news) ? news : null)
    if (news === null || isRefusal(news)) return news
    const refusal = await takeOrders(world)
    // The tag is kept only when everything behind it was taken: what was refused is looked at again.
    if (refusal === null) tag = news
    reports.ring()
    orders.ring()
    work.ring()
    return refusal
  }
  const turn = async (): Promise<null | Refusal> => {
    // A clock that was wrong before the start shows against the fleet's: it is asked first, once, whether it answers or not.
    if (!asked) return null
    const { granted, fault } = await giveTurns(world)
    for (const id of granted) work.ring(id)
    if (granted.length > 0) reports.ring()
    return fault
  }
  return [
    startLoop('ask the fleet', every(pollMillis), pollMillis, ask, log),
    // Apart from asking: however long a download takes, a halt is heard. Who waits for a payload waits for this transfer.
    startLoop(
      'fetch',
      stop => orders.next(1000, stop),
      500,
      async () => {
        await beforeFetch()
        return fetchPayloads(world)
      },
      log,
    ),
    startLoop('give turns', rung, 100, turn, log),
    // Apart from the others: a slow meter keeps nobody from a turn, and no halt from being heard.
    startLoop(
      'show the plant',
      stop => looks.next(1000, stop),
      1000,
      () => showPlant(world),
      log,
    ),
    startLoop('report to the fleet', rung, 500, () => flushOutbox(world), log),
  ]
}

/** Signs the fleet's log as often as it asks for news, and no more than once a second. What it refuses is in its outbox by then. */
const watchLog = (known: KnownLog, look: (key: NoteKey) => SiteWitness, pollMillis: number, log: Log) => {
  const pause = Math.max(pollMillis, 1000)
  let by = known.key()
  let witness = look(by)
  const turn = (): Promise<null | Refusal> => {
    const key = known.key()
    // A person at the gateway has given it another key of the log.
    if (key !== by) witness = look(key)
    by = key
    return witnessLog(witness)
  }
  return startLoop('witness the log', every(pause), pause, turn, log)
}

/** Who may sign in counts from their next request on; the log is told of a change within this time, in milliseconds. */
const PEOPLE_LOOKED_AT = 2000

const watchPeople = ({ world, people }: SiteReception, log: Log) =>
  startLoop('note the people', every(PEOPLE_LOOKED_AT), PEOPLE_LOOKED_AT, () => noteSitePeople(world, people), log)

/** The controllers of the enrolment, with what is known of them from before. */
async function registerControllers(store: GatewayStore, issued: EnrolledSite): Promise<void> {
  const known = new Map((await store.controllers()).map(row => [row.id, row]))
  const controllers = Object.entries(issued.controllers).map(([id, { reportKey }]) => {
    const key = decoded(reportKey, `the report key of ${id}`)
    const before = known.get(id)
    // A device that was replaced begins anew: the numbers of the old one are not its own.
    if (before !== undefined && sameBytes(before.reportKey, key)) return before
    return { id, reportKey: key, report: null, sequence: 0, work: '{"at":"idle"}' }
  })
  await store.commit({ controllers })
}
