import { systemClock } from '../../adapters/clock-system.ts'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { openFleetStore } from '../../adapters/store-sqlite/fleet.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import { NO_POLICY } from '../../core/trust/evidence/judge.ts'
import type { Clock, FleetWorld } from '../../flows/ports.ts'
import type { FleetConfig } from '../../wire/config.ts'
import { type OpenSigner, withSigners } from '../process/signers.ts'
import { withStore } from '../process/store-file.ts'
import { archiveOf } from './archive.ts'
import { fleetFiles, readFleetConfig } from './files.ts'
import { loadKeys } from './keys.ts'
import { fleetWorld } from './world.ts'

/**
 * Does something with a fleet server's folder while the server does not run: its store has one owner. Refuses a missing or malformed
 * config, `data-folder-in-use`, keys that cannot be read, and what the work refuses.
 */
export async function withStopped<T>(
  folder: string,
  work: (world: FleetWorld, config: FleetConfig, open: OpenSigner) => Promise<T | Refusal>,
  clock: Clock = systemClock,
): Promise<T | Refusal> {
  const config = readFleetConfig(folder)
  if (isRefusal(config)) return config
  const store = openFleetStore(fleetFiles(folder).database, archiveOf(folder, config))
  return withStore(store, store =>
    withSigners(nodeCrypto, async ({ open }) => {
      const keys = await loadKeys(folder, open)
      if (isRefusal(keys)) return keys
      const { anchors } = config
      const parts = { crypto: nodeCrypto, clock, keys, anchors, publishPolicy: NO_POLICY, wrappingKey: null }
      return work(fleetWorld(config, store, folder, parts), config, open)
    }),
  )
}
