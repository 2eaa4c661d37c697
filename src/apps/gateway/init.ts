import { copyFileSync, rmSync } from 'node:fs'
import { stringify } from 'yaml'
import { certificateRequest, generateTlsKey } from '../../adapters/certificates.ts'
import { makeFolders, writeWhole } from '../../adapters/config-file.ts'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { generateKeyFile } from '../../adapters/signer-file.ts'
import { toBase64 } from '../../core/encoding/bytes.ts'
import type { PublicKey } from '../../core/encoding/crypto.ts'
import { isPkcs11Uri } from '../../core/encoding/pkcs11-uri.ts'
import { verifierKey } from '../../core/ledger/signed-note.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { witnessNameOf } from '../../flows/witness.ts'
import { GatewayConfig, parseConfig } from '../../wire/config.ts'
import { refuseTaken } from '../process/folder.ts'
import type { OpenSigner } from '../process/signers.ts'
import { makeWitnessKey } from '../process/witness-key.ts'
import { gatewayFiles, readSite, writeJson } from './files.ts'

export type GatewaySetup = {
  readonly site: string
  readonly fleet: string
  readonly host: string
  readonly port: number
  readonly poll: number
  readonly maxRestarting: number
  /** Where the gateway's own page listens on this machine; absent: there is none. */
  readonly consolePort?: number
  /** A reference to a key in a token; absent: a key is made, in a file. */
  readonly manifestKey?: string
  /** The same of the key that cosigns checkpoints of the audit log. */
  readonly witnessKey?: string
}

/**
 * Makes a gateway's folder. The keys are made here and stay here, or in the token that holds one; what leaves is
 * `enrolment.json`, which asks for their certificates. `witness`: the key by which it cosigns the log. Refuses `folder-not-empty`, what `readSite` and `openSigner`
 * refuse, `key-algorithm-unsupported`, and `config-malformed` for a wrong option.
 */
export async function initGateway(
  folder: string,
  setup: GatewaySetup,
  openSigner: OpenSigner,
): Promise<{ folder: string; site: string; url: string; witness: string } | Refusal> {
  const taken = refuseTaken(folder)
  if (taken !== null) return taken
  const site = readSite(setup.site)
  if (isRefusal(site)) return site
  const { host, port, poll: pollMillis, maxRestarting } = setup
  const fleet = { url: setup.fleet.replace(/\/$/, '') }
  const written = {
    kind: 'voltseal-gateway',
    site: site.site,
    fleet,
    listen: { host, port },
    pollMillis,
    maxRestarting,
    ...(setup.consolePort === undefined ? {} : { console: { host: '127.0.0.1', port: setup.consolePort } }),
    log: 'info',
  }
  const config = parseConfig<GatewayConfig>(GatewayConfig, written, 'the options of gateway init')
  if (isRefusal(config)) return config
  const files = gatewayFiles(folder)
  makeFolders(folder, 0o700)
  const [call, door] = [generateTlsKey(), generateTlsKey()]
  writeWhole(files.callKey, call, 0o600)
  writeWhole(files.doorKey, door, 0o600)
  const manifest = await makeManifestKey(files.manifestKey, setup.manifestKey, openSigner)
  if (isRefusal(manifest)) {
    // The folder was empty before: what was begun in it is in nobody's way.
    rmSync(folder, { recursive: true, force: true })
    return manifest
  }
  const option = { name: 'gateway init --witness-key', reference: setup.witnessKey }
  const witness = await makeWitnessKey(files.witnessKey, option, openSigner)
  if (isRefusal(witness)) {
    rmSync(folder, { recursive: true, force: true })
    return witness
  }
  copyFileSync(setup.site, files.site)
  const named = { name: witnessNameOf(site.site), key: witness.key }
  const witnessKey = verifierKey(nodeCrypto, named, 'cosignature') as string
  writeJson(files.enrolment, {
    csr: await certificateRequest(call),
    serverCsr: await certificateRequest(door),
    hosts: host === '127.0.0.1' ? [host, 'localhost'] : [host],
    reportKey: toBase64(manifest.spki),
    witnessKey,
  })
  // The config last: a folder without it is not a gateway's, whatever moment power failed at.
  writeWhole(files.config, stringify(config))
  return { folder, site: site.site, url: `https://${host}:${port}`, witness: witnessKey }
}

/** The key that signs what the gateway hands over: made in a file, or in a token, and then the file says where. */
async function makeManifestKey(
  file: string,
  reference: string | undefined,
  openSigner: OpenSigner,
): Promise<PublicKey | Refusal> {
  if (reference === undefined) {
    const made = generateKeyFile(file, 'ecdsa-p256')
    return isRefusal(made) ? made : made.key
  }
  const expected = 'a key in a token: pkcs11:token=…;object=…?module-path=…&pin-source=…'
  if (!isPkcs11Uri(reference)) return refuse('usage-error', 'gateway init --manifest-key', expected, 'something else')
  const signer = await openSigner(reference)
  if (isRefusal(signer)) return signer
  if (signer.key.alg !== 'ecdsa-p256') {
    return refuse('key-algorithm-unsupported', reference.split('?')[0] as string, 'ecdsa-p256', signer.key.alg)
  }
  writeWhole(file, `${reference}\n`, 0o600)
  return signer.key
}
