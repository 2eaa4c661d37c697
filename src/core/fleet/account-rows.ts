import type { Instant } from '../encoding/units.ts'

/** What a store keeps of accounts. */

/** An account (see account.ts), as canonical JSON. */
export type AccountRow = { readonly id: string; readonly account: Uint8Array }

/** A token or session (see credential.ts), as canonical JSON: the digest of the secret, never the secret. */
export type CredentialRow = { readonly id: string; readonly account: string; readonly credential: Uint8Array }

/** The same with when it was used last; null for never. */
export type KeptCredential = CredentialRow & { readonly used: Instant | null }

/** A passkey (see passkey.ts), as canonical JSON. */
export type PasskeyRow = { readonly id: string; readonly account: string; readonly passkey: Uint8Array }

/** What a change of the fleet's store may hold of accounts. */
export type AccountChange = {
  readonly accounts?: readonly AccountRow[]
  /** The slow hash of a password; null: none any more. */
  readonly passwords?: readonly { readonly account: string; readonly hash: string | null }[]
  readonly credentials?: readonly CredentialRow[]
  /** Ids of sessions that are over for so long that nobody asks for them: the log has told of them. */
  readonly forgotten?: readonly string[]
  readonly passkeys?: readonly PasskeyRow[]
  /** Ids of passkeys that are good for nothing any more. */
  readonly droppedPasskeys?: readonly string[]
  /** When credentials were used last. */
  readonly uses?: readonly { readonly id: string; readonly at: Instant }[]
}
