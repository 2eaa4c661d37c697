import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../adapters/clock-system.ts'
import { readConfig } from '../../adapters/config-file.ts'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { openFleetStore } from '../../adapters/store-sqlite/fleet.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { NO_POLICY } from '../../core/trust/evidence/judge.ts'
import { recoverAdministrator } from '../../flows/appoint.ts'
import { refuseCopy } from '../../flows/confirm.ts'
import type { Clock } from '../../flows/ports.ts'
import { FleetConfig, parseConfig } from '../../wire/config.ts'
import { nobodyThere, Signers } from '../process/signers.ts'
import { fleetFiles } from './files.ts'
import { loadKeys } from './keys.ts'
import { writeProfile } from './people.ts'
import { fleetWorld } from './world.ts'

export type Recovered = { readonly account: string; readonly profile: string }

/**
 * Makes somebody an administrator of the fleet on the server's own machine, and gives them a certificate: for the first
 * administrator of an older fleet, and for when nobody can come in any more. Whoever may do this could read the keys of the
 * server as well: it gives nobody anything new, and it is in the log. The server must not run: its store has one owner.
 * Durable on return. Refuses a missing or malformed config, `data-folder-in-use`, `file-exists` (the profile of before is
 * there), `store-restored`, and what `recoverAdministrator` refuses.
 */
export async function recoverFleet(
  folder: string,
  id: string,
  clock: Clock = systemClock,
): Promise<Recovered | Refusal> {
  const files = fleetFiles(folder)
  const written = readConfig(files.config)
  if (isRefusal(written)) return written
  const config = parseConfig<FleetConfig>(FleetConfig, written, files.config)
  if (isRefusal(config)) return config
  const into = join(files.profiles, id)
  if (existsSync(into)) return refuse('file-exists', into, 'no profile of that name', 'one of before: move it away')
  const signers = new Signers(nodeCrypto, { askPin: nobodyThere })
  const store = openFleetStore(files.database)
  if (isRefusal(store)) return store
  try {
    const older = await refuseCopy(store, files.database)
    if (older !== null) return older
    const keys = await loadKeys(folder, signers.open)
    if (isRefusal(keys)) return keys
    const parts = {
      crypto: nodeCrypto,
      clock,
      keys,
      anchors: config.anchors,
      publishPolicy: NO_POLICY,
      wrappingKey: null,
    }
    const world = fleetWorld(config, store, folder, parts)
    const recovered = await recoverAdministrator(world, id)
    if (isRefusal(recovered)) return recovered
    // If power fails here, the account is there without a certificate: the same command again makes it.
    const by = { audit: keys.audit.key, crypto: nodeCrypto, now: clock.now() }
    const profile = await writeProfile(folder, config, id, into, by)
    return isRefusal(profile) ? profile : { account: id, profile }
  } finally {
    store.close()
    signers.close()
  }
}
