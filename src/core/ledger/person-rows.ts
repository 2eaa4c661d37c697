import type { Instant } from '../encoding/units.ts'

/** What a store keeps so that the log's pseudonyms can be read (see pseudonym.ts). */

/** A person's salt. `stranger`: a name that was only tried, so far. `since`: when the log first spoke of them. */
export type PersonRow = {
  readonly name: string
  readonly salt: Uint8Array
  readonly stranger: boolean
  readonly since: Instant
}

/** A pseudonym that stands in the log, whose it is, and what it stands for. */
export type PseudonymRow = { readonly pseudonym: string; readonly name: string; readonly text: string }

/** What a change of the fleet's store may hold of them. */
export type PersonChange = {
  readonly persons?: readonly PersonRow[]
  readonly pseudonyms?: readonly PseudonymRow[]
  /** Names whose salt, and whatever it was used for, is deleted: what the log says of them nobody can read any more. */
  readonly forgottenPersons?: readonly string[]
  /** Accounts that are deleted, with their passwords, tokens, sessions and kept answers. */
  readonly forgottenAccounts?: readonly string[]
}
