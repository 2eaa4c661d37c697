import { statSync } from 'node:fs'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { type NoteKey, parseVerifierKey } from '../../core/ledger/signed-note.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { gatewayFiles, readGatewayFolder, writeJson } from './files.ts'

/** The keys that a gateway knew its fleet's log by, and knows it by from now on: C2SP verifier keys. */
export type TrustedLogKey = { readonly key: string; readonly before: string }

/**
 * Has a gateway know its fleet's log by another key, on the word of a person at the gateway: no server can say it. The gateway may
 * serve meanwhile, and looks at its next turn. What it has signed so far stays, and the log has to continue it under the new key too.
 * If power fails before the file gets its name, the old key counts; after it, the new one. Durable on return.
 *
 * Refuses what `readGatewayFolder` refuses, and `key-malformed` for what is no Ed25519 key of a log, or the key of another one.
 */
export function trustLogKey(folder: string, word: string): TrustedLogKey | Refusal {
  const read = readGatewayFolder(folder)
  if (isRefusal(read)) return read
  const before = read.issued.log
  const name = parseVerifierKey(nodeCrypto, before)?.name
  const key = parseVerifierKey(nodeCrypto, word)
  if (key === null || key.name !== name) {
    return refuse('key-malformed', '--key', `the key of the log ${name}: NAME+ID+KEY`, word.slice(0, 120))
  }
  writeJson(gatewayFiles(folder).issued, { ...read.issued, log: word })
  return { key: word, before }
}

/** Which log a serving gateway knows: read again whenever a person has changed it. */
export class KnownLog {
  readonly #folder: string
  #seen: string
  #key: NoteKey

  constructor(folder: string, key: NoteKey) {
    this.#folder = folder
    this.#seen = this.#stamp()
    this.#key = key
  }

  /** The key of the log as the folder says it now; as it said it last, while the folder cannot be read. */
  key(): NoteKey {
    const stamp = this.#stamp()
    if (stamp === this.#seen) return this.#key
    const read = readGatewayFolder(this.#folder)
    const key = isRefusal(read) ? null : parseVerifierKey(nodeCrypto, read.issued.log)
    if (key === null || key.name !== this.#key.name) return this.#key
    this.#seen = stamp
    this.#key = key
    return key
  }

  /** What differs when the file was written anew. */
  #stamp(): string {
    const { ino = 0, mtimeMs = 0 } = statSync(gatewayFiles(this.#folder).issued, { throwIfNoEntry: false }) ?? {}
    return `${ino} ${mtimeMs}`
  }
}
