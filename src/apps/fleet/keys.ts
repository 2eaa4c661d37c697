import { existsSync } from 'node:fs'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import type { Signer } from '../../flows/ports.ts'
import type { OpenSigner } from '../process/signers.ts'
import { fleetFiles, ONLINE_KEYS, SERVER_KEYS, type ServerKey } from './files.ts'

/** The server's keys. Each file of `keys/` holds a private key, or a reference to one in a token. */
export async function loadKeys(folder: string, open: OpenSigner): Promise<Record<ServerKey, Signer> | Refusal> {
  const keys: Partial<Record<ServerKey, Signer>> = {}
  for (const name of SERVER_KEYS) {
    const signer = await open(fleetFiles(folder).key(name))
    if (isRefusal(signer)) return signer
    keys[name] = signer
  }
  return keys as Record<ServerKey, Signer>
}

/** Keys that the next root may name: those that lie in `keys/next`. */
export async function loadSpares(folder: string, open: OpenSigner): Promise<Signer[] | Refusal> {
  const spares: Signer[] = []
  for (const name of ONLINE_KEYS) {
    const path = fleetFiles(folder).nextKey(name)
    if (!existsSync(path)) continue
    const signer = await open(path)
    if (isRefusal(signer)) return signer
    spares.push(signer)
  }
  return spares
}
