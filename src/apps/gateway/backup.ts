import { existsSync } from 'node:fs'
import { systemClock } from '../../adapters/clock-system.ts'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { GATEWAY_DATA, openGatewayStore, type SqliteGatewayStore } from '../../adapters/store-sqlite/gateway.ts'
import type { Instant } from '../../core/encoding/units.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import { confirmCaughtUp } from '../../flows/catch-up.ts'
import type { Clock } from '../../flows/ports.ts'
import { type BackedUp, backUp, names, type OnProgress, ownPaths } from '../process/back-up.ts'
import { type Restored, restore } from '../process/restore.ts'
import { withSigners } from '../process/signers.ts'
import { type StoreFile, withStore } from '../process/store-file.ts'
import { gatewayFiles, readGatewayFolder } from './files.ts'

/** The gateway's store: it has no log of its own, only the number that its outbox gave last. */
const STORE: StoreFile<SqliteGatewayStore> = {
  of: 'gateway',
  database: 'gateway.sqlite',
  data: GATEWAY_DATA,
  open: openGatewayStore,
  reached: async store => ({ given: await store.lastGiven(), checkpoint: [] }),
}

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
  return withSigners(nodeCrypto, async signers => {
    const signer = await signers.open(files.manifestKey)
    if (isRefusal(signer)) return signer
    const { ca, cert, key } = read.config.conditions ?? {}
    const keys = names(files.keys).filter(name => !/\.(?:pub|txt)$/.test(name))
    // Not in it: who was shut out since a backup would come in again with it.
    const people = existsSync(files.people) ? ['people.json'] : []
    const source = {
      store: STORE,
      name: read.site.site,
      folder,
      program,
      door: files.copies,
      files: ['gateway.yaml', 'site.yaml', 'enrolment.json', 'issued.json', ...ownPaths(folder, [ca, cert])],
      blobs: null,
      absent: [...people, ...keys.map(name => `keys/${name}`), ...ownPaths(folder, [key])],
      signer,
      clock,
    }
    return backUp(source, to, onProgress)
  })
}

/**
 * `voltseal gateway restore`: into a new or empty folder. `keyFile`: the public key that signs the site manifest, kept apart from
 * the backup. The gateway catches up with the fleet before it does anything else (flows/catch-up.ts). Refuses as `restore`.
 */
export const restoreGateway = (
  from: string,
  folder: string,
  keyFile: string,
  onProgress: OnProgress,
): Promise<Restored | Refusal> => restore(from, { folder, store: STORE, keyFile, crypto: nodeCrypto }, onProgress)

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
  return withSigners(nodeCrypto, async signers => {
    const signer = await signers.open(files.manifestKey)
    if (isRefusal(signer)) return signer
    return withStore(openGatewayStore(files.database), async store => {
      const confirmed = await confirmCaughtUp({ site, clock, crypto: nodeCrypto, signer, store })
      return isRefusal(confirmed) ? confirmed : { site: site.site, ...confirmed }
    })
  })
}
