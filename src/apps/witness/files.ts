import { join, resolve } from 'node:path'
import { readConfig, readText } from '../../adapters/config-file.ts'
import type { Crypto } from '../../core/encoding/crypto.ts'
import { isKeyName, type NoteKey, parseVerifierKey } from '../../core/ledger/signed-note.ts'
import type { KnownLogs } from '../../core/ledger/witness-request.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { parseConfig } from '../../wire/config.ts'
import { WitnessConfig } from '../../wire/witness-config.ts'

/** Where a witness keeps what. The folder is one witness's, and one process serves it at a time. */
export const witnessFiles = (folder: string) => ({
  config: join(folder, 'config.yaml'),
  /** Cosigns, and signs nothing else: a private key, or a reference to one in a token. */
  key: join(folder, 'keys', 'witness'),
  database: join(folder, 'witness.sqlite'),
  /** Where the person who runs it asks how it stands. */
  control: join(folder, 'control.sock'),
})

/** Reads a witness's config. Refuses what `readConfig` and `parseConfig` refuse, `config-malformed` for a name that no key can have. */
export function readWitnessConfig(folder: string): WitnessConfig | Refusal {
  const { config: path } = witnessFiles(folder)
  const written = readConfig(path)
  if (isRefusal(written)) return written
  const config = parseConfig<WitnessConfig>(WitnessConfig, written, path)
  if (isRefusal(config)) return config
  return isKeyName(config.name)
    ? config
    : refuse('config-malformed', path, 'a name without spaces or plus', JSON.stringify(config.name))
}

/** The logs of a config, by origin. Several keys of one origin all count. Refuses `config-malformed`. */
export function logsOf({ logs }: WitnessConfig, path: string, crypto: Crypto): KnownLogs | Refusal {
  const known = new Map<string, NoteKey[]>()
  for (const { key: word } of logs) {
    const key = parseVerifierKey(crypto, word)
    if (key === null) return refuse('config-malformed', path, 'the key of a log: NAME+ID+KEY', word.slice(0, 120))
    known.set(key.name, [...(known.get(key.name) ?? []), key])
  }
  return known
}

/** Certificate and key of a config; null without any. Refuses what `readText` refuses. */
export function tlsOf({ tls }: WitnessConfig, folder: string): { cert: string; key: string } | null | Refusal {
  if (tls === undefined) return null
  const [cert, key] = [readText(resolve(folder, tls.cert), 1 << 20), readText(resolve(folder, tls.key), 1 << 16)]
  if (isRefusal(cert)) return cert
  return isRefusal(key) ? key : { cert, key }
}
