import type { CredentialRow } from '../core/fleet/account-rows.ts'
import { credentialBytes, parseCredential } from '../core/fleet/credential.ts'
import { pseudonymOf } from '../core/ledger/pseudonym.ts'
import { personal } from '../core/ledger/telling.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { accountOf, accountsOf } from './admit.ts'
import { record } from './audit.ts'
import { type By, person } from './persons.ts'
import type { FleetWorld } from './ports.ts'

/** What came of it: the pseudonym under which the log goes on speaking of somebody of whom nobody knows any more who it was. */
export type Forgotten = { readonly pseudonym: string | null }

/**
 * Forgets somebody for good: the account with its password, tokens and sessions, and the salt with everything that the log's
 * pseudonyms of them stand for. The log stays as it is and verifies as before; who it speaks of there nobody can say any more,
 * nor try names until one fits. A name that was tried and is nobody's account can be forgotten as well. Durable on return, and
 * wiped from the store's files; copies of the store (backups) are their owner's to wipe.
 *
 * The same name may be given to somebody else later: they get a salt of their own, and nothing of before is said of them.
 * Refuses `account-missing` (nothing is known of the name), `account-in-force`.
 */
export function forget(world: FleetWorld, by: By, name: string): Promise<Forgotten | Refusal> {
  return world.store.exclusive(async () => {
    const account = await accountOf(world, name)
    if (isRefusal(account)) return account
    const row = await world.store.people.person(name)
    if (account === null && row === null) {
      return refuse('account-missing', name, 'an account, or a name that the log knows', 'neither')
    }
    if (account !== null && account.standing.at === 'active') {
      return refuse('account-in-force', name, 'a disabled account', 'one in force')
    }
    const credentials = await withoutMaker(world, name)
    if (isRefusal(credentials)) return credentials
    const { kind, of, text } = personal(name)
    const pseudonym = row === null ? null : pseudonymOf(world.crypto, row.salt, kind, text)
    const forgotten = { forgottenPersons: [of], forgottenAccounts: account === null ? [] : [name] }
    // The pseudonym itself, as a text: an entry that named them would give them a salt again.
    const event = { kind: 'account-forgotten', actor: person(by), detail: { account: pseudonym } } as const
    // If power fails before this commit, nothing is forgotten; after it, all of it is, and the log says that it was.
    await record(world, { credentials, ...forgotten }, [event])
    return { pseudonym }
  })
}

/** The tokens of others that this account made or revoked, without its name. */
async function withoutMaker(world: FleetWorld, name: string): Promise<readonly CredentialRow[] | Refusal> {
  const accounts = await accountsOf(world)
  if (isRefusal(accounts)) return accounts
  const changed: CredentialRow[] = []
  for (const { id: account } of accounts.filter(({ id }) => id !== name)) {
    for (const row of await world.store.credentials(account)) {
      const stored = parseCredential(row.credential, `credential ${row.id}`)
      if (isRefusal(stored)) return stored
      const made = stored.createdBy === name
      const ended = stored.revoked?.by === name
      if (!made && !ended) continue
      const next = {
        ...stored,
        createdBy: made ? GONE : stored.createdBy,
        revoked: ended && stored.revoked !== null ? { ...stored.revoked, by: GONE } : stored.revoked,
      }
      changed.push({ id: row.id, account, credential: credentialBytes(next) })
    }
  }
  return changed
}

/** Instead of a name. No account is called so: it has a space in it. */
const GONE = 'somebody forgotten'
