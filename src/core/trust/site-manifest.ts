import { toHex } from '../encoding/bytes.ts'
import { canonicalJson, type Json, JsonFault, type JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto, PublicKey } from '../encoding/crypto.ts'
import { exactly, list, Misfit, object, type Shape, text, then, whole, word } from '../encoding/shape.ts'
import { readJson } from '../encoding/strict-json.ts'
import { type Instant, instant } from '../encoding/units.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { idName } from './names.ts'
import { anyObject } from './open-shape.ts'
import { claimedReporter, MAX_REPORT_BYTES, openSigned, signedFile } from './report.ts'

/** The version of each repository's root that a gateway trusts. */
export type RootVersions = { readonly image: number; readonly approval: number; readonly director: number }

/**
 * What a gateway says of its site (Uptane 2.1.0 §5.4.2.1, the vehicle version manifest): the latest report of each
 * controller, as each has signed it. `sequence` never goes back; the same one may come again, when an answer was lost.
 */
export type SiteManifest = {
  readonly site: string
  readonly sequence: number
  readonly at: Instant
  /** What is handed over with it: the digest of the batch (`batchDigest`), so that no other batch rides on it. */
  readonly batch: string
  /**
   * The heads of the gateway's own log in front of what is handed over and behind it, in hex (core/ledger/site-chain.ts): with them
   * it has said everything up to `sequence`, and can never say otherwise.
   */
  readonly before: string
  readonly head: string
  /** The first number that it does not have any more, of those that it had not handed over; left out when it has them all. */
  readonly lostFrom?: number
  /** The reports as they travel on their own: see `openReport`. Not yet verified. */
  readonly reports: readonly Uint8Array[]
  readonly roots?: RootVersions
  /** The version of the director's targets that the site goes by: what is not ordered in it is over there (flows/shown-orders.ts). */
  readonly director?: number
}

export const MAX_SITE_MANIFEST_BYTES = 1024 * 1024
const MAX_REPORTS = 10_000

type Body = Omit<SiteManifest, 'reports'> & { readonly reports: readonly JsonObject[] }

const digest = text('a SHA-256 in hex', /^[0-9a-f]{64}$/)
const rootVersion = whole(1, Number.MAX_SAFE_INTEGER)

const shape: Shape<Body> = object(
  {
    kind: word('voltseal-site-manifest'),
    v: exactly(1),
    site: idName,
    sequence: whole(0, Number.MAX_SAFE_INTEGER),
    batch: digest,
    before: digest,
    head: digest,
    at: then(whole(0, 8_640_000_000_000_000), value => instant(value)),
    reports: list(anyObject as Shape<JsonObject>, 0, MAX_REPORTS),
  },
  {
    lostFrom: whole(1, Number.MAX_SAFE_INTEGER),
    roots: object({ image: rootVersion, approval: rootVersion, director: rootVersion }),
    director: rootVersion,
  },
)

const manifestFile = signedFile(shape)

/** An item that a gateway hands over: its place in the gateway's own order, what it is, its bytes. */
export type BatchItem = { readonly sequence: number; readonly kind: string; readonly bytes: Uint8Array }

/** The digest of a batch, in hex: over the place, kind and SHA-256 of each item, in order. */
export function batchDigest(items: readonly BatchItem[], crypto: Crypto): string {
  const rows = items.map(({ sequence, kind, bytes }) => [sequence, kind, toHex(crypto.sha256(bytes))])
  return toHex(crypto.sha256(canonicalJson(rows)))
}

/** The manifest's `signed` object. Throws when a report is not one: a gateway holds only reports that it has opened. */
export function writeSiteManifest(manifest: SiteManifest): JsonObject {
  const { site, sequence, at, batch, before, head, lostFrom, reports, roots, director } = manifest
  const embedded = reports.map(bytes => {
    const json = readJson(bytes, MAX_REPORT_BYTES)
    if (json instanceof JsonFault) throw json
    return json
  })
  const trusted: JsonObject = {
    ...(lostFrom === undefined ? {} : { lostFrom }),
    ...(roots === undefined ? {} : { roots }),
    ...(director === undefined ? {} : { director }),
  }
  return {
    kind: 'voltseal-site-manifest',
    v: 1,
    site,
    sequence,
    at,
    batch,
    before,
    head,
    reports: embedded,
    ...trusted,
  }
}

/** The manifest as it travels; the gateway signs `canonicalJson(signed)`, in DER for ECDSA. */
export function sealSiteManifest(signed: JsonObject, signature: Uint8Array): Uint8Array {
  return canonicalJson({ sig: toHex(signature), signed })
}

/**
 * Opens a site manifest: form, one spelling, the gateway's signature, the site, no controller twice, not older than
 * `lastSequence`. Each report is opened apart, with its controller's key. Refuses `site-manifest-malformed`,
 * `site-manifest-signature-invalid`, `site-manifest-wrong-site`, `site-manifest-replayed`.
 */
export function openSiteManifest(
  bytes: Uint8Array,
  from: { readonly site: string; readonly key: PublicKey },
  lastSequence: number,
  crypto: Crypto,
): SiteManifest | Refusal {
  const subject = `manifest of ${from.site}`
  const file = openSigned(bytes, MAX_SITE_MANIFEST_BYTES, manifestFile)
  if (file instanceof Misfit) return malformed(subject, file)
  if (!crypto.verify(from.key, file.message, file.signature, 'der')) {
    const actual = 'one that does not hold'
    return refuse('site-manifest-signature-invalid', subject, "a signature by the gateway's key", actual)
  }
  const { site, sequence, at, batch, before, head, lostFrom, roots, director } = file.signed
  if (site !== from.site) return refuse('site-manifest-wrong-site', subject, from.site, site)
  if (sequence < lastSequence) {
    return refuse('site-manifest-replayed', subject, `a sequence from ${lastSequence} on`, String(sequence))
  }
  const reports = file.signed.reports.map(report => canonicalJson(report as Json))
  const seen = new Set<string>()
  for (const [index, report] of reports.entries()) {
    const claimed = claimedReporter(report)
    if (claimed === null) return malformed(subject, new Misfit(`reports[${index}]`, 'a report', 'something else'))
    if (claimed.site !== site || seen.has(claimed.controller)) {
      const actual = `${claimed.site}/${claimed.controller}`
      return malformed(subject, new Misfit(`reports[${index}]`, 'each controller of the site once', actual))
    }
    seen.add(claimed.controller)
  }
  const said = {
    ...(lostFrom === undefined ? {} : { lostFrom }),
    ...(roots === undefined ? {} : { roots }),
    ...(director === undefined ? {} : { director }),
  }
  return { site, sequence, at, batch, before, head, reports, ...said }
}

const malformed = (subject: string, { at, expected, actual }: Misfit): Refusal =>
  refuse('site-manifest-malformed', subject, expected, `${actual} at ${at || 'the top'}`)
