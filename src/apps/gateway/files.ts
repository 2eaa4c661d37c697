import { join } from 'node:path'
import { readConfig, readText, writeWhole } from '../../adapters/config-file.ts'
import { fromBase64 } from '../../core/encoding/bytes.ts'
import { parseSite, type Site } from '../../core/fleet/topology.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { GatewayConfig, parseConfig } from '../../wire/config.ts'
import type { EnrolledSite } from '../../wire/fleet-views.ts'

/** Where a gateway keeps what. The folder is one gateway's; only `issued.json` comes from somewhere else. */
export const gatewayFiles = (folder: string) => ({
  config: join(folder, 'gateway.yaml'),
  site: join(folder, 'site.yaml'),
  keys: join(folder, 'keys'),
  /** Calls the fleet. */
  callKey: join(folder, 'keys', 'call.pem'),
  /** Serves the site's network. */
  doorKey: join(folder, 'keys', 'door.pem'),
  /** Signs the site manifest. */
  manifestKey: join(folder, 'keys', 'manifest'),
  /** Cosigns the checkpoints of the fleet's audit log. */
  witnessKey: join(folder, 'keys', 'witness'),
  enrolment: join(folder, 'enrolment.json'),
  issued: join(folder, 'issued.json'),
  /** Who may sign in at the gateway's page. */
  people: join(folder, 'people.json'),
  /** Full images that a person said yes to. */
  allowed: join(folder, 'full-images.json'),
  database: join(folder, 'gateway.sqlite'),
  cache: join(folder, 'cache'),
  /** Where a person on the spot asks how the site stands. */
  control: join(folder, 'control.sock'),
  /** Where whoever makes a backup asks the gateway that runs for a copy of its store. */
  copies: join(folder, 'copies.sock'),
})

/** Everything that a gateway serves from, read and checked. */
export type GatewayFolder = { readonly config: GatewayConfig; readonly site: Site; readonly issued: EnrolledSite }

/**
 * Reads a gateway's folder. Refuses `file-missing` and the like, `config-malformed`, what `parseSite` refuses,
 * `gateway-not-enrolled`, and `site-mismatch` when config, site and enrolment do not name the same site.
 */
export function readGatewayFolder(folder: string): GatewayFolder | Refusal {
  const files = gatewayFiles(folder)
  const written = readConfig(files.config)
  if (isRefusal(written)) return written
  const config = parseConfig<GatewayConfig>(GatewayConfig, written, files.config)
  if (isRefusal(config)) return config
  const site = readSite(files.site)
  if (isRefusal(site)) return site
  const text = readText(files.issued, 1 << 24)
  if (isRefusal(text)) {
    return text.code === 'file-missing'
      ? refuse('gateway-not-enrolled', folder, 'an issued.json from the fleet', 'none')
      : text
  }
  const issued = readIssued(text)
  if (issued === null) return refuse('config-malformed', files.issued, 'what site enrol wrote', 'something else')
  const names = new Set([config.site, site.site, issued.site])
  if (names.size > 1) {
    const actual = `${config.site} in the config, ${site.site} in site.yaml, ${issued.site} in the enrolment`
    return refuse('site-mismatch', folder, 'one site', actual)
  }
  return { config, site, issued }
}

function readIssued(text: string): EnrolledSite | null {
  try {
    const read = JSON.parse(text) as EnrolledSite
    const { cert, serverCert } = read.gateway
    const parts = [read.fleet.ca, read.siteCa, cert, serverCert, read.log, ...Object.values(read.roots)]
    const whole = parts.every(part => typeof part === 'string') && Array.isArray(read.anchors)
    return whole && Object.keys(read.controllers).length > 0 ? read : null
  } catch {
    return null
  }
}

/** Reads a `site.yaml`. */
export function readSite(path: string): Site | Refusal {
  const value = readConfig(path)
  return isRefusal(value) ? value : parseSite(value, path)
}

/** Writes a file that holds private keys or nothing worth hiding, whole. */
export function writeJson(path: string, value: unknown): void {
  writeWhole(path, `${JSON.stringify(value, null, 2)}\n`)
}

/** Bytes of a base64 member of a file that this program wrote itself. */
export function decoded(text: string, subject: string): Uint8Array {
  const bytes = fromBase64(text)
  if (bytes === null) throw new Error(`${subject}: not base64`)
  return bytes
}
