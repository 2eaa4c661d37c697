import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { recoverAdministrator } from '../../flows/appoint.ts'
import { noteCertificate } from '../../flows/certify.ts'
import { refuseCopy } from '../../flows/confirm.ts'
import { fleetActor } from '../../flows/opened.ts'
import type { Clock } from '../../flows/ports.ts'
import { fleetFiles } from './files.ts'
import { certifyPerson, writeProfile } from './people.ts'
import { withStopped } from './stopped.ts'

export type Recovered = { readonly account: string; readonly profile: string }

/**
 * Makes somebody an administrator of the fleet on the server's own machine, and gives them a certificate: for the first
 * administrator of an older fleet, and for when nobody can come in any more. Whoever may do this could read the keys of the
 * server as well: it gives nobody anything new, and it is in the log. The server must not run: its store has one owner.
 * Durable on return. Refuses a missing or malformed config, `data-folder-in-use`, `file-exists` (the profile of before is
 * there), `store-restored`, and what `recoverAdministrator` refuses.
 */
export async function recoverFleet(folder: string, id: string, clock?: Clock): Promise<Recovered | Refusal> {
  const into = join(fleetFiles(folder).profiles, id)
  if (existsSync(into)) return refuse('file-exists', into, 'no profile of that name', 'one of before: move it away')
  return withStopped(
    folder,
    async (world, config) => {
      const older = await refuseCopy(world.store, `the store of ${world.name}`)
      if (older !== null) return older
      const recovered = await recoverAdministrator(world, id)
      if (isRefusal(recovered)) return recovered
      const certified = await certifyPerson(folder, id, world.clock.now())
      if (isRefusal(certified)) return certified
      // If power fails between these, the account is there without a certificate: the same command again makes one.
      await noteCertificate(world, fleetActor(world), certified.issued)
      const by = { audit: world.auditSigner.key, crypto: nodeCrypto }
      return { account: id, profile: writeProfile(folder, config, id, into, certified, by) }
    },
    clock,
  )
}
