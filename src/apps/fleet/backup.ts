import { systemClock } from '../../adapters/clock-system.ts'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { openFleetStore, type SqliteFleetStore } from '../../adapters/store-sqlite/fleet.ts'
import { FLEET_DATA } from '../../adapters/store-sqlite/fleet-migrations.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { Clock } from '../../flows/ports.ts'
import { verifyStore } from '../../flows/prove.ts'
import { type BackedUp, backUp, names, type OnProgress, ownPaths } from '../process/back-up.ts'
import { type Restored, restore } from '../process/restore.ts'
import { withSigners } from '../process/signers.ts'
import type { StoreFile } from '../process/store-file.ts'
import { fleetFiles, readFleetConfig } from './files.ts'

const DATABASE = 'fleet.sqlite'

/** The fleet's store: the log by its signed checkpoint. */
const STORE: StoreFile<SqliteFleetStore> = {
  of: 'fleet',
  database: DATABASE,
  data: FLEET_DATA,
  open: openFleetStore,
  async reached(store, name, key) {
    const verdict = await verifyStore(store, { name, key }, nodeCrypto)
    const fault = isRefusal(verdict) ? verdict : verdict.findings[0]
    if (fault !== undefined) {
      return refuse('backup-damaged', DATABASE, 'a log that verifies', `${fault.code}: ${fault.subject}`)
    }
    const { size, checkpoint } = await store.log()
    return { given: size, checkpoint: checkpoint.split('\n') }
  },
}

export type BackupOptions = { readonly blobs: boolean; readonly program: string; readonly clock?: Clock }

/**
 * `voltseal fleet backup`: of a server that runs or not, by the user that it runs as. Durable on return. Refuses a missing or
 * malformed config, what the audit key's signer refuses, and what `backUp` refuses.
 */
export async function backUpFleet(
  folder: string,
  to: string,
  { blobs, program, clock = systemClock }: BackupOptions,
  onProgress: OnProgress,
): Promise<BackedUp | Refusal> {
  const files = fleetFiles(folder)
  const config = readFleetConfig(folder)
  if (isRefusal(config)) return config
  return withSigners(nodeCrypto, async signers => {
    const signer = await signers.open(files.key('audit'))
    if (isRefusal(signer)) return signer
    const { name, webhooks, witnesses, siem = [] } = config
    const named = [webhooks?.ca, witnesses?.ca, witnesses?.policy, ...siem.flatMap(({ ca, cert }) => [ca, cert])]
    const keys = siem.map(({ key }) => key)
    const source = {
      store: STORE,
      name,
      folder,
      program,
      door: files.copies,
      files: [...new Set(['fleet.yaml', ...publicFiles(folder), ...ownPaths(folder, named)])],
      blobs: blobs ? 'blobs' : null,
      absent: [...new Set([...privateFiles(folder), ...ownPaths(folder, keys)])],
      signer,
      clock,
    }
    return backUp(source, to, onProgress)
  })
}

/** Certificates, and the first roots. */
function publicFiles(folder: string): string[] {
  const certificates = names(fleetFiles(folder).certificates).filter(name => name.endsWith('.pem'))
  return [
    ...certificates.filter(name => !name.endsWith('-key.pem')).map(name => `ca/${name}`),
    ...names(fleetFiles(folder).roots).map(name => `roots/${name}`),
  ]
}

/** The keys of the server and of its authorities. Profiles are other people's, and are not asked for. */
function privateFiles(folder: string): string[] {
  const files = fleetFiles(folder)
  const isPrivate = (name: string): boolean => name !== 'next' && !/\.(?:pub|txt)$/.test(name)
  const [keys, next] = [files.keys, files.nextKeys].map(folder => names(folder).filter(isPrivate)) as [
    string[],
    string[],
  ]
  const authorities = names(files.certificates).filter(name => name.endsWith('-key.pem'))
  return [
    ...keys.map(name => `keys/${name}`),
    ...next.map(name => `keys/next/${name}`),
    ...authorities.map(name => `ca/${name}`),
  ]
}

/**
 * `voltseal fleet restore`: into a new or empty folder. `keyFile`: the public audit key, kept apart from the backup. The restored
 * store is served from only when somebody has confirmed it (confirm.ts). Refuses as `restore`.
 */
export const restoreFleet = (
  from: string,
  folder: string,
  keyFile: string,
  onProgress: OnProgress,
): Promise<Restored | Refusal> => restore(from, { folder, store: STORE, keyFile, crypto: nodeCrypto }, onProgress)
