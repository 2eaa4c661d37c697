import { copyFileSync, rmSync } from 'node:fs'
import { stringify } from 'yaml'
import { makeFolders, writeWhole } from '../../adapters/config-file.ts'
import { isLoopback } from '../../adapters/loopback.ts'
import type { Crypto } from '../../core/encoding/crypto.ts'
import { isKeyName, verifierKey } from '../../core/ledger/signed-note.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { checkWitnessKey } from '../../flows/cosign.ts'
import type { Signer } from '../../flows/ports.ts'
import { parseConfig } from '../../wire/config.ts'
import { WitnessConfig } from '../../wire/witness-config.ts'
import { refuseTaken } from '../process/folder.ts'
import type { OpenSigner } from '../process/signers.ts'
import { makeWitnessKey } from '../process/witness-key.ts'
import { logsOf, witnessFiles } from './files.ts'

export type WitnessSetup = {
  readonly name: string
  readonly log: readonly string[]
  readonly host: string
  readonly port: number
  readonly prefix?: string
  /** Certificate and key in PEM: they are copied into the folder. */
  readonly cert?: string
  readonly key?: string
  /** A reference to a key in a token; absent: a key is made, in a file. */
  readonly signingKey?: string
}

/** `key`: what whoever trusts this witness writes into a policy. */
export type WitnessMade = {
  readonly folder: string
  readonly name: string
  readonly key: string
  readonly url: string
  readonly logs: readonly string[]
}

const OPTIONS = 'the options of witness init'

/**
 * Makes a witness's folder: its config, and its key, which stays here or in the token that holds it. Refuses `folder-not-empty`,
 * `config-malformed` for a wrong option, `witness-not-loopback`, `witness-key-unsuitable`, what `openSigner` refuses.
 */
export async function initWitness(
  folder: string,
  setup: WitnessSetup,
  { crypto, openSigner }: { crypto: Crypto; openSigner: OpenSigner },
): Promise<WitnessMade | Refusal> {
  const taken = refuseTaken(folder)
  if (taken !== null) return taken
  const { name, host, port, prefix, cert, key } = setup
  // C2SP signed-note: a name is an address without its scheme. One with a scheme would stand in every cosignature for ever.
  if (!isKeyName(name) || name.includes('://')) {
    const expected = 'a name without spaces or plus, and without https://'
    return refuse('config-malformed', OPTIONS, expected, JSON.stringify(name))
  }
  if ((cert === undefined) !== (key === undefined)) {
    return refuse('config-malformed', OPTIONS, '--cert and --key, or neither', 'one of them')
  }
  if (cert === undefined && !isLoopback(host)) {
    return refuse('witness-not-loopback', host, '--cert and --key, or 127.0.0.1 or ::1', `${host} without them`)
  }
  const written = {
    kind: 'voltseal-witness',
    name,
    listen: { host, port },
    ...(prefix === undefined ? {} : { prefix }),
    ...(cert === undefined ? {} : { tls: { cert: 'tls/cert.pem', key: 'tls/key.pem' } }),
    logs: setup.log.map(word => ({ key: word })),
    log: 'info',
  }
  const config = parseConfig<WitnessConfig>(WitnessConfig, written, OPTIONS)
  if (isRefusal(config)) return config
  const logs = logsOf(config, OPTIONS, crypto)
  if (isRefusal(logs)) return logs
  const made = await make(folder, setup, config, { crypto, openSigner })
  // The folder was empty before: what was begun in it is in nobody's way.
  if (isRefusal(made)) {
    rmSync(folder, { recursive: true, force: true })
    return made
  }
  const word = verifierKey(crypto, { name, key: made.key }, 'cosignature') as string
  const at = `${host.includes(':') ? `[${host}]` : host}:${port}${prefix ?? ''}`
  return { folder, name, key: word, url: `${cert === undefined ? 'http' : 'https'}://${at}`, logs: [...logs.keys()] }
}

async function make(
  folder: string,
  setup: WitnessSetup,
  config: WitnessConfig,
  { crypto, openSigner }: { crypto: Crypto; openSigner: OpenSigner },
): Promise<Signer | Refusal> {
  const files = witnessFiles(folder)
  makeFolders(folder, 0o700)
  const option = { name: 'witness init --signing-key', reference: setup.signingKey }
  const signer = await makeWitnessKey(files.key, option, openSigner)
  if (isRefusal(signer)) return signer
  const unfit = checkWitnessKey({ name: setup.name, signer, crypto })
  if (unfit !== null) return unfit
  if (setup.cert !== undefined && setup.key !== undefined) {
    makeFolders(`${folder}/tls`, 0o700)
    copyFileSync(setup.cert, `${folder}/tls/cert.pem`)
    copyFileSync(setup.key, `${folder}/tls/key.pem`)
  }
  // The config last: a folder without it is not a witness's, whatever moment power failed at.
  writeWhole(files.config, stringify(config))
  return signer
}
