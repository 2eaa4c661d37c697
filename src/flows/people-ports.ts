import type { Instant } from '../core/encoding/units.ts'
import type { AccountRow, KeptCredential } from '../core/fleet/account-rows.ts'
import type { Challenge, Proof } from '../core/fleet/proof.ts'
import type { PersonRow } from '../core/ledger/person-rows.ts'
import type { Refusal } from '../core/refusal/refusal.ts'

/** What the flows need of the world to know who people are. A second file of ports (see ports.ts), by its subject. */

/** What the fleet's store answers of accounts. */
export interface AccountStore {
  account(id: string): Promise<AccountRow | null>
  accounts(): Promise<AccountRow[]>
  /** The hash of the account's password; null: it has none. */
  password(account: string): Promise<string | null>
  credential(id: string): Promise<KeptCredential | null>
  credentials(account: string): Promise<KeptCredential[]>
}

/** What the fleet's store answers of those whom the log speaks of by pseudonyms (core/ledger/pseudonym.ts). */
export interface PersonStore {
  /** A person's salt; null: the log never spoke of them, or they were forgotten. */
  person(name: string): Promise<PersonRow | null>
  /** What those pseudonyms stand for that are known. */
  named(pseudonyms: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** The names that were only tried, and are nobody's account, first met before an instant; the oldest first. */
  strangersBefore(before: Instant): Promise<string[]>
}

/** Bytes that nobody can guess. */
export interface Random {
  bytes(length: number): Uint8Array
}

/** Turns passwords into what is kept of them. Slow on purpose, and no more than a few at once. */
export interface PasswordHash {
  /** Refuses `sign-in-busy`. */
  hash(password: string): Promise<string | Refusal>
  /**
   * Whether a password has this hash; null stands for an account without a password, and takes as long. Refuses
   * `sign-in-busy`. False for a hash that cannot be read.
   */
  matches(password: string, hash: string | null): Promise<boolean | Refusal>
}

/**
 * Who vouches for people: the fleet itself by passwords (flows/sign-in.ts), or another party by OpenID Connect. A provider
 * says who somebody is, never what they may do: roles are the fleet's own. An implementation of OpenID Connect Core 1.0 uses
 * the code flow (§3.1) with PKCE (RFC 7636), keeps `state`, `nonce` and verifier of a redirect on the server until it is
 * finished once, judges issuer, audience and signature of the ID token (§3.1.3.7), and answers its `sub`.
 */
export interface IdentityProvider {
  /** Its name in accounts, requests and the log: `local`, or the issuer. */
  readonly name: string
  begin(): Promise<Challenge | Refusal>
  /** Answers who they are to this provider. Refuses `sign-in-wrong`, `sign-in-busy`. */
  finish(proof: Proof): Promise<{ readonly subject: string } | Refusal>
}
