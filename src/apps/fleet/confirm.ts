import { systemClock } from '../../adapters/clock-system.ts'
import { readConfig, readText } from '../../adapters/config-file.ts'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { openFleetStore } from '../../adapters/store-sqlite/fleet.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import { NO_POLICY } from '../../core/trust/evidence/judge.ts'
import { type Confirmation, type Confirmed, confirmRestored } from '../../flows/confirm.ts'
import type { Clock } from '../../flows/ports.ts'
import { FleetConfig, parseConfig } from '../../wire/config.ts'
import { nobodyThere, Signers } from '../process/signers.ts'
import { fleetFiles } from './files.ts'
import { loadKeys } from './keys.ts'
import { fleetWorld } from './world.ts'

const MAX_CHECKPOINT = 1 << 20

/**
 * `voltseal fleet confirm-restore`, on the server's own machine, while it does not serve. `seen`: files with signed checkpoints.
 * Durable on return. Refuses a missing or malformed config, `data-folder-in-use`, keys that are not back yet, and what
 * `confirmRestored` refuses.
 */
export async function confirmFleet(
  folder: string,
  asked: Confirmation,
  clock: Clock = systemClock,
): Promise<Confirmed | Refusal> {
  const files = fleetFiles(folder)
  const written = readConfig(files.config)
  if (isRefusal(written)) return written
  const config = parseConfig<FleetConfig>(FleetConfig, written, files.config)
  if (isRefusal(config)) return config
  const seen: string[] = []
  for (const path of asked.seen) {
    const text = readText(path, MAX_CHECKPOINT)
    if (isRefusal(text)) return text
    seen.push(text)
  }
  const signers = new Signers(nodeCrypto, { askPin: nobodyThere })
  const store = openFleetStore(files.database)
  if (isRefusal(store)) return store
  try {
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
    return await confirmRestored(fleetWorld(config, store, folder, parts), { ...asked, seen })
  } finally {
    store.close()
    signers.close()
  }
}
