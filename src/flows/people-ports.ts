import type { Instant } from '../core/encoding/units.ts'
import type { AccountRow, KeptCredential, PasskeyRow } from '../core/fleet/account-rows.ts'
import type { Passkey } from '../core/fleet/passkey.ts'
import type { Challenge, PasskeyAssertion, PasskeyAttestation, Proof, Way } from '../core/fleet/proof.ts'
import type { SitePerson } from '../core/fleet/site-people.ts'
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
  passkey(id: string): Promise<PasskeyRow | null>
  passkeys(account: string): Promise<PasskeyRow[]>
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

/** Who may sign in at a gateway's page, as a person at the gateway says: asked anew at each request, so that a word of theirs holds at once. */
export interface SitePeople {
  /** Nobody, where nobody was ever let in. Refuses `site-people-unusable`. */
  now(): readonly SitePerson[] | Refusal
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

/** Where a sign-in comes from: an address, and what only this browser was given as it began (256 random bits; `finish` gets it back). */
export type Caller = {
  readonly address: string
  readonly browser: string
  /** The address within the console that they want to see behind it. */
  readonly to: string | null
}

/**
 * Who somebody is to a provider: the name of an account, or of another party the `sub` that accounts are linked to. `to`: as it was
 * asked for. `passkey`: as it was when it was judged, and as it is from this sign-in on.
 */
export type Vouched = {
  readonly subject: string
  readonly to?: string | null
  readonly passkey?: { readonly judged: PasskeyRow; readonly next: Passkey }
}

/**
 * Who vouches for people: the fleet itself by passwords (flows/sign-in.ts) and passkeys (flows/passkey-identities.ts), or another
 * party by OpenID Connect (flows/openid-identities.ts). A provider says who somebody is, never what they may do: roles are the
 * fleet's own.
 */
export interface IdentityProvider {
  /** Its name in accounts, requests and the log: `local`, `passkey`, or the issuer. */
  readonly name: string
  /** What people know it by. */
  readonly label: string
  readonly way: Way
  /** Refuses `provider-unreachable`. */
  begin(caller: Caller): Promise<Challenge | Refusal>
  /** Answers who they are to this provider. Refuses `sign-in-wrong`, `sign-in-over`, `sign-in-busy`, `passkey-copied`, `provider-unreachable`. */
  finish(proof: Proof): Promise<Vouched | Refusal>
}

/** What a passkey's ceremony must have been about: WebAuthn Level 3 §7.1 and §7.2. `challenge` is base64url. */
export type Ceremony = { readonly challenge: string; readonly origin: string; readonly rpId: string }

/** Judges what authenticators answer: user present and verified, and all that the standard lists. Null: it does not hold. */
export interface PasskeyJudge {
  /** §7.1, for a new passkey; its public key is COSE in base64url. */
  made(
    answer: PasskeyAttestation,
    ceremony: Ceremony,
  ): Promise<{ readonly publicKey: string; readonly counter: number; readonly synced: boolean } | null>
  /** §7.2, without the counter: whether to believe that is the fleet's to say. */
  signed(
    answer: PasskeyAssertion,
    ceremony: Ceremony,
    publicKey: string,
  ): Promise<{ readonly counter: number; readonly synced: boolean } | null>
}

/**
 * Another party that vouches for people, by OpenID Connect Core 1.0 in the code flow (§3.1) with PKCE (RFC 7636). It keeps nothing
 * of a sign-in: that is the fleet's.
 */
export interface OpenIdParty {
  /** The address of its page for one sign-in. `challenge`: of PKCE, S256. Refuses `provider-unreachable`. */
  page(asked: { readonly state: string; readonly nonce: string; readonly challenge: string }): Promise<string | Refusal>
  /**
   * Exchanges the code, and judges issuer, audience, signature, nonce and times of the ID token (§3.1.3.7). Answers its `sub`. Refuses
   * `sign-in-wrong`, `provider-unreachable`.
   */
  redeem(
    parameters: Readonly<Record<string, string>>,
    begun: { readonly state: string; readonly nonce: string; readonly verifier: string },
  ): Promise<string | Refusal>
}
