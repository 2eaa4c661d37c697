import type { Instant } from '../encoding/units.ts'

/** What stores keep of sites and controllers. */

/** A registered site: its parsed `site.yaml`, its gateway's key, and how far its gateway's log has been taken in. */
export type SiteRow = {
  readonly id: string
  /** The site as canonical JSON (see core/fleet/topology.ts). */
  readonly site: Uint8Array
  /** SubjectPublicKeyInfo (DER, ECDSA P-256) of the key that signs the site manifest. */
  readonly gatewayKey: Uint8Array
  /** The highest sequence of the gateway's outbox that is durable here; 0 for none. */
  readonly upstream: number
  /** The head of the gateway's own log behind it (core/ledger/site-chain.ts). */
  readonly head: Uint8Array
}

/**
 * How far a controller's history was told (core/ledger/device-place.ts), by the digest of its report key: a device that was
 * replaced begins anew.
 */
export type HistoryRow = {
  readonly site: string
  readonly controller: string
  /** SHA-256 of the report key, in hex. */
  readonly key: string
  readonly told: number
  readonly digest: string
  readonly sequence: number
  readonly attested: number
  readonly missed: number
}

/** A break in a sequence of a site, as the log tells of it. `controller` is empty for the gateway's own log. */
export type BreakRow = {
  readonly site: string
  readonly controller: string
  readonly code: string
  readonly from: number
  readonly to: number
  /** When the fleet found it. */
  readonly at: Instant
}

export type NumberedBreak = BreakRow & { readonly number: number }

/** A registered controller and what it last attested. */
export type ControllerRow = {
  readonly site: string
  readonly id: string
  readonly class: string
  readonly hardware: string
  /** SubjectPublicKeyInfo (DER, ECDSA P-256) of the key that signs its reports. */
  readonly reportKey: Uint8Array
  /** SubjectPublicKeyInfo (DER, P-256) of the key that content keys are wrapped for; null: it has none. */
  readonly decryptionKey: Uint8Array | null
  /** The last accepted signed report, as it came; null before the first. */
  readonly report: Uint8Array | null
  /** The sequence of that report; 0 before the first. */
  readonly sequence: number
  /** When that report was taken in, by the fleet's clock. Written with a report, and read with a single controller. */
  readonly seenAt?: Instant
}

/** Of a controller what an order for it is written by. `running`: SHA-256 of the image that it attested last; empty: none. */
export type OrderableRow = Pick<ControllerRow, 'id' | 'class' | 'hardware'> & { readonly running: Uint8Array }

/** What the gateway knows of one controller. */
export type GatewayControllerRow = {
  readonly id: string
  readonly reportKey: Uint8Array
  readonly report: Uint8Array | null
  readonly sequence: number
  /** Where its work stands: a state of core/campaign/site-work.ts as JSON. */
  readonly work: string
}

/** A content key wrapped for a controller; `envelope` is the SHA-256 of the release's envelope in lower-case hex. */
export type WrapRow = {
  readonly envelope: string
  readonly site: string
  readonly controller: string
  readonly wrap: Uint8Array
}
