import { type Instant, instant } from '../core/encoding/units.ts'
import { type Account, allOf, parseAccount } from '../core/fleet/account.ts'
import { parseCredential, readSecret, refuseCredential, refuseEnded } from '../core/fleet/credential.ts'
import type { Holder } from '../core/fleet/roles.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { FleetWorld } from './ports.ts'

/** How somebody says who they are: a certificate that the door has verified (`key`: SHA-256 of its public key), or the text of a secret. */
export type Presented =
  | { readonly by: 'certificate'; readonly person: string; readonly key?: string }
  | { readonly by: 'bearer'; readonly secret: string }
  | { readonly by: 'cookie'; readonly secret: string }

/**
 * Somebody who has come in. `credential` is the id of the token or session that they came with; `key` the SHA-256 (hex) of what
 * they proved to hold; `acting` the roles that allow what they are about to do, once the door has judged it.
 */
export type Who = Holder & {
  readonly account: Account
  readonly by: 'certificate' | 'token' | 'session' | 'browser'
  readonly credential: string | null
  readonly key: string | null
  readonly acting: readonly string[]
}

/** What is asked of the world at each request. */
type Doors = Pick<FleetWorld, 'store' | 'clock' | 'crypto'>

/** When a credential was used is kept to the minute: it is for people who look for tokens that nobody needs. */
const USE_MILLIS = 60_000

/**
 * Who makes a request, judged anew at each one: nothing is remembered of the connection, so who is disabled is out with the
 * next request. `watching`: nobody did anything, a page asks by itself: it is no use of the credential, which grows old meanwhile. Refuses `credential-unknown`, `credential-revoked`, `credential-expired`, `account-missing`,
 * `account-disabled`.
 */
export async function admit(
  world: Doors,
  presented: Presented,
  { watching = false }: { readonly watching?: boolean } = {},
): Promise<Who | Refusal> {
  if (presented.by === 'certificate') {
    const account = await inForce(world, presented.person)
    return isRefusal(account) ? account : whoOf(account, 'certificate', null, null, presented.key ?? null)
  }
  const { secret } = presented
  const now = world.clock.now()
  const said = readSecret(secret)
  // What goes in a cookie is good in a cookie only, and what goes in a header in a header only: neither makes up for the
  // checks that the other one has.
  const fits = said !== null && (said.kind === 'browser') === (presented.by === 'cookie')
  const row = fits ? await world.store.credential(said.id) : null
  const stored = row === null ? null : parseCredential(row.credential, `credential ${row.id}`)
  if (isRefusal(stored)) return stored
  const fault = refuseCredential(secret, said?.kind ?? 'token', stored, row?.used ?? null, now, world.crypto)
  if (fault !== null) return fault
  const { id, kind, account: name, grants, sha256 } = stored!
  const account = await inForce(world, name)
  if (isRefusal(account)) return account
  if (!watching) await noteUse(world, id, row?.used ?? null, now)
  return whoOf(account, kind, grants, id, sha256)
}

/**
 * Whether somebody who came in earlier would come in now, and as what: for what lasts longer than a request. It is no use of
 * the credential: nobody keeps a session alive by only watching. Refuses as `admit`.
 */
export async function admitAgain(world: Doors, { id, by, credential, key }: Who): Promise<Who | Refusal> {
  const account = await inForce(world, id)
  if (isRefusal(account) || credential === null)
    return isRefusal(account) ? account : whoOf(account, by, null, null, key)
  const row = await world.store.credential(credential)
  if (row === null) return refuse('credential-unknown', `credential ${credential}`, 'one that is kept', 'none')
  const stored = parseCredential(row.credential, `credential ${row.id}`)
  if (isRefusal(stored)) return stored
  return refuseEnded(stored, row.used, world.clock.now()) ?? whoOf(account, by, stored.grants, credential, key)
}

/** An account that may come in. Refuses `account-missing`, `account-disabled`. */
export async function inForce(world: Pick<FleetWorld, 'store'>, name: string): Promise<Account | Refusal> {
  const account = await accountOf(world, name)
  if (isRefusal(account)) return account
  if (account === null) return refuse('account-missing', name, 'an account of this fleet', 'none of that name')
  if (account.standing.at === 'active') return account
  return refuse('account-disabled', name, 'an account in force', 'one that is disabled')
}

/** An account by its name; null when there is none. */
export async function accountOf(world: Pick<FleetWorld, 'store'>, name: string): Promise<Account | null | Refusal> {
  const row = await world.store.account(name)
  return row === null ? null : parseAccount(row.account, `account ${name}`)
}

/** All accounts, by name. */
export async function accountsOf(world: Pick<FleetWorld, 'store'>): Promise<readonly Account[] | Refusal> {
  const rows = await world.store.accounts()
  return allOf(rows.map(({ id, account }) => parseAccount(account, `account ${id}`)))
}

const whoOf = (
  account: Account,
  by: Who['by'],
  narrowed: Holder['narrowed'],
  credential: string | null,
  key: string | null,
): Who => ({
  id: account.id,
  disabled: account.standing.at === 'disabled',
  grants: account.grants,
  narrowed,
  account,
  by,
  credential,
  key,
  acting: [],
})

async function noteUse(world: Doors, id: string, used: Instant | null, now: Instant): Promise<void> {
  if (used !== null && now - used < USE_MILLIS) return
  // If power fails before this, the credential seems to have been used a little earlier.
  await world.store.commit({ uses: [{ id, at: instant(now) }] })
}
