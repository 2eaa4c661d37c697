import type { Instant } from '../encoding/units.ts'

/** What a fleet server's store keeps of sites and controllers. */

/** A registered site: its parsed `site.yaml`, its gateway's key, and how far its gateway's log has been taken in. */
export type SiteRow = {
  readonly id: string
  /** The site as canonical JSON (see core/fleet/topology.ts). */
  readonly site: Uint8Array
  /** SubjectPublicKeyInfo (DER, ECDSA P-256) of the key that signs the site manifest. */
  readonly gatewayKey: Uint8Array
  /** The highest sequence of the gateway's outbox that is durable here; 0 for none. */
  readonly upstream: number
}

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

/** Of a controller what an order for it is written by: what stands before its report, which is long, in the database. */
export type OrderableRow = Pick<ControllerRow, 'id' | 'class' | 'hardware'>
