import { systemClock } from '../../adapters/clock-system.ts'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { GATEWAY_DATA, openGatewayStore, type SqliteGatewayStore } from '../../adapters/store-sqlite/gateway.ts'
import type { Instant } from '../../core/encoding/units.ts'
import type { Backup } from '../../core/fleet/backup.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { confirmCaughtUp } from '../../flows/catch-up.ts'
import type { Clock } from '../../flows/ports.ts'
import { type BackedUp, backUp, names, type OnProgress, type Restored, restore } from '../process/back-up.ts'
import { nobodyThere, Signers } from '../process/signers.ts'
import { gatewayFiles, readGatewayFolder } from './files.ts'

const DATABASE = 'gateway.sqlite'

/**
 * `voltseal gateway backup`: of a gateway that runs or not, by the user that it runs as. Its cache is not in it: what it needs of
 * that, it fetches again. Durable on return. Refuses what `readGatewayFolder`, the manifest key's signer and `backUp` refuse.
 */
export async function backUpGateway(
  folder: string,
  to: string,
  { program, clock = systemClock }: { readonly program: string; readonly clock?: Clock },
  onProgress: OnProgress,
): Promise<BackedUp | Refusal> {
  const read = readGatewayFolder(folder)
  if (isRefusal(read)) return read
  const files = gatewayFiles(folder)
  const signers = new Signers(nodeCrypto, { askPin: nobodyThere })
  try {
    const signer = await signers.open(files.manifestKey)
    if (isRefusal(signer)) return signer
    const { conditions } = read.config
    // What lies elsewhere is not the gateway's own.
    const own = (path: string | undefined): string[] =>
      path === undefined || !/^[A-Za-z0-9]/.test(path) || path.includes('..') ? [] : [path]
    const source = {
      of: 'gateway',
      name: read.site.site,
      folder,
      program,
      database: DATABASE,
      data: GATEWAY_DATA,
      door: files.copies,
      copyStopped: (path: string, goesOn: (done: number, total: number) => boolean) =>
        stopped(files.database, store => store.copyTo(path, goesOn)),
      seal,
      files: [
        'gateway.yaml',
        'site.yaml',
        'enrolment.json',
        'issued.json',
        ...own(conditions?.ca),
        ...own(conditions?.cert),
      ],
      blobs: null,
      absent: [
        ...names(files.keys)
          .filter(name => !/\.(?:pub|txt)$/.test(name))
          .map(name => `keys/${name}`),
        ...own(conditions?.key),
      ],
      signer,
      clock,
    } as const
    return await backUp(source, to, onProgress)
  } finally {
    signers.close()
  }
}

async function stopped<T>(database: string, work: (store: SqliteGatewayStore) => Promise<T>): Promise<T | Refusal> {
  const store = openGatewayStore(database)
  if (isRefusal(store)) return store
  try {
    return await work(store)
  } finally {
    store.close()
  }
}

const seal = (copy: string, made: Instant): Promise<Pick<Backup, 'given' | 'checkpoint'> | Refusal> =>
  stopped(copy, async store => {
    const fault = store.fault()
    if (fault !== null) return refuse('backup-damaged', DATABASE, 'a database that holds', fault)
    const given = await store.lastGiven()
    // One that was restored and has not caught up yet stays what it is: an older copy, of the time that it was made.
    if ((await store.copied()) === null) await store.commit({ copied: { made, given } })
    return { given, checkpoint: [] }
  })

/**
 * `voltseal gateway restore`: into a new or empty folder. `keyFile`: the public key that signs the site manifest, kept apart from
 * the backup. The gateway catches up with the fleet before it does anything else (flows/catch-up.ts). Refuses as `restore`.
 */
export function restoreGateway(
  from: string,
  folder: string,
  keyFile: string,
  onProgress: OnProgress,
): Promise<Restored | Refusal> {
  const check = (copy: string, backup: Backup): Promise<null | Refusal> =>
    stopped(copy, async store => {
      const fault = store.fault()
      if (fault !== null) return refuse('backup-damaged', DATABASE, 'a database that holds', fault)
      if ((await store.copied()) === null) await store.commit({ copied: { made: backup.at, given: backup.given } })
      return null
    })
  const target = { of: 'gateway', folder, database: DATABASE, data: GATEWAY_DATA, crypto: nodeCrypto, check } as const
  return restore(from, keyFile, target, onProgress)
}

/**
 * `voltseal gateway confirm-restore`, while the gateway does not run: it gives turns from its next start on, whoever is silent. Durable
 * on return. Refuses what `readGatewayFolder` refuses, `data-folder-in-use`, `store-not-restored`.
 */
export async function confirmGateway(
  folder: string,
  clock: Clock = systemClock,
): Promise<{ readonly site: string; readonly copied: Instant } | Refusal> {
  const read = readGatewayFolder(folder)
  if (isRefusal(read)) return read
  const { site } = read
  const files = gatewayFiles(folder)
  const signers = new Signers(nodeCrypto, { askPin: nobodyThere })
  try {
    const signer = await signers.open(files.manifestKey)
    if (isRefusal(signer)) return signer
    return await stopped(files.database, async store => {
      const confirmed = await confirmCaughtUp({ site, clock, crypto: nodeCrypto, signer, store })
      return isRefusal(confirmed) ? confirmed : { site: site.site, ...confirmed }
    })
  } finally {
    signers.close()
  }
}
