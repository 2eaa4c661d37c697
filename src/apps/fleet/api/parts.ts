import { fromBase64 } from '../../../core/encoding/bytes.ts'
import { RefusalError, refuse } from '../../../core/refusal/refusal.ts'
import type { Gathering } from '../../../flows/ask-witnesses.ts'
import type { Passkeys } from '../../../flows/passkeys.ts'
import type { PasswordHash } from '../../../flows/people-ports.ts'
import type { FleetWorld } from '../../../flows/ports.ts'
import type { Reception } from '../../../flows/sign-in.ts'
import type { HookLink, WebhookStore } from '../../../flows/webhook-ports.ts'
import type { DryRuns } from '../dry-runs.ts'
import type { Enrolment } from '../enrolment.ts'
import type { Metrics } from '../metrics.ts'
import type { Packs } from '../packs.ts'
import type { Siem } from '../siem.ts'

/** What the routes of every subject have in common: what they work on, and how they read. */

/**
 * Where a door needs more than the flows: who may be enrolled, how large an upload may be, how people come in, who outside is
 * told.
 */
export type FleetDoor = {
  readonly world: FleetWorld
  readonly enrolment: Enrolment
  readonly maxBlobBytes: number
  /** The fleet's own folder. */
  readonly folder: string
  readonly reception: Reception
  readonly passwords: PasswordHash
  /** Null: the console's address has no name, and passkeys belong to a name. */
  readonly passkeys: Passkeys | null
  /** The issuers of other parties by the last part of the address that they send people back to. */
  readonly returns: ReadonlyMap<string, string>
  /** The address that people know the fleet by: `https://HOST:PORT`. */
  readonly origin: string
  /** Whether one may come without a client certificate, with a sign-in or a token. */
  readonly signIn: boolean
  readonly webhooks: WebhookStore
  /** What posts to subscribers, asked here which addresses it calls at all. */
  readonly hooks: HookLink
  /** The log on its way to its receivers. */
  readonly siem: Siem
  readonly metrics: Metrics
  /** How the log goes to its witnesses. */
  readonly gathering: Gathering
  /** Evidence packs that are made here. */
  readonly packs: Packs
  /** Dry runs that somebody may read on in. */
  readonly dryRuns: DryRuns
}

/** The bytes of a field in base64; throws `request-malformed`. */
export function decoded(base64: string, subject: string): Uint8Array {
  const bytes = fromBase64(base64)
  if (bytes !== null) return bytes
  throw new RefusalError(refuse('request-malformed', subject, 'canonical base64', 'something else'))
}

/** Bins by their names, each in base64; throws `request-malformed`. */
export const decodedBins = (bins: Readonly<Record<string, string>> = {}): ReadonlyMap<string, Uint8Array> =>
  new Map(Object.entries(bins).map(([name, base64]) => [name, decoded(base64, name)]))
