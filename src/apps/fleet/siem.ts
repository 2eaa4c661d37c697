import { isIPv6 } from 'node:net'
import { resolve } from 'node:path'
import type { Logger } from 'pino'
import { readText } from '../../adapters/config-file.ts'
import { SyslogTls } from '../../adapters/syslog-tls.ts'
import { toHex, utf8 } from '../../core/encoding/bytes.ts'
import type { Crypto } from '../../core/encoding/crypto.ts'
import { DEFAULT_MAX_BYTES, EXAMPLE_ENTERPRISE, SYSLOG_TLS_PORT } from '../../core/ledger/syslog.ts'
import { isRefusal, type Refusal, refuse, sentence } from '../../core/refusal/refusal.ts'
import { Forwarding, noteReceivers, type SiemReceiver } from '../../flows/forward.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import type { SiemStore } from '../../flows/siem-ports.ts'
import type { FleetConfig } from '../../wire/config.ts'
import type { SiemConfig } from '../../wire/siem-config.ts'
import { every, type Loop, startLoop } from '../process/loop.ts'
import { fleetFiles } from './files.ts'

/**
 * The receivers of the log, as `fleet.yaml` names them. Refuses `config-malformed` for a name that stands twice and a certificate
 * without its key, `certificate-malformed`, and files that cannot be read.
 */
export function siemReceivers(folder: string, config: FleetConfig, crypto: Crypto): SiemReceiver[] | Refusal {
  const receivers: SiemReceiver[] = []
  const malformed = (expected: string, actual: string): Refusal =>
    refuse('config-malformed', fleetFiles(folder).config, expected, actual)
  for (const one of config.siem ?? []) {
    if (receivers.some(({ name }) => name === one.name)) return malformed('siem with different names', one.name)
    if ((one.cert === undefined) !== (one.key === undefined)) {
      return malformed(`siem ${one.name} with cert and key, or neither`, 'one of them')
    }
    const receiver = receiverOf(folder, config, one, crypto)
    if (isRefusal(receiver)) return receiver
    receivers.push(receiver)
  }
  return receivers
}

function receiverOf(
  folder: string,
  { name: log, url }: FleetConfig,
  one: SiemConfig[number],
  crypto: Crypto,
): SiemReceiver | Refusal {
  const { name, host, port = SYSLOG_TLS_PORT, serverName, from = 'beginning' } = one
  const read = (file: string | undefined): string | null | Refusal =>
    file === undefined ? null : readText(resolve(folder, file), 1 << 20)
  const [ca, cert, key] = [read(one.ca), read(one.cert), read(one.key)]
  for (const file of [ca, cert, key]) if (isRefusal(file)) return file
  const own = typeof cert === 'string' && typeof key === 'string' ? { cert, key } : {}
  const named = serverName === undefined ? {} : { serverName }
  const link = SyslogTls.to(name, { host, port, ...named, ca: ca as string | null, ...own })
  if (isRefusal(link)) return link
  const digest = (file: string | null | Refusal): string =>
    typeof file === 'string' ? toHex(crypto.sha256(utf8(file))) : ''
  const format = {
    log,
    host: hostOf(url),
    enterprise: one.enterprise ?? EXAMPLE_ENTERPRISE,
    maxBytes: one.maxMessageBytes ?? DEFAULT_MAX_BYTES,
  }
  // Whom it is believed by, too: who puts another authority into the file could put another receiver in its place.
  const target = { host, port, serverName: serverName ?? host, ca: digest(ca), cert: digest(cert) }
  return { name, target, from, format, link }
}

/** The host of an address, without the brackets of IPv6. */
function hostOf(url: string): string {
  const { hostname } = new URL(url)
  const bare = hostname.replace(/^\[|\]$/g, '')
  return isIPv6(bare) ? bare : hostname
}

/** The log on its way to its receivers. */
export class Siem {
  readonly store: SiemStore
  readonly forwardings: readonly Forwarding[]
  #loops: readonly Loop[] = []

  private constructor(store: SiemStore, forwardings: readonly Forwarding[]) {
    this.store = store
    this.forwardings = forwardings
  }

  /** Takes the receivers down, in the log too, and goes on where each stands. Nothing is sent before `start`. */
  static async open(world: FleetWorld, store: SiemStore, receivers: readonly SiemReceiver[]): Promise<Siem> {
    await noteReceivers(world, store, receivers)
    const forwardings: Forwarding[] = []
    for (const receiver of receivers) forwardings.push(await Forwarding.of(world, store, receiver, Math.random))
    return new Siem(store, forwardings)
  }

  /** Sends from now on, and looks for new entries every `tick` milliseconds. */
  start(tick: number, log: Logger): void {
    this.#loops = this.forwardings.map(one => {
      const pause = (stop: AbortSignal): Promise<void> => every(one.waits(tick))(stop)
      return startLoop(`siem ${one.receiver.name}`, pause, tick, told(one, log), log)
    })
  }

  async stop(): Promise<void> {
    for (const one of this.forwardings) one.stop()
    await Promise.all(this.#loops.map(loop => loop.stop()))
  }

  forwarding(receiver: string): Forwarding | null {
    return this.forwardings.find(one => one.receiver.name === receiver) ?? null
  }

  /** What a person has to see to. */
  async alarms(): Promise<Refusal[]> {
    const alarms = await Promise.all(this.forwardings.map(one => one.alarm()))
    return alarms.filter(alarm => alarm !== null)
  }
}

/** Rounds that say once that they cannot go on, for each reason, and once that they can. The pause between tries is their own. */
function told(forwarding: Forwarding, log: Logger): () => Promise<null> {
  let last: string | null = null
  const receiver = forwarding.receiver.name
  return async () => {
    const problem = await forwarding.round()
    if (problem !== null && problem.code !== last) {
      log.warn({ siem: receiver, ...problem }, sentence(problem))
      last = problem.code
    } else if (last !== null && (await forwarding.state()).standing.fault === null) {
      log.info({ siem: receiver }, 'takes the log again')
      last = null
    }
    return null
  }
}
