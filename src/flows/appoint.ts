import { sameBytes } from '../core/encoding/bytes.ts'
import { showDuration } from '../core/encoding/quantity.ts'
import { after, type Instant, type Millis } from '../core/encoding/units.ts'
import {
  type Account,
  accountBytes,
  newAccount,
  parseAccount,
  refuseEdit,
  refusePassword,
} from '../core/fleet/account.ts'
import type { AccountRow, CredentialRow } from '../core/fleet/account-rows.ts'
import { type Credential, credentialBytes, MAX_TOKEN_LIFE, parseCredential } from '../core/fleet/credential.ts'
import { type Grant, grantText, isCovered } from '../core/fleet/roles.ts'
import type { Actor } from '../core/ledger/entry.ts'
import { personal, type Telling } from '../core/ledger/telling.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { accountOf, accountsOf, type Who } from './admit.ts'
import { record } from './audit.ts'
import type { PasswordHash, Random } from './people-ports.ts'
import { person } from './persons.ts'
import type { FleetChange, FleetWorld } from './ports.ts'
import { mint, type Reception, refuseGuess } from './sign-in.ts'

/** What is changed of an account; what is left out stays. */
export type AccountEdit = {
  readonly name?: string
  readonly grants?: readonly Grant[]
  /** Given and taken away, whatever the others are by now: two administrators at once undo nothing of each other. */
  readonly give?: readonly Grant[]
  readonly take?: readonly Grant[]
  readonly keys?: readonly string[]
  readonly externals?: Account['externals']
  /** Disabled for this reason; null: in force again. */
  readonly disabled?: string | null
}

/**
 * Makes an account. Durable on return; the same request again is answered as before. Refuses `account-exists`, and what
 * `refuseEdit` refuses.
 */
export function addAccount(
  world: FleetWorld,
  editor: Who,
  asked: Pick<Account, 'id' | 'kind' | 'name' | 'grants' | 'keys'>,
): Promise<Account | Refusal> {
  return world.store.exclusive(async () => {
    const before = await accountOf(world, asked.id)
    if (isRefusal(before)) return before
    if (before !== null) {
      const same = { ...newAccount(asked, before.createdAt), keys: asked.keys }
      return sameBytes(accountBytes(same), accountBytes(before))
        ? before
        : refuse('account-exists', asked.id, 'a new name', 'one that is taken')
    }
    const next = { ...newAccount(asked, world.clock.now()), keys: asked.keys }
    const fault = await judged(world, null, next, editor.id)
    if (fault !== null) return fault
    const { id: account, kind } = next
    const detail = {
      event: 'made',
      account: personal(account),
      kind,
      grants: next.grants.map(grantText),
      keys: [...next.keys],
    }
    await write(world, person(editor), { accounts: [rowOf(next)] }, detail)
    return next
  })
}

/**
 * Changes an account. Who is disabled has no session, no token and no passkey any more, now or when they are enabled again. Durable on
 * return. Refuses `account-missing`, and what `refuseEdit` refuses.
 */
export function editAccount(world: FleetWorld, editor: Who, id: string, edit: AccountEdit): Promise<Account | Refusal> {
  return world.store.exclusive(async () => {
    const before = await accountOf(world, id)
    if (isRefusal(before)) return before
    if (before === null) return refuse('account-missing', id, 'an account of this fleet', 'none of that name')
    const { disabled, give = [], take = [], ...rest } = edit
    const now = world.clock.now()
    const standing: Account['standing'] =
      disabled === undefined
        ? before.standing
        : disabled === null
          ? { at: 'active' }
          : { at: 'disabled', since: now, reason: disabled }
    const moved = [...give, ...take].map(grantText)
    const kept = (rest.grants ?? before.grants).filter(grant => !moved.includes(grantText(grant)))
    const next: Account = { ...before, ...rest, grants: [...kept, ...give], standing }
    const fault = await judged(world, before, next, editor.id)
    if (fault !== null) return fault
    const isOut = standing.at === 'disabled'
    const ended = isOut ? await revokedOf(world, id, editor.id, now, () => true) : []
    if (isRefusal(ended)) return ended
    const droppedPasskeys = isOut ? (await world.store.passkeys(id)).map(one => one.id) : []
    const change = { accounts: [rowOf(next)], credentials: ended, droppedPasskeys }
    await write(world, person(editor), change, changeOf(before, next))
    return next
  })
}

type Detail = { readonly [name: string]: Telling }

/** What an edit changed, for the log. */
function changeOf(before: Account, next: Account): Detail {
  const grants = (account: Account) => account.grants.map(grantText)
  const differs = (one: unknown, other: unknown): boolean => JSON.stringify(one) !== JSON.stringify(other)
  return {
    event: next.standing.at === before.standing.at ? 'changed' : next.standing.at === 'active' ? 'enabled' : 'disabled',
    account: personal(next.id),
    ...(next.standing.at === 'disabled' ? { reason: next.standing.reason } : {}),
    ...(differs(grants(before), grants(next)) ? { from: grants(before), grants: grants(next) } : {}),
    ...(differs(before.keys, next.keys) ? { keysBefore: [...before.keys], keys: [...next.keys] } : {}),
    ...(differs(before.externals, next.externals) ? { externals: next.externals.map(({ provider }) => provider) } : {}),
  }
}

async function judged(
  world: FleetWorld,
  before: Account | null,
  next: Account,
  editor: string | null,
): Promise<null | Refusal> {
  const all = await accountsOf(world)
  if (isRefusal(all)) return all
  const malformed = parseAccount(accountBytes(next), `account ${next.id}`)
  return isRefusal(malformed) ? malformed : refuseEdit(before, next, editor, all, world.governance)
}

/**
 * Sets a password. A person sets their own with the one before (or with their certificate); an administrator sets that of
 * others. The account's sessions end; its tokens stay. Durable on return. Refuses `account-missing`, `password-weak`,
 * `sign-in-wrong`, `token-manages-itself`, `sign-in-busy`.
 */
export async function setPassword(
  reception: Reception,
  passwords: PasswordHash,
  editor: Who,
  id: string,
  asked: { readonly password: string; readonly current: string | null },
): Promise<null | Refusal> {
  const { world } = reception
  const account = await accountOf(world, id)
  if (isRefusal(account)) return account
  if (account === null || account.kind !== 'person') {
    return refuse(
      'account-missing',
      id,
      'the account of a person',
      account === null ? 'none of that name' : 'a service',
    )
  }
  if (editor.by === 'token') return refuse('token-manages-itself', id, 'a sign-in or a certificate', 'a token')
  const weak = refusePassword(asked.password, id)
  if (weak !== null) return weak
  const before = await world.store.password(id)
  const proves = editor.id === id && editor.by !== 'certificate'
  if (proves) {
    // Whoever found a session open guesses here as slowly as at the sign-in.
    const wrong = await refuseGuess(reception, id, 'own session', async () =>
      passwords.matches(asked.current ?? '', before),
    )
    if (wrong !== null) return wrong
  }
  const hash = await passwords.hash(asked.password)
  if (isRefusal(hash)) return hash
  return world.store.exclusive(async () => {
    // To judge a password takes a while: who set another one in that while has the last word, and not who knew the old one.
    if (proves && (await world.store.password(id)) !== before) {
      return refuse('sign-in-wrong', id, 'the password of before', 'one that was replaced meanwhile')
    }
    // Who signed in with the old one is signed out: perhaps that is why it is changed.
    const ended = await revokedOf(world, id, editor.id, world.clock.now(), ({ kind }) => kind !== 'token')
    if (isRefusal(ended)) return ended
    const change = { passwords: [{ account: id, hash }], credentials: ended }
    await write(world, person(editor), change, {
      event: 'password',
      account: personal(id),
      sessionsEnded: ended.length,
    })
    return null
  })
}

/** What a token is to be. `grants` null: all that its account may do. */
export type TokenRequest = {
  readonly label: string
  readonly grants: readonly Grant[] | null
  readonly lifeMillis: Millis
}

export type TokenMade = { readonly id: string; readonly secret: string; readonly expiresAt: Instant }

/**
 * Makes an API token: of one's own account, or as an administrator of a service. It allows no more than who makes it may
 * give: what the account may do, and of one's own account what one came with. Durable on return; the secret is shown this
 * once. Refuses `account-missing`, `account-disabled`, `token-manages-itself`, `token-exceeds-account`,
 * `tokens-too-many`.
 */
export function makeToken(
  { world, random }: { readonly world: FleetWorld; readonly random: Random },
  editor: Who,
  id: string,
  asked: TokenRequest,
): Promise<TokenMade | Refusal> {
  return world.store.exclusive(async () => {
    const account = await accountOf(world, id)
    if (isRefusal(account)) return account
    if (account === null) return refuse('account-missing', id, 'an account of this fleet', 'none of that name')
    if (account.standing.at !== 'active') return refuse('account-disabled', id, 'an account in force', 'a disabled one')
    if (editor.by === 'token') return refuse('token-manages-itself', id, 'a sign-in or a certificate', 'a token')
    const subject = `the token ${asked.label} of ${id}`
    // A person's token is theirs alone: an administrator who could have one would act in their name.
    if (editor.id !== id && account.kind === 'person') {
      return refuse('token-exceeds-account', subject, 'a token of a service, or of one’s own', `one of ${id}, a person`)
    }
    if (asked.lifeMillis > MAX_TOKEN_LIFE || asked.lifeMillis <= 0) {
      return refuse('token-exceeds-account', subject, 'a life of up to 400 days', showDuration(asked.lifeMillis))
    }
    const beyond = (asked.grants ?? []).find(grant => !isCovered(grant, account.grants))
    if (beyond !== undefined) {
      return refuse(
        'token-exceeds-account',
        subject,
        account.grants.map(grantText).join(', ') || 'no role',
        grantText(beyond),
      )
    }
    const now = world.clock.now()
    const many = await refuseMore(world, id, now)
    if (many !== null) return many
    const wanted = {
      kind: 'token',
      label: asked.label,
      grants: asked.grants,
      expiresAt: after(now, asked.lifeMillis),
    } as const
    const { secret, sha256, row } = mint({ world, random }, id, editor.id, wanted, now)
    const grants = asked.grants?.map(grantText) ?? 'all of the account'
    const detail = {
      event: 'token-made',
      account: personal(id),
      token: row.id,
      key: sha256,
      label: asked.label,
      grants,
      expires: wanted.expiresAt,
    }
    // If power fails behind this commit, there is a token whose secret nobody has: it is revoked like any other.
    await write(world, person(editor), { credentials: [row] }, detail)
    return { id: row.id, secret, expiresAt: wanted.expiresAt }
  })
}

/** Tokens of one account that are in force at most: whoever may make tokens fills the store no further. */
export const MOST_TOKENS = 100

async function refuseMore(world: FleetWorld, id: string, now: Instant): Promise<null | Refusal> {
  let inForce = 0
  for (const row of await world.store.credentials(id)) {
    const stored = parseCredential(row.credential, `credential ${row.id}`)
    if (isRefusal(stored)) return stored
    if (stored.kind === 'token' && stored.revoked === null && now < stored.expiresAt) inForce += 1
  }
  if (inForce < MOST_TOKENS) return null
  return refuse('tokens-too-many', `tokens of ${id}`, `${MOST_TOKENS} in force at most`, `${inForce}, and another one`)
}

/** Revokes a token or session of an account. Durable on return; again is the same. Refuses `credential-unknown`. */
export function revokeCredential(
  world: FleetWorld,
  editor: Who,
  id: string,
  credential: string,
): Promise<null | Refusal> {
  return world.store.exclusive(async () => {
    const row = await world.store.credential(credential)
    // A token may end itself, and no other.
    if (editor.by === 'token' && editor.credential !== credential && editor.id === id) {
      return refuse('token-manages-itself', `${credential} of ${id}`, 'a sign-in or a certificate', 'a token')
    }
    if (row === null || row.account !== id) {
      return refuse(
        'credential-unknown',
        `${credential} of ${id}`,
        'a token or session of the account',
        'none of that id',
      )
    }
    const ended = await revokedOf(world, id, editor.id, world.clock.now(), one => one.id === credential)
    if (isRefusal(ended)) return ended
    if (ended.length === 0) return null
    const detail = { credential, account: personal(id) }
    await record(world, { credentials: ended }, [{ kind: 'access-ended', actor: person(editor), detail }])
    return null
  })
}

/**
 * Ends all sessions of an account: of a person who left one open somewhere, or of one whom an administrator helps. Tokens and
 * passkeys stay. Durable on return; again is the same. Refuses `account-missing`, `token-manages-itself`.
 */
export function signOutEverywhere(world: FleetWorld, editor: Who, id: string): Promise<null | Refusal> {
  return world.store.exclusive(async () => {
    if (editor.by === 'token') return refuse('token-manages-itself', id, 'a sign-in or a certificate', 'a token')
    const account = await accountOf(world, id)
    if (isRefusal(account)) return account
    if (account === null) return refuse('account-missing', id, 'an account of this fleet', 'none of that name')
    const now = world.clock.now()
    const open = ({ kind, expiresAt }: Credential): boolean => kind !== 'token' && now < expiresAt
    const credentials = await revokedOf(world, id, editor.id, now, open)
    if (isRefusal(credentials)) return credentials
    const entries = credentials.map(row => {
      const detail = { credential: row.id, account: personal(id) }
      return { kind: 'access-ended', actor: person(editor), detail } as const
    })
    // If power fails before this commit, all of them are open, and they are ended again.
    if (entries.length > 0) await record(world, { credentials }, entries)
    return null
  })
}

/** Rows that revoke those credentials of an account that are in force and meant. */
async function revokedOf(
  world: FleetWorld,
  account: string,
  by: string,
  at: Instant,
  meant: (credential: Credential) => boolean,
): Promise<CredentialRow[] | Refusal> {
  const rows: CredentialRow[] = []
  for (const row of await world.store.credentials(account)) {
    const stored = parseCredential(row.credential, `credential ${row.id}`)
    if (isRefusal(stored)) return stored
    if (stored.revoked !== null || !meant(stored)) continue
    rows.push({ id: row.id, account, credential: credentialBytes({ ...stored, revoked: { at, by } }) })
  }
  return rows
}

/** A credential as people see it: never its secret, nor its digest. */
export type CredentialView = Omit<Credential, 'sha256' | 'v'> & { readonly used: Instant | null }

export async function credentialsOf(world: FleetWorld, account: string): Promise<readonly CredentialView[] | Refusal> {
  const views: CredentialView[] = []
  for (const row of await world.store.credentials(account)) {
    const stored = parseCredential(row.credential, `credential ${row.id}`)
    if (isRefusal(stored)) return stored
    const { sha256: _, v: __, ...shown } = stored
    views.push({ ...shown, used: row.used })
  }
  return views
}

/**
 * Makes somebody an administrator of the fleet, from the server's own machine: the first one, and whoever is needed when
 * nobody can come in any more. Durable on return. Refuses `organisations-mixed`, where the account has roles of both sides.
 */
export function recoverAdministrator(world: FleetWorld, id: string): Promise<Account | Refusal> {
  return world.store.exclusive(async () => {
    const before = await accountOf(world, id)
    if (isRefusal(before)) return before
    const grant: Grant = { role: 'administrator', scope: { at: 'fleet' } }
    const known = before ?? newAccount({ id, kind: 'person', name: id, grants: [] }, world.clock.now())
    const has = known.grants.some(({ role, scope }) => role === grant.role && scope.at === 'fleet')
    const grants = has ? known.grants : [...known.grants, grant]
    const next: Account = { ...known, kind: 'person', grants, standing: { at: 'active' } }
    const fault = await judged(world, before, next, null)
    if (fault !== null) return fault
    const actor: Actor = { kind: 'fleet', id: world.name }
    await write(
      world,
      actor,
      { accounts: [rowOf(next)] },
      { event: 'recovered', account: personal(id), grants: grants.map(grantText) },
    )
    return next
  })
}

export const rowOf = (account: Account): AccountRow => ({ id: account.id, account: accountBytes(account) })

/** If power fails before this commit, nothing of the change is there; after it, all of it, and its entry. */
const write = (world: FleetWorld, actor: Actor, change: FleetChange, detail: Detail): Promise<void> =>
  record(world, change, [{ kind: 'account-changed', actor, detail }])
