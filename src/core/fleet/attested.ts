import { JsonFault } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { readJson } from '../encoding/strict-json.ts'
import { parseVersion } from '../firmware/version.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { openReport, type Report } from '../trust/report.ts'
import type { Attested } from './inventory.ts'
import { parseSite, type Site } from './topology.ts'

/** A controller as a store keeps it: who it is, the key of its reports, and the last report that was taken in. */
export type StoredController = {
  readonly site: string
  readonly id: string
  readonly reportKey: Uint8Array
  readonly report: Uint8Array | null
}

/**
 * The last report of a stored controller, verified again; null before the first. Refuses what `openReport` refuses: the
 * store was changed by somebody else.
 */
export function lastReport({ site, id, reportKey, report }: StoredController, crypto: Crypto): Report | null | Refusal {
  if (report === null) return null
  return openReport(report, { site, controller: id, key: { alg: 'ecdsa-p256', spki: reportKey } }, crypto)
}

/** What plans are made from. Refuses `version-malformed`: a controller that runs something without a version. */
export function attestedBy(report: Report, subject: string): Attested | Refusal {
  const { sequence, at, state, counter, running, anchors } = report
  const version = parseVersion(running.version, subject)
  if (isRefusal(version)) return version
  const runs = { version, sequence: running.sequence, digest: running.digest }
  return { sequence, at, state, counter, anchors, running: runs }
}

const MAX_SITE = 4 << 20

/** A site from its stored bytes (`siteBytes`). Refuses as `parseSite`. */
export function storedSite(bytes: Uint8Array, subject: string): Site | Refusal {
  const json = readJson(bytes, MAX_SITE)
  if (json instanceof JsonFault) return refuse('site-malformed', subject, 'a site as it was stored', json.message)
  return parseSite(json, subject)
}
