import { copyFileSync, mkdirSync } from 'node:fs'
import { stringify } from 'yaml'
import { certificateRequest, generateTlsKey } from '../../adapters/certificates.ts'
import { writeWhole } from '../../adapters/config-file.ts'
import { generateKeyFile } from '../../adapters/signer-file.ts'
import { toBase64 } from '../../core/encoding/bytes.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import { GatewayConfig, parseConfig } from '../../wire/config.ts'
import { refuseTaken } from '../process/folder.ts'
import { gatewayFiles, readSite, writeJson } from './files.ts'

export type GatewaySetup = {
  readonly site: string
  readonly fleet: string
  readonly host: string
  readonly port: number
  readonly poll: number
  readonly maxRestarting: number
}

/**
 * Makes a gateway's folder. The keys are made here and stay here; what leaves is `enrolment.json`, which asks for their
 * certificates. Refuses `folder-not-empty`, what `readSite` refuses, and `config-malformed` for a wrong option.
 */
export async function initGateway(
  folder: string,
  setup: GatewaySetup,
): Promise<{ folder: string; site: string; url: string } | Refusal> {
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
    log: 'info',
  }
  const config = parseConfig<GatewayConfig>(GatewayConfig, written, 'the options of gateway init')
  if (isRefusal(config)) return config
  const files = gatewayFiles(folder)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const [call, door] = [generateTlsKey(), generateTlsKey()]
  writeWhole(files.callKey, call, 0o600)
  writeWhole(files.doorKey, door, 0o600)
  const manifest = generateKeyFile(files.manifestKey, 'ecdsa-p256')
  if (isRefusal(manifest)) return manifest
  copyFileSync(setup.site, files.site)
  writeJson(files.enrolment, {
    csr: await certificateRequest(call),
    serverCsr: await certificateRequest(door),
    hosts: host === '127.0.0.1' ? [host, 'localhost'] : [host],
    reportKey: toBase64(manifest.key.spki),
  })
  // The config last: a folder without it is not a gateway's, whatever moment power failed at.
  writeWhole(files.config, stringify(config))
  return { folder, site: site.site, url: `https://${host}:${port}` }
}
