import { existsSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../adapters/clock-system.ts'
import { readConfig, readText, writeWhole } from '../../adapters/config-file.ts'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { openFleetStore } from '../../adapters/store-sqlite/fleet.ts'
import { toHex } from '../../core/encoding/bytes.ts'
import type { Crypto, PublicKey } from '../../core/encoding/crypto.ts'
import { noteKeyId, parseVerifierKey, verifierKey } from '../../core/ledger/signed-note.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { NO_POLICY } from '../../core/trust/evidence/judge.ts'
import { changeLogKey } from '../../flows/log-key.ts'
import type { Clock } from '../../flows/ports.ts'
import { FleetConfig, parseConfig } from '../../wire/config.ts'
import { nobodyThere, Signers } from '../process/signers.ts'
import { fleetFiles } from './files.ts'
import { loadKeys } from './keys.ts'
import { fleetWorld } from './world.ts'

/** The keys of the log, as C2SP verifier keys, and how long it is. */
export type ReplacedLogKey = { readonly key: string; readonly before: string; readonly size: number }

const MAX_KEY = 4096

/** The keys that signed the log before. Refuses `key-malformed` for a file that is none, and what `readText` refuses. */
export function retiredLogKeys(folder: string, crypto: Crypto): PublicKey[] | Refusal {
  const at = fleetFiles(folder).retiredLogKeys
  const keys: PublicKey[] = []
  for (const name of existsSync(at) ? readdirSync(at).filter(name => !name.startsWith('.')) : []) {
    const path = join(at, name)
    const text = readText(path, MAX_KEY)
    if (isRefusal(text)) return text
    const read = parseVerifierKey(crypto, text.trim())
    if (read === null) return refuse('key-malformed', path, 'a C2SP verifier key', text.slice(0, 40))
    keys.push(read.key)
  }
  return keys
}

/**
 * Lets the key in `keys/next/audit` sign the log from now on, on the server's own machine. The server must not run: its store has
 * one owner. The public half of the key of before stays in `keys/retired`, so that a store of before is told when it is put back; its
 * private half is gone.
 *
 * If power fails before the store's commit, nothing has changed. After it the server does not start with the old key, and the same
 * command goes on: first the retired key is kept, then the new one takes its place by a rename. Durable on return.
 *
 * Refuses a missing or malformed config, `file-missing` without a next key, `data-folder-in-use`, and what `changeLogKey` refuses.
 */
export async function replaceLogKey(folder: string, clock: Clock = systemClock): Promise<ReplacedLogKey | Refusal> {
  const files = fleetFiles(folder)
  const written = readConfig(files.config)
  if (isRefusal(written)) return written
  const config = parseConfig<FleetConfig>(FleetConfig, written, files.config)
  if (isRefusal(config)) return config
  const signers = new Signers(nodeCrypto, { askPin: nobodyThere })
  const store = openFleetStore(files.database)
  if (isRefusal(store)) return store
  try {
    const keys = await loadKeys(folder, signers.open)
    if (isRefusal(keys)) return keys
    const next = await signers.open(files.nextKey('audit'))
    if (isRefusal(next)) return next
    const world = fleetWorld(config, store, folder, {
      crypto: nodeCrypto,
      clock,
      keys,
      anchors: config.anchors,
      publishPolicy: NO_POLICY,
      wrappingKey: null,
    })
    const refused = await changeLogKey(world, next)
    if (refused !== null) return refused
    const name = config.name
    const former = { name, key: keys.audit.key }
    const [key, before] = [next.key, keys.audit.key].map(key => verifierKey(nodeCrypto, { name, key }) as string)
    const id = toHex(noteKeyId(nodeCrypto, former) as Uint8Array)
    writeWhole(join(files.retiredLogKeys, `audit-${id}`), `${before}\n`)
    const beside = `${files.nextKey('audit')}.pub`
    if (existsSync(beside)) renameSync(beside, `${files.key('audit')}.pub`)
    renameSync(files.nextKey('audit'), files.key('audit'))
    return { key: key as string, before: before as string, size: (await store.log()).size }
  } finally {
    store.close()
    signers.close()
  }
}
