import { resolve } from 'node:path'
import { readText } from '../../adapters/config-file.ts'
import { utf8 } from '../../core/encoding/bytes.ts'
import type { Json, JsonObject } from '../../core/encoding/canonical-json.ts'
import type { Crypto } from '../../core/encoding/crypto.ts'
import { MAX_POLICY_CHARACTERS } from '../../core/ledger/log-policy.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import { WARNING_DAYS } from '../../core/trust/expiry.ts'
import type { Setting, Settings } from '../../flows/settings.ts'
import type { ArchiveConfig, FleetConfig } from '../../wire/config.ts'
import type { ConsoleConfig } from '../../wire/console-config.ts'
import { signInOf } from '../../wire/sign-in-config.ts'
import { fleetFiles } from './files.ts'
import { governanceOf, silenceOf } from './world.ts'

const MAX_PEM = 1 << 20

/**
 * What a server's config and the files that it names say of who may do what, for the log. `wrapping`: the public key of the one
 * that wraps content keys; null: people bring the wraps. What a release must carry and whom the log is forwarded to have
 * entries of their own (flows/attest.ts, flows/forward.ts). Refuses what `readText` refuses of a file that is named.
 */
export function settingsOf(
  folder: string,
  config: FleetConfig,
  wrapping: Uint8Array | null,
  crypto: Crypto,
): Settings | Refusal {
  const { witnesses, archive, webhooks, warningDays = WARNING_DAYS, metadataMillis } = config
  const digest = (bytes: Uint8Array): string => crypto.sha256(bytes).toHex()
  const read = (path: string | null, most: number): string | null | Refusal => {
    const text = path === null ? null : readText(path, most)
    return typeof text === 'string' ? digest(utf8(text)) : text
  }
  const named = (file: string | undefined): string | null => (file === undefined ? null : resolve(folder, file))
  const ca = read(fleetFiles(folder).authority('fleet').cert, MAX_PEM)
  const policy = read(named(witnesses?.policy), MAX_POLICY_CHARACTERS)
  const witnessCa = read(named(witnesses?.ca), MAX_PEM)
  const hooksCa = read(named(webhooks?.ca), MAX_PEM)
  if (isRefusal(ca)) return ca
  if (isRefusal(policy)) return policy
  if (isRefusal(witnessCa)) return witnessCa
  if (isRefusal(hooksCa)) return hooksCa
  const { separateOrganisations, changeRequest } = governanceOf(config)
  const { folder: kept = null, days = {}, otherwise = null } = (archive as ArchiveConfig | undefined) ?? {}
  const { console: shown } = config
  const silence = silenceOf(config)
  return new Map<string, Setting>([
    ['governance', all({ separateOrganisations, changeRequest: changeRequest.toSorted() })],
    ['sign-in', vouching(config, { console: shown === undefined ? null : consoleText(shown) })],
    ['anchors', all({ anchors: config.anchors.map(({ kid }) => kid).toSorted() })],
    ['authority', all({ ca })],
    ['wrapping', all({ wrappingKey: wrapping === null ? null : digest(wrapping) })],
    ['witnesses', all({ witnesses: policy, patienceMillis: witnesses?.patienceMillis ?? null, ca: witnessCa })],
    // Where the archive lies is the operator's: the digest alone says that it is another place.
    ['archive', part({ archive: kept }, { days: Object.fromEntries(Object.entries(days)), otherwise })],
    ['webhooks', all({ allow: (webhooks?.allow ?? []).toSorted(), ca: hooksCa })],
    ['silence', all({ controllerMillis: silence.controllers, gatewayMillis: silence.gateways })],
    ['metadata', all({ metadataMillis, warningDays: [...warningDays] })],
  ])
}

/** Where it listens and, where that was said, what people type: an address of before is written as it was. */
const consoleText = ({ host, port, url }: ConsoleConfig): string =>
  `${host}:${port}${url === undefined ? '' : ` ${url}`}`

/** Who may come in without a certificate, and by whose word. A fleet without other parties says what it said before there were any. */
function vouching(config: FleetConfig, shown: JsonObject): Setting {
  const { withoutCertificate, openid } = signInOf(config.signIn)
  const said = { signIn: withoutCertificate, ...shown }
  if (openid.length === 0) return all(said)
  const clients = openid.map(({ issuer, clientId, name }) => ({ issuer, clientId, name }))
  return part({ clients }, { ...said, openid: openid.map(({ issuer }) => issuer) })
}

const all = (said: JsonObject): Setting => ({ whole: said, said })
const part = (kept: JsonObject, said: JsonObject): Setting => ({ whole: { ...kept, ...said } satisfies Json, said })
