import { existsSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { readText, writeWhole } from '../../adapters/config-file.ts'
import { toHex } from '../../core/encoding/bytes.ts'
import type { Crypto, PublicKey } from '../../core/encoding/crypto.ts'
import { noteKeyId, parseVerifierKey, verifierKey } from '../../core/ledger/signed-note.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { changeLogKey } from '../../flows/log-key.ts'
import type { Clock } from '../../flows/ports.ts'
import { fleetFiles } from './files.ts'
import { withStopped } from './stopped.ts'

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
 * Refuses `file-missing` without a next key, and what `withStopped` and `changeLogKey` refuse.
 */
export async function replaceLogKey(folder: string, clock?: Clock): Promise<ReplacedLogKey | Refusal> {
  const files = fleetFiles(folder)
  return withStopped(
    folder,
    async (world, _config, open) => {
      const next = await open(files.nextKey('audit'))
      if (isRefusal(next)) return next
      const refused = await changeLogKey(world, next)
      if (refused !== null) return refused
      const { name, store, auditSigner, crypto } = world
      const former = { name, key: auditSigner.key }
      const [key, before] = [{ name, key: next.key }, former].map(one => verifierKey(crypto, one) as string)
      const id = toHex(noteKeyId(crypto, former) as Uint8Array)
      writeWhole(join(files.retiredLogKeys, `audit-${id}`), `${before}\n`)
      const beside = `${files.nextKey('audit')}.pub`
      if (existsSync(beside)) renameSync(beside, `${files.key('audit')}.pub`)
      renameSync(files.nextKey('audit'), files.key('audit'))
      return { key: key as string, before: before as string, size: (await store.log()).size }
    },
    clock,
  )
}
