import type { Instant } from '../encoding/units.ts'
import type { RefusalCode } from '../refusal/registry.ts'

/** What witnesses keep of a log, and what the log keeps of its witnesses. */

/** Why a witness did not sign, as it was told. `checkpoint`: what it was shown. `until`: when it signed again; null: not yet. */
export type Trouble = {
  readonly code: RefusalCode
  readonly expected: string
  readonly actual: string
  readonly since: Instant
  readonly until: Instant | null
  readonly checkpoint: string
}

/** What a witness signed last of a log, with the checkpoint that it signed; size 0 and no checkpoint: nothing yet. */
export type WitnessedLog = {
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
  readonly checkpoint: string
  readonly at: Instant
  /** The last trouble that there was with the log. */
  readonly trouble: Trouble | null
}

/**
 * What a log knows of one of its witnesses: `name` of the policy, or the site of a gateway. `size` that it signed last; `line`: its
 * cosignature of that size.
 */
export type WitnessRow = {
  readonly key: string
  readonly name: string
  readonly size: number
  readonly line: string
  readonly at: Instant
  readonly trouble: Trouble | null
}

/** A checkpoint that is under way to the witnesses: see witness-round.ts. */
export type RoundRow = { readonly state: string; readonly checkpoint: string }

/** What a decision about witnesses changes in the fleet's store. */
export type WitnessChange = {
  readonly witnesses?: readonly WitnessRow[]
  readonly round?: RoundRow
  /** The newest checkpoint that enough witnesses have signed, with their signatures. */
  readonly witnessed?: string
  /** The keys by which the gateways of sites cosign, as C2SP verifier keys. */
  readonly witnessKeys?: readonly { readonly site: string; readonly key: string }[]
}
