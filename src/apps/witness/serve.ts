import type { Server } from 'node:https'
import { systemClock } from '../../adapters/clock-system.ts'
import { BOUNDS, boundConnections } from '../../adapters/connection-bounds.ts'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { serveWitnessDoor } from '../../adapters/http-witness.ts'
import { isLoopback } from '../../adapters/loopback.ts'
import { openWitnessStore, type SqliteWitnessStore } from '../../adapters/store-sqlite/witnessed.ts'
import { verifierKey } from '../../core/ledger/signed-note.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { checkWitnessKey, type Witness } from '../../flows/cosign.ts'
import type { WitnessConfig } from '../../wire/witness-config.ts'
import { askControl, serveControl } from '../process/control.ts'
import { type LogStatus, logStatus } from '../process/log-status.ts'
import { type Log, type Serving, serveUntilSignal, startWithKeys } from '../process/serve.ts'
import type { Signers } from '../process/signers.ts'
import { answering } from './answering.ts'
import { logsOf, readWitnessConfig, tlsOf, witnessFiles } from './files.ts'

/** How a witness stands: its key, and each log that it signs for. */
export type WitnessStatus = { readonly name: string; readonly key: string; readonly logs: readonly LogStatus[] }

/**
 * `voltseal witness serve FOLDER`. Ends with null after a signal. Refuses a missing or malformed config, a key that cannot be read or
 * does not fit, `witness-not-loopback`, `data-folder-newer`, `data-folder-in-use`, `port-in-use`, `clock-before-build`.
 */
export async function serveWitness(folder: string, clock = systemClock): Promise<null | Refusal> {
  const config = readWitnessConfig(folder)
  if (isRefusal(config)) return config
  return serveUntilSignal(config.log, log => startWitness(folder, config, log, clock), clock)
}

/** Starts a witness in this process. */
export async function startWitness(
  folder: string,
  config: WitnessConfig,
  log: Log,
  clock = systemClock,
): Promise<Serving | Refusal> {
  return startWithKeys(signers => startWith(folder, config, log, signers, clock))
}

async function startWith(
  folder: string,
  config: WitnessConfig,
  log: Log,
  signers: Signers,
  clock: typeof systemClock,
): Promise<Serving | Refusal> {
  const files = witnessFiles(folder)
  const logs = logsOf(config, files.config, nodeCrypto)
  if (isRefusal(logs)) return logs
  const signer = await signers.open(files.key)
  if (isRefusal(signer)) return signer
  const { name, listen, prefix = '' } = config
  const unfit = checkWitnessKey({ name, signer, crypto: nodeCrypto })
  if (unfit !== null) return unfit
  const tls = tlsOf(config, folder)
  if (isRefusal(tls)) return tls
  if (tls === null && !isLoopback(listen.host)) {
    return refuse('witness-not-loopback', files.config, 'tls, or 127.0.0.1 or ::1', `${listen.host} without tls`)
  }
  const store = openWitnessStore(files.database)
  if (isRefusal(store)) return store
  // Anybody may call: a log is in trouble by what it has signed itself, and by nothing that others bring.
  const isTrouble = (code: Refusal['code']): boolean => code === 'log-forked'
  const witness: Witness = { name, signer, logs, store, clock, crypto: nodeCrypto, isTrouble }
  const bound = (server: Server): void => boundConnections(server, log, BOUNDS)
  const door = await serveWitnessDoor({ ...listen, prefix, tls, bound }, answering(witness, log), log)
  if (isRefusal(door)) {
    store.close()
    return door
  }
  const key = verifierKey(nodeCrypto, { name, key: signer.key }, 'cosignature') as string
  const control = await serveControl(files.control, () => statusOf(witness, store, key))
  if (control === null) log.warn({ path: files.control }, 'witness status cannot ask here')
  if (signer.development) {
    log.warn({ key: files.key }, 'DEVELOPMENT KEY: this witness signs with a key that can be copied')
  }
  const url = `${tls === null ? 'http' : 'https'}://${listen.host}:${door.port}${prefix}`
  return {
    ready: { url, name, key, logs: logs.size },
    close: async () => {
      await door.close()
      control?.close()
      store.close()
    },
  }
}

async function statusOf({ name, logs }: Witness, store: SqliteWitnessStore, key: string): Promise<WitnessStatus> {
  const rows = new Map((await store.logs()).map(row => [row.origin, row]))
  return { name, key, logs: [...logs.keys()].map(origin => logStatus(origin, rows.get(origin) ?? null)) }
}

/** Asks the witness that serves from a folder. Refuses what `readWitnessConfig` refuses, `witness-not-running`, `file-not-permitted`. */
export async function askWitnessStatus(folder: string): Promise<WitnessStatus | Refusal> {
  const config = readWitnessConfig(folder)
  if (isRefusal(config)) return config
  return askControl<WitnessStatus>(witnessFiles(folder).control, actual =>
    refuse('witness-not-running', folder, 'a witness that answers', actual),
  )
}
