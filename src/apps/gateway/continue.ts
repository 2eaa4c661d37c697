import { systemClock } from '../../adapters/clock-system.ts'
import { readText } from '../../adapters/config-file.ts'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { HttpsClient } from '../../adapters/link-https/client.ts'
import { HttpsFleetLink } from '../../adapters/link-https/fleet-link.ts'
import { openGatewayStore } from '../../adapters/store-sqlite/gateway.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import { continueByHand, type Gone } from '../../flows/go-back.ts'
import type { Clock } from '../../flows/ports.ts'
import { withSigners } from '../process/signers.ts'
import { withStore } from '../process/store-file.ts'
import { gatewayFiles, readGatewayFolder } from './files.ts'

/**
 * `voltseal gateway continue`, while the gateway does not run: its own log goes on behind what the fleet has of it, and says so. It asks
 * the fleet, as itself. Durable on return. Refuses what `readGatewayFolder` and `continueByHand` refuse, `data-folder-in-use`.
 */
export async function continueGateway(
  folder: string,
  clock: Clock = systemClock,
): Promise<({ readonly site: string } & Gone) | Refusal> {
  const read = readGatewayFolder(folder)
  if (isRefusal(read)) return read
  const { config, site, issued } = read
  const files = gatewayFiles(folder)
  const key = readText(files.callKey, 1 << 16)
  if (isRefusal(key)) return key
  return withSigners(nodeCrypto, async signers => {
    const signer = await signers.open(files.manifestKey)
    if (isRefusal(signer)) return signer
    return withStore(openGatewayStore(files.database, config.keep), async store => {
      const client = new HttpsClient(config.fleet.url, { ca: issued.fleet.ca, cert: issued.gateway.cert, key })
      try {
        const fleet = new HttpsFleetLink(client)
        const gone = await continueByHand({ store, site, clock, crypto: nodeCrypto, signer, fleet })
        return isRefusal(gone) ? gone : { site: site.site, ...gone }
      } finally {
        client.close()
      }
    })
  })
}
