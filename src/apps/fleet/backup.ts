import { systemClock } from '../../adapters/clock-system.ts'
import { readConfig } from '../../adapters/config-file.ts'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { FLEET_DATA, openFleetStore, type SqliteFleetStore } from '../../adapters/store-sqlite/fleet.ts'
import type { PublicKey } from '../../core/encoding/crypto.ts'
import type { Instant } from '../../core/encoding/units.ts'
import type { Backup } from '../../core/fleet/backup.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { verifyStoredLog } from '../../flows/audit.ts'
import type { Clock } from '../../flows/ports.ts'
import { FleetConfig, parseConfig } from '../../wire/config.ts'
import { type BackedUp, backUp, names, type OnProgress, type Restored, restore } from '../process/back-up.ts'
import { nobodyThere, Signers } from '../process/signers.ts'
import { fleetFiles } from './files.ts'

const DATABASE = 'fleet.sqlite'

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
  const written = readConfig(files.config)
  if (isRefusal(written)) return written
  const config = parseConfig<FleetConfig>(FleetConfig, written, files.config)
  if (isRefusal(config)) return config
  const signers = new Signers(nodeCrypto, { askPin: nobodyThere })
  try {
    const signer = await signers.open(files.key('audit'))
    if (isRefusal(signer)) return signer
    const { name } = config
    const source = {
      of: 'fleet',
      name,
      folder,
      program,
      database: DATABASE,
      data: FLEET_DATA,
      door: files.copies,
      copyStopped: (path: string, goesOn: (done: number, total: number) => boolean) =>
        stopped(files.database, store => store.copyTo(path, goesOn)),
      seal: (copy: string, at: Instant) => seal(copy, at, { name, key: signer.key }),
      files: [...new Set(['fleet.yaml', ...publicFiles(folder), ...named(config)])],
      blobs: blobs ? 'blobs' : null,
      absent: [...new Set([...privateFiles(folder), ...ownPaths((config.siem ?? []).map(({ key }) => key))])],
      signer,
      clock,
    } as const
    return await backUp(source, to, onProgress)
  } finally {
    signers.close()
  }
}

async function stopped<T>(database: string, work: (store: SqliteFleetStore) => Promise<T>): Promise<T | Refusal> {
  const store = openFleetStore(database)
  if (isRefusal(store)) return store
  try {
    return await work(store)
  } finally {
    store.close()
  }
}

type LogKey = { readonly name: string; readonly key: PublicKey }

/** Verifies a copy of the store: the file by SQLite, the log by its signed checkpoint. Then marks it. */
function seal(copy: string, at: Instant, logKey: LogKey): Promise<Pick<Backup, 'given' | 'checkpoint'> | Refusal> {
  return stopped(copy, async store => {
    const unsound = await refuseUnsound(store, logKey)
    if (unsound !== null) return unsound
    const { size, checkpoint } = await store.log()
    // One that was restored and not confirmed yet stays what it is: an older copy, of the time that it was made.
    if ((await store.copied()) === null) await store.commit({ copied: { made: at, given: size } })
    return { given: size, checkpoint: checkpoint.split('\n') }
  })
}

async function refuseUnsound(store: SqliteFleetStore, logKey: LogKey): Promise<Refusal | null> {
  const fault = store.fault()
  if (fault !== null) return refuse('backup-damaged', DATABASE, 'a database that holds', fault)
  const { sound, findings } = await verifyStoredLog(store, logKey, nodeCrypto)
  if (sound) return null
  const [first] = findings
  return refuse('backup-damaged', DATABASE, 'a log that verifies', `${first?.code}: ${first?.subject}`)
}

/** What the config names of public files in the folder. What lies elsewhere is not the server's own. */
function named({ webhooks, witnesses, siem = [] }: FleetConfig): string[] {
  const paths = [webhooks?.ca, witnesses?.ca, witnesses?.policy, ...siem.flatMap(({ ca, cert }) => [ca, cert])]
  return ownPaths(paths)
}

const ownPaths = (paths: readonly (string | undefined)[]): string[] =>
  paths.filter(path => path !== undefined && /^[A-Za-z0-9]/.test(path) && !path.includes('..')) as string[]

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
export function restoreFleet(
  from: string,
  folder: string,
  keyFile: string,
  onProgress: OnProgress,
): Promise<Restored | Refusal> {
  const check = (copy: string, backup: Backup, key: PublicKey): Promise<null | Refusal> =>
    stopped(copy, async store => {
      const unsound = await refuseUnsound(store, { name: backup.name, key })
      if (unsound !== null) return unsound
      const { checkpoint } = await store.log()
      if (checkpoint !== backup.checkpoint.join('\n')) {
        return refuse('backup-altered', DATABASE, 'the log of the checkpoint in backup.json', 'another one')
      }
      // The copy says so itself. Should it not, the backup does.
      if ((await store.copied()) === null) await store.commit({ copied: { made: backup.at, given: backup.given } })
      return null
    })
  const target = { of: 'fleet', folder, database: DATABASE, data: FLEET_DATA, crypto: nodeCrypto, check } as const
  return restore(from, keyFile, target, onProgress)
}
