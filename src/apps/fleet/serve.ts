import { join } from 'node:path'
import { DiskBlobs } from '../../adapters/blobs-disk.ts'
import { systemClock } from '../../adapters/clock-system.ts'
import { readText } from '../../adapters/config-file.ts'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { listen } from '../../adapters/http-server.ts'
import { scryptPasswords } from '../../adapters/passwords-scrypt.ts'
import { nodeRandom } from '../../adapters/random-node.ts'
import { loadWrappingKey } from '../../adapters/signer-file.ts'
import { openFleetStore } from '../../adapters/store-sqlite/fleet.ts'
import { WebhookHttps } from '../../adapters/webhook-https.ts'
import { type Listening, listensOn } from '../../core/campaign/listening.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import type { Gathering } from '../../flows/ask-witnesses.ts'
import { Memory } from '../../flows/attempts.ts'
import { notePolicy } from '../../flows/attest.ts'
import { tick } from '../../flows/campaign.ts'
import { checkStore } from '../../flows/check.ts'
import { refuseCopy } from '../../flows/confirm.ts'
import { cosignedFiles } from '../../flows/cosigned.ts'
import { deliver } from '../../flows/deliver.ts'
import { resumeImport } from '../../flows/import.ts'
import { refuseClock, refuseToGoOn } from '../../flows/log-start.ts'
import { forgetStrangers } from '../../flows/persons.ts'
import type { Clock, FleetWorld } from '../../flows/ports.ts'
import { recall } from '../../flows/recall.ts'
import { renew } from '../../flows/renew.ts'
import { noteSettings } from '../../flows/settings.ts'
import { warn } from '../../flows/warn.ts'
import type { FleetConfig } from '../../wire/config.ts'
import { signInOf } from '../../wire/sign-in-config.ts'
import { type ConsolePlace, consolePlace } from '../process/console-place.ts'
import { serveCopies } from '../process/copy-door.ts'
import { every, type Loop, startLoop } from '../process/loop.ts'
import { type Log, type Serving, serveUntilSignal, startWithKeys } from '../process/serve.ts'
import type { Signers } from '../process/signers.ts'
import { archiveFolder, archiveNow, archiveOf, retentionOf } from './archive.ts'
import { consoleDoor } from './console-door.ts'
import { fleetDoor } from './door.ts'
import { DryRuns } from './dry-runs.ts'
import { Enrolment, readAuthority } from './enrolment.ts'
import { fleetFiles, readFleetConfig } from './files.ts'
import { loadKeys, loadSpares } from './keys.ts'
import { retiredLogKeys } from './log-key.ts'
import { Metrics } from './metrics.ts'
import { Packs } from './packs.ts'
import { Patching } from './patching.ts'
import { publishPolicyOf } from './publish-policy.ts'
import { settingsOf } from './settings.ts'
import { Siem, siemReceivers } from './siem.ts'
import { knownParties, signInWays } from './sign-in-ways.ts'
import { openWitnesses, startWitnessLoops } from './witnesses.ts'
import { fleetWorld } from './world.ts'

/**
 * `voltseal fleet serve FOLDER`. Ends with null after a signal. Refuses a missing or malformed config, keys that cannot
 * be read, `data-folder-newer`, `data-folder-in-use`, `port-in-use`, `clock-before-build`, `store-restored` (flows/confirm.ts),
 * what `consolePlace` refuses, and what `refuseToGoOn` and `refuseClock` refuse. `clockWasAhead`: the clock is right now, and the log has
 * later times.
 */
export async function serveFleet(folder: string, clock = systemClock, clockWasAhead = false): Promise<null | Refusal> {
  const config = readFleetConfig(folder)
  if (isRefusal(config)) return config
  return serveUntilSignal(config.log, log => startFleet(folder, config, log, clock, clockWasAhead), clock)
}

/** Starts a fleet server in this process. */
export async function startFleet(
  folder: string,
  config: FleetConfig,
  log: Log,
  clock = systemClock,
  clockWasAhead = false,
): Promise<Serving | Refusal> {
  const { console: asked, url } = config
  const place = asked === undefined ? null : consolePlace(folder, asked, new URL(url).hostname)
  if (isRefusal(place)) return place
  return startWithKeys(signers => startWith(folder, config, place, log, signers, clock, clockWasAhead))
}

async function startWith(
  folder: string,
  config: FleetConfig,
  place: ConsolePlace | null,
  log: Log,
  signers: Signers,
  clock: Clock,
  clockWasAhead: boolean,
): Promise<Serving | Refusal> {
  const files = fleetFiles(folder)
  const keys = await loadKeys(folder, signers.open)
  if (isRefusal(keys)) return keys
  const wrapping = loadWrappingKey(files.wrappingKey)
  // Without it, wraps are brought by a person: one that cannot be read is no such decision.
  if (isRefusal(wrapping) && wrapping.code !== 'file-missing') return wrapping
  const ca = readAuthority(files.authority('fleet'))
  const server = readAuthority(files.server)
  if (isRefusal(ca)) return ca
  if (isRefusal(server)) return server
  const spares = await loadSpares(folder, signers.open)
  if (isRefusal(spares)) return spares
  const publishPolicy = publishPolicyOf(config.publish, files.config, nodeCrypto)
  if (isRefusal(publishPolicy)) return publishPolicy
  const hooksCa = config.webhooks?.ca === undefined ? null : readText(join(folder, config.webhooks.ca), 1 << 20)
  if (isRefusal(hooksCa)) return hooksCa
  const receivers = siemReceivers(folder, config, nodeCrypto)
  if (isRefusal(receivers)) return receivers
  const parties = knownParties(folder, signInOf(config.signIn).openid)
  if (isRefusal(parties)) return parties
  const settings = settingsOf(folder, config, isRefusal(wrapping) ? null : wrapping.spki, nodeCrypto)
  if (isRefusal(settings)) return settings
  const store = openFleetStore(files.database, archiveOf(folder, config), (done, of) =>
    log.info({ done, of }, 'brings the data folder to this version'),
  )
  if (isRefusal(store)) return store
  const world = fleetWorld(config, store, folder, {
    crypto: nodeCrypto,
    clock,
    keys,
    spares,
    anchors: config.anchors,
    publishPolicy,
    wrappingKey: isRefusal(wrapping) ? null : wrapping,
  })
  // Whatever a fleet server does, it writes down: with a log that cannot be gone on with it does nothing.
  const stopped = await refuseStart(world, folder, clockWasAhead)
  if (stopped !== null) {
    store.close()
    return stopped
  }
  const witnesses = openWitnesses(folder, config, world, store.gathered)
  if (isRefusal(witnesses)) {
    store.close()
    return witnesses
  }
  const { gathering, links } = witnesses
  const enrolment = new Enrolment(world, { folder, url: config.url, gathered: store.gathered })
  const tls = { ca: ca.cert, cert: server.cert, key: server.key }
  const passwords = scryptPasswords()
  const { maxBlobBytes, url: origin } = config
  // Where people sign in with a browser.
  const shownAt = place?.url ?? origin
  const { providers, ...more } = signInWays(world, passwords, nodeRandom, { origin: shownAt, parties })
  const reception = { world, random: nodeRandom, providers, memory: new Memory() }
  const { withoutCertificate: signIn } = signInOf(config.signIn)
  const people = { folder, reception, passwords, origin, signIn, ...more }
  const siem = await Siem.open(world, store.siem, receivers)
  const metrics = new Metrics(world, store.webhooks, siem, gathering)
  store.onCommit(millis => metrics.commits.observe(millis / 1000))
  const hooks = new WebhookHttps(config.webhooks?.allow ?? [], hooksCa)
  const tellers = { webhooks: store.webhooks, hooks, siem, metrics }
  const packs = new Packs(gathering, folder)
  const dryRuns = new DryRuns()
  const parts = { world, enrolment, maxBlobBytes, gathering, packs, dryRuns, ...tellers, ...people }
  const door = fleetDoor(parts, tls, log)
  // Uploads that broke off start over under their name, or were of a plan that was drawn up anew: nobody goes on from them.
  await new DiskBlobs(files.blobs).dropUnfinished()
  // Online metadata may have expired while the server was off: it is renewed before anybody is answered. What cannot be
  // renewed keeps the rest from nobody: the loop below says so, and tries again.
  await renew(world)
  await notePolicy(world)
  await noteSettings(world, settings)
  await resumeImport(world)
  await recall(world, reception.memory)
  const shown = place === null ? null : consoleDoor(place, parts, log)
  const port =
    orNull(shown === null ? null : await listen(shown, place!.host, place!.port)) ??
    (await listen(door, config.listen.host, config.listen.port))
  if (isRefusal(port)) {
    await shown?.close()
    store.close()
    return port
  }
  const copies = await serveCopies(files.copies, (path, goesOn) => store.copyTo(path, goesOn))
  if (copies === null) log.warn({ path: files.copies }, 'fleet backup cannot ask here')
  let listening: Listening = { since: clock.now(), last: clock.now() }
  const ticks = async (): Promise<null | Refusal> => {
    listening = listensOn(listening, clock.now())
    const refusal = await tick(world, listening.since)
    // A tick that took long is no break: the server answered meanwhile.
    listening = { ...listening, last: clock.now() }
    return refusal
  }
  const told = { webhooks: store.webhooks, link: hooks, chance: Math.random }
  const patching = new Patching(world)
  const loops = [
    startLoop('tick', every(config.tickMillis), config.tickMillis, ticks, log),
    startLoop(
      'renew',
      every(60_000),
      60_000,
      async () => {
        for (const told of await warn(world)) log.warn({ ...told }, 'metadata expires that only people can renew')
        return (await renew(world)).refused[0] ?? null
      },
      log,
    ),
    startLoop('webhooks', every(config.tickMillis), 1000, () => deliver(world, told), log),
    startLoop('forget', every(DAY), 60_000, () => forgetStrangers(world).then(() => null), log),
    startLoop('patches', every(config.tickMillis), 1000, () => patching.round(), log),
    startLoop('check', every(60_000), 60_000, checking(world), log),
    ...startWitnessLoops(witnesses, log),
    ...archiving(gathering, folder, config, log),
  ]
  siem.start(config.tickMillis, log)
  if (Object.values(keys).some(({ development }) => development)) {
    log.warn({ keys: `${folder}/keys` }, 'DEVELOPMENT KEYS: this fleet signs with keys that can be copied')
  }
  return {
    ready: { url: config.url, ...(place === null ? {} : { console: `${place.url}/` }) },
    close: async () => {
      await shown?.close()
      await door.close()
      await copies?.close()
      await packs.close()
      patching.close()
      const stopped = loops.map(loop => loop.stop())
      // Whoever waits for an answer of a witness waits no longer.
      for (const link of links.values()) link.close()
      await Promise.all([siem.stop(), ...stopped])
      store.close()
    },
  }
}

const DAY = 86_400_000
/** How often the log is archived: what is due was there for weeks. */
const ARCHIVED_EVERY = 3_600_000

/** Archives the log, now and each hour; nothing where the config names no archive. */
function archiving(gathering: Gathering, folder: string, config: FleetConfig, log: Log): Loop[] {
  const where = archiveFolder(folder, config)
  if (where === null) return []
  const retention = retentionOf(config)
  const work = async (): Promise<null | Refusal> => {
    const former = retiredLogKeys(folder, nodeCrypto)
    if (isRefusal(former)) return former
    // What the witnesses have signed is nowhere else to be had in ten years.
    const done = await archiveNow(gathering.world, { where, retention, former, source: cosignedFiles(gathering) })
    if (isRefusal(done)) return done
    if (done.left > 0) log.info({ entries: done.left, archive: where }, 'old entries are in the archive')
    return null
  }
  return [startLoop('archive', every(ARCHIVED_EVERY), 60_000, work, log)]
}

/** Controllers that are verified a minute: 50 milliseconds of one core. A fleet of a million is through in a day and a half. */
const CHECKED_A_MINUTE = 500

/** Verifies the inventory, a little at a time and from the beginning again. The log has what was found. */
function checking(world: FleetWorld): () => Promise<null | Refusal> {
  let after: string | null = null
  return async () => {
    const { next, findings } = await checkStore(world, after, CHECKED_A_MINUTE)
    after = next
    return findings[0] ?? null
  }
}

async function refuseStart(world: FleetWorld, folder: string, clockWasAhead: boolean): Promise<null | Refusal> {
  const { store, name, auditSigner, crypto, clock } = world
  const older = await refuseCopy(store, `the store of ${name}`)
  if (older !== null) return older
  const retired = retiredLogKeys(folder, crypto)
  if (isRefusal(retired)) return retired
  const stopped = await refuseToGoOn(store, { name, key: auditSigner.key, retired }, crypto)
  return stopped ?? (clockWasAhead ? null : refuseClock(store, clock.now()))
}

const orNull = <T>(value: T | Refusal): null | Refusal => (isRefusal(value) ? value : null)
